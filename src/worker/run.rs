//! The worker's loop: takes jobs from all instances and hands each to its pack's computing thread, one at a
//! time.
//!
//! Of each phrase the newest state only is answered. While a window is open and nothing else is to be done,
//! the classifier is asked about the history.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use arrayvec::ArrayVec;
use crossbeam_channel::{Receiver, Sender};
use model::Settings;
use phrase::STEPS;

use super::around::Around;
use super::chain::Chain;
use super::compute::Computer;
use super::engine::{Engine, PackSource};
use super::errands;
use super::messages::{Control, Order};
use crate::link::{Bell, Errand, Hatch, JOBS, Job, Manner, Outcome, Played, Shared, Ticket};

/// Computing threads at most: with more packs than that, some share one.
const COMPUTERS: usize = 4;

/// The time of phrases that nobody played: no stretch of time gets so far.
const TRAIL: u32 = u32::MAX;

/// A pack that instances have chosen.
struct Pack {
    number: u64,
    source: PackSource,
    /// The number of its computing thread.
    computer: u64,
    /// In memory, or why not; nothing while it is being loaded.
    loaded: Option<Result<(), String>>,
    /// It broke down.
    broken: bool,
}

/// A computing thread.
struct Place {
    number: u64,
    computer: Computer,
    /// It was told something and has not answered yet.
    busy: bool,
}

struct Instance {
    id: u64,
    hatch: Hatch,
    shared: Arc<Shared>,
    stamp: u32,
    /// The number of its pack, where it has one that can be used.
    pack: Option<u64>,
    /// What its answers go on from.
    chain: Chain,
    /// Phrases that nobody played, to be answered for the history.
    trail: Vec<Box<Job>>,
    /// The jobs that were not begun, the oldest first: of each phrase the newest.
    waiting: ArrayVec<Box<Job>, JOBS>,
}

impl Instance {
    fn answer(&mut self, mut job: Box<Job>, outcome: Outcome) {
        job.outcome = outcome;
        // The ring has room for every job that there is. Where the audio side is gone, the job is freed here.
        let _ = self.hatch.answers.push(job);
    }

    /// Takes in what was asked since; a newer state of a phrase, or another time, takes the place of what
    /// waits.
    fn collect(&mut self) {
        while let Ok(job) = self.hatch.jobs.pop() {
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

/// What the worker does and has. It outlives a thread that dies of a panic, so each step leaves it whole.
pub struct Run {
    engine: Arc<dyn Engine>,
    sender: Sender<Control>,
    control: Receiver<Control>,
    bell: Arc<Bell>,
    instances: Vec<Instance>,
    /// Whose turn it is, so that none starves.
    turn: usize,
    packs: Vec<Pack>,
    computers: Vec<Place>,
    /// Threads that have nothing more to do, to be joined.
    ending: Vec<JoinHandle<()>>,
    numbers: u64,
}

impl Run {
    pub fn new(
        engine: Arc<dyn Engine>,
        (sender, control): (Sender<Control>, Receiver<Control>),
        bell: Arc<Bell>,
    ) -> Self {
        Self {
            engine,
            sender,
            control,
            bell,
            instances: Vec::new(),
            turn: 0,
            packs: Vec::new(),
            computers: Vec::new(),
            ending: Vec::new(),
            numbers: 0,
        }
    }

    /// Works until `quit`. Sleeps without a timeout while there is nothing to do: who sends also rings.
    pub fn until(&mut self, quit: &AtomicBool) {
        while !quit.load(Ordering::Acquire) {
            if !self.step() {
                std::thread::park();
            }
        }
    }

    /// Ends the computing threads.
    pub fn end(&mut self) {
        self.ending.extend(self.computers.drain(..).filter_map(|place| place.computer.end()));
        for thread in self.ending.drain(..) {
            // One that died of a panic has said so already.
            let _ = thread.join();
        }
    }

    /// Does what is to be done next; false where there was nothing.
    fn step(&mut self) -> bool {
        // Orders after jobs: who asks for a pack has ordered it before, so that no job is met without its
        // order.
        self.instances.iter_mut().for_each(Instance::collect);
        let mut told = false;
        while let Ok(control) = self.control.try_recv() {
            self.obey(control);
            told = true;
        }
        let count = self.instances.len();
        for index in (0..count).map(|i| (self.turn + i) % count) {
            if let Some(place) = self.next(index) {
                self.turn = index + 1;
                self.begin(index, place);
                return true;
            }
        }
        // An instance that has come just now may have asked already.
        told || self.play_trails() || self.look()
    }

    /// Which waiting job of an instance can be begun: its pack's computing thread is free, or it needs none.
    fn next(&self, index: usize) -> Option<usize> {
        let instance = &self.instances[index];
        let is_free = |job: &Job| match self.pack_of(instance, job) {
            Some(pack) => self.place(pack).is_none_or(|place| !place.busy),
            None => true,
        };
        instance.waiting.iter().position(|job| is_free(job))
    }

    /// The pack that is to answer a job; none where it is an errand, or no pack will.
    fn pack_of(&self, instance: &Instance, job: &Job) -> Option<&Pack> {
        let asks = job.errand == Errand::Answer && job.ticket.pack == instance.stamp;
        let number = instance.pack.filter(|_| asks)?;
        self.packs.iter().find(|pack| pack.number == number)
    }

    fn place(&self, pack: &Pack) -> Option<&Place> {
        self.computers.iter().find(|place| place.number == pack.computer)
    }

    /// Begins a job of an instance.
    fn begin(&mut self, index: usize, waiting: usize) {
        let pack = self.pack_of(&self.instances[index], &self.instances[index].waiting[waiting]);
        let pack = pack.map(|pack| (pack.number, pack.computer));
        let instance = &mut self.instances[index];
        let mut job = instance.waiting.remove(waiting);
        let outcome = match (job.errand, pack) {
            (Errand::Answer, Some((pack, computer))) => {
                let (id, shared, stamp) = (instance.id, instance.shared.clone(), instance.stamp);
                let around = Box::new(instance.chain.around(&job, shared.model_rolls()));
                let order = Order::Answer { id, pack, shared, stamp, job, around };
                if let Err(Order::Answer { job, .. }) = self.tell(computer, order) {
                    // Its thread has died, which cannot be: what it does is caught.
                    self.instances[index].answer(job, Outcome::NoNetwork);
                }
                return;
            }
            (Errand::Answer, None) if job.ticket.pack != instance.stamp => Outcome::Superseded,
            (Errand::Answer, None) => Outcome::NoNetwork,
            _ => errands::run(&instance.shared, &mut job),
        };
        self.instances[index].answer(job, outcome);
    }

    /// Tells a computing thread; it is busy then.
    fn tell(&mut self, computer: u64, order: Order) -> Result<(), Order> {
        let Some(place) = self.computers.iter_mut().find(|place| place.number == computer) else {
            return Err(order);
        };
        place.computer.tell(order)?;
        place.busy = true;
        Ok(())
    }

    /// Has a free computing thread answer phrases that nobody played; false where there are none.
    fn play_trails(&mut self) -> bool {
        let next = self.instances.iter().position(|instance| {
            let pack = self.packs.iter().find(|pack| Some(pack.number) == instance.pack);
            let is_free = |pack: &Pack| self.place(pack).is_some_and(|place| !place.busy);
            !instance.trail.is_empty()
                && pack.is_some_and(|pack| !pack.broken && pack.loaded == Some(Ok(())) && is_free(pack))
        });
        let Some(instance) = next.map(|index| &mut self.instances[index]) else { return false };
        let (shared, jobs, number) =
            (instance.shared.clone(), std::mem::take(&mut instance.trail), instance.pack);
        let around = Box::new(Around { models: shared.model_rolls(), ..Around::default() });
        let pack = self.packs.iter().find(|pack| Some(pack.number) == number);
        pack.map(|pack| (pack.number, pack.computer)).is_some_and(|(pack, computer)| {
            self.tell(computer, Order::Trail { pack, shared, jobs, around }).is_ok()
        })
    }

    /// Has a free computing thread find out what an open editor is to show of one take; false where nothing
    /// is left to be found out.
    fn look(&mut self) -> bool {
        let next =
            self.instances.iter().filter(|instance| instance.shared.is_watched()).find_map(|instance| {
                let pack = self.packs.iter().find(|pack| Some(pack.number) == instance.pack)?;
                let is_free = self.place(pack).is_some_and(|place| !place.busy);
                if pack.broken || !is_free || pack.loaded != Some(Ok(())) {
                    return None;
                }
                let take = instance.shared.unknown(instance.stamp)?;
                Some((
                    pack.computer,
                    Order::Look { pack: pack.number, shared: instance.shared.clone(), take },
                ))
            });
        next.is_some_and(|(computer, order)| self.tell(computer, order).is_ok())
    }

    fn obey(&mut self, control: Control) {
        match control {
            Control::Enter { id, hatch, shared } => {
                let waiting = ArrayVec::new();
                let (chain, trail) = (Chain::default(), Vec::new());
                let (stamp, pack) = (0, None);
                self.instances.push(Instance { id, hatch, shared, stamp, pack, chain, trail, waiting });
            }
            Control::Leave { id } => {
                self.instances.retain(|instance| instance.id != id);
                self.sweep();
            }
            Control::Pack { id, stamp, source } => {
                let Some(index) = self.instances.iter().position(|instance| instance.id == id) else {
                    return;
                };
                let pack = source.map(|source| self.load(source));
                let instance = &mut self.instances[index];
                instance.stamp = stamp;
                match pack {
                    Some(Ok(pack)) => {
                        instance.pack = Some(pack);
                        self.tell_loaded(pack);
                    }
                    Some(Err(error)) => {
                        instance.pack = None;
                        instance.shared.pack_failed(stamp, error);
                    }
                    None => instance.pack = None,
                }
                self.sweep();
            }
            Control::Loaded { pack, result } => {
                self.free(pack);
                if let Some(pack) = self.packs.iter_mut().find(|known| known.number == pack) {
                    pack.loaded = Some(result);
                }
                self.tell_loaded(pack);
                self.sweep();
            }
            Control::Answered { id, pack, job, broken } => {
                self.free(pack);
                if let Some(pack) = self.packs.iter_mut().find(|known| known.number == pack) {
                    pack.broken |= broken;
                }
                if let Some(instance) = self.instances.iter_mut().find(|instance| instance.id == id) {
                    let outcome = job.outcome;
                    instance.chain.answered(&job);
                    instance.answer(job, outcome);
                }
                self.sweep();
            }
            Control::Trail { id, settings, manner } => {
                if let Some(instance) = self.instances.iter_mut().find(|instance| instance.id == id) {
                    let tempo = f64::from(instance.shared.meters.heads().tempo);
                    instance.trail = trail(settings, manner, (instance.stamp, tempo));
                }
            }
            Control::Looked { pack } => {
                self.free(pack);
                self.sweep();
            }
            Control::Look => {}
            #[cfg(test)]
            Control::Die => panic!("the worker was told to die"),
        }
    }

    /// The computing thread of a pack has done what it was told.
    fn free(&mut self, pack: u64) {
        let computer = self.packs.iter().find(|known| known.number == pack).map(|pack| pack.computer);
        for place in self.computers.iter_mut().filter(|place| Some(place.number) == computer) {
            place.busy = false;
        }
    }

    /// Tells all instances that chose a pack whether it can be used, once that is known.
    fn tell_loaded(&mut self, pack: u64) {
        let Some(Pack { loaded: Some(result), .. }) = self.packs.iter().find(|known| known.number == pack)
        else {
            return;
        };
        for instance in self.instances.iter_mut().filter(|instance| instance.pack == Some(pack)) {
            match result {
                Ok(()) => instance.shared.pack_is_ready(instance.stamp),
                Err(error) => {
                    instance.pack = None;
                    instance.shared.pack_failed(instance.stamp, error.clone());
                }
            }
        }
    }

    /// The pack from memory where an instance has it already, else one that is being loaded.
    fn load(&mut self, source: PackSource) -> Result<u64, String> {
        let is = |pack: &&Pack| pack.source == source && !pack.broken && !matches!(pack.loaded, Some(Err(_)));
        if let Some(pack) = self.packs.iter().find(is) {
            return Ok(pack.number);
        }
        let computer = self.computer().map_err(|error| {
            format!("no thread could be started for the pack ({error}); load the plugin anew")
        })?;
        self.numbers += 1;
        let number = self.numbers;
        self.packs.push(Pack { number, source: source.clone(), computer, loaded: None, broken: false });
        match self.tell(computer, Order::Load { pack: number, source }) {
            Ok(()) => Ok(number),
            Err(_) => Err("a thread of the network has died; load the plugin anew".into()),
        }
    }

    /// A computing thread for one more pack: a new one, or where there are enough the one with the fewest
    /// packs.
    fn computer(&mut self) -> std::io::Result<u64> {
        if self.computers.len() < COMPUTERS {
            let computer = Computer::start(self.engine.clone(), self.sender.clone(), self.bell.clone())?;
            self.numbers += 1;
            self.computers.push(Place { number: self.numbers, computer, busy: false });
            return Ok(self.numbers);
        }
        let packs = |place: &&Place| self.packs.iter().filter(|pack| pack.computer == place.number).count();
        self.computers
            .iter()
            .min_by_key(packs)
            .map(|place| place.number)
            .ok_or_else(|| std::io::Error::other("there is none"))
    }

    /// Forgets packs that no instance has any more, and lets computing threads end that have none left. One
    /// that is at work is left alone until it has done.
    fn sweep(&mut self) {
        let Self { instances, packs, computers, ending, .. } = self;
        packs.retain(|pack| {
            let is_chosen = instances.iter().any(|instance| instance.pack == Some(pack.number));
            let place = computers.iter().find(|place| place.number == pack.computer);
            let stays = is_chosen || place.is_some_and(|place| place.busy);
            if let Some(place) = place.filter(|_| !stays) {
                let _ = place.computer.tell(Order::Forget { pack: pack.number });
            }
            stays
        });
        let is_needed = |place: &mut Place| packs.iter().any(|pack| pack.computer == place.number);
        let gone: Vec<_> = computers.extract_if(.., |place| !is_needed(place)).collect();
        ending.extend(gone.into_iter().filter_map(|place| place.computer.end()));
        let done: Vec<_> = ending.extract_if(.., |thread| thread.is_finished()).collect();
        done.into_iter().for_each(|thread| {
            let _ = thread.join();
        });
    }
}

/// Jobs about empty phrases, one after another in a time of their own.
fn trail(settings: Vec<Settings>, manner: Manner, (stamp, tempo): (u32, f64)) -> Vec<Box<Job>> {
    let job = |(index, settings): (usize, Settings)| {
        let mut job = Job::new();
        job.ticket = Ticket { generation: TRAIL, phrase: index as u32, pack: stamp, ..Ticket::default() };
        (job.settings, job.manner, job.kind) = (settings, manner, Played::Answer);
        job.input.clear((index * STEPS) as i64, tempo);
        job
    };
    settings.into_iter().enumerate().map(job).collect()
}
