//! The worker: one thread for the process, which owns the networks and answers the phrases of all instances.
//!
//! Audio threads talk to it through a ring each way per instance and wake it by [`std::thread::Thread::unpark`], which
//! neither allocates nor locks. The main threads talk to it through a channel. It starts with the first instance and
//! is joined when the last one goes, so that nothing of ours runs when a host unloads the library.

mod analyse;
mod cache;
#[cfg(test)]
mod death;
mod engine;
#[cfg(test)]
pub(crate) mod fake;
mod job;
mod run;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{JoinHandle, Thread};

use crossbeam_channel::{Sender, unbounded};
use rtrb::{Consumer, Producer, RingBuffer};

pub use engine::{Engine, Packs, Processor, Source};
pub use job::{Errand, Job, Manner, Outcome, Terms, Ticket};

use crate::shared::Shared;
use run::{Control, Run};

/// Jobs an instance has: one that is played, some that wait to be, and some on their way.
pub const JOBS: usize = 8;

/// The thread, for as long as anyone holds it.
#[derive(Debug)]
pub struct Worker {
    control: Sender<Control>,
    thread: Thread,
    join: Mutex<Option<JoinHandle<()>>>,
    quit: Arc<AtomicBool>,
    alive: Arc<AtomicBool>,
    ids: AtomicU64,
}

/// The process's worker, if one is at work.
static SHARED: Mutex<Weak<Worker>> = Mutex::new(Weak::new());

impl Worker {
    /// The worker that all instances of this process share; started where there is none, or only one that has died.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub fn shared() -> std::io::Result<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = shared.upgrade().filter(|worker| worker.alive.load(Ordering::Acquire)) {
            return Ok(worker);
        }
        let worker = Self::start(Box::new(Packs))?;
        *shared = Arc::downgrade(&worker);
        Ok(worker)
    }

    /// A worker with an engine of its own.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub fn start(engine: Box<dyn Engine>) -> std::io::Result<Arc<Self>> {
        let (control, orders) = unbounded();
        let (quit, alive) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(true)));
        let (stop, life) = (quit.clone(), Life(alive.clone()));
        let join = std::thread::Builder::new().name("contrafact".into()).spawn(move || {
            let _life = life;
            Run::new(engine, orders).until(&stop);
        })?;
        let thread = join.thread().clone();
        Ok(Arc::new(Self {
            control,
            thread,
            join: Mutex::new(Some(join)),
            quit,
            alive,
            ids: AtomicU64::new(1),
        }))
    }

    /// A place for an instance: the end for its audio thread and the end for its main thread. Allocates all jobs.
    pub fn enter(self: &Arc<Self>, shared: Arc<Shared>) -> (Desk, Seat) {
        let (ask, jobs) = RingBuffer::new(JOBS);
        let (answers, hear) = RingBuffer::new(JOBS);
        let seat = Seat { id: self.ids.fetch_add(1, Ordering::Relaxed), worker: self.clone() };
        seat.tell(Control::Enter { id: seat.id, jobs, answers, shared });
        let line = Line { ask, hear, thread: self.thread.clone(), alive: self.alive.clone() };
        (Desk { line: Some(line), idle: std::iter::repeat_with(Job::new).take(JOBS).collect() }, seat)
    }

    #[cfg(test)]
    pub(crate) fn die(&self) {
        let _ = self.control.send(Control::Die);
        self.thread.unpark();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.quit.store(true, Ordering::Release);
        self.thread.unpark();
        if let Some(join) = self.join.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            // A worker that died of a panic has said so already.
            let _ = join.join();
        }
    }
}

/// Says that the thread has ended, however it ended.
struct Life(Arc<AtomicBool>);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// An instance's place at the worker, on the main thread. Dropping it takes the instance's jobs away.
#[derive(Debug)]
pub struct Seat {
    id: u64,
    worker: Arc<Worker>,
}

impl Seat {
    /// Has jobs with the pack number `stamp` answered by the pack from `source`; by none where there is none.
    pub fn choose(&self, stamp: u32, source: Option<Source>) {
        self.tell(Control::Pack { id: self.id, stamp, source });
    }

    /// Whether the worker is at work.
    pub fn is_alive(&self) -> bool {
        self.worker.alive.load(Ordering::Acquire)
    }

    /// An editor was opened: what it shows of the last takes is to be found out.
    pub fn look(&self) {
        self.tell(Control::Look);
    }

    fn tell(&self, control: Control) {
        // Fails only where the worker has died, which `is_alive` says.
        let _ = self.worker.control.send(control);
        self.worker.thread.unpark();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.tell(Control::Leave { id: self.id });
    }
}

#[derive(Debug)]
struct Line {
    ask: Producer<Box<Job>>,
    hear: Consumer<Box<Job>>,
    thread: Thread,
    alive: Arc<AtomicBool>,
}

/// An instance's place at the worker, on the audio thread. Nothing here allocates, locks or waits.
#[derive(Debug)]
pub struct Desk {
    /// Missing where no worker could be started.
    line: Option<Line>,
    idle: arrayvec::ArrayVec<Box<Job>, JOBS>,
}

impl Desk {
    /// A desk without a worker: every phrase is played as it is.
    pub fn alone() -> Self {
        Self { line: None, idle: arrayvec::ArrayVec::new() }
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
                line.thread.unpark();
                true
            }
            Err(rtrb::PushError::Full(job)) => {
                self.idle.push(job);
                false
            }
        }
    }

    /// The next job that came back.
    pub fn hear(&mut self) -> Option<Box<Job>> {
        self.line.as_mut()?.hear.pop().ok()
    }

    /// Takes a job back for later use.
    pub fn keep(&mut self, job: Box<Job>) {
        // There are never more jobs than places.
        self.idle.push(job);
    }
}
