//! A phrase as somebody's hands leave it: what arranger and classifier hear in training, so that they know
//! more than clean scores. Songs for measuring are damaged note by note in `data::played`; this damages
//! cells, each time they are drawn.

use phrase::{PITCHES, Roll, RollNote, STEPS, bass, skyline};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::batch::transposed;

/// Steps of half a bar: as long as a pedal is held.
const PEDAL: usize = 8;
/// Notes that are left at least; a phrase that would have fewer stays whole.
const LEAST: usize = 8;
/// Most notes that are struck by mistake in a phrase.
const STRAYS: usize = 5;

/// The phrase with two kinds of damage of six: lengths pedalled, lengths clipped, the inner voices left out,
/// the bass left out, notes left out here and there, onsets a step early or late with stray notes between.
pub fn played(roll: &Roll, rng: &mut ChaCha8Rng) -> Roll {
    let mut notes: Vec<RollNote> = roll.notes().collect();
    for _ in 0..2 {
        harm(&mut notes, rng);
    }
    laid(&notes)
}

/// The phrase at another pace or in another octave, as its genre is played too: every second time an octave
/// up or down, where it has room; else its first half, or its second, twice as slow, or all of it twice as
/// fast, twice.
pub fn elsewhere(roll: &Roll, rng: &mut ChaCha8Rng) -> Roll {
    let octave = 12 * if rng.random() { 1 } else { -1 };
    let paced = |pace: fn(usize) -> usize, strikes: fn(usize) -> bool| Roll {
        sounding: std::array::from_fn(|step| roll.sounding[pace(step)]),
        onset: std::array::from_fn(|step| if strikes(step) { roll.onset[pace(step)] } else { 0 }),
    };
    match rng.random_range(0..6) {
        0..3 => transposed(roll, octave),
        3 => paced(|step| step / 2, |step| step % 2 == 0),
        4 => paced(|step| STEPS / 2 + step / 2, |step| step % 2 == 0),
        _ => {
            let mut fast = paced(|step| 2 * step % STEPS, |_| true);
            for step in 0..STEPS {
                fast.onset[step] |= roll.onset[2 * step % STEPS + 1] & fast.sounding[step];
            }
            fast
        }
    }
}

fn harm(notes: &mut Vec<RollNote>, rng: &mut ChaCha8Rng) {
    match rng.random_range(0..6) {
        0 => {
            for note in notes.iter_mut() {
                let lifted = (note.start / PEDAL + 1) * PEDAL;
                note.length = note.length.max(lifted - note.start);
            }
        }
        1 => {
            let longest = rng.random_range(1..=2);
            notes.iter_mut().for_each(|note| note.length = note.length.min(longest));
        }
        hand @ (2 | 3) => {
            let whole = laid(notes);
            let (top, low) = (skyline(&whole), bass(&whole));
            keep(notes, |note| top.contains(note) || low.contains(note) == (hand == 2));
        }
        4 => {
            let share = rng.random_range(0.1..0.4);
            let kept: Vec<bool> = notes.iter().map(|_| rng.random::<f32>() >= share).collect();
            let mut kept = kept.into_iter();
            keep(notes, |_| kept.next().unwrap_or(true));
        }
        _ => {
            for note in notes.iter_mut().filter(|note| !note.tied_in) {
                let by = if rng.random::<f32>() < 0.15 { rng.random_range(-1..=1) } else { 0i32 };
                note.start = note.start.saturating_add_signed(by as isize).min(STEPS - 1);
            }
            for _ in 0..rng.random_range(0..=STRAYS) {
                let Some(near) = notes.get(rng.random_range(0..notes.len().max(1))).copied() else { return };
                let row = (near.row as i32 + rng.random_range(-9..=9)).clamp(0, PITCHES as i32 - 1) as usize;
                notes.push(RollNote { row, length: 1, tied_in: false, ..near });
            }
        }
    }
}

/// Keeps these notes, where enough are left.
fn keep(notes: &mut Vec<RollNote>, keeps: impl FnMut(&RollNote) -> bool) {
    let kept: Vec<bool> = notes.iter().map(keeps).collect();
    if kept.iter().filter(|&&kept| kept).count() >= LEAST {
        let mut kept = kept.into_iter();
        notes.retain(|_| kept.next().unwrap_or(true));
    }
}

/// The cells of notes; a later note of a pitch ends one that still sounds.
fn laid(notes: &[RollNote]) -> Roll {
    let mut roll = Roll::EMPTY;
    for note in notes {
        for step in note.start..(note.start + note.length).min(STEPS) {
            roll.sounding[step] |= 1 << note.row;
        }
        if !note.tied_in {
            roll.onset[note.start] |= 1 << note.row;
        }
    }
    roll
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    /// A tune of eighths over chords and a bass in quarters.
    fn phrase() -> Roll {
        Roll::from_cells(|step, row| match row {
            12 => step % 4 < 3,
            36 | 40 => step % 4 < 2,
            _ => row == 50 + step / 2 % 7 && step % 2 == 0,
        })
    }

    #[test]
    fn damage_leaves_a_phrase_that_can_be_read() {
        let clean = phrase();
        let (mut changed, mut longer, mut shorter, mut no_bass) = (0, 0, 0, 0);
        for seed in 0..200 {
            let after = played(&clean, &mut random::stream(seed, 0));
            assert_eq!(after, played(&clean, &mut random::stream(seed, 0)));
            assert!(after.notes().count() >= LEAST);
            let cells = |roll: &Roll| roll.sounding.iter().map(|bits| bits.count_ones()).sum::<u32>();
            changed += usize::from(after != clean);
            longer += usize::from(cells(&after) > cells(&clean) * 4 / 3);
            shorter += usize::from(cells(&after) < cells(&clean) * 2 / 3);
            no_bass += usize::from(after.sounding.iter().all(|bits| bits >> 12 & 1 == 0));
        }
        assert!(changed > 190, "{changed}");
        let (mut octaves, mut slow, mut fast) = (0, 0, 0);
        for seed in 0..100 {
            let after = elsewhere(&clean, &mut random::stream(seed, 0));
            let lowest = |roll: &Roll| roll.sounding[0].trailing_zeros();
            octaves += usize::from(lowest(&after).abs_diff(lowest(&clean)) == 12);
            slow += usize::from(after.notes().count() < clean.notes().count() * 2 / 3);
            fast += usize::from(after.notes().count() > clean.notes().count() * 4 / 3);
        }
        assert!(octaves > 30 && slow > 10 && fast > 5, "{octaves} {slow} {fast}");
        assert!([longer, shorter, no_bass].iter().all(|&times| times > 10), "{longer} {shorter} {no_bass}");
    }
}
