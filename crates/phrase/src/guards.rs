//! Musical guards: what of a network's answer is let through. They act on cells, before [`crate::realise`],
//! so that what they leave is realised like everything else. Real-time safe; about 3 KiB of stack.
//!
//! The input's own notes always pass. What a guard looks at is *new*: the cells of a run before its first
//! note of the input, or the whole run where it has none.
//!
//! They are functions of the phrase alone, so that a bounce, a performance and a file agree.

use std::ops::Range;

use crate::realise::Runs;
use crate::{HIGHEST, Key, LOWEST, Mode, PITCHES, Phrase, Roll, STEPS, STEPS_PER_BEAT};

/// Under this fit an estimated key is a guess (see [`Key::fit`]) and locks nothing.
const SURE: f32 = 0.6;

/// Which pitches new notes may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyLock {
    /// All.
    #[default]
    Off,
    /// Those of the key that the input is in, where it is in one.
    Auto,
    /// Those of a key: its tonic's pitch class, 0 (C) to 11 (B), and its mode.
    Key(u8, Mode),
}

/// The guards of an answer; by default none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guards {
    /// The input's skyline is kept: every note that is the highest one where it starts (Uitdenbogerd and
    /// Zobel, 1998).
    pub melody: bool,
    /// New notes outside are moved to a neighbour in the scale (see [`Key::contains`]), or dropped where
    /// there is no room.
    pub key: KeyLock,
    /// New notes under this MIDI pitch are moved up by octaves, or dropped where there is no room.
    pub lowest: u8,
    /// New notes over this MIDI pitch, likewise down.
    pub highest: u8,
    /// New notes start only where fewer than this many sound while they do; 0: no limit.
    pub voices: u8,
    /// New notes start only in beats in which fewer than this many start; 0: no limit.
    pub density: u8,
}

impl Default for Guards {
    fn default() -> Self {
        Self::OFF
    }
}

impl Guards {
    /// None.
    pub const OFF: Self =
        Self { melody: false, key: KeyLock::Off, lowest: 0, highest: 127, voices: 0, density: 0 };

    /// Takes out of `cells`, the answer to `input`, what the guards do not let through, and moves what they
    /// move.
    pub fn apply(&self, input: &Phrase, answer: &mut Roll) {
        if *self == Self::OFF {
            return;
        }
        let roll = input.roll();
        let starts = starts(input);
        if self.melody {
            add_skyline(input, &roll, answer);
        }
        let cells = &mut answer.sounding;
        let scale = self.scale(&roll);
        let (low, high) = rows(self.lowest, self.highest);
        if scale != ALL || low > 0 || high < PITCHES {
            self.place(&starts, scale, low..high, cells);
        }
        if self.voices > 0 || self.density > 0 {
            self.thin(&starts, cells);
        }
    }

    /// The pitch classes that new notes may have, one bit each.
    fn scale(&self, roll: &Roll) -> u16 {
        match self.key {
            KeyLock::Off => ALL,
            KeyLock::Auto => Key::of(roll).filter(|key| key.fit >= SURE).map_or(ALL, |key| scale(&key)),
            KeyLock::Key(tonic, mode) => scale(&Key { tonic, mode, fit: 1.0 }),
        }
    }

    /// Moves what is new into the scale and the range.
    fn place(&self, starts: &[u128; STEPS], scale: u16, range: Range<usize>, cells: &mut [u128; STEPS]) {
        let fits = |row: usize| range.contains(&row) && scale >> (row % 12) & 1 == 1;
        // What was moved is where it may be, so no run is met twice.
        for row in (0..PITCHES).filter(|&row| !fits(row)) {
            for run in Runs::of(Roll::column(cells, row)) {
                let Some(new) = new_part(starts, row, run) else { continue };
                fill(cells, row, &new, false);
                // The nearest row that fits and has room: in the range a neighbour, from outside it whole
                // octaves first.
                let distance = |to: usize| {
                    let semitones = to.abs_diff(row);
                    let octaves =
                        if range.contains(&row) { 0 } else { usize::from(!semitones.is_multiple_of(12)) };
                    (octaves * PITCHES + semitones, to)
                };
                let reach = if range.contains(&row) { 1 } else { PITCHES };
                let near = |to: &usize| fits(*to) && to.abs_diff(row) <= reach && is_free(cells, *to, &new);
                if let Some(to) = (0..PITCHES).filter(near).min_by_key(|&to| distance(to)) {
                    fill(cells, to, &new, true);
                }
            }
        }
    }

    /// Drops what is new and too much. Of notes that start together the highest are let through.
    fn thin(&self, starts: &[u128; STEPS], cells: &mut [u128; STEPS]) {
        let answer = *cells;
        let mut new = [0u128; STEPS];
        for row in 0..PITCHES {
            for run in Runs::of(Roll::column(&answer, row)) {
                if let Some(part) = new_part(starts, row, run) {
                    fill(&mut new, row, &part, true);
                    fill(cells, row, &part, false);
                }
            }
        }
        // How many notes start in each beat; those of the input first.
        let mut begun = [0u32; STEPS / STEPS_PER_BEAT];
        for step in 0..STEPS {
            begun[step / STEPS_PER_BEAT] += (starts[step] & cells[step]).count_ones();
        }
        let limit = |limit: u8| if limit == 0 { u32::MAX } else { limit.into() };
        for step in 0..STEPS {
            let before = if step == 0 { 0 } else { new[step - 1] };
            let mut first = new[step] & !before;
            while first != 0 {
                let row = 127 - first.leading_zeros() as usize;
                first &= !(1 << row);
                let end = (step..STEPS).find(|&at| new[at] >> row & 1 == 0).unwrap_or(STEPS);
                let beat = &mut begun[step / STEPS_PER_BEAT];
                let voices = (step..end).map(|at| cells[at].count_ones()).max().unwrap_or(0);
                if voices < limit(self.voices) && *beat < limit(self.density) {
                    *beat += 1;
                    fill(cells, row, &(step..end), true);
                }
            }
        }
    }
}

/// Every pitch class.
const ALL: u16 = 0xfff;

/// The pitch classes of a key's scale.
fn scale(key: &Key) -> u16 {
    (0..12).filter(|&class| key.contains(class)).fold(0, |scale, class| scale | 1 << class)
}

/// The roll's rows of a range of pitches.
fn rows(lowest: u8, highest: u8) -> (usize, usize) {
    let low = usize::from(lowest.clamp(LOWEST, HIGHEST) - LOWEST);
    let high = usize::from(highest.clamp(LOWEST, HIGHEST) - LOWEST) + 1;
    (low, high.max(low))
}

/// The cells on which the input's notes start, pieces of held ones too.
fn starts(input: &Phrase) -> [u128; STEPS] {
    let mut starts = [0; STEPS];
    for note in &input.notes {
        if let (Some(cells), Some(row)) = (note.cells(), note.row()) {
            starts[cells.start] |= 1 << row;
        }
    }
    starts
}

/// Adds the cells of the input's notes that are the highest where they start.
fn add_skyline(input: &Phrase, roll: &Roll, answer: &mut Roll) {
    for note in &input.notes {
        if let (Some(own), Some(row)) = (note.cells(), note.row())
            && roll.sounding[own.start] >> row == 1
        {
            answer.onset[own.start] |= 1 << row;
            fill(&mut answer.sounding, row, &own, true);
        }
    }
}

/// What of a run is new; `None` where nothing is.
fn new_part(starts: &[u128; STEPS], row: usize, run: Range<usize>) -> Option<Range<usize>> {
    let end = run.clone().find(|&step| starts[step] >> row & 1 == 1).unwrap_or(run.end);
    (end > run.start).then_some(run.start..end)
}

fn fill(cells: &mut [u128; STEPS], row: usize, steps: &Range<usize>, sounds: bool) {
    for step in &mut cells[steps.clone()] {
        *step = if sounds { *step | 1 << row } else { *step & !(1 << row) };
    }
}

/// Whether a row is silent in these steps and right before and after, where a cell would become one note with
/// them.
fn is_free(cells: &[u128; STEPS], row: usize, steps: &Range<usize>) -> bool {
    cells[steps.start.saturating_sub(1)..(steps.end + 1).min(STEPS)].iter().all(|step| step >> row & 1 == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Note, realise};

    const C_MAJOR: KeyLock = KeyLock::Key(0, Mode::Major);

    fn phrase(notes: &[(u8, f64, f64)]) -> Phrase {
        let mut phrase = Phrase::new(0, 120.0);
        for &(pitch, onset, length) in notes {
            phrase.push(Note::new(pitch, 0, 0.5, onset, length));
        }
        phrase.sort();
        phrase
    }

    fn cells(notes: &[(u8, f64, f64)]) -> [u128; STEPS] {
        phrase(notes).roll().sounding
    }

    fn guarded(guards: Guards, input: &[(u8, f64, f64)], answer: &[(u8, f64, f64)]) -> Vec<(u8, f64, f64)> {
        let (input, mut out) = (phrase(input), Phrase::new(0, 0.0));
        let mut answer = Roll { sounding: cells(answer), onset: input.roll().onset };
        guards.apply(&input, &mut answer);
        realise(&input, &answer, 0, &mut out);
        out.notes.iter().map(|note| (note.pitch, note.onset, note.length)).collect()
    }

    #[test]
    fn the_skyline_is_kept_and_what_lies_under_it_is_not() {
        let input = [(72, 0.0, 4.0), (60, 0.0, 8.0), (67, 4.25, 2.0), (64, 5.0, 1.0)];
        let guards = Guards { melody: true, ..Guards::OFF };
        assert_eq!(guarded(guards, &input, &[]), [(72, 0.0, 4.0), (67, 4.25, 2.0)]);
    }

    #[test]
    fn new_notes_outside_the_key_go_to_a_free_neighbour_or_are_dropped() {
        let guards = Guards { key: C_MAJOR, ..Guards::OFF };
        // C sharp: down to C; where that sounds, up to D; where both do, away. The input's own F sharp stays.
        let answer = [
            (61, 0.0, 2.0),
            (60, 8.0, 2.0),
            (61, 8.0, 2.0),
            (60, 16.0, 2.0),
            (61, 16.0, 2.0),
            (62, 16.0, 2.0),
        ];
        let mut all = answer.to_vec();
        all.push((66, 32.0, 4.0));
        assert_eq!(
            guarded(guards, &[(66, 32.0, 4.0)], &all),
            [
                (60, 0.0, 2.0),
                (60, 8.0, 2.0),
                (62, 8.0, 2.0),
                (60, 16.0, 2.0),
                (62, 16.0, 2.0),
                (66, 32.0, 4.0)
            ]
        );
    }

    #[test]
    fn the_key_is_heard_where_there_is_one() {
        let scale: Vec<_> = [60, 62, 64, 65, 67, 69, 71, 72, 64, 67, 60]
            .iter()
            .enumerate()
            .map(|(index, &pitch)| (pitch, 4.0 * index as f64, 4.0))
            .collect();
        let guards = Guards { key: KeyLock::Auto, ..Guards::OFF };
        let mut answer = scale.clone();
        answer.push((66, 50.0, 2.0));
        let out = guarded(guards, &scale, &answer);
        assert!(out.contains(&(65, 50.0, 2.0)) && !out.iter().any(|note| note.0 == 66), "{out:?}");
        assert_eq!(guarded(guards, &[], &[(66, 50.0, 2.0)]), [(66, 50.0, 2.0)]);
    }

    #[test]
    fn new_notes_outside_the_range_come_in_by_octaves() {
        let guards = Guards { lowest: 60, highest: 72, key: C_MAJOR, ..Guards::OFF };
        let answer = [(40, 0.0, 2.0), (91, 4.0, 2.0), (37, 8.0, 2.0)];
        // C sharp in the octave is not in the key: the nearest pitch that is.
        assert_eq!(guarded(guards, &[], &answer), [(64, 0.0, 2.0), (67, 4.0, 2.0), (60, 8.0, 2.0)]);
        assert_eq!(guarded(Guards { lowest: 80, highest: 70, ..Guards::OFF }, &[], &answer), []);
    }

    #[test]
    fn new_notes_are_thinned_and_the_inputs_own_stay() {
        let chord: Vec<_> = (0..6).map(|index| (60 + 4 * index, 0.0, 4.0)).collect();
        let own = [(60, 0.0, 4.0)];
        let pitches = |guards| guarded(guards, &own, &chord).iter().map(|note| note.0).collect::<Vec<_>>();
        assert_eq!(pitches(Guards { voices: 3, ..Guards::OFF }), [60, 76, 80]);
        assert_eq!(pitches(Guards { density: 2, ..Guards::OFF }), [60, 80]);
        let all: Vec<_> = guarded(Guards { voices: 1, ..Guards::OFF }, &chord, &chord);
        assert_eq!(all.len(), 6);
    }

    fn notes() -> impl Strategy<Value = Vec<(u8, f64, f64)>> {
        prop::collection::vec((20u8..112, 0.0..63.0f64, 0.1..20.0f64), 0..40)
    }

    proptest! {
        /// The input's own cells pass all guards; what is new is in the key, in the range and not too much.
        #[test]
        fn guards_keep_the_input_and_hold_what_they_promise(
            input in notes(), bits in prop::collection::vec(any::<u128>(), STEPS), thin in any::<u64>(),
                melody in any::<bool>(),
            key in prop::sample::select(vec![KeyLock::Off, KeyLock::Auto, C_MAJOR, KeyLock::Key(9,
                Mode::Minor)]),
            lowest in 0u8..80, highest in 40u8..128, voices in 0u8..9, density in 0u8..9,
        ) {
            let guards = Guards { melody, key, lowest, highest, voices, density };
            let input = phrase(&input);
            let roll = input.roll();
            let mut own = roll;
            guards.apply(&input, &mut own);
            prop_assert_eq!(own, roll, "an unchanged answer stays");
            // A sparse random answer.
            let mut cells = Roll::from_sounding(bits.clone().try_into().unwrap()).sounding;
            for (step, cells) in cells.iter_mut().enumerate() {
                *cells &= bits[(step + 7) % STEPS] & bits[(step + thin as usize % 31) % STEPS];
            }
            let mut answer = Roll { sounding: cells, onset: roll.onset };
            guards.apply(&input, &mut answer);
            let cells = answer.sounding;
            let (scale, starts) = (guards.scale(&roll), starts(&input));
            let (low, high) = rows(lowest, highest);
            let mut begun = [[0u32; 2]; STEPS / STEPS_PER_BEAT];
            for row in 0..PITCHES {
                for run in Runs::of(Roll::column(&cells, row)) {
                    let steps = run.clone();
                    let started = steps.filter(|&step| starts[step] >> row & 1 == 1);
                    started.for_each(|step| begun[step / STEPS_PER_BEAT][0] += 1);
                    if let Some(new) = new_part(&starts, row, run) {
                        prop_assert!(scale >> (row % 12) & 1 == 1 && (low..high).contains(&row));
                        begun[new.start / STEPS_PER_BEAT][1] += 1;
                    }
                }
            }
            for [own, new] in begun {
                prop_assert!(density == 0 || new == 0 || own + new <= u32::from(density));
            }
            if melody {
                for note in &input.notes {
                    if let (Some(own), Some(row)) = (note.cells(), note.row())
                        && roll.sounding[own.start] >> row == 1 {
                        prop_assert!(own.clone().all(|step| cells[step] >> row & 1 == 1));
                    }
                }
            }
        }
    }
}
