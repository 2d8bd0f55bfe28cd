//! What the worker, its computing threads and the main threads tell each other.

use std::sync::Arc;

use model::Settings;

use super::around::Around;
use super::engine::PackSource;
use crate::link::{Hatch, Job, Manner, Shared, Take};

/// What the worker is told, by main threads and by its computing threads.
pub enum Control {
    /// An instance is there.
    Enter { id: u64, hatch: Hatch, shared: Arc<Shared> },
    /// An instance chose a pack (`None`: one that cannot be found), known by the number `stamp`.
    Pack { id: u64, stamp: u32, source: Option<PackSource> },
    /// An instance is gone.
    Leave { id: u64 },
    /// Phrases that nobody played are to be answered for an instance's history, one after another, with these
    /// settings each.
    Trail { id: u64, settings: Vec<Settings>, manner: Manner },
    /// An editor was opened.
    Look,
    /// A pack is in memory, or cannot be.
    Loaded { pack: u64, result: Result<(), String> },
    /// A job of an instance is done. The pack may be `broken`: who chooses it from now on has it loaded anew.
    Answered { id: u64, pack: u64, job: Box<Job>, broken: bool },
    /// What an editor shows of a take was found out.
    Looked { pack: u64 },
    /// The thread dies as from a fault of our own: for tests of what the others do then.
    #[cfg(test)]
    Die,
}

/// What a computing thread is told. Each order but [`Order::Forget`] is answered by a [`Control`].
pub enum Order {
    /// Loads a pack, from then on known by its number.
    Load { pack: u64, source: PackSource },
    /// Answers the job of an instance that chose the pack as its number `stamp`, after what is known
    /// `around` it.
    Answer { id: u64, pack: u64, shared: Arc<Shared>, stamp: u32, job: Box<Job>, around: Box<Around> },
    /// Finds out what an open editor is to show of a take.
    Look { pack: u64, shared: Arc<Shared>, take: Arc<Take> },
    /// Answers phrases that nobody played, for the history.
    Trail { pack: u64, shared: Arc<Shared>, jobs: Vec<Box<Job>>, around: Box<Around> },
    /// No instance has the pack any more.
    Forget { pack: u64 },
}
