//! New notes: what the input has not, timed and struck as if it had.

use std::ops::Range;

use arrayvec::ArrayVec;

use super::{Rows, end_before, group};
use crate::{LOWEST, MAX_NOTES, Note, PITCHES, Phrase, STEPS, STEPS_PER_BEAT};

/// Velocity where the input has no notes to learn from.
const DEFAULT_VELOCITY: f32 = 0.7;

/// The most that a new note's onset leaves its line, in steps; under a half, so that it stays in its cell.
const MOST_OFFSET: f64 = 0.49;

/// What a new note takes from its phrase.
///
/// Its onset leaves its step's line as far as the input's onsets on that step do on average; where there are
/// none, as those on the same place in the beat do. It ends on a line, or later where it would not last a
/// step. Velocity and channel come from its neighbours in time and pitch.
pub(super) struct Fresh {
    /// New notes are held over the phrase's lines; see [`super::Said::ties`].
    ties: bool,
    /// Sum of offsets and number of onsets, of every step.
    steps: [(f64, u32); STEPS],
    /// The same of every place in the beat.
    beat: [(f64, u32); STEPS_PER_BEAT],
    /// The input's notes that have cells, in small: every new note looks at all of them.
    neighbours: ArrayVec<Neighbour, MAX_NOTES>,
    /// How much a neighbour counts by its distance, in steps and in semitones.
    by_step: [f32; STEPS + 1],
    by_pitch: [f32; PITCHES],
}

/// A note of the input.
#[derive(Clone, Copy)]
struct Neighbour {
    velocity: f32,
    row: u8,
    start: u8,
    end: u8,
    channel: u8,
}

impl Fresh {
    pub(super) fn new(input: &Phrase, rows: &Rows, ties: bool) -> Self {
        let mut groove = Self {
            ties,
            steps: [(0.0, 0); STEPS],
            beat: [(0.0, 0); STEPS_PER_BEAT],
            neighbours: ArrayVec::new_const(),
            by_step: std::array::from_fn(|steps| (1.0 + steps as f32).powi(-2)),
            by_pitch: std::array::from_fn(|pitches| 12.0 / (12.0 + pitches as f32)),
        };
        for place in &rows.0 {
            let note = &input.notes[place.note()];
            groove.neighbours.push(Neighbour {
                velocity: note.velocity,
                row: place.row,
                start: place.start,
                end: place.end,
                channel: note.channel,
            });
        }
        for note in input.notes.iter().filter(|note| !note.tied_in) {
            let step = note.onset_step();
            let offset = note.onset - step as f64;
            if (0..STEPS as i64).contains(&step) {
                let step = step as usize;
                for (sum, count) in [&mut groove.steps[step], &mut groove.beat[step % STEPS_PER_BEAT]] {
                    *sum += offset;
                    *count += 1;
                }
            }
        }
        groove
    }

    /// How far an onset on a step leaves its line.
    fn offset(&self, step: usize) -> f64 {
        let here = self.steps[step];
        let (sum, count) = if here.1 > 0 { here } else { self.beat[step % STEPS_PER_BEAT] };
        (sum / f64::from(count.max(1))).clamp(-MOST_OFFSET, MOST_OFFSET)
    }

    /// Velocity and channel for a new note: the mean velocity of all notes, the near ones counting most, and
    /// the channel of the nearest, in time before pitch.
    fn struck_like(&self, row: usize, step: usize) -> (f32, u8) {
        let (row, step) = (row as u8, step as u8);
        let (mut weights, mut sum) = (0.0f32, 0.0f32);
        let mut nearest = (u8::MAX, u8::MAX);
        let mut channel = 0;
        for note in &self.neighbours {
            // None where the note sounds on the step.
            let steps = note.start.saturating_sub(step).max((step + 1).saturating_sub(note.end));
            let pitches = note.row.abs_diff(row);
            let weight = self.by_step[usize::from(steps)] * self.by_pitch[usize::from(pitches)];
            weights += weight;
            sum += weight * note.velocity;
            if (steps, pitches) < nearest {
                nearest = (steps, pitches);
                channel = note.channel;
            }
        }
        if weights > 0.0 { ((sum / weights).clamp(0.0, 1.0), channel) } else { (DEFAULT_VELOCITY, 0) }
    }

    /// Adds the new note of a run, where the run does not begin with an owned onset; whether the answer has a
    /// start there tells a strike from a note that is held over the line. `told` is its velocity,
    /// or 0 where it takes its neighbours'. `beside` tells whether the pitch sounds right before the run and
    /// right after it, where it was struck anew: there the line is kept, so that no note of a key begins
    /// before the one before it has ended.
    pub(super) fn add(
        &self,
        input: &Phrase,
        rows: &Rows,
        (row, run, struck): (usize, &Range<usize>, bool),
        told: u8,
        beside: [bool; 2],
        out: &mut Phrase,
    ) {
        let owned = rows.owned(row, run);
        let end = owned.first().map_or(run.end, |place| usize::from(place.start));
        if end == run.start {
            return;
        }
        if out.notes.is_full() {
            out.overflow = out.overflow.saturating_add(1);
            return;
        }
        let pitch = LOWEST + row as u8;
        let held = if end == STEPS {
            input.notes.iter().find(|note| note.tied_out && note.pitch == pitch && note.in_roll())
        } else {
            None
        };
        let (velocity, channel) =
            held.map_or_else(|| self.struck_like(row, run.start), |held| (held.velocity, held.channel));
        let velocity = if told == 0 { velocity } else { f32::from(told.min(127)) / 127.0 };

        let line = run.start as f64;
        let offset = self.offset(run.start);
        let mut onset = line + if beside[0] { offset.max(0.0) } else { offset };
        let mut limit = end as f64;
        if !owned.is_empty() {
            limit = end_before(input, group(owned), channel, end);
        } else if end < STEPS && !beside[1] {
            limit = limit.max(onset + 1.0);
        }
        if limit - onset < 0.5 || end == STEPS && limit - onset < 1.0 {
            onset = line;
        }
        let mut note = Note::new(pitch, channel, velocity, onset, limit - onset);
        note.tied_out = held.is_some() || self.ties && end == STEPS;
        if self.ties && run.start == 0 && !struck {
            (note.onset, note.length, note.tied_in) = (0.0, limit, true);
        } else if run.start == 0 {
            release_tails(out, pitch, channel, onset.max(0.0));
        }
        out.push(note);
    }
}

/// Ends the tails of a key that a new note strikes at `onset`.
fn release_tails(out: &mut Phrase, pitch: u8, channel: u8, onset: f64) {
    for tail in &mut out.notes {
        if tail.tied_in && tail.pitch == pitch && tail.channel == channel && tail.cells().is_none() {
            tail.length = tail.length.min(onset);
        }
    }
}
