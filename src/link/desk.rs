//! An instance's place at the worker, on the audio thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrayvec::ArrayVec;
use rtrb::{Consumer, Producer, PushError, RingBuffer};

use super::bell::Bell;
use super::job::{Errand, Job, Outcome};

/// Jobs an instance has: one that is played, some that wait to be, and some on their way.
pub const JOBS: usize = 8;

#[derive(Debug)]
struct Line {
    ask: Producer<Box<Job>>,
    answers: Consumer<Box<Job>>,
    bell: Arc<Bell>,
    alive: Arc<AtomicBool>,
}

/// The worker's ends of an instance's rings: what is asked, and where the answers go.
#[derive(Debug)]
pub struct Hatch {
    /// What is asked.
    pub jobs: Consumer<Box<Job>>,
    /// Room for every job that there is.
    pub answers: Producer<Box<Job>>,
}

/// An instance's place at the worker, on the audio thread. Nothing here allocates, locks or waits.
#[derive(Debug)]
pub struct Desk {
    /// Missing where no worker could be started.
    line: Option<Line>,
    idle: ArrayVec<Box<Job>, JOBS>,
}

impl Desk {
    /// A desk without a worker: every phrase is played as it is.
    pub fn alone() -> Self {
        Self { line: None, idle: ArrayVec::new() }
    }

    /// A desk, and the worker's ends of its rings. Allocates all jobs. `alive` says whether there is a worker
    /// that will answer.
    pub fn new(bell: Arc<Bell>, alive: Arc<AtomicBool>) -> (Self, Hatch) {
        let (ask, jobs) = RingBuffer::new(JOBS);
        let (answer, answers) = RingBuffer::new(JOBS);
        let line = Line { ask, answers, bell, alive };
        let idle = std::iter::repeat_with(Job::new).take(JOBS).collect();
        (Self { line: Some(line), idle }, Hatch { jobs, answers: answer })
    }

    /// Whether there is a worker to ask.
    pub fn is_alive(&self) -> bool {
        self.line.as_ref().is_some_and(|line| line.alive.load(Ordering::Acquire))
    }

    /// How many jobs could be sent now.
    pub fn idle(&self) -> usize {
        self.idle.len()
    }

    /// Sends a job that `fill` has prepared; false where none is idle.
    pub fn ask(&mut self, fill: impl FnOnce(&mut Job)) -> bool {
        let Some(line) = &mut self.line else { return false };
        let Some(mut job) = self.idle.pop() else { return false };
        (job.errand, job.outcome) = (Errand::default(), Outcome::default());
        fill(&mut job);
        match line.ask.push(job) {
            Ok(()) => {
                line.bell.ring();
                true
            }
            Err(PushError::Full(job)) => {
                self.idle.push(job);
                false
            }
        }
    }

    /// The next job that came back.
    pub fn next(&mut self) -> Option<Box<Job>> {
        self.line.as_mut()?.answers.pop().ok()
    }

    /// Takes a job back for later use.
    pub fn keep(&mut self, job: Box<Job>) {
        // There are never more jobs than places.
        self.idle.push(job);
    }
}
