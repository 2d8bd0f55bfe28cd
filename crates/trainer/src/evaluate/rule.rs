//! A plain rule for each genre, as a baseline: a network that does not beat it has not earned its place.
//!
//! The tune (the skyline) is kept to the cell. What accompanies it is written from the harmony of each half
//! bar alone.

use phrase::{
    BARS, LOWEST, Roll, RollNote, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT, bass, chroma, mix, skyline,
};

/// Steps of half a bar, the pace of harmony here.
const HALF: usize = STEPS_PER_BAR / 2;
/// Half bars of a phrase.
const HALVES: usize = STEPS / HALF;
/// A bass keeps to the octave from C2.
const BASS: usize = 36 - LOWEST as usize;
/// Stabs and block chords keep to the octave from F3.
const CHORDS: usize = 53 - LOWEST as usize;
/// A broken chord keeps to the octave from C3, its upper notes over it.
const BROKEN: usize = 48 - LOWEST as usize;
/// Classes of a stab.
const STAB: usize = 4;

/// Bars of a comping pianist: steps and lengths of stabs.
const STABS: [&[(usize, usize)]; 11] = [
    &[(0, 2), (6, 4)],
    &[(6, 2), (14, 2)],
    &[(0, 3), (10, 2)],
    &[(4, 1), (12, 1)],
    &[(2, 4), (10, 4)],
    &[(6, 6)],
    &[(0, 1), (6, 1), (12, 2)],
    &[(4, 2), (10, 1), (14, 2)],
    &[(2, 1), (8, 4)],
    &[(0, 6), (14, 2)],
    &[(6, 1), (10, 4)],
];

/// The harmony of a half bar.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Harmony {
    /// The class that is lowest for longest.
    root: usize,
    /// The classes by how long they sound, the longest first.
    classes: [usize; 12],
    /// How many of them sound.
    count: usize,
    /// Root, third and fifth of the major or minor triad that fits best.
    triad: [usize; 3],
}

/// The rule's answer to a phrase in a genre, by the genre's name; `None` where there is no rule for it.
pub fn answer(roll: &Roll, genre: &str) -> Option<Roll> {
    let accompany = match genre {
        "jazz" => stabs,
        "classic" | "lieder" | "quartets" => broken,
        "pop" => blocks,
        _ => return None,
    };
    let mut answer = tune(roll);
    let top: [usize; STEPS] = std::array::from_fn(|step| match answer.sounding[step] {
        0 => usize::MAX,
        bits => bits.trailing_zeros() as usize,
    });
    let mut write = |row: usize, start: usize, length: usize| {
        // Nothing crosses the tune.
        let under = (start..(start + length).min(STEPS)).take_while(|&step| row < top[step]);
        for step in under {
            answer.sounding[step] |= 1 << row;
            if step == start {
                answer.onset[step] |= 1 << row;
            }
        }
    };
    accompany(roll, &harmonies(roll), &mut write);
    Some(answer)
}

/// Row, start and length of a note.
type Write<'a> = &'a mut dyn FnMut(usize, usize, usize);

/// Jazz: root, fifth, root and a chromatic approach in the bass; the most frequent classes stabbed.
fn stabs(roll: &Roll, halves: &[Option<Harmony>; HALVES], write: Write) {
    let seed = roll.onset.iter().fold(0, |hash, &bits| mix(mix(hash ^ bits as u64) ^ (bits >> 64) as u64));
    for bar in 0..BARS {
        let start = bar * STEPS_PER_BAR;
        if let (Some(first), Some(second)) = (halves[2 * bar], halves[2 * bar + 1]) {
            let root = BASS + first.root;
            let third = BASS + second.root;
            // The phrase's end leads back to its beginning.
            let next = halves[2 * (bar + 1) % HALVES].map_or(root, |next| BASS + next.root);
            let approach = if next > third { next - 1 } else { next + 1 };
            for (beat, row) in [root, root + 7, third, approach].into_iter().enumerate() {
                write(row, start + beat * STEPS_PER_BEAT, STEPS_PER_BEAT);
            }
        }
        for &(step, length) in STABS[(mix(seed ^ bar as u64) % STABS.len() as u64) as usize] {
            let Some(harmony) = halves[(start + step) / HALF] else { continue };
            for class in &harmony.classes[..harmony.count.min(STAB)] {
                write(within(*class, CHORDS), start + step, length);
            }
        }
    }
}

/// Classic: an Alberti bass in eighths, lowest, highest, middle, highest.
fn broken(_: &Roll, halves: &[Option<Harmony>; HALVES], write: Write) {
    for (half, harmony) in halves.iter().enumerate() {
        let Some(harmony) = harmony else { continue };
        let [low, middle, high] = over(harmony.triad, BROKEN);
        for (place, row) in [low, high, middle, high].into_iter().enumerate() {
            write(row, half * HALF + 2 * place, 2);
        }
    }
}

/// Pop: the root held through the half bar, the triad on every beat.
fn blocks(_: &Roll, halves: &[Option<Harmony>; HALVES], write: Write) {
    for (half, harmony) in halves.iter().enumerate() {
        let Some(harmony) = harmony else { continue };
        let start = half * HALF;
        write(BASS + harmony.root, start, HALF);
        for beat in (0..HALF).step_by(STEPS_PER_BEAT) {
            harmony
                .triad
                .iter()
                .for_each(|class| write(within(*class, CHORDS), start + beat, STEPS_PER_BEAT));
        }
    }
}

/// The tune alone.
fn tune(roll: &Roll) -> Roll {
    let mut tune = Roll::EMPTY;
    for RollNote { row, start, length, tied_in } in skyline(roll) {
        tune.sounding[start..start + length].iter_mut().for_each(|bits| *bits |= 1 << row);
        if !tied_in {
            tune.onset[start] |= 1 << row;
        }
    }
    tune
}

/// The row of a class within the octave from `lowest` up.
fn within(class: usize, lowest: usize) -> usize {
    lowest + (class + 12 - lowest % 12) % 12
}

/// A chord in close position over its first class, which lies within the octave from `lowest` up.
fn over(chord: [usize; 3], lowest: usize) -> [usize; 3] {
    let low = within(chord[0], lowest);
    chord.map(|class| low + (class + 12 - chord[0]) % 12)
}

/// The harmony of each half bar; where it is silent, that of the one before.
fn harmonies(roll: &Roll) -> [Option<Harmony>; HALVES] {
    let lowest = lowest(roll);
    let mut last = None;
    let cells = chroma(roll);
    std::array::from_fn(|half| {
        last = harmony(&cells[half], &lowest[half]).or(last);
        last
    })
}

/// For how many steps of each half bar each class is the bass's.
fn lowest(roll: &Roll) -> [[f32; 12]; HALVES] {
    let mut all = [[0.0; 12]; HALVES];
    for note in bass(roll) {
        for step in note.start..note.end() {
            if roll.sounding[step].trailing_zeros() as usize == note.row {
                all[step / HALF][note.row % 12] += 1.0;
            }
        }
    }
    all
}

fn harmony(cells: &[f32; 12], lowest: &[f32; 12]) -> Option<Harmony> {
    let mut classes: [usize; 12] = std::array::from_fn(|class| class);
    // Stable: of classes that sound as long the lower comes first.
    classes.sort_by(|&a, &b| cells[b].total_cmp(&cells[a]));
    let count = cells.iter().filter(|cells| **cells > 0.0).count();
    if count == 0 {
        return None;
    }
    let best = |fit: &dyn Fn(usize) -> f32, of: usize| {
        (0..of).fold(0, |best, next| if fit(next) > fit(best) { next } else { best })
    };
    // A half bar in which the bass sounds on: its longest class.
    let root =
        if lowest.iter().any(|steps| *steps > 0.0) { best(&|class| lowest[class], 12) } else { classes[0] };
    let triad = |number: usize| {
        let third = if number < 12 { 4 } else { 3 };
        [number % 12, (number + third) % 12, (number + 7) % 12]
    };
    let fit = |number: usize| {
        let chord = triad(number);
        chord.iter().map(|class| cells[*class]).sum::<f32>() + 0.5 * lowest[chord[0]]
    };
    Some(Harmony { root, classes, count, triad: triad(best(&fit, 24)) })
}

#[cfg(test)]
mod tests {
    use phrase::{melody_on_top, strikes};

    use super::*;

    /// A tune over chords of C, F, G and C, a bar each, held.
    fn phrase() -> Roll {
        let chords = [[24, 40, 43], [29, 41, 45], [31, 43, 47], [24, 40, 43]];
        let tune = [60, 62, 64, 65, 67, 69, 71, 72];
        Roll::from_cells(|step, row| {
            chords[step / 16].contains(&row) || tune[step / 8] == row && step % 8 < 6
        })
    }

    #[test]
    fn the_tune_is_kept_and_the_roots_are_right() {
        for genre in ["jazz", "classic", "pop"] {
            let (source, answer) = (phrase(), answer(&phrase(), genre).unwrap());
            assert_eq!(melody_on_top(&source, &answer), Some(1.0), "{genre}");
            assert_eq!(answer.onset.map(|bits| bits >> 60), source.onset.map(|bits| bits >> 60), "{genre}");
            let roots: Vec<_> =
                (0..BARS).map(|bar| answer.sounding[16 * bar].trailing_zeros() % 12).collect();
            assert_eq!(roots, [0, 5, 7, 0], "{genre}");
        }
        assert_eq!(answer(&phrase(), "ragtime"), None);
    }

    #[test]
    fn each_genre_has_its_figure() {
        let starts = |genre: &str| {
            let answer = answer(&phrase(), genre).unwrap();
            let under: Vec<_> =
                strikes(&answer).iter().map(|keys| (keys & ((1 << 60) - 1)).count_ones()).collect();
            under[..16].to_vec()
        };
        assert_eq!(starts("classic"), [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
        assert_eq!(starts("pop"), [4, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0]);
        // A walking bass, and stabs of the half bar's three classes.
        let jazz = starts("jazz");
        assert!([0, 4, 8, 12].into_iter().all(|step| [1, 4].contains(&jazz[step])), "{jazz:?}");
        assert!(jazz.iter().any(|notes| *notes >= 3));
        // Bar 1 leads into bar 2 by a semitone.
        let rows: Vec<_> = bass(&answer(&phrase(), "jazz").unwrap()).iter().map(|note| note.row).collect();
        assert_eq!(rows[..5], [12, 19, 12, 16, 17]);
    }

    #[test]
    fn nothing_crosses_a_low_tune() {
        let low = Roll::from_cells(|step, row| row == 16 && step % 8 < 4);
        for genre in ["jazz", "classic", "pop"] {
            let answer = answer(&low, genre).unwrap();
            assert!(
                (0..STEPS).all(|step| low.sounding[step] == 0 || answer.sounding[step] >> 17 == 0),
                "{genre}"
            );
        }
        assert_eq!(answer(&Roll::EMPTY, "jazz"), Some(Roll::EMPTY));
    }
}
