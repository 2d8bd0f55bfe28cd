//! The worker's loop: takes jobs from all instances, answers them one at a time.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arrayvec::ArrayVec;
use crossbeam_channel::Receiver;
use model::{Cells, Settings};
use phrase::Phrase;
use rtrb::{Consumer, Producer};

use super::JOBS;
use super::analyse::analyse;
use super::cache::Cache;
use super::engine::{Engine, Network, Source};
use super::job::{Errand, Job, Outcome};
use crate::frozen::Frozen;
use crate::shared::Shared;

/// What the main thread tells the worker.
pub(super) enum Control {
    /// An instance is there.
    Enter { id: u64, jobs: Consumer<Box<Job>>, answers: Producer<Box<Job>>, shared: Arc<Shared> },
    /// An instance chose a pack (`None`: one that cannot be found), known by the number `stamp`.
    Pack { id: u64, stamp: u32, source: Option<Source> },
    /// An instance is gone.
    Leave { id: u64 },
    /// An editor was opened.
    Look,
    /// The thread dies as from a fault of our own: for tests of what the others do then.
    #[cfg(test)]
    Die,
}

/// A pack in memory, shared by the instances that chose it.
struct Loaded {
    /// For the cache.
    number: u64,
    source: Source,
    network: RefCell<Box<dyn Network>>,
    /// Why nothing it would say is to be trusted: it panicked once.
    broken: RefCell<Option<String>>,
}

struct Instance {
    id: u64,
    jobs: Consumer<Box<Job>>,
    answers: Producer<Box<Job>>,
    shared: Arc<Shared>,
    stamp: u32,
    pack: Option<Rc<Loaded>>,
    /// The jobs that were not begun, the oldest first: of each phrase the newest.
    waiting: ArrayVec<Box<Job>, JOBS>,
}

impl Instance {
    fn answer(&mut self, mut job: Box<Job>, outcome: Outcome) {
        job.outcome = outcome;
        // The ring has room for every job that there is. Where the audio side is gone, the job is freed here.
        let _ = self.answers.push(job);
    }

    /// Takes in what was asked since; a newer state of a phrase, or another time, takes the place of what waits.
    fn collect(&mut self) {
        while let Ok(job) = self.jobs.pop() {
            let stays = |old: &Job| {
                let (old, new) = ((old.errand, old.ticket), (job.errand, job.ticket));
                old.0 != Errand::Answer
                    || new.0 != Errand::Answer
                    || old.1.generation == new.1.generation && old.1.phrase != new.1.phrase
            };
            while let Some(index) = self.waiting.iter().position(|old| !stays(old)) {
                let old = self.waiting.remove(index);
                self.answer(old, Outcome::Superseded);
            }
            // An instance has no more jobs than there is room for.
            self.waiting.push(job);
        }
    }
}

pub(super) struct Run {
    engine: Box<dyn Engine>,
    control: Receiver<Control>,
    instances: Vec<Instance>,
    /// Whose turn it is, so that none starves.
    turn: usize,
    loaded: Vec<Weak<Loaded>>,
    numbers: u64,
    cache: Cache,
}

impl Run {
    pub(super) fn new(engine: Box<dyn Engine>, control: Receiver<Control>) -> Self {
        Self {
            engine,
            control,
            instances: Vec::new(),
            turn: 0,
            loaded: Vec::new(),
            numbers: 0,
            cache: Cache::default(),
        }
    }

    /// Works until `quit`. Sleeps without a timeout while there is nothing to do: who sends also unparks.
    pub(super) fn until(&mut self, quit: &AtomicBool) {
        while !quit.load(Ordering::Acquire) {
            if !self.step() {
                std::thread::park();
            }
        }
    }

    /// Does what is to be done next; false where there was nothing.
    fn step(&mut self) -> bool {
        // Orders after jobs: who asks for a pack has ordered it before, so that no job is met without its order.
        self.instances.iter_mut().for_each(Instance::collect);
        let mut told = false;
        while let Ok(control) = self.control.try_recv() {
            self.obey(control);
            told = true;
        }
        let count = self.instances.len();
        let next =
            (0..count).map(|i| (self.turn + i) % count).find(|&i| !self.instances[i].waiting.is_empty());
        // An instance that has come just now may have asked already.
        let Some(index) = next else { return told || self.look() };
        self.turn = index + 1;
        let instance = &mut self.instances[index];
        if let Some(mut job) = instance.waiting.pop_at(0) {
            let outcome = match job.errand {
                Errand::Answer => work(instance, &mut job, &mut self.cache),
                _ => run_errand(&instance.shared, &mut job),
            };
            if let Outcome::Answered(_) = outcome {
                job.perform();
            }
            instance.answer(job, outcome);
        }
        true
    }

    /// Finds out what an open editor is to show of one take; false where nothing is left to be found out.
    fn look(&mut self) -> bool {
        self.instances.iter().filter(|instance| instance.shared.is_watched()).any(|instance| {
            let Some(pack) = instance.pack.as_ref().filter(|pack| pack.broken.borrow().is_none()) else {
                return false;
            };
            let Some(take) = instance.shared.history().unknown(instance.stamp) else { return false };
            let known = catch_unwind(AssertUnwindSafe(|| analyse(&mut **pack.network.borrow_mut(), &take)));
            instance.shared.history().know(&take, known.unwrap_or_default());
            instance.shared.wake();
            true
        })
    }

    fn obey(&mut self, control: Control) {
        match control {
            Control::Enter { id, jobs, answers, shared } => {
                self.instances.push(Instance {
                    id,
                    jobs,
                    answers,
                    shared,
                    stamp: 0,
                    pack: None,
                    waiting: ArrayVec::new(),
                });
            }
            Control::Leave { id } => {
                self.instances.retain(|instance| instance.id != id);
                self.sweep();
            }
            Control::Pack { id, stamp, source } => {
                let Some(index) = self.instances.iter().position(|instance| instance.id == id) else {
                    return;
                };
                let loaded = source.map(|source| self.load(source));
                let instance = &mut self.instances[index];
                instance.stamp = stamp;
                match loaded {
                    None => instance.pack = None,
                    Some(Ok(pack)) => {
                        instance.pack = Some(pack);
                        instance.shared.pack_is_ready(stamp);
                    }
                    Some(Err(error)) => {
                        instance.pack = None;
                        instance.shared.pack_failed(stamp, error);
                    }
                }
                self.sweep();
            }
            Control::Look => {}
            #[cfg(test)]
            Control::Die => panic!("the worker was told to die"),
        }
    }

    /// The pack from memory where an instance has it already.
    fn load(&mut self, source: Source) -> Result<Rc<Loaded>, String> {
        let mut known = self.loaded.iter().filter_map(Weak::upgrade);
        if let Some(loaded) = known.find(|loaded| loaded.source == source && loaded.broken.borrow().is_none())
        {
            return Ok(loaded);
        }
        let engine = &mut self.engine;
        let network = catch_unwind(AssertUnwindSafe(|| engine.load(&source)))
            .unwrap_or_else(|panic| Err(why(&*panic)))?;
        self.numbers += 1;
        let loaded = Rc::new(Loaded {
            number: self.numbers,
            source,
            network: RefCell::new(network),
            broken: RefCell::new(None),
        });
        self.loaded.push(Rc::downgrade(&loaded));
        Ok(loaded)
    }

    /// Forgets packs that no instance has any more.
    fn sweep(&mut self) {
        let gone: Vec<_> =
            self.loaded.iter().filter(|pack| pack.strong_count() == 0).map(Weak::as_ptr).collect();
        if !gone.is_empty() {
            self.loaded.retain(|pack| pack.strong_count() > 0);
            let alive: Vec<_> =
                self.loaded.iter().filter_map(Weak::upgrade).map(|pack| pack.number).collect();
            (1..=self.numbers)
                .filter(|number| !alive.contains(number))
                .for_each(|number| self.cache.forget(number));
        }
    }
}

/// Keeps, forgets or brings an instance's frozen phrase.
fn run_errand(shared: &Shared, job: &mut Job) -> Outcome {
    match job.errand {
        Errand::Freeze => shared.freeze(Some(Frozen::new(&job.answer, job.settings.first, job.length))),
        Errand::Thaw => shared.freeze(None),
        Errand::Fetch => match shared.frozen() {
            Some(frozen) => {
                (job.settings.first, job.length) = (frozen.first(), frozen.length());
                frozen.write(&mut job.answer);
            }
            None => return Outcome::Superseded,
        },
        Errand::Remember => {
            shared.history().remember(job, &shared.pack().genres);
            shared.wake();
        }
        Errand::Answer => {}
    }
    Outcome::Done
}

/// Answers a job from the cache or by the network.
fn work(instance: &Instance, job: &mut Job, cache: &mut Cache) -> Outcome {
    if job.ticket.pack != instance.stamp {
        return Outcome::Superseded;
    }
    let Some(pack) = &instance.pack else { return Outcome::NoNetwork };
    if let Some(reason) = &*pack.broken.borrow() {
        // It broke down in another instance's hands.
        instance.shared.pack_failed(instance.stamp, reason.clone());
        return Outcome::NoNetwork;
    }
    let Job { input, settings, manner, cells, answer, .. } = job;
    let position = input.position;
    if manner.locked {
        // Chance looks at nothing but the seed and the cell then.
        input.position = 0;
    }
    let outcome = ask(instance, pack, cache, input, settings, cells, answer);
    (input.position, answer.position) = (position, position);
    outcome
}

/// The answer of a pack, from the cache or by its network.
fn ask(
    instance: &Instance,
    pack: &Loaded,
    cache: &mut Cache,
    input: &Phrase,
    settings: &Settings,
    cells: &mut Cells,
    answer: &mut Phrase,
) -> Outcome {
    if let Some(report) = cache.get(pack.number, input, settings, cells, answer) {
        return Outcome::Answered(report);
    }
    let begun = Instant::now();
    answer.clear(input.position, input.tempo);
    let attempt =
        catch_unwind(AssertUnwindSafe(|| pack.network.borrow_mut().answer(input, settings, cells, answer)));
    let result = attempt.unwrap_or_else(|panic| {
        let reason = why(&*panic);
        pack.broken.replace(Some(reason.clone()));
        Err(reason)
    });
    match result {
        Ok(report) => {
            instance.shared.meters.answered(begun.elapsed(), report.source);
            cache.put(pack.number, input, settings, (cells, answer), report);
            Outcome::Answered(report)
        }
        Err(error) => {
            instance.shared.pack_failed(instance.stamp, error);
            Outcome::NoNetwork
        }
    }
}

/// A panic's message as a sentence.
fn why(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text =
        text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given");
    format!("the pack's network broke down ({text}); choose another pack or load the plugin anew")
}
