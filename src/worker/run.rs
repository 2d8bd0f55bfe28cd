//! The worker's loop: takes jobs from all instances, answers them one at a time.
//!
//! Of each phrase the newest state only is answered. Nothing on the inference path calls candle's `matmul`,
//! which would start a pool of threads inside the host. While a window is open and nothing else is to be
//! done, the classifier is asked about the history.
//!
//! The processor is chosen with every answer: a job brings what the user set and its deadline. *Auto* goes to
//! the GPU after three missed deadlines in succession on stage, never in a bounce, and the state remembers it
//! (`docs/gpu.md`).

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use crossbeam_channel::Receiver;
use model::{Report, Settings};
use phrase::{Phrase, Roll};
use rtrb::{Consumer, Producer};

use super::JOBS;
use super::analyse::analyse;
use super::cache::Cache;
use super::engine::{Device, Engine, Network, Processor, Source};
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

/// As many answers in succession must miss their deadline on the CPU before *auto* takes the GPU: the first ones of a pack
/// find cold caches, and one alone says that the machine was busy.
const MISSES: u8 = 3;

/// A pack in memory, shared by the instances that chose it.
struct Loaded {
    /// For the cache.
    number: u64,
    source: Source,
    device: Device,
    /// Answers in succession that took longer than they had, on stage.
    misses: Cell<u8>,
    network: RefCell<Box<dyn Network>>,
    /// Why nothing it would say is to be trusted: it panicked once.
    broken: RefCell<Option<String>>,
}

/// The pack that an instance chose, on each device that computes it.
struct Chosen {
    cpu: Rc<Loaded>,
    /// From the first answer on that is wanted of it.
    gpu: Option<Rc<Loaded>>,
}

struct Instance {
    id: u64,
    jobs: Consumer<Box<Job>>,
    answers: Producer<Box<Job>>,
    shared: Arc<Shared>,
    stamp: u32,
    pack: Option<Chosen>,
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
    /// Why the GPU cannot be used; it is tried once.
    no_gpu: Option<String>,
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
            no_gpu: None,
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
        if let Some(mut job) = self.instances[index].waiting.pop_at(0) {
            let outcome = match job.errand {
                Errand::Answer => self.work(index, &mut job),
                _ => run_errand(&self.instances[index].shared, &mut job),
            };
            if let Outcome::Answered(_) = outcome {
                job.perform();
            }
            self.instances[index].answer(job, outcome);
        }
        true
    }

    /// Answers a job of an instance, on what the user wants to compute it.
    fn work(&mut self, index: usize, job: &mut Job) -> Outcome {
        let instance = &self.instances[index];
        let stamp = instance.stamp;
        if job.ticket.pack != stamp {
            return Outcome::Superseded;
        }
        let Some(cpu) = instance.pack.as_ref().map(|pack| pack.cpu.clone()) else {
            return Outcome::NoNetwork;
        };
        let wants_gpu = match job.terms.processor {
            Processor::Cpu => false,
            Processor::Gpu => true,
            Processor::Auto => instance.shared.needs_gpu(),
        };
        if wants_gpu {
            let tried = self.gpu(index).and_then(|gpu| compute(&gpu, job, &mut self.cache));
            let shared = &self.instances[index].shared;
            match tried {
                Ok((report, took)) => {
                    shared.set_note(stamp, None);
                    return answered(shared, took, report);
                }
                Err(fault) => {
                    shared.set_note(stamp, Some(&format!("The GPU is not used: {fault}; the CPU computes")));
                    self.no_gpu = Some(fault);
                }
            }
        } else {
            instance.shared.set_note(stamp, None);
        }
        match compute(&cpu, job, &mut self.cache) {
            Ok((report, took)) => {
                if job.terms.processor == Processor::Auto && !wants_gpu {
                    self.judge(index, &cpu, took, job.terms.deadline);
                }
                answered(&self.instances[index].shared, took, report)
            }
            Err(fault) => {
                self.instances[index].shared.pack_failed(stamp, fault);
                Outcome::NoNetwork
            }
        }
    }

    /// The instance's pack on the GPU, or why there is none.
    fn gpu(&mut self, index: usize) -> Result<Rc<Loaded>, String> {
        if let Some(fault) = &self.no_gpu {
            return Err(fault.clone());
        }
        let Some(Chosen { cpu, gpu }) = &self.instances[index].pack else {
            return Err("no pack is chosen".into());
        };
        if let Some(gpu) = gpu {
            return Ok(gpu.clone());
        }
        let source = cpu.source.clone();
        let loaded = self.load(source, Device::Gpu)?;
        if let Some(pack) = &mut self.instances[index].pack {
            pack.gpu = Some(loaded.clone());
        }
        Ok(loaded)
    }

    /// Takes the GPU from the next answer on where the pack has missed its deadline on the CPU too often. What comes from the
    /// cache tells nothing, and a bounce has no deadline.
    fn judge(&mut self, index: usize, cpu: &Loaded, took: Option<Duration>, deadline: Option<Duration>) {
        let (Some(took), Some(deadline)) = (took, deadline) else { return };
        let misses = if took > deadline { cpu.misses.get().saturating_add(1) } else { 0 };
        cpu.misses.set(misses);
        if misses < MISSES || self.no_gpu.is_some() {
            return;
        }
        match self.gpu(index) {
            Ok(_) => {
                let instance = &self.instances[index];
                instance.shared.set_needs_gpu(instance.stamp, true);
            }
            Err(fault) => self.no_gpu = Some(fault),
        }
    }

    /// Finds out what an open editor is to show of one take; false where nothing is left to be found out.
    fn look(&mut self) -> bool {
        self.instances.iter().filter(|instance| instance.shared.is_watched()).any(|instance| {
            // The classifier is the same on each device.
            let Some(Chosen { cpu: pack, .. }) = &instance.pack else { return false };
            if pack.broken.borrow().is_some() {
                return false;
            }
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
                let loaded = source.map(|source| self.load(source, Device::Cpu));
                let instance = &mut self.instances[index];
                instance.stamp = stamp;
                match loaded {
                    None => instance.pack = None,
                    Some(Ok(pack)) => {
                        instance.pack = Some(Chosen { cpu: pack, gpu: None });
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
    fn load(&mut self, source: Source, device: Device) -> Result<Rc<Loaded>, String> {
        let mut known = self.loaded.iter().filter_map(Weak::upgrade);
        let is = |loaded: &Rc<Loaded>| {
            loaded.source == source && loaded.device == device && loaded.broken.borrow().is_none()
        };
        if let Some(loaded) = known.find(is) {
            return Ok(loaded);
        }
        let engine = &mut self.engine;
        let network = catch_unwind(AssertUnwindSafe(|| engine.load(&source, device)))
            .unwrap_or_else(|panic| Err(why(&*panic)))?;
        self.numbers += 1;
        let loaded = Rc::new(Loaded {
            number: self.numbers,
            source,
            device,
            misses: Cell::new(0),
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

/// An answer to a job from the cache or by the network, and how long the latter took.
fn compute(pack: &Loaded, job: &mut Job, cache: &mut Cache) -> Result<(Report, Option<Duration>), String> {
    if let Some(reason) = &*pack.broken.borrow() {
        // It broke down in another instance's hands.
        return Err(reason.clone());
    }
    let Job { input, settings, manner, cells, answer, .. } = job;
    let position = input.position;
    if manner.locked {
        // Chance looks at nothing but the seed and the cell then.
        input.position = 0;
    }
    let outcome = ask(pack, cache, input, settings, cells, answer);
    (input.position, answer.position) = (position, position);
    outcome
}

/// The same for a phrase that stands where chance is to see it.
fn ask(
    pack: &Loaded,
    cache: &mut Cache,
    input: &Phrase,
    settings: &Settings,
    cells: &mut Roll,
    answer: &mut Phrase,
) -> Result<(Report, Option<Duration>), String> {
    if let Some(report) = cache.get(pack.number, input, settings, cells, answer) {
        return Ok((report, None));
    }
    let begun = Instant::now();
    answer.clear(input.position, input.tempo);
    let attempt =
        catch_unwind(AssertUnwindSafe(|| pack.network.borrow_mut().answer(input, settings, cells, answer)));
    let report = attempt.unwrap_or_else(|panic| {
        let reason = why(&*panic);
        pack.broken.replace(Some(reason.clone()));
        Err(reason)
    })?;
    let took = begun.elapsed();
    cache.put(pack.number, input, settings, (cells, answer), report);
    Ok((report, Some(took)))
}

fn answered(shared: &Shared, took: Option<Duration>, report: Report) -> Outcome {
    if let Some(took) = took {
        shared.meters.answered(took, report.source);
    }
    Outcome::Answered(report)
}

/// A panic's message as a sentence.
fn why(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text =
        text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given");
    format!("the pack's network broke down ({text}); choose another pack or load the plugin anew")
}
