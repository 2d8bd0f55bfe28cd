//! Realisation: the cells that a network answers become notes again. Real-time safe; about 16 KiB of stack.

mod fresh;
mod settle;

#[cfg(test)]
mod tests;

use std::ops::Range;

use arrayvec::ArrayVec;

use crate::{MAX_NOTES, PITCHES, Phrase, Roll, STEPS};

use fresh::Fresh;
use settle::settle;

/// Turns the answered cells into notes, keeping of `input` all that the answer keeps.
///
/// `input` is the phrase that the network heard, `answer` the cells that sound after thresholding (bit `r` of
/// a step is MIDI pitch `r + 24`) and where notes start in them; a network that only knows sounding cells
/// leaves the input's starts. `first` is the first step that will be played (0 but for windows that slide).
/// `out` is overwritten, at the input's position and tempo, and comes out sorted.
///
/// A run of cells of a pitch ends where the pitch falls silent, or where a note starts in it that the input
/// has not. It *owns* the input's notes that start in it, but for those that the answer has no start for,
/// which it holds an earlier note through:
/// - An owned note keeps its onset, velocity and channel, and its exact end where the answer keeps all its
///   cells. Where the answer stops before, so does the note, on the step's line; where the answer goes on and
///   no owned note covers it, the note that ended last is lengthened, up to the next owned onset.
/// - Cells before a run's first owned onset are a new note. Its onset leaves its line as the input's onsets
///   on that step do on average, else those on that place in the beat; it ends on a line. Velocity and
///   channel are its neighbours'.
/// - Several notes of a pitch, repeated or on two channels, are all returned; so are notes that have no
///   cells: drums, pitches outside the roll, and tails of held notes.
///
/// A note that was held at the phrase's end (`tied_out`) stays so where its last cell stays. A note that
/// began before `first` and sounds on is played from there, tied in where the input's note was held over that
/// line; on the first played step early onsets move to the line. No two notes of a pitch and channel overlap
/// that did not in the input.
///
/// So the input's own cells return the input, note for note. Notes that find no room are counted in
/// `out.overflow`, new ones first.
pub fn realise(input: &Phrase, answer: &Roll, first: usize, out: &mut Phrase) {
    realise_said(input, answer, &Said::default(), first, out);
}

/// How hard the notes that start in a cell are struck, by step and row: 1 to 127, or 0 where that is not
/// told.
pub type Velocities = [[u8; PITCHES]; STEPS];

/// What an answer tells of its notes besides its cells.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said<'a> {
    /// How hard new notes are struck. What is not told a note takes from its neighbours.
    pub velocities: Option<&'a Velocities>,
    /// It knows the answer before: what sounds from the first played step on without a start there is held
    /// over the line, and what sounds to the last step may be held over the next.
    pub ties: bool,
}

/// The same as [`realise`], of an answer that tells more than its cells. Kept notes keep their own velocity.
pub fn realise_said(input: &Phrase, answer: &Roll, said: &Said, first: usize, out: &mut Phrase) {
    out.clear(input.position, input.tempo);
    let rows = Rows::new(input, answer);
    for note in &input.notes {
        if note.cells().is_none() {
            out.push(*note);
        }
    }
    for row in 0..PITCHES {
        for run in rows.runs(answer, row) {
            keep(input, rows.owned(row, &run), &run, (is_set(answer, row, run.end), said.ties), out);
        }
    }
    let fresh = Fresh::new(input, &rows, said.ties);
    for row in 0..PITCHES {
        for run in rows.runs(answer, row) {
            let before = run.start.checked_sub(1).is_some_and(|step| is_set(answer, row, step));
            let beside = [before, is_set(answer, row, run.end)];
            let told = said.velocities.map_or(0, |all| all[run.start][row]);
            let struck = answer.onset[run.start] >> row & 1 == 1;
            fresh.add(input, &rows, (row, &run, struck), told, beside, out);
        }
    }
    let first = first.min(STEPS);
    out.notes.retain(|note| settle(note, input, first, said.ties));
    out.sort();
}

/// What [`realise`] gives for the input's own cells, at a fraction of its cost: the input itself, from step
/// `first` on.
pub fn as_played(input: &Phrase, first: usize, out: &mut Phrase) {
    out.clone_from(input);
    out.overflow = 0;
    out.notes.retain(|note| settle(note, input, first.min(STEPS), false));
    out.sort();
}

/// Whether a cell sounds; nothing does behind the last step.
fn is_set(answer: &Roll, row: usize, step: usize) -> bool {
    answer.sounding.get(step).is_some_and(|bits| bits >> row & 1 == 1)
}

/// Adds the notes that a run owns, all of one pitch, in order of their first cell. Where the pitch is
/// `struck` right after the run, none sounds on over its end; with `ties` one that is lengthened to the
/// phrase's end may.
fn keep(input: &Phrase, owned: &[Place], run: &Range<usize>, (struck, ties): (bool, bool), out: &mut Phrase) {
    // How far the notes so far cover the run, and which of them ends there.
    let mut covered = run.start;
    let mut last = None;
    for (index, place) in owned.iter().enumerate() {
        let mut note = input.notes[place.note()];
        let end = usize::from(place.end);
        if end > run.end || struck && note.end() > run.end as f64 {
            note.length = run.end as f64 - note.onset;
            note.tied_out = false;
        }
        out.push(note);
        // Of two that end together the later one: the earlier one would run into it.
        if end >= covered {
            covered = end;
            last = Some(out.notes.len() - 1);
        }
        let next = owned.get(index + 1);
        let limit = next.map_or(run.end, |next| usize::from(next.start));
        if covered < limit
            && let Some(last) = last
        {
            let group = next.map_or(&[][..], |_| group(&owned[index + 1..]));
            let note = &mut out.notes[last];
            note.length = end_before(input, group, note.channel, limit) - note.onset;
            note.tied_out = limit == STEPS && (ties || held_out(input, note.pitch, note.channel));
            covered = limit;
        }
    }
}

/// The notes at the start of a slice that share their first cell.
fn group(owned: &[Place]) -> &[Place] {
    let same = owned.iter().take_while(|place| place.start == owned[0].start).count();
    &owned[..same]
}

/// Where a note that sounds up to the first cell of `group` ends: on that step's line, or before, where a
/// note of the group on the same channel comes early.
fn end_before(input: &Phrase, group: &[Place], channel: u8, limit: usize) -> f64 {
    group
        .iter()
        .map(|place| &input.notes[place.note()])
        .filter(|note| note.channel == channel)
        .fold(limit as f64, |end, note| end.min(note.onset))
}

/// Whether a note of this pitch and channel was held when the input closed.
fn held_out(input: &Phrase, pitch: u8, channel: u8) -> bool {
    input.notes.iter().any(|note| note.tied_out && note.pitch == pitch && note.channel == channel)
}

/// A note of the input with its cells.
#[derive(Clone, Copy)]
struct Place {
    row: u8,
    start: u8,
    end: u8,
    note: u16,
}

impl Place {
    fn note(self) -> usize {
        usize::from(self.note)
    }
}

/// The input's notes that have cells and that the answer does not hold an earlier note through, by row and
/// first cell.
struct Rows(ArrayVec<Place, MAX_NOTES>);

impl Rows {
    fn new(input: &Phrase, answer: &Roll) -> Self {
        let held = |step: usize, row: usize| {
            let bit = |bits: u128| bits >> row & 1 == 1;
            step > 0 && bit(answer.sounding[step - 1] & answer.sounding[step] & !answer.onset[step])
        };
        let mut places = ArrayVec::new_const();
        for (index, note) in input.notes.iter().enumerate() {
            if let (Some(cells), Some(row)) = (note.cells(), note.row())
                && !held(cells.start, row)
            {
                // All fit: steps and rows are under 128, indices under 1,024.
                places.push(Place {
                    row: row as u8,
                    start: cells.start as u8,
                    end: cells.end as u8,
                    note: index as u16,
                });
            }
        }
        places.sort_unstable_by_key(|place| (place.row, place.start, place.note));
        Self(places)
    }

    /// The runs of a row of the answer.
    fn runs(&self, answer: &Roll, row: usize) -> Runs {
        let own = self.owned(row, &(0..STEPS)).iter().fold(0, |starts, place| starts | 1 << place.start);
        let strikes = Roll::column(&answer.onset, row) & !own;
        Runs { strikes, ..Runs::of(Roll::column(&answer.sounding, row)) }
    }

    /// The notes of a row that start in a run.
    fn owned(&self, row: usize, run: &Range<usize>) -> &[Place] {
        let before = |step: usize| {
            self.0.partition_point(|p| (usize::from(p.row), usize::from(p.start)) < (row, step))
        };
        &self.0[before(run.start)..before(run.end)]
    }
}

/// The unbroken runs of set bits of a column, the first first.
pub(crate) struct Runs {
    column: u64,
    /// Where a run is broken: a new one starts.
    strikes: u64,
}

impl Runs {
    pub(crate) fn of(column: u64) -> Self {
        Self { column, strikes: 0 }
    }
}

impl Iterator for Runs {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        if self.column == 0 {
            return None;
        }
        let start = self.column.trailing_zeros();
        let after = |column: u64| column.checked_shr(start + 1).unwrap_or(0);
        let length = 1 + (!after(self.column)).trailing_zeros().min(after(self.strikes).trailing_zeros());
        let end = (start + length).min(STEPS as u32);
        // What the run leaves: nothing where it reaches the last step.
        self.column &= u64::MAX.checked_shl(end).unwrap_or(0);
        Some(start as usize..end as usize)
    }
}
