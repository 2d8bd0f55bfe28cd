//! Asking for answers, and having them at the line.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Settings;
use phrase::Phrase;

use super::capture::settle;
use crate::shared::Shared;
use crate::worker::{Desk, Job, Outcome, Ticket};

/// How long a bounce waits for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Jobs that stay at hand for the closing while the phrase is asked for ahead of it.
const RESERVE: usize = 2;

/// An answer that is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Wanted {
    ticket: Ticket,
    settings: Settings,
    /// It is at the worker, or back already.
    sent: bool,
}

impl Wanted {
    fn is(&self, job: &Job) -> bool {
        job.ticket == self.ticket && job.settings == self.settings
    }
}

/// The answers of one instance: what is wanted, what was asked for, what has come.
#[derive(Debug)]
pub struct Answers {
    desk: Desk,
    shared: Arc<Shared>,
    /// Changes with every start, stop and jump: answers of another time are dropped.
    generation: u32,
    /// Counts phrases.
    phrase: u32,
    /// What the next line needs.
    wanted: Option<Wanted>,
    /// What was asked for ahead of the closing.
    ahead: Option<Wanted>,
    /// The newest answer to the phrase before the line.
    ready: Option<Box<Job>>,
    /// What the last line needed and did not get.
    late: Option<Wanted>,
    /// It has come since.
    entering: Option<Box<Job>>,
}

impl Answers {
    /// Nothing asked.
    pub fn new(desk: Desk, shared: Arc<Shared>) -> Self {
        let (generation, phrase) = (0, 0);
        let (wanted, ahead, ready, late, entering) = (None, None, None, None, None);
        Self { desk, shared, generation, phrase, wanted, ahead, ready, late, entering }
    }

    /// Whether an answer is wanted for the next line.
    pub fn is_wanted(&self) -> bool {
        self.wanted.is_some()
    }

    /// Whether a late answer has come.
    pub fn is_entering(&self) -> bool {
        self.entering.is_some()
    }

    /// Takes a job back for later use.
    pub fn keep(&mut self, job: Option<Box<Job>>) {
        if let Some(job) = job {
            self.desk.keep(job);
        }
    }

    /// Another time begins: nothing that was asked is wanted any more.
    pub fn forget(&mut self) {
        (self.wanted, self.ahead, self.late) = (None, None, None);
        let jobs = [self.ready.take(), self.entering.take()];
        jobs.into_iter().for_each(|job| self.keep(job));
        self.generation = self.generation.wrapping_add(1);
    }

    /// Asks for the phrase as it stands, which `fill` writes, unless that was done.
    pub fn ask_ahead(&mut self, revision: u32, settings: Settings, fill: impl FnOnce(&mut Phrase)) {
        let wanted = Wanted { ticket: self.ticket(revision), settings, sent: true };
        if self.ahead != Some(wanted) && self.can_ask() && self.desk.idle() > RESERVE {
            self.ahead = Some(wanted);
            self.ask(wanted, fill);
        }
    }

    /// The phrase has closed, in the state of `revision`: its answer is wanted, unless there is nothing to answer.
    pub fn close(&mut self, revision: u32, settings: Settings, closed: &Phrase) {
        (self.ahead, self.late) = (None, None);
        let entering = self.entering.take();
        self.keep(entering);
        let wanted = Wanted { ticket: self.ticket(revision), settings, sent: false };
        self.wanted = (!closed.is_empty() && self.can_ask()).then_some(wanted);
        match self.ready.take() {
            Some(job) if self.wanted.is_some_and(|wanted| wanted.is(&job)) => {
                self.wanted = Some(Wanted { sent: true, ..wanted });
                self.ready = Some(job);
            }
            other => self.keep(other),
        }
    }

    /// The line is reached: the answer to the phrase `closed`, or `None` where the phrase itself is to be played.
    pub fn take(&mut self, closed: &Phrase) -> Option<Box<Job>> {
        self.phrase = self.phrase.wrapping_add(1);
        match (self.wanted.take(), self.ready.take()) {
            (Some(wanted), Some(mut job)) if wanted.is(&job) => {
                settle(&mut job.answer, &job.input, closed);
                Some(job)
            }
            (wanted, other) => {
                self.keep(other);
                if wanted.is_some() && self.can_ask() {
                    self.shared.meters.count_late();
                    self.late = wanted;
                }
                None
            }
        }
    }

    /// The late answer that has come, to the phrase `dry`.
    pub fn take_late(&mut self, dry: &Phrase) -> Option<Box<Job>> {
        self.late = None;
        let mut job = self.entering.take()?;
        settle(&mut job.answer, &job.input, dry);
        Some(job)
    }

    /// Sends what is wanted and could not be sent yet, or was sent to another pack: the phrase that has `closed`, and
    /// the one that is played `dry` for want of an answer.
    pub fn tend(&mut self, closed: &Phrase, dry: &Phrase) {
        let can_ask = self.can_ask();
        self.wanted = self.wanted.filter(|_| can_ask).map(|wanted| self.sent(wanted, closed));
        self.late = self.late.filter(|_| can_ask).map(|wanted| self.sent(wanted, dry));
    }

    /// Takes back what the worker has answered, and keeps what is still wanted.
    pub fn collect(&mut self) {
        while let Some(job) = self.desk.hear() {
            let current = job.ticket.generation == self.generation && job.ticket.pack == self.shared.stamp();
            let is_late = self.late.is_some_and(|late| late.is(&job));
            let spare = match job.outcome {
                Outcome::Superseded => Some(job),
                _ if !current => Some(job),
                Outcome::NoNetwork => {
                    self.wanted = self.wanted.filter(|wanted| !wanted.is(&job));
                    self.late = self.late.filter(|late| !late.is(&job));
                    Some(job)
                }
                Outcome::Answered(_) if is_late => self.entering.replace(job),
                Outcome::Answered(_) => match self.wanted {
                    Some(wanted) if wanted.is(&job) => self.ready.replace(job),
                    None if job.ticket.phrase == self.phrase => self.ready.replace(job),
                    _ => Some(job),
                },
            };
            self.keep(spare);
        }
    }

    /// A bounce waits for what is wanted, and for a pack that is still loading; see [`Answers::tend`]. Bounded.
    pub fn wait(&mut self, closed: &Phrase, dry: &Phrase) {
        let begun = Instant::now();
        let mut turns = 0u32;
        while let Some(wanted) = self.wanted
            && !self.ready.as_ref().is_some_and(|job| wanted.is(job))
        {
            if begun.elapsed() > PATIENCE {
                self.shared.meters.count_timeout();
                return;
            }
            // An answer takes milliseconds: the first moments without sleep, then without burning the core.
            if turns < 16 {
                std::thread::yield_now();
            } else {
                std::thread::sleep(Duration::from_micros(100));
            }
            turns += 1;
            self.tend(closed, dry);
            self.collect();
        }
    }

    fn can_ask(&self) -> bool {
        !self.shared.is_dry() && self.desk.is_alive()
    }

    /// What a job about the phrase before the line, in the state of `revision`, is about.
    fn ticket(&self, revision: u32) -> Ticket {
        Ticket { generation: self.generation, phrase: self.phrase, revision, pack: self.shared.stamp() }
    }

    fn sent(&mut self, mut wanted: Wanted, phrase: &Phrase) -> Wanted {
        let pack = self.shared.stamp();
        if wanted.ticket.pack != pack {
            wanted.ticket.pack = pack;
            wanted.sent = false;
        }
        wanted.sent = wanted.sent || self.ask(wanted, |input| input.clone_from(phrase));
        wanted
    }

    fn ask(&mut self, wanted: Wanted, fill: impl FnOnce(&mut Phrase)) -> bool {
        self.desk.ask(|job| {
            (job.ticket, job.settings) = (wanted.ticket, wanted.settings);
            fill(&mut job.input);
        })
    }

    /// How many jobs are neither at the worker nor in use.
    #[cfg(test)]
    pub fn idle(&self) -> usize {
        self.desk.idle()
    }
}
