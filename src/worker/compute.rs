//! A computing thread: loads packs and answers phrases with them, one at a time.
//!
//! The kernels use no thread pool, and nothing here calls candle's `matmul`, which would start one: a
//! computing thread is one core at most.
//!
//! One thread a pack, at most four (more packs share them), ended when no instance has one of its packs,
//! joined by the worker.
//!
//! The processor is chosen with every answer: a job brings what the user set and its deadline. *Auto* goes to
//! the GPU after three missed deadlines in succession on stage, never in a bounce, and the state remembers it
//! (`docs/gpu.md`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use model::{Answer, Report, Settings};
use phrase::Phrase;

use super::analyse::analyse;
use super::around::Around;
use super::cache::Cache;
use super::engine::{Device, Engine, PackSource, Roles};
use super::messages::{Control, Order};
use crate::link::{Bell, Job, Outcome, Processor, Shared, Spare};

/// As many answers in succession must miss their deadline on the CPU before *auto* takes the GPU: the first
/// ones of a pack find cold caches, and one alone says that the machine was busy.
const MISSES: u8 = 3;

/// A computing thread, as the worker sees it. Dropping it lets the thread end once it has done what it was
/// told.
pub struct Computer {
    orders: Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl Computer {
    /// Starts a thread. It answers through `done` and rings then.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub fn start(engine: Arc<dyn Engine>, done: Sender<Control>, bell: Arc<Bell>) -> std::io::Result<Self> {
        let (orders, received) = unbounded();
        let thread = std::thread::Builder::new().name("contrafact-pack".into()).spawn(move || {
            let (packs, cache) = (Vec::new(), Cache::default());
            Compute { engine, packs, cache, spare: Spare::new(), no_gpu: None }
                .until(&received, &done, &bell);
        })?;
        Ok(Self { orders, thread: Some(thread) })
    }

    /// Tells the thread; gives the order back where it has died.
    pub fn tell(&self, order: Order) -> Result<(), Order> {
        self.orders.send(order).map_err(|error| error.0)
    }

    /// Lets the thread end; to be joined.
    pub fn end(mut self) -> Option<JoinHandle<()>> {
        self.thread.take()
    }
}

/// A pack in memory.
struct Loaded {
    number: u64,
    source: PackSource,
    cpu: Box<dyn Roles>,
    /// From the first answer on that is wanted of it.
    gpu: Option<Box<dyn Roles>>,
    /// Answers in succession that took longer than they had, on stage.
    misses: u8,
    /// Why nothing it would say is to be trusted: it panicked once.
    broken: Option<String>,
}

struct Compute {
    engine: Arc<dyn Engine>,
    packs: Vec<Loaded>,
    cache: Cache,
    spare: Box<Spare>,
    /// Why the GPU cannot be used; it is tried once.
    no_gpu: Option<String>,
}

/// An answer's report, and how long the network took for it where the cache had none.
type Computed = (Report, Option<Duration>);

impl Compute {
    /// Works until the worker lets go.
    fn until(&mut self, orders: &Receiver<Order>, done: &Sender<Control>, bell: &Bell) {
        while let Ok(order) = orders.recv() {
            let control = match order {
                Order::Load { pack, source } => {
                    let result = self.load(&source, Device::Cpu).map(|cpu| {
                        let (gpu, broken) = (None, None);
                        self.packs.push(Loaded { number: pack, source, cpu, gpu, misses: 0, broken });
                    });
                    Control::Loaded { pack, result }
                }
                Order::Answer { id, pack, shared, stamp, mut job, around } => {
                    job.outcome = self.answer(pack, &shared, stamp, &mut job, &around);
                    let broken = self.find(pack).is_some_and(|pack| pack.broken.is_some());
                    Control::Answered { id, pack, job, broken }
                }
                Order::Look { pack, shared, take } => {
                    let known = self
                        .find(pack)
                        .filter(|pack| pack.broken.is_none())
                        .and_then(|pack| caught(|| analyse(&mut *pack.cpu, &take)).ok());
                    shared.know(&take, known.unwrap_or_default());
                    Control::Looked { pack }
                }
                Order::Trail { pack, shared, jobs, around } => {
                    for mut job in jobs {
                        let stamp = job.ticket.pack;
                        job.outcome = self.answer(pack, &shared, stamp, &mut job, &around);
                        if matches!(job.outcome, Outcome::Answered(_)) {
                            shared.remember(&job);
                        }
                    }
                    Control::Looked { pack }
                }
                Order::Forget { pack } => {
                    self.packs.retain(|loaded| loaded.number != pack);
                    self.cache.forget(key(pack, Device::Cpu));
                    self.cache.forget(key(pack, Device::Gpu));
                    continue;
                }
            };
            // Fails only where the worker is gone.
            let _ = done.send(control);
            bell.ring();
        }
    }

    fn find(&mut self, pack: u64) -> Option<&mut Loaded> {
        self.packs.iter_mut().find(|loaded| loaded.number == pack)
    }

    fn load(&self, source: &PackSource, device: Device) -> Result<Box<dyn Roles>, String> {
        caught(|| self.engine.load(source, device)).unwrap_or_else(Err)
    }

    /// Answers a job, on what the user wants to compute it, and plays the answer in the manner that is asked
    /// for.
    fn answer(&mut self, pack: u64, shared: &Shared, stamp: u32, job: &mut Job, around: &Around) -> Outcome {
        let (report, took) = match self.compute(pack, shared, stamp, job, around) {
            Ok(computed) => computed,
            Err(fault) => {
                shared.pack_failed(stamp, fault);
                return Outcome::NoNetwork;
            }
        };
        if let Err(fault) = caught(|| job.perform(&mut self.spare)) {
            let note = format!("A phrase is played as it was: {fault}");
            shared.set_note(stamp, Some(&note));
            return Outcome::NoNetwork;
        }
        if let Some(took) = took {
            shared.meters.answered(took, report.source);
        }
        Outcome::Answered(report)
    }

    fn compute(
        &mut self,
        pack: u64,
        shared: &Shared,
        stamp: u32,
        job: &mut Job,
        around: &Around,
    ) -> Result<Computed, String> {
        let wants_gpu = match job.terms.processor {
            Processor::Cpu => false,
            Processor::Gpu => true,
            Processor::Auto => shared.needs_gpu(),
        };
        if wants_gpu {
            match self.gpu(pack).and_then(|()| self.ask(pack, Device::Gpu, job, around)) {
                Ok(computed) => {
                    shared.set_note(stamp, None);
                    return Ok(computed);
                }
                Err(fault) => {
                    shared.set_note(stamp, Some(&format!("The GPU is not used: {fault}; the CPU computes")));
                    self.no_gpu = Some(fault);
                }
            }
        } else {
            shared.set_note(stamp, None);
        }
        let computed = self.ask(pack, Device::Cpu, job, around)?;
        if job.terms.processor == Processor::Auto && !wants_gpu {
            self.judge(pack, shared, stamp, computed.1, job.terms.deadline);
        }
        Ok(computed)
    }

    /// Has the pack on the GPU too, or says why not.
    fn gpu(&mut self, pack: u64) -> Result<(), String> {
        if let Some(fault) = &self.no_gpu {
            return Err(fault.clone());
        }
        let Some(index) = self.packs.iter().position(|loaded| loaded.number == pack) else {
            return Err("the pack is not loaded".into());
        };
        if self.packs[index].gpu.is_none() {
            let gpu = self.load(&self.packs[index].source, Device::Gpu)?;
            self.packs[index].gpu = Some(gpu);
        }
        Ok(())
    }

    /// Takes the GPU from the next answer on where the pack has missed its deadline on the CPU too often.
    /// What comes from the cache tells nothing, and a bounce has no deadline.
    fn judge(
        &mut self,
        pack: u64,
        shared: &Shared,
        stamp: u32,
        took: Option<Duration>,
        deadline: Option<Duration>,
    ) {
        let (Some(took), Some(deadline)) = (took, deadline) else { return };
        let Some(loaded) = self.find(pack) else { return };
        loaded.misses = if took > deadline { loaded.misses.saturating_add(1) } else { 0 };
        if loaded.misses < MISSES || self.no_gpu.is_some() {
            return;
        }
        match self.gpu(pack) {
            Ok(()) => shared.set_needs_gpu(stamp, true),
            Err(fault) => self.no_gpu = Some(fault),
        }
    }

    /// An answer from the cache or by the network.
    fn ask(&mut self, pack: u64, device: Device, job: &mut Job, around: &Around) -> Result<Computed, String> {
        let Self { packs, cache, .. } = self;
        let Some(loaded) = packs.iter_mut().find(|loaded| loaded.number == pack) else {
            return Err("the pack could not be loaded; choose it anew".into());
        };
        if let Some(reason) = &loaded.broken {
            // It broke down in another instance's hands.
            return Err(reason.clone());
        }
        let Job { input, settings, manner, said, answer, .. } = job;
        let position = input.position;
        if manner.locked {
            // Chance looks at nothing but the seed and the cell then.
            input.position = 0;
        }
        let computed = ask(loaded, device, cache, (input, around, settings), said, answer);
        (input.position, answer.position) = (position, position);
        computed
    }
}

/// An answer to a phrase that stands where chance is to see it.
fn ask(
    loaded: &mut Loaded,
    device: Device,
    cache: &mut Cache,
    (input, around, settings): (&Phrase, &Around, &Settings),
    said: &mut Answer,
    answer: &mut Phrase,
) -> Result<Computed, String> {
    let key = key(loaded.number, device);
    let around = around.clone().needed(settings, loaded.cpu.remembers());
    let asked = (input, &around, settings);
    if let Some(report) = cache.get(key, asked, said, answer) {
        return Ok((report, None));
    }
    let begun = Instant::now();
    answer.clear(input.position, input.tempo);
    let network = match (device, &mut loaded.gpu) {
        (Device::Gpu, Some(gpu)) => gpu,
        _ => &mut loaded.cpu,
    };
    let report = match caught(|| network.answer(input, &around.context(), settings, said, answer)) {
        Ok(answered) => answered?,
        Err(reason) => {
            if device == Device::Cpu {
                loaded.broken = Some(reason.clone());
            }
            return Err(reason);
        }
    };
    let took = begun.elapsed();
    cache.put(key, asked, (said, answer), report);
    Ok((report, Some(took)))
}

/// The number by which the cache knows a pack on a device: each rounds in its own way.
fn key(pack: u64, device: Device) -> u64 {
    2 * pack + u64::from(device == Device::Gpu)
}

/// Runs what may break down; a panic becomes a sentence.
fn caught<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text =
            text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given");
        let reason =
            format!("the pack's network broke down ({text}); choose another pack or load the plugin anew");
        // Its payload may panic when it is dropped.
        std::mem::forget(panic);
        reason
    })
}
