//! When a tune's notes come: on the beat, or ahead of it, as jazz and pop players anticipate them.

use phrase::{BandPart, Line, Note, Parts, Roll, RollNote, STEPS, STEPS_PER_BEAT, skyline};

/// An eighth: how far a note is anticipated at most.
pub(super) const EIGHTH: usize = STEPS_PER_BEAT / 2;

/// Where a note of a tune comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A long note on a beat, with room for it an eighth before.
    Beat,
    /// A long note on the eighth before a beat, which it sounds over.
    Ahead,
    /// Any other that sounds over a beat: a short one, or a 16th ahead. A soloist's pushes are as far from a
    /// minuet as the long notes are.
    Pushed,
    /// Any other note on a beat, with a passing note an eighth before that can give way to it.
    Passing,
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

/// The notes of a tune that could come sooner or later, by their number in the line. Long ones have no other
/// start for a beat, and an eighth's room where they would move to; every one has an eighth from its beat to
/// the next.
fn movable(tune: &Line) -> impl Iterator<Item = (usize, Place)> {
    tune.iter().enumerate().filter_map(|(index, note)| {
        let next = start_after(tune, index);
        let is_long = next >= note.start + STEPS_PER_BEAT;
        let beat = note.start.next_multiple_of(STEPS_PER_BEAT);
        if note.start == beat {
            let room = match index.checked_sub(1) {
                Some(before) => tune[before].start + 2 * EIGHTH <= note.start,
                None => note.start >= EIGHTH,
            };
            let place = (is_long && room).then_some(Place::Beat);
            let passes = next >= note.start + EIGHTH && passing(tune, index);
            return place.or(passes.then_some(Place::Passing)).map(|place| (index, place));
        }
        if note.start + EIGHTH == beat && is_long && note.end() >= note.start + STEPS_PER_BEAT {
            return Some((index, Place::Ahead));
        }
        let is_pushed = note.start + EIGHTH >= beat && note.end() > beat && next >= beat + EIGHTH;
        is_pushed.then_some((index, Place::Pushed))
    })
}

/// Whether an eighth before a note comes one that passes from the note before it to this one.
fn passing(tune: &Line, index: usize) -> bool {
    let [Some(from), Some(over)] = [2, 1].map(|back| index.checked_sub(back).map(|index| tune[index])) else {
        return false;
    };
    let into = tune[index];
    over.start + EIGHTH == into.start
        && (from.row < over.row && over.row < into.row || from.row > over.row && over.row > into.row)
}

fn start_after(tune: &Line, index: usize) -> usize {
    tune.get(index + 1).map_or(STEPS, |next| next.start)
}

/// How many of the long notes of `roll`'s tune come an eighth ahead of their beat, and how many could; how
/// many others sound over a beat that they come ahead of, and how many do or are struck on one.
pub fn ahead(roll: &Roll) -> [[usize; 2]; 2] {
    counted(&tune(roll))
}

fn counted(tune: &Line) -> [[usize; 2]; 2] {
    let count = |place: Place| movable(tune).filter(|(_, of)| *of == place).count();
    let on_beat = |(index, note): &(usize, &RollNote)| {
        note.start.is_multiple_of(STEPS_PER_BEAT) && start_after(tune, *index) >= note.start + EIGHTH
    };
    let (long, pushed) = (count(Place::Ahead), count(Place::Pushed));
    [[long, long + count(Place::Beat)], [pushed, pushed + tune.iter().enumerate().filter(on_beat).count()]]
}

/// Phrases `roll`'s tune as a genre does in which the share `long` of the long notes comes ahead of its beat,
/// and `short` of the others (see [`ahead`]): moves long notes an eighth sooner, or what comes ahead back
/// onto its beat, each by `chance` of its first step (0 to 1), until those shares are met on average; all of
/// it at an `extent` of 1. Short notes go back, and not at all without their share; for the share `gives_way`
/// of the pushes that the tune lacks, passing notes give way to the notes on the beats after them. What
/// starts before step `first`, or would, stays.
pub(super) fn phrased(
    roll: &Roll,
    (long, short): (f32, Option<f32>),
    gives_way: f32,
    extent: f32,
    first: usize,
    chance: impl Fn(usize) -> f32,
) -> Roll {
    let tune = tune(roll);
    let counts = counted(&tune);
    let shares = counts.map(|[ahead, all]| ahead as f32 / all.max(1) as f32);
    let back = |habit: f32, share: f32| extent * (share - habit).max(0.0) / share.max(f32::MIN_POSITIVE);
    let [_, [pushed, could]] = counts;
    let passing = movable(&tune).filter(|(_, place)| *place == Place::Passing).count();
    let lacks = short.map_or(0.0, |short| (short * could as f32 - pushed as f32).max(0.0));
    let moves = |place: Place| match place {
        Place::Passing => gives_way * extent * lacks / passing.max(1) as f32,
        Place::Beat => extent * (long - shares[0]).max(0.0) / (1.0 - shares[0]).max(f32::MIN_POSITIVE),
        Place::Ahead => back(long, shares[0]),
        Place::Pushed => short.map_or(0.0, |short| back(short, shares[1])),
    };
    let mut moved = *roll;
    for (index, place) in movable(&tune) {
        let note = tune[index];
        if note.start < first || chance(note.start) >= moves(place) {
            continue;
        }
        let before = index.checked_sub(1).map(|before| tune[before]);
        let cells = match place {
            Place::Beat | Place::Passing => note.start - EIGHTH..note.start,
            Place::Ahead | Place::Pushed => note.start..note.start.next_multiple_of(STEPS_PER_BEAT),
        };
        // An inner voice on the same key holds it there.
        let is_taken = |step: usize| {
            let of_tune = before.is_some_and(|before| before.row == note.row && before.end() > step);
            roll.get(step, note.row) && !of_tune
        };
        let sooner = [Place::Beat, Place::Passing].contains(&place);
        if sooner && (cells.start < first || cells.clone().any(is_taken)) {
            continue;
        }
        let bit = 1 << note.row;
        moved.onset[note.start] &= !bit;
        if let Some(before) = before.filter(|_| place == Place::Passing) {
            // Also where it was held into this one: it would come late.
            (before.start..before.end()).for_each(|step| moved.set(step, before.row, false));
        }
        for step in cells.clone() {
            match place {
                Place::Beat | Place::Passing => {
                    // The note before makes room.
                    if let Some(before) = before.filter(|before| before.end() > step) {
                        moved.set(step, before.row, false);
                    }
                    moved.sounding[step] |= bit;
                }
                Place::Ahead | Place::Pushed => {
                    moved.set(step, note.row, false);
                    // The note before holds on, where it led into this one.
                    if let Some(before) = before.filter(|before| before.end() == note.start) {
                        moved.sounding[step] |= 1 << before.row;
                    }
                }
            }
        }
        let onset = if sooner { cells.start } else { cells.end };
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
        assert_eq!(ahead(&quarters(0)), [[0, 15], [0, 16]]);
        // The sixth is too near to the fifth to move, which is ahead.
        assert_eq!(ahead(&quarters(5)), [[5, 15], [0, 11]]);
        assert_eq!(ahead(&Roll::EMPTY), [[0, 0]; 2]);
    }

    #[test]
    fn a_tune_is_phrased_as_far_as_the_genre_does_and_back() {
        let (straight, never) = (quarters(0), |_| 1.0);
        assert_eq!(phrased(&straight, (0.6, None), 0.0, 1.0, 0, never), straight);
        assert_eq!(
            phrased(&straight, (0.0, None), 0.0, 1.0, 0, |_| 0.0),
            straight,
            "as the genre does already"
        );
        let ahead = phrased(&straight, (1.0, None), 0.0, 1.0, 0, |_| 0.0);
        let expected: Vec<_> = (0..16_usize).map(|index| (4 * index).saturating_sub(2)).collect();
        assert_eq!(starts(&ahead), expected);
        assert_eq!(ahead.cells(), straight.cells(), "the note before makes room");
        assert_eq!(phrased(&ahead, (0.0, None), 0.0, 1.0, 0, |_| 0.0), straight, "and takes it back");
        // By chance as many as the habit says: of those with less than 0.6, all.
        let some = phrased(&straight, (0.6, None), 0.0, 1.0, 0, |step| if step % 8 == 0 { 0.5 } else { 0.7 });
        assert!(
            starts(&some)[1..].iter().all(|start| start % 8 == 6 || start % 8 == 4),
            "{:?}",
            starts(&some)
        );
    }

    #[test]
    fn pushes_go_back_onto_their_beats_and_none_are_made() {
        // Eighths with a push over every second beat: on it in a tune that does not push.
        let line = |push: usize| {
            let starts: Vec<usize> = (0..8).flat_map(|pair| [8 * pair, 8 * pair + 4 - push]).collect();
            let mut roll = Roll::EMPTY;
            for (index, &start) in starts.iter().enumerate() {
                let (end, row) = (starts.get(index + 1).copied().unwrap_or(STEPS), 40 + index % 3);
                roll.onset[start] |= 1 << row;
                (start..end).for_each(|step| roll.sounding[step] |= 1 << row);
            }
            roll
        };
        // Long ones are ahead by an eighth; by a 16th they are pushes.
        assert_eq!([ahead(&line(2)), ahead(&line(1))], [[[8, 8], [0, 8]], [[0, 0], [8, 16]]]);
        let back = |roll: &Roll, share: f32, short, chance: f32| {
            phrased(roll, (share, short), 0.0, 1.0, 0, |_| chance)
        };
        assert_eq!(back(&line(1), 0.0, Some(0.0), 0.0), line(0));
        assert_eq!(back(&line(1), 0.0, None, 0.0), line(1), "packs of before");
        assert_eq!(back(&line(1), 0.0, Some(0.25), 0.6), line(1), "a quarter stays: half of them go back");
        assert_eq!(back(&line(1), 0.0, Some(0.25), 0.4), line(0));
        assert_eq!(back(&line(0), 0.0, Some(1.0), 0.0), line(0), "only ever back");
    }

    #[test]
    fn passing_notes_give_way_to_pushes() {
        // Eighths that go up four steps and down again: each but the turning ones passes.
        let eighths = Roll::from_cells(|step, row| row == 40 + [0, 1, 2, 3, 4, 3, 2, 1][step / 2 % 8]);
        let of = |habit: f32, gives_way: f32, chance: f32| {
            starts(&phrased(&eighths, (0.0, Some(habit)), gives_way, 1.0, 0, |_| chance))
        };
        let straight: Vec<usize> = (0..STEPS).step_by(2).collect();
        assert_eq!(of(1.0, 0.0, 0.0), straight, "packs of before");
        assert_eq!(of(0.0, 1.0, 0.0), straight, "a genre that does not push");
        // Sixteen notes on beats, fifteen with a passing note before: each comes there.
        let all = of(1.0, 1.0, 0.99);
        assert_eq!(all.len(), 17, "{all:?}");
        assert!(all[1..].iter().all(|start| start % 4 == 2), "{all:?}");
        // A quarter of them is four; of fifteen each moves with that chance.
        assert_eq!([of(0.25, 1.0, 0.26), of(0.25, 1.0, 0.27)].map(|starts| starts.len()), [17, 32]);
        assert_eq!(of(0.25, 0.5, 0.14), straight, "half of that");
        // Legato: each held into the next.
        let legato = Roll {
            sounding: std::array::from_fn(|step| {
                eighths.sounding[step]
                    | if step % 2 == 0 && step > 0 { eighths.sounding[step - 1] } else { 0 }
            }),
            onset: std::array::from_fn(|step| if step % 2 == 0 { eighths.sounding[step] } else { 0 }),
        };
        let pushed = phrased(&legato, (0.0, Some(1.0)), 1.0, 1.0, 0, |_| 0.0);
        let late = (4..STEPS).step_by(4).filter(|&step| {
            let held = pushed.sounding[step] & !pushed.onset[step];
            held & !pushed.sounding[step - 1] != 0
        });
        assert_eq!(late.count(), 0, "what gave way does not sound on");
    }

    #[test]
    fn what_was_played_already_stays() {
        let moved = phrased(&quarters(0), (1.0, None), 0.0, 1.0, 32, |_| 0.0);
        assert_eq!(starts(&moved)[..9], starts(&quarters(0))[..9], "also the one on the line");
        assert_eq!(starts(&moved)[9], 34);
    }

    #[test]
    fn a_key_that_an_inner_voice_holds_is_left_to_it() {
        let mut roll = quarters(0);
        assert!(starts(&phrased(&roll, (1.0, None), 0.0, 1.0, 0, |_| 0.0)).contains(&6));
        // The tune's third note, held in another hand under the second, which lies higher.
        let third = 42;
        (4..8).for_each(|step| {
            roll.set(step, 41, false);
            roll.sounding[step] |= 1 << third | 1 << 50;
        });
        roll.onset[4] |= 1 << third | 1 << 50;
        let kept = starts(&phrased(&roll, (1.0, None), 0.0, 1.0, 0, |_| 0.0));
        assert!(kept.contains(&8) && !kept.contains(&6), "{kept:?}");
    }
}
