//! What travels between an audio thread and the worker.

use model::{Report, Settings};
use phrase::Phrase;

/// Which state of which phrase a job is about. Answers to anything else than what is wanted now are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticket {
    /// Changes with every start, stop and jump.
    pub generation: u32,
    /// Counts the phrases.
    pub phrase: u32,
    /// Changes with every note of the phrase.
    pub revision: u32,
    /// Which pack was chosen: its number in [`crate::shared::Shared::stamp`].
    pub pack: u32,
}

/// What became of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Outcome {
    /// Nothing yet, or a newer job of the same instance came first.
    #[default]
    Superseded,
    /// `answer` holds the answer.
    Answered(Report),
    /// There is no network that could answer: the phrase is played as it is.
    NoNetwork,
}

/// A phrase to be answered, and room for the answer. Allocated once, then it goes back and forth: the audio thread
/// neither allocates nor frees. About 50 KiB.
#[derive(Debug)]
pub struct Job {
    /// What it is about.
    pub ticket: Ticket,
    /// What is asked for.
    pub settings: Settings,
    /// The phrase as it was played.
    pub input: Phrase,
    /// The answer, where the outcome says so.
    pub answer: Phrase,
    /// What became of it.
    pub outcome: Outcome,
}

impl Job {
    /// An idle job.
    pub fn new() -> Box<Self> {
        let (input, answer) = (Phrase::new(0, 120.0), Phrase::new(0, 120.0));
        Box::new(Self {
            ticket: Ticket::default(),
            settings: Settings::to(0),
            input,
            answer,
            outcome: Outcome::default(),
        })
    }
}
