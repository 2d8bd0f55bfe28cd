//! When a tune's long notes come: on the beat, or an eighth ahead of it, as jazz and pop players anticipate
//! them.

use phrase::{BandPart, Line, Note, Parts, Roll, STEPS, STEPS_PER_BEAT, skyline};

/// An eighth: how far a long note is anticipated.
const EIGHTH: usize = STEPS_PER_BEAT / 2;

/// Where a long note of a tune comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// On a beat, with room for it an eighth before.
    Beat,
    /// On the eighth before a beat, which it sounds over.
    Ahead,
}

/// The tune of a phrase: its highest notes, but for those of an accompaniment that sounds alone.
fn tune(roll: &Roll) -> Line {
    let parts = Parts::of(roll);
    let mut tune = skyline(roll);
    tune.retain(|note| {
        let of = Note::new(note.pitch(), 0, 1.0, note.start as f64, note.length as f64);
        parts.part(&of, note.start as i64) == Some(BandPart::Tune)
    });
    tune
}

/// The long notes of a tune that could come an eighth sooner or later, by their number in the line: those on
/// which no other note starts for a beat, and that have an eighth's room where they would move to.
fn movable(tune: &Line) -> impl Iterator<Item = (usize, Place)> {
    tune.iter().enumerate().filter_map(|(index, note)| {
        let next = tune.get(index + 1).map_or(STEPS, |next| next.start);
        if next < note.start + STEPS_PER_BEAT {
            return None;
        }
        match note.start % STEPS_PER_BEAT {
            0 => {
                let room = match index.checked_sub(1) {
                    Some(before) => tune[before].start + 2 * EIGHTH <= note.start,
                    None => note.start >= EIGHTH,
                };
                room.then_some((index, Place::Beat))
            }
            EIGHTH if note.end() >= note.start + STEPS_PER_BEAT => Some((index, Place::Ahead)),
            _ => None,
        }
    })
}

/// How many of the long notes of `roll`'s tune come an eighth ahead of their beat, and how many could.
pub fn anticipated(roll: &Roll) -> [usize; 2] {
    count(&tune(roll))
}

fn count(tune: &Line) -> [usize; 2] {
    movable(tune)
        .fold([0; 2], |[ahead, all], (_, place)| [ahead + usize::from(place == Place::Ahead), all + 1])
}

/// Phrases `roll`'s tune as a genre does in which the share `habit` of the long notes is anticipated: moves
/// them an eighth sooner, or those that are anticipated back onto the beat, each by `chance` of its first
/// step (0 to 1), until that share is met on average; all of it at an `extent` of 1. What starts before step
/// `first`, or would, stays.
pub(super) fn phrased(
    roll: &Roll,
    habit: f32,
    extent: f32,
    first: usize,
    chance: impl Fn(usize) -> f32,
) -> Roll {
    let tune = tune(roll);
    let [ahead, all] = count(&tune);
    let share = ahead as f32 / all.max(1) as f32;
    let (wanted, moves) = if habit > share {
        (Place::Beat, extent * (habit - share) / (1.0 - share))
    } else {
        (Place::Ahead, extent * (share - habit) / share.max(f32::MIN_POSITIVE))
    };
    let mut moved = *roll;
    for (index, place) in movable(&tune) {
        let note = tune[index];
        if place != wanted || note.start < first || chance(note.start) >= moves {
            continue;
        }
        let before = index.checked_sub(1).map(|before| tune[before]);
        let cells = match place {
            Place::Beat => note.start - EIGHTH..note.start,
            Place::Ahead => note.start..note.start + EIGHTH,
        };
        // An inner voice on the same key holds it there.
        let is_taken = |step: usize| {
            let of_tune = before.is_some_and(|before| before.row == note.row && before.end() > step);
            roll.get(step, note.row) && !of_tune
        };
        if place == Place::Beat && (cells.start < first || cells.clone().any(is_taken)) {
            continue;
        }
        let bit = 1 << note.row;
        moved.onset[note.start] &= !bit;
        for step in cells.clone() {
            match place {
                Place::Beat => {
                    // The note before makes room.
                    if let Some(before) = before.filter(|before| before.end() > step) {
                        moved.set(step, before.row, false);
                    }
                    moved.sounding[step] |= bit;
                }
                Place::Ahead => {
                    moved.set(step, note.row, false);
                    // The note before holds on, where it led into this one.
                    if let Some(before) = before.filter(|before| before.end() == note.start) {
                        moved.sounding[step] |= 1 << before.row;
                    }
                }
            }
        }
        let onset = if place == Place::Beat { cells.start } else { cells.end };
        moved.onset[onset] |= bit;
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quarters over a held bass; every third beat the second half of a dotted figure, ahead of its beat.
    fn quarters(ahead: usize) -> Roll {
        let mut roll = Roll::EMPTY;
        let mut note = |start: usize, end: usize, row: usize| {
            roll.onset[start] |= 1 << row;
            (start..end).for_each(|step| roll.sounding[step] |= 1 << row);
        };
        for bar in 0..4 {
            note(16 * bar, 16 * bar + 16, 10);
        }
        let begin = |index: usize| 4 * index - if index > 0 && index <= ahead { EIGHTH } else { 0 };
        for index in 0..16 {
            note(begin(index), if index == 15 { 64 } else { begin(index + 1) }, 40 + index % 5);
        }
        roll
    }

    fn starts(roll: &Roll) -> Vec<usize> {
        skyline(roll).iter().map(|note| note.start).collect()
    }

    #[test]
    fn long_notes_are_counted_where_they_could_move() {
        // The first has no room before it.
        assert_eq!(anticipated(&quarters(0)), [0, 15]);
        // The sixth is too near to the fifth to move, which is ahead.
        assert_eq!(anticipated(&quarters(5)), [5, 15]);
        assert_eq!(anticipated(&Roll::EMPTY), [0, 0]);
    }

    #[test]
    fn a_tune_is_phrased_as_far_as_the_genre_does_and_back() {
        let (straight, never) = (quarters(0), |_| 1.0);
        assert_eq!(phrased(&straight, 0.6, 1.0, 0, never), straight);
        assert_eq!(phrased(&straight, 0.0, 1.0, 0, |_| 0.0), straight, "as the genre does already");
        let ahead = phrased(&straight, 1.0, 1.0, 0, |_| 0.0);
        let expected: Vec<_> = (0..16_usize).map(|index| (4 * index).saturating_sub(2)).collect();
        assert_eq!(starts(&ahead), expected);
        assert_eq!(ahead.cells(), straight.cells(), "the note before makes room");
        assert_eq!(phrased(&ahead, 0.0, 1.0, 0, |_| 0.0), straight, "and takes it back");
        // By chance as many as the habit says: of those with less than 0.6, all.
        let some = phrased(&straight, 0.6, 1.0, 0, |step| if step % 8 == 0 { 0.5 } else { 0.7 });
        assert!(
            starts(&some)[1..].iter().all(|start| start % 8 == 6 || start % 8 == 4),
            "{:?}",
            starts(&some)
        );
    }

    #[test]
    fn what_was_played_already_stays() {
        let moved = phrased(&quarters(0), 1.0, 1.0, 32, |_| 0.0);
        assert_eq!(starts(&moved)[..9], starts(&quarters(0))[..9], "also the one on the line");
        assert_eq!(starts(&moved)[9], 34);
    }

    #[test]
    fn a_key_that_an_inner_voice_holds_is_left_to_it() {
        let mut roll = quarters(0);
        assert!(starts(&phrased(&roll, 1.0, 1.0, 0, |_| 0.0)).contains(&6));
        // The tune's third note, held in another hand under the second, which lies higher.
        let third = 42;
        (4..8).for_each(|step| {
            roll.set(step, 41, false);
            roll.sounding[step] |= 1 << third | 1 << 50;
        });
        roll.onset[4] |= 1 << third | 1 << 50;
        let kept = starts(&phrased(&roll, 1.0, 1.0, 0, |_| 0.0));
        assert!(kept.contains(&8) && !kept.contains(&6), "{kept:?}");
    }
}
