//! Asking for answers, and having them at the line.
//!
//! Answers are recognised by their ticket: after a jump, a stop or a change of pack, old ones are thrown
//! away. A late one enters at the next beat, and until then the fallback plays.
//!
//! *Dry* means the phrase itself, one phrase later: for a late answer, a missing pack, a dead worker. That
//! keeps one time base, so that nothing doubles or jumps when the network comes and goes. Only bypass is
//! immediate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Settings;
use phrase::Phrase;

use crate::link::{Desk, Errand, Job, Manner, Outcome, Shared, Terms, Ticket};

/// How long a bounce waits for one answer.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Jobs that stay at hand for closings while a phrase is asked for ahead of its own.
const RESERVE: usize = 2;

/// An answer that is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Wanted {
    ticket: Ticket,
    settings: Settings,
    manner: Manner,
    /// It is at the worker, or back already.
    sent: bool,
}

impl Wanted {
    fn is(&self, job: &Job) -> bool {
        job.ticket == self.ticket && job.settings == self.settings && job.manner == self.manner
    }
}

/// What is wanted for a phrase, and what has come of it.
#[derive(Debug, Default)]
struct Question {
    wanted: Option<Wanted>,
    /// The newest answer.
    ready: Option<Box<Job>>,
}

impl Question {
    fn is_open(&self) -> bool {
        self.wanted.is_some_and(|wanted| !self.ready.as_ref().is_some_and(|job| wanted.is(job)))
    }
}

/// A bounce's waiting, bounded.
struct Wait {
    begun: Instant,
    patience: Duration,
    turns: u32,
}

impl Wait {
    fn new(patience: Duration) -> Self {
        Self { begun: Instant::now(), patience, turns: 0 }
    }

    /// Waits a little; false where patience has run out.
    fn turn(&mut self) -> bool {
        if self.begun.elapsed() >= self.patience {
            return false;
        }
        // An answer takes milliseconds: the first moments without sleep, then without burning the core.
        if self.turns < 16 {
            std::thread::yield_now();
        } else {
            std::thread::sleep(Duration::from_micros(100));
        }
        self.turns += 1;
        true
    }
}

/// What there is to play at an entry.
#[derive(Debug)]
pub enum Found {
    /// The answer.
    Answer(Box<Job>),
    /// Nothing yet, and it may still come.
    Late,
    /// There is none, nor will there be: the phrase itself is played.
    Nothing,
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
    terms: Terms,
    /// The phrase before the line.
    next: Question,
    /// What was asked for ahead of its closing.
    ahead: Option<Wanted>,
    /// The phrase that is behind its line and has not entered yet.
    pending: Question,
    /// What the last entry needed and did not get.
    late: Option<Wanted>,
    /// It has come since.
    entering: Option<Box<Job>>,
    /// A frozen phrase that was fetched.
    fetched: Option<Box<Job>>,
    fetching: bool,
}

impl Answers {
    /// Nothing asked.
    pub fn new(desk: Desk, shared: Arc<Shared>) -> Self {
        let (next, pending) = (Question::default(), Question::default());
        let (ahead, late, entering, fetched) = (None, None, None, None);
        Self {
            desk,
            shared,
            generation: 0,
            phrase: 0,
            terms: Terms::default(),
            next,
            ahead,
            pending,
            late,
            entering,
            fetched,
            fetching: false,
        }
    }

    /// Whether an answer is wanted for the next entry.
    pub fn is_wanted(&self) -> bool {
        self.next.wanted.is_some() || self.pending.wanted.is_some()
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

    /// The terms of what is asked from now on.
    pub fn set_terms(&mut self, terms: Terms) {
        self.terms = terms;
    }

    /// Another time begins: nothing that was asked is wanted any more.
    pub fn forget(&mut self) {
        (self.ahead, self.late) = (None, None);
        let (next, pending) = (std::mem::take(&mut self.next), std::mem::take(&mut self.pending));
        let jobs = [next.ready, pending.ready, self.entering.take()];
        jobs.into_iter().for_each(|job| self.keep(job));
        self.generation = self.generation.wrapping_add(1);
    }

    /// Asks for the phrase as it stands, which `fill` writes, unless that was done.
    pub fn ask_ahead(
        &mut self,
        revision: u32,
        settings: Settings,
        manner: Manner,
        fill: impl FnOnce(&mut Phrase),
    ) {
        let wanted = Wanted { ticket: self.ticket(revision), settings, manner, sent: true };
        if self.ahead != Some(wanted) && self.can_ask() && self.desk.idle() > RESERVE {
            self.ahead = Some(wanted);
            self.ask(wanted, fill);
        }
    }

    /// The phrase has closed, in the state of `revision`: its answer is wanted, unless there is nothing to
    /// answer, and the pack is not to play of its own either.
    pub fn close(
        &mut self,
        revision: u32,
        (settings, manner): (Settings, Manner),
        closed: &Phrase,
        plays_on: bool,
    ) {
        self.ahead = None;
        let wanted = Wanted { ticket: self.ticket(revision), settings, manner, sent: false };
        let asks = !closed.is_empty() || plays_on;
        self.next.wanted = (asks && self.can_ask()).then_some(wanted);
        match self.next.ready.take() {
            Some(job) if self.next.wanted.is_some_and(|wanted| wanted.is(&job)) => {
                self.next.wanted = Some(Wanted { sent: true, ..wanted });
                self.next.ready = Some(job);
            }
            other => self.keep(other),
        }
    }

    /// The line is reached: what comes now belongs to the next phrase.
    pub fn line(&mut self) {
        self.phrase = self.phrase.wrapping_add(1);
        let next = std::mem::take(&mut self.next);
        let before = std::mem::replace(&mut self.pending, next);
        self.keep(before.ready);
    }

    /// The phrase behind the line, `closed`, enters.
    pub fn take(&mut self, closed: &Phrase) -> Found {
        self.late = None;
        let entering = self.entering.take();
        self.keep(entering);
        match std::mem::take(&mut self.pending) {
            Question { wanted: Some(wanted), ready: Some(mut job) } if wanted.is(&job) => {
                job.finish(closed);
                Found::Answer(job)
            }
            Question { wanted, ready } => {
                self.keep(ready);
                if wanted.is_none() || !self.can_ask() {
                    return Found::Nothing;
                }
                self.shared.meters.count_late();
                self.late = wanted;
                Found::Late
            }
        }
    }

    /// The phrase behind the line does not enter: another one is frozen.
    pub fn skip(&mut self) {
        self.late = None;
        let pending = std::mem::take(&mut self.pending);
        let jobs = [pending.ready, self.entering.take()];
        jobs.into_iter().for_each(|job| self.keep(job));
    }

    /// What was found is not played after all.
    pub fn refuse(&mut self, found: Found) {
        self.late = None;
        if let Found::Answer(job) = found {
            self.desk.keep(job);
        }
    }

    /// Sends the worker on an errand, in a job that `fill` prepares; false where that must be tried again.
    pub fn send(&mut self, errand: Errand, fill: impl FnOnce(&mut Job)) -> bool {
        let ticket = self.ticket(0);
        let prepare = |job: &mut Job| {
            (job.errand, job.ticket) = (errand, ticket);
            fill(job);
        };
        let sent = self.desk.is_alive() && self.desk.ask(prepare);
        self.fetching |= sent && errand == Errand::Fetch;
        sent || !self.desk.is_alive()
    }

    /// Whether a frozen phrase is being fetched.
    pub fn is_fetching(&self) -> bool {
        self.fetching && self.desk.is_alive()
    }

    /// Whether a frozen phrase was fetched and not taken yet.
    pub fn has_fetched(&self) -> bool {
        self.fetched.is_some()
    }

    /// The frozen phrase that was fetched.
    pub fn take_fetched(&mut self) -> Option<Box<Job>> {
        self.fetched.take()
    }

    /// Sends an errand, and waits for the frozen phrase where it is being fetched, at most `patience` long.
    /// False where that ran out.
    pub fn await_fetched(
        &mut self,
        errand: &mut Option<Errand>,
        fill: impl Fn(&mut Job),
        patience: Duration,
    ) -> bool {
        let mut wait = None;
        loop {
            if errand.is_some_and(|errand| self.send(errand, &fill)) {
                *errand = None;
            }
            if *errand != Some(Errand::Fetch) && !self.is_fetching() {
                return true;
            }
            if !wait.get_or_insert_with(|| Wait::new(patience)).turn() {
                return false;
            }
            self.collect();
        }
    }

    /// The late answer that has come, to the phrase `closed`.
    pub fn take_late(&mut self, closed: &Phrase) -> Option<Box<Job>> {
        self.late = None;
        let mut job = self.entering.take()?;
        job.finish(closed);
        Some(job)
    }

    /// Sends what is wanted and could not be sent yet, or was sent to another pack: the phrase that `entered`
    /// without its answer, the one that is `pending` behind its line, and the one that has `closed`.
    pub fn tend(&mut self, entered: &Phrase, pending: &Phrase, closed: &Phrase) {
        let can_ask = self.can_ask();
        self.late = self.late.filter(|_| can_ask).map(|wanted| self.sent(wanted, entered));
        self.pending.wanted =
            self.pending.wanted.filter(|_| can_ask).map(|wanted| self.sent(wanted, pending));
        self.next.wanted = self.next.wanted.filter(|_| can_ask).map(|wanted| self.sent(wanted, closed));
    }

    /// Takes back what the worker has answered, and keeps what is still wanted.
    pub fn collect(&mut self) {
        while let Some(job) = self.desk.next() {
            let current = job.ticket.generation == self.generation && job.ticket.pack == self.shared.stamp();
            let is = |wanted: &Option<Wanted>| wanted.is_some_and(|wanted| wanted.is(&job));
            self.fetching &= job.errand != Errand::Fetch;
            let spare = match job.outcome {
                Outcome::Done if job.errand == Errand::Fetch => self.fetched.replace(job),
                Outcome::Superseded if job.errand == Errand::Fetch => {
                    // It was thawed again meanwhile.
                    self.shared.bring(self.shared.loaded());
                    Some(job)
                }
                Outcome::Superseded | Outcome::Done => Some(job),
                _ if !current => Some(job),
                Outcome::NoNetwork => {
                    for wanted in [&mut self.late, &mut self.pending.wanted, &mut self.next.wanted] {
                        *wanted = wanted.filter(|wanted| !wanted.is(&job));
                    }
                    Some(job)
                }
                Outcome::Answered(_) if is(&self.late) => self.entering.replace(job),
                Outcome::Answered(_) if is(&self.pending.wanted) => self.pending.ready.replace(job),
                Outcome::Answered(_) if is(&self.next.wanted) => self.next.ready.replace(job),
                Outcome::Answered(_) if self.next.wanted.is_none() && job.ticket.phrase == self.phrase => {
                    self.next.ready.replace(job)
                }
                Outcome::Answered(_) => Some(job),
            };
            self.keep(spare);
        }
    }

    /// Waits for what the next entry needs, and for a pack that is still loading, at most `patience` long;
    /// see [`Answers::tend`]. False where that ran out.
    pub fn wait(&mut self, patience: Duration, entered: &Phrase, pending: &Phrase, closed: &Phrase) -> bool {
        let mut wait = Wait::new(patience);
        while self.pending.is_open() {
            if !wait.turn() {
                return false;
            }
            self.tend(entered, pending, closed);
            self.collect();
        }
        true
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
        let terms = self.terms;
        self.desk.ask(|job| {
            (job.ticket, job.settings, job.manner) = (wanted.ticket, wanted.settings, wanted.manner);
            job.terms = terms;
            fill(&mut job.input);
        })
    }

    /// How many jobs are neither at the worker nor in use.
    #[cfg(test)]
    pub fn idle(&self) -> usize {
        self.desk.idle()
    }
}
