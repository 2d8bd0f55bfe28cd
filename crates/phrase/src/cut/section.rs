//! The parts of a song that have one bar grid.

use super::{CutOptions, Start};
use crate::{STEPS_PER_BAR, Signature, Song, SongNote, TOLERANCE, nearest};

/// A stretch of a song whose bars are counted from its start; times in steps of the song.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Section {
    /// Where its first bar begins.
    pub start: f64,
    /// Infinite for the last one: it ends with its notes.
    pub end: f64,
}

impl Section {
    /// The sections that are cut, and how many others were left out for their meter.
    pub(super) fn of(song: &Song, options: &CutOptions) -> (Vec<Self>, u64) {
        let first = song.signatures.first().map(|signature| signature.at);
        let begin = if options.start == Start::Signature { first.unwrap_or(0.0) } else { 0.0 };
        if !options.sections {
            return (vec![Self { start: begin, end: f64::INFINITY }], 0);
        }
        // What comes before the first signature is 4/4 by the MIDI standard.
        let mut meters: Vec<(f64, bool)> = Vec::new();
        if first.is_none_or(|at| at > begin) {
            meters.push((begin, options.unknown_signature));
        }
        for signature in &song.signatures {
            let meter = (signature.at, four_four(signature));
            match meters.last_mut() {
                Some(last) if last.0 >= meter.0 => *last = meter,
                // A signature said again on a bar line changes nothing.
                Some(last) if last.1 && meter.1 && on_bar_line(meter.0 - last.0) => {}
                _ => meters.push(meter),
            }
        }
        let ends = meters.iter().skip(1).map(|next| next.0).chain([f64::INFINITY]);
        let all: Vec<_> = meters.iter().zip(ends).collect();
        let kept = all.iter().filter(|(meter, _)| meter.1).map(|&(&(start, _), end)| Self { start, end });
        let kept: Vec<_> = kept.collect();
        let others = (all.len() - kept.len()) as u64;
        (kept, others)
    }

    /// A song's tracks as this section has them; see [`Section::note`].
    pub fn tracks(&self, tracks: &[Vec<SongNote>]) -> Vec<Vec<SongNote>> {
        tracks.iter().map(|notes| notes.iter().filter_map(|note| self.note(note)).collect()).collect()
    }

    /// Its length in whole steps; of the last one more than any song has.
    pub fn steps(&self) -> usize {
        // Saturates at infinity.
        (self.end - self.start + TOLERANCE).floor() as usize
    }

    /// A song's note as this section has it: its onset counted from the section's start (negative where the
    /// note was struck before and sounds on), its end cut at the section's. `None` where it does not sound
    /// here.
    ///
    /// As with phrases, a note within half a step before a line belongs to what follows.
    pub fn note(&self, note: &SongNote) -> Option<SongNote> {
        let onset = note.onset - self.start;
        let step = nearest(onset);
        if step >= 0 && step as u64 >= self.steps() as u64 || step < 0 && note.end() <= self.start {
            return None;
        }
        // Not computed from the end where the whole note is here, so that it stays the same to the last bit.
        let length = if note.end() > self.end { self.end - note.onset } else { note.length };
        Some(SongNote { onset, length, ..*note })
    }
}

pub(super) fn four_four(signature: &Signature) -> bool {
    (signature.numerator, signature.denominator) == (4, 4)
}

fn on_bar_line(steps: f64) -> bool {
    let away = steps.rem_euclid(STEPS_PER_BAR as f64);
    away.min(STEPS_PER_BAR as f64 - away) <= TOLERANCE
}
