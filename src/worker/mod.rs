//! The worker: a thread that takes the phrases of all instances, and a few that compute their answers, a pack
//! each.
//!
//! Audio threads talk to the worker through a ring each way per instance and wake it by
//! [`std::thread::Thread::unpark`], which neither allocates nor locks. The main threads talk to it through a
//! channel. It hands each phrase to the computing thread of its pack ([`compute`]), so that a slow pack
//! delays only who chose it. All of them start with the first instance that needs them and are joined when
//! the last one goes, so that nothing of ours runs when a host unloads the library.
//!
//! The worker computes nothing and runs the small errands (freeze, remember) itself. Whatever panics costs
//! one phrase, which is played as it is; should the thread die all the same, its successor goes on with the
//! same instances and packs, eight times at most.

mod analyse;
mod around;
mod cache;
mod chain;
mod compute;
#[cfg(test)]
mod death;
mod engine;
mod errands;
#[cfg(test)]
pub(crate) mod fake;
mod messages;
mod run;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, unbounded};
use model::Settings;

pub use engine::{Engine, PackSource, Packs};

use crate::link::{Bell, Desk, LIVES, Manner, Shared};
use messages::Control;
use run::Run;

/// The thread, for as long as anyone holds it.
pub struct Worker {
    control: Sender<Control>,
    core: Arc<Core>,
    ids: AtomicU64,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("alive", &self.core.alive).finish_non_exhaustive()
    }
}

/// What outlives a thread that dies: the next one goes on with it.
struct Core {
    bell: Arc<Bell>,
    quit: AtomicBool,
    alive: Arc<AtomicBool>,
    /// How many threads there have been.
    lives: AtomicUsize,
    /// All of them.
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// What the worker does and has; held by the thread that is at work.
    run: Mutex<Run>,
}

/// The process's worker, if one is at work.
static SHARED: Mutex<Weak<Worker>> = Mutex::new(Weak::new());

impl Worker {
    /// The worker that all instances of this process share; started where there is none, or only one that has
    /// died for good.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub fn shared() -> std::io::Result<Arc<Self>> {
        let mut shared = lock(&SHARED);
        if let Some(worker) = shared.upgrade().filter(|worker| worker.is_alive()) {
            return Ok(worker);
        }
        let worker = Self::start(Arc::new(Packs))?;
        *shared = Arc::downgrade(&worker);
        Ok(worker)
    }

    /// A worker with an engine of its own.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub fn start(engine: Arc<dyn Engine>) -> std::io::Result<Arc<Self>> {
        let (control, orders) = unbounded();
        let bell = Arc::<Bell>::default();
        let run = Run::new(engine, (control.clone(), orders), bell.clone());
        let core = Arc::new(Core {
            bell,
            quit: AtomicBool::new(false),
            alive: Arc::new(AtomicBool::new(true)),
            lives: AtomicUsize::new(0),
            threads: Mutex::default(),
            run: Mutex::new(run),
        });
        core.start()?;
        Ok(Arc::new(Self { control, core, ids: AtomicU64::new(1) }))
    }

    /// A place for an instance: the end for its audio thread and the end for its main thread. Allocates all
    /// jobs.
    pub fn enter(self: &Arc<Self>, shared: Arc<Shared>) -> (Desk, Seat) {
        let (desk, hatch) = Desk::new(self.core.bell.clone(), self.core.alive.clone());
        let seat = Seat { id: self.ids.fetch_add(1, Ordering::Relaxed), worker: self.clone() };
        seat.tell(Control::Enter { id: seat.id, hatch, shared });
        (desk, seat)
    }

    fn is_alive(&self) -> bool {
        self.core.alive.load(Ordering::Acquire)
    }

    /// The thread dies; the next one takes over.
    #[cfg(test)]
    pub(crate) fn break_down(&self) {
        let _ = self.control.send(Control::Die);
        self.core.bell.ring();
    }

    /// The thread dies, and there is no other.
    #[cfg(test)]
    pub(crate) fn die(&self) {
        self.core.lives.store(LIVES, Ordering::SeqCst);
        self.break_down();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.core.quit.store(true, Ordering::Release);
        self.core.bell.ring();
        // A thread that dies names its successor before it ends.
        loop {
            let Some(thread) = lock(&self.core.threads).pop() else { break };
            let _ = thread.join();
        }
        lock(&self.core.run).end();
    }
}

impl Core {
    /// Starts the thread that works, the first or the next.
    fn start(self: &Arc<Self>) -> std::io::Result<()> {
        let life = self.lives.fetch_add(1, Ordering::AcqRel);
        if life >= LIVES {
            return Err(std::io::Error::other("the worker has died too often"));
        }
        let core = self.clone();
        let thread = std::thread::Builder::new().name("contrafact".into()).spawn(move || {
            core.bell.take_over(life);
            let life = Life(core);
            lock(&life.0.run).until(&life.0.quit);
        })?;
        lock(&self.threads).push(thread);
        Ok(())
    }
}

/// The end of a thread, however it ends: another takes its place, as long as one is wanted.
struct Life(Arc<Core>);

impl Drop for Life {
    fn drop(&mut self) {
        let core = &self.0;
        if core.quit.load(Ordering::Acquire) || core.start().is_err() {
            core.alive.store(false, Ordering::Release);
        }
    }
}

/// What a panic left behind is whole: each step of the worker puts things back before it does what may fail.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An instance's place at the worker, on the main thread. Dropping it takes the instance's jobs away.
#[derive(Debug)]
pub struct Seat {
    id: u64,
    worker: Arc<Worker>,
}

impl Seat {
    /// Has jobs with the pack number `stamp` answered by the pack from `source`; by none where there is none.
    pub fn choose(&self, stamp: u32, source: Option<PackSource>) {
        self.tell(Control::Pack { id: self.id, stamp, source });
    }

    /// Whether the worker is at work.
    pub fn is_alive(&self) -> bool {
        self.worker.is_alive()
    }

    /// An editor was opened: what it shows of the last takes is to be found out.
    pub fn look(&self) {
        self.tell(Control::Look);
    }

    /// Phrases that nobody played are answered for the history, one after another, with these settings each.
    pub fn trail(&self, settings: Vec<Settings>, manner: Manner) {
        self.tell(Control::Trail { id: self.id, settings, manner });
    }

    fn tell(&self, control: Control) {
        // Fails only where the worker has died, which `is_alive` says.
        let _ = self.worker.control.send(control);
        self.worker.core.bell.ring();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.tell(Control::Leave { id: self.id });
    }
}
