//! Figures for the editor, one atomic each.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

/// What the audio thread is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// Nothing rolls and nothing is played.
    #[default]
    Resting,
    /// Bypassed: notes pass at once.
    Bypassed,
    /// Time runs, but nothing was played in this phrase.
    Listening,
    /// Notes of this phrase wait to be answered.
    Playing,
}

/// Figures for the editor; written by the audio thread and the worker. Everything here is relaxed: each
/// figure stands for itself.
#[derive(Debug, Default)]
pub struct Meters {
    stage: AtomicU8,
    /// Beats until the next line, as the bits of an `f32`.
    beats: AtomicU32,
    late: AtomicU32,
    timeouts: AtomicU32,
    overflow: AtomicU32,
    lost: AtomicU32,
    micros: AtomicU32,
    /// The source slot of the last answer, from 1; 0 for none yet.
    source: AtomicU8,
    /// The bits of [`Heads`], each an `f32`.
    heads: [AtomicU32; 3],
}

/// Where time is in what is played and in what is answered, for the editor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heads {
    /// The step of the window that is being played; not a number at rest.
    pub input: f32,
    /// The step of what is played for the phrase before; not a number where nothing is.
    pub output: f32,
    /// Quarter notes a minute.
    pub tempo: f32,
}

impl Meters {
    /// What is going on, and how many beats there are to the next line.
    pub fn set_stage(&self, stage: Stage, beats: f64) {
        self.stage.store(stage as u8, Ordering::Relaxed);
        self.beats.store((beats as f32).to_bits(), Ordering::Relaxed);
    }

    /// What is going on, and how many beats there are to the next line.
    pub fn stage(&self) -> (Stage, f32) {
        let stage = match self.stage.load(Ordering::Relaxed) {
            1 => Stage::Bypassed,
            2 => Stage::Listening,
            3 => Stage::Playing,
            _ => Stage::Resting,
        };
        (stage, f32::from_bits(self.beats.load(Ordering::Relaxed)))
    }

    /// Where time is. Real-time safe.
    pub fn set_heads(&self, heads: Heads) {
        for (to, value) in self.heads.iter().zip([heads.input, heads.output, heads.tempo]) {
            to.store(value.to_bits(), Ordering::Relaxed);
        }
    }

    /// Where time is.
    pub fn heads(&self) -> Heads {
        let [input, output, tempo] = [0, 1, 2].map(|i| f32::from_bits(self.heads[i].load(Ordering::Relaxed)));
        Heads { input, output, tempo }
    }

    /// An answer was not there at its line.
    pub fn count_late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    /// Answers that were not there at their line.
    pub fn late(&self) -> u32 {
        self.late.load(Ordering::Relaxed)
    }

    /// A bounce has waited for an answer in vain.
    pub fn count_timeout(&self) {
        self.timeouts.fetch_add(1, Ordering::Relaxed);
    }

    /// Answers that a bounce has waited for in vain.
    pub fn timeouts(&self) -> u32 {
        self.timeouts.load(Ordering::Relaxed)
    }

    /// A note found no room in its phrase.
    pub fn count_overflow(&self) {
        self.overflow.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that found no room in their phrase and were passed at once.
    pub fn overflow(&self) -> u32 {
        self.overflow.load(Ordering::Relaxed)
    }

    /// Controllers that found no room, in all.
    pub fn set_lost(&self, lost: u32) {
        self.lost.store(lost, Ordering::Relaxed);
    }

    /// Controllers that found no room.
    pub fn lost(&self) -> u32 {
        self.lost.load(Ordering::Relaxed)
    }

    /// The network took this long for an answer to a phrase of genre slot `source`.
    pub fn answered(&self, took: Duration, source: u8) {
        self.micros.store(u32::try_from(took.as_micros()).unwrap_or(u32::MAX), Ordering::Relaxed);
        self.source.store(source.saturating_add(1), Ordering::Relaxed);
    }

    /// How long the network took for its last answer, and to what genre slot; `None` before the first.
    pub fn last_answer(&self) -> Option<(Duration, u8)> {
        let source = self.source.load(Ordering::Relaxed).checked_sub(1)?;
        Some((Duration::from_micros(self.micros.load(Ordering::Relaxed).into()), source))
    }
}
