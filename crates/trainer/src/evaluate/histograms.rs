//! Histograms of what musicians would name, and how far apart two genres lie in each.

use phrase::{BARS, LOWEST, Roll, RollNote, STEPS, STEPS_PER_BAR, bass, chroma, skyline};
use serde::Serialize;

/// A histogram's name and those of its bins.
#[derive(Debug, Serialize)]
pub struct Histogram {
    /// What is counted.
    pub name: &'static str,
    /// The bins, in order.
    pub bins: &'static [&'static str],
}

const STEPS_OF_A_BAR: &[&str] =
    &["1", "e", "+", "a", "2", "e2", "+2", "a2", "3", "e3", "+3", "a3", "4", "e4", "+4", "a4"];
const LENGTHS: &[&str] = &["1", "2", "3", "4", "5-6", "7-8", "9-12", "13-16", "17+"];
const DEGREES: &[&str] = &["1", "b2", "2", "b3", "3", "4", "b5", "5", "b6", "6", "b7", "7"];
const INTERVALS: &[&str] = &[
    "-8..", "-7", "-6", "-5", "-4", "-3", "-2", "-1", "0", "+1", "+2", "+3", "+4", "+5", "+6", "+7", "+8..",
];
const LEAPS: &[&str] = &["repeat", "step", "third", "fourth, fifth", "sixth or more"];
const REGISTERS: &[&str] =
    &["C1", "F#1", "C2", "F#2", "C3", "F#3", "C4", "F#4", "C5", "F#5", "C6", "F#6", "C7", "F#7"];
const VOICES: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7", "8+"];
const STARTS: &[&str] = &["0-3", "4-7", "8-11", "12-15", "16-19", "20-27", "28+"];
const CHORDS: &[&str] = &[
    "silence",
    "one note",
    "two notes",
    "major",
    "minor",
    "diminished",
    "augmented",
    "suspended",
    "dominant 7",
    "major 7",
    "minor 7",
    "half-diminished",
    "diminished 7",
    "other 3 or 4",
    "5 or more",
];
const SYNCOPATION: &[&str] = &["none", "1", "2", "3", "4"];

/// Every histogram, in the order of [`counts`].
pub const HISTOGRAMS: [Histogram; 12] = [
    Histogram { name: "onset in the bar", bins: STEPS_OF_A_BAR },
    Histogram { name: "note length", bins: LENGTHS },
    Histogram { name: "pitch class from the tonic", bins: DEGREES },
    Histogram { name: "bass interval", bins: INTERVALS },
    Histogram { name: "melody interval", bins: INTERVALS },
    Histogram { name: "melody leap", bins: LEAPS },
    Histogram { name: "melody rhythm", bins: LENGTHS },
    Histogram { name: "register", bins: REGISTERS },
    Histogram { name: "polyphony", bins: VOICES },
    Histogram { name: "notes a bar", bins: STARTS },
    Histogram { name: "chord of a half bar", bins: CHORDS },
    Histogram { name: "syncopation", bins: SYNCOPATION },
];

/// Place of the note lengths in [`HISTOGRAMS`].
pub const NOTE_LENGTH: usize = 1;
/// Place of the key-relative pitch classes in [`HISTOGRAMS`].
pub const PITCH_CLASS: usize = 2;

/// Counts by histogram and bin.
pub type Counts = [Vec<f64>; HISTOGRAMS.len()];

/// The counts of nothing.
pub fn none() -> Counts {
    std::array::from_fn(|i| vec![0.0; HISTOGRAMS[i].bins.len()])
}

/// What `roll` counts, its pitch classes from `tonic` (0 is C).
///
/// - *onset in the bar*, *note length* (steps), *register* (half octaves), *pitch class*: each note once.
/// - *bass interval*, *melody interval*, *melody leap*: from a note of the outer voice to its next, in
///   semitones.
/// - *melody rhythm*: steps from a melody note to the next.
/// - *polyphony*: pitches that sound, each step once. *notes a bar*: notes that start, each bar once.
/// - *chord*: the pitch classes that sound for at least two steps of a half bar, as a set of any root.
/// - *syncopation*: for each melody note, by how much the strongest place that it is held over outweighs the
///   place it starts on (after Longuet-Higgins and Lee 1984: bar 4, half 3, beat 2, eighth 1, sixteenth 0).
pub fn counts(roll: &Roll, tonic: u8) -> Counts {
    let mut all = none();
    let [
        onset,
        length,
        class,
        bass_steps,
        melody_steps,
        leap,
        rhythm,
        register,
        voices,
        starts,
        chords,
        sync,
    ] = &mut all;
    let mut bars = [0usize; BARS];
    for note in roll.notes() {
        if !note.tied_in {
            onset[note.start % STEPS_PER_BAR] += 1.0;
            bars[note.start / STEPS_PER_BAR] += 1;
        }
        length[length_bin(note.length)] += 1.0;
        class[(note.row + usize::from(LOWEST) + 12 - usize::from(tonic)) % 12] += 1.0;
        register[note.row / 6] += 1.0;
    }
    bars.into_iter().for_each(|notes| starts[start_bin(notes)] += 1.0);
    roll.sounding.iter().for_each(|bits| voices[(bits.count_ones() as usize).min(VOICES.len() - 1)] += 1.0);
    chroma(roll).iter().for_each(|classes| chords[chord(classes)] += 1.0);
    for pair in bass(roll).windows(2) {
        bass_steps[interval_bin(&pair[0], &pair[1])] += 1.0;
    }
    let melody = skyline(roll);
    for pair in melody.windows(2) {
        melody_steps[interval_bin(&pair[0], &pair[1])] += 1.0;
        leap[leap_bin(pair[0].row.abs_diff(pair[1].row))] += 1.0;
        rhythm[length_bin(pair[1].start - pair[0].start)] += 1.0;
    }
    for (i, note) in melody.iter().enumerate() {
        let end = melody.get(i + 1).map_or(STEPS, |next| next.start).min(note.end());
        let held = (note.start + 1..end).map(weight).max().unwrap_or(0);
        sync[held.saturating_sub(weight(note.start))] += 1.0;
    }
    all
}

fn length_bin(steps: usize) -> usize {
    match steps {
        0..=4 => steps.max(1) - 1,
        5..=6 => 4,
        7..=8 => 5,
        9..=12 => 6,
        13..=16 => 7,
        _ => 8,
    }
}

fn start_bin(notes: usize) -> usize {
    match notes {
        0..=19 => notes / 4,
        20..=27 => 5,
        _ => 6,
    }
}

fn interval_bin(from: &RollNote, to: &RollNote) -> usize {
    ((to.row as i64 - from.row as i64).clamp(-8, 8) + 8) as usize
}

fn leap_bin(semitones: usize) -> usize {
    match semitones {
        0 => 0,
        1..=2 => 1,
        3..=4 => 2,
        5..=7 => 3,
        _ => 4,
    }
}

/// How strong a place in the bar is.
fn weight(step: usize) -> usize {
    match step % STEPS_PER_BAR {
        0 => 4,
        8 => 3,
        4 | 12 => 2,
        even if even % 2 == 0 => 1,
        _ => 0,
    }
}

/// The bin of a half bar's harmony.
fn chord(classes: &[f32; 12]) -> usize {
    /// Sets of pitch classes from the root, with the place of their name.
    const SETS: [(u16, usize); 11] = [
        (0b0000_1001_0001, 3),
        (0b0000_1000_1001, 4),
        (0b0000_0100_1001, 5),
        (0b0001_0001_0001, 6),
        (0b0000_1010_0001, 7),
        (0b0100_1001_0001, 8),
        (0b0100_0001_0001, 8),
        (0b1000_1001_0001, 9),
        (0b0100_1000_1001, 10),
        (0b0100_0100_1001, 11),
        (0b0010_0100_1001, 12),
    ];
    let set = (0..12).filter(|&class| classes[class] >= 2.0).fold(0u16, |set, class| set | 1 << class);
    let turned = |root: u32| (set >> root | set << (12 - root)) & 0xfff;
    match set.count_ones() as usize {
        few @ 0..=2 => few,
        3..=4 => {
            let named = SETS.iter().find(|(shape, _)| (0..12).any(|root| turned(root) == *shape));
            named.map_or(13, |&(_, bin)| bin)
        }
        _ => 14,
    }
}

/// Adds counts to counts.
pub fn add(sum: &mut Counts, more: &Counts) {
    sum.iter_mut().flatten().zip(more.iter().flatten()).for_each(|(sum, more)| *sum += more);
}

/// Shares of the bins, all zero where nothing was counted.
pub fn shares(counts: &[f64]) -> Vec<f64> {
    let sum: f64 = counts.iter().sum();
    counts.iter().map(|count| if sum > 0.0 { count / sum } else { 0.0 }).collect()
}

/// Total variation distance between two histograms: the share that would have to move, 0 (alike) to 1
/// (disjoint). Not a number where one is empty.
pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    if a.iter().sum::<f64>() <= 0.0 || b.iter().sum::<f64>() <= 0.0 {
        return f64::NAN;
    }
    shares(a).iter().zip(shares(b)).map(|(a, b)| (a - b).abs()).sum::<f64>() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(counts: &[f64]) -> Vec<(usize, f64)> {
        counts.iter().copied().enumerate().filter(|(_, n)| *n > 0.0).collect()
    }

    #[test]
    fn a_small_case_by_hand() {
        // Row 36 is C4. A C major chord of two beats, then in the melody D4 held from the last sixteenth of
        // the first bar over the bar line, with a bass note F2 (row 17) under its start.
        let roll = Roll::from_cells(|step, row| match row {
            36 | 40 | 43 => step < 8,
            38 => (15..20).contains(&step),
            17 => step == 15,
            _ => false,
        });
        let all = counts(&roll, 0);
        assert_eq!(filled(&all[0]), [(0, 3.0), (15, 2.0)]);
        assert_eq!(filled(&all[NOTE_LENGTH]), [(0, 1.0), (4, 1.0), (5, 3.0)]);
        assert_eq!(filled(&all[PITCH_CLASS]), [(0, 1.0), (2, 1.0), (4, 1.0), (5, 1.0), (7, 1.0)]);
        // Bass: C4 down to F2, then D4 is the lowest from step 16 but does not start there.
        assert_eq!(filled(&all[3]), [(0, 1.0)]);
        // Melody: G4 to D4, a fourth down after 15 steps.
        assert_eq!((filled(&all[4]), filled(&all[5])), (vec![(3, 1.0)], vec![(3, 1.0)]));
        assert_eq!(filled(&all[6]), [(7, 1.0)]);
        assert_eq!(filled(&all[7]), [(2, 1.0), (6, 3.0), (7, 1.0)]);
        assert_eq!(filled(&all[8]), [(0, 51.0), (1, 4.0), (2, 1.0), (3, 8.0)]);
        assert_eq!(filled(&all[9]), [(0, 3.0), (1, 1.0)]);
        // Major; then only one step of each of two notes; then D alone for four steps.
        assert_eq!(filled(&all[10]), [(0, 6.0), (1, 1.0), (3, 1.0)]);
        // The chord starts on the strongest place; D is held over it from the weakest.
        assert_eq!(filled(&all[11]), [(0, 1.0), (4, 1.0)]);
        // From another tonic only the pitch classes turn.
        assert_eq!(
            filled(&counts(&roll, 5)[PITCH_CLASS]),
            [(0, 1.0), (2, 1.0), (7, 1.0), (9, 1.0), (11, 1.0)]
        );
    }

    #[test]
    fn chords_of_any_root_and_their_names() {
        let name = |classes: &[usize]| {
            let mut held = [0.0; 12];
            classes.iter().for_each(|&class| held[class % 12] = 4.0);
            CHORDS[chord(&held)]
        };
        for root in 0..12 {
            let on = |classes: &[usize]| name(&classes.iter().map(|class| class + root).collect::<Vec<_>>());
            assert_eq!(on(&[0, 4, 7]), "major");
            assert_eq!(on(&[0, 3, 7]), "minor");
            assert_eq!(on(&[0, 2, 7]), "suspended");
            assert_eq!(on(&[0, 4, 8]), "augmented");
            assert_eq!(on(&[0, 4, 10]), "dominant 7");
            assert_eq!(on(&[0, 4, 7, 10]), "dominant 7");
            assert_eq!(on(&[0, 4, 7, 11]), "major 7");
            assert_eq!(on(&[0, 3, 7, 10]), "minor 7");
            assert_eq!(on(&[0, 3, 6, 9]), "diminished 7");
            assert_eq!(on(&[0, 1, 2]), "other 3 or 4");
        }
        assert_eq!((name(&[]), name(&[5]), name(&[5, 6])), ("silence", "one note", "two notes"));
        assert_eq!(name(&[0, 1, 2, 3, 4]), "5 or more");
    }

    #[test]
    fn distances_are_shares_that_move() {
        assert_eq!(distance(&[2.0, 2.0], &[1.0, 1.0]), 0.0);
        assert_eq!(distance(&[1.0, 0.0], &[0.0, 7.0]), 1.0);
        assert_eq!(distance(&[3.0, 1.0], &[1.0, 1.0]), 0.25);
        assert!(distance(&[0.0, 0.0], &[1.0, 1.0]).is_nan());
    }
}
