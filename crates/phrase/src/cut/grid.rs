//! A whole section's cells, so that rules which look at neighbouring steps do not stop at a phrase's border.

use super::{CutOptions, whole};
use crate::{Roll, STEPS, SongNote};

/// The cells of a section: for every step what sounds and what starts.
#[derive(Clone, Debug, Default)]
pub struct SongGrid {
    sounding: Vec<u128>,
    onset: Vec<u128>,
}

impl SongGrid {
    /// Lays every track on the grid by itself, then all over one another, as pypianoroll 0.1 does. Times
    /// count from the section's start (see [`super::Section::tracks`]); nothing sounds from step `steps` on.
    pub fn new(tracks: &[Vec<SongNote>], steps: usize, options: &CutOptions) -> Self {
        let mut song = Self { sounding: Vec::new(), onset: Vec::new() };
        for notes in tracks {
            let mut track = Self { sounding: Vec::new(), onset: Vec::new() };
            notes.iter().for_each(|note| track.lay(note, options));
            song.overlay(&track);
        }
        song.sounding.truncate(steps);
        song.onset.truncate(steps);
        song
    }

    /// The 64 steps from a step; silence after the end.
    pub fn roll(&self, start: usize) -> Roll {
        let mut roll = Roll::EMPTY;
        let part = |all: &[u128], to: &mut [u128; STEPS]| {
            let part = &all[start.min(all.len())..(start + STEPS).min(all.len())];
            to[..part.len()].copy_from_slice(part);
        };
        part(&self.sounding, &mut roll.sounding);
        part(&self.onset, &mut roll.onset);
        roll
    }

    fn lay(&mut self, note: &SongNote, options: &CutOptions) {
        let Some(row) = whole(note).row() else { return };
        let bit = 1u128 << row;
        let first = options.grid.step(note.onset);
        // Struck before the section: it sounds here, but does not start here.
        let tied_in = first < 0;
        let start = first.max(0) as usize;
        let last = (options.grid.step(note.end()) + i64::from(options.inclusive_ends)).max(0) as usize;
        if tied_in && last == 0 {
            return;
        }
        let mut end = last.max(start + 1);
        if options.rearticulate {
            if let Some(before) = start.checked_sub(1).filter(|&before| before < self.sounding.len()) {
                self.sounding[before] &= !bit;
                self.onset[before] &= !bit;
            }
            if self.sounding.get(end).is_some_and(|bits| bits & bit != 0) {
                end -= 1;
            }
        }
        if self.sounding.len() < end {
            self.sounding.resize(end, 0);
            self.onset.resize(end, 0);
        }
        self.sounding[start..end].iter_mut().for_each(|bits| *bits |= bit);
        if start < end && !tied_in {
            self.onset[start] |= bit;
        }
    }

    fn overlay(&mut self, track: &Self) {
        for (all, one) in [(&mut self.sounding, &track.sounding), (&mut self.onset, &track.onset)] {
            all.resize(all.len().max(one.len()), 0);
            all.iter_mut().zip(one).for_each(|(all, one)| *all |= one);
        }
    }
}
