//! The worker with networks of the tests' own.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::unbounded;
use model::Settings;
use phrase::{Feel, Note};

use super::fake::{Fake, Way};
use super::*;
use crate::link::PackView;
use crate::link::{BREAKS, Errand, JOBS, Job, Manner, Outcome, Processor, Terms, Ticket};

/// Held by tests that kill the process's one worker or need it alive.
pub static ALONE: Mutex<()> = Mutex::new(());

struct Place {
    desk: Desk,
    seat: Seat,
    shared: Arc<Shared>,
}

fn place(worker: &Arc<Worker>) -> Place {
    let shared = Arc::new(Shared::default());
    let (desk, seat) = worker.enter(shared.clone());
    shared.announce(1, PackView::default());
    seat.choose(1, Some(PackSource::Default));
    shared.publish(1);
    Place { desk, seat, shared }
}

impl Place {
    fn ask(&mut self, pitch: u8, revision: u32) -> bool {
        self.ask_with(pitch, revision, |_| {})
    }

    /// The same with another ticket or input.
    fn ask_with(&mut self, pitch: u8, revision: u32, change: impl FnOnce(&mut Job)) -> bool {
        self.desk.ask(|job| {
            job.ticket = Ticket { revision, pack: 1, ..Ticket::default() };
            (job.settings, job.manner) = (Settings::to(1), Manner::default());
            job.input.clear(0, 120.0);
            job.input.push(Note::new(pitch, 0, 0.5, 0.0, 4.0));
            change(job);
        })
    }

    /// The same on these terms, of a phrase that no one has asked for.
    fn ask_on(&mut self, pitch: u8, terms: Terms) -> Box<Job> {
        assert!(self.desk.ask(|job| {
            job.ticket = Ticket { pack: 1, ..Ticket::default() };
            (job.settings, job.terms) = (Settings::to(1), terms);
            job.input.clear(0, 120.0);
            job.input.push(Note::new(pitch, 0, 0.5, 0.0, 4.0));
        }));
        let job = self.hear().expect("the worker is alive");
        assert!(matches!(job.outcome, Outcome::Answered(_)));
        assert_eq!(job.answer.notes[0].pitch, pitch + 12);
        job
    }

    /// The next answer, however long it takes; `None` once the worker is dead.
    fn hear(&mut self) -> Option<Box<Job>> {
        loop {
            let alive = self.desk.is_alive();
            match self.desk.next() {
                None if alive => std::thread::yield_now(),
                other => return other,
            }
        }
    }
}

fn worker(way: Way) -> (Arc<Worker>, Fake) {
    let fake = Fake::new(way);
    (Worker::start(Arc::new(fake.clone())).unwrap(), fake)
}

#[test]
fn a_phrase_is_answered_and_a_known_one_from_the_cache() {
    let (worker, fake) = worker(Way::Octaves);
    let mut place = place(&worker);
    for revision in 0..3 {
        assert!(place.ask(60, revision));
        let job = place.hear().unwrap();
        assert!(matches!(job.outcome, Outcome::Answered(_)));
        assert_eq!((job.ticket.revision, job.answer.notes[0].pitch), (revision, 72));
        place.desk.keep(job);
    }
    assert_eq!(fake.answers.load(Ordering::SeqCst), 1);
}

/// An answer goes on from the one before it, in the same time and nowhere else; and an answer that comes from
/// the cache is gone on from too.
#[test]
fn a_pack_that_remembers_is_told_the_answer_before() {
    let (worker, fake) = worker(Way::Remembers);
    let mut place = place(&worker);
    let mut highest = |generation: u32, phrase: i64| {
        let ask = |job: &mut Job| {
            job.ticket = Ticket { generation, phrase: phrase as u32, ..job.ticket };
            job.input.clear(64 * phrase, 120.0);
            job.input.push(Note::new(60, 0, 0.5, 0.0, 4.0));
        };
        assert!(place.ask_with(60, 0, ask));
        let job = place.hear().unwrap();
        let highest = job.answer.notes.iter().map(|note| note.pitch).max();
        place.desk.keep(job);
        highest.unwrap()
    };
    let heard: Vec<u8> = (0..3).map(|phrase| highest(1, phrase)).collect();
    assert_eq!(heard, [72, 73, 74]);
    // A jump back: the same answers from the cache, one after another.
    let answers = fake.answers.load(Ordering::SeqCst);
    let again: Vec<u8> = (0..3).map(|phrase| highest(2, phrase)).collect();
    assert_eq!((again, fake.answers.load(Ordering::SeqCst)), (heard, answers));
    // A jump into the middle knows nothing of what came before.
    assert_eq!(highest(3, 2), 72);
}

#[test]
fn many_instances_share_one_pack_and_each_gets_its_own_answer() {
    let (worker, fake) = worker(Way::Octaves);
    let mut places: Vec<_> = (0..40).map(|_| place(&worker)).collect();
    for (index, place) in places.iter_mut().enumerate() {
        assert!(place.ask(index as u8, 0));
    }
    for (index, place) in places.iter_mut().enumerate() {
        assert_eq!(place.hear().unwrap().answer.notes[0].pitch, index as u8 + 12);
    }
    assert_eq!(fake.loads.load(Ordering::SeqCst), 1);
    drop(places);
    // Nobody has the pack now, so the next one loads it anew.
    let mut last = place(&worker);
    assert!(last.ask(1, 0) && last.hear().is_some());
    assert_eq!(fake.loads.load(Ordering::SeqCst), 2);
}

#[test]
fn the_newest_job_of_an_instance_wins_and_none_is_lost() {
    let (open, gate) = unbounded();
    let (worker, fake) = worker(Way::Gated(gate));
    let (mut first, mut second) = (place(&worker), place(&worker));
    assert!(first.ask(60, 0));
    // Asked while the network is busy with the one before.
    for revision in 1..JOBS as u32 {
        assert!(first.ask(60 + revision as u8, revision));
    }
    assert!(!first.ask(1, 99), "there are only so many jobs");
    assert!(second.ask(50, 0));
    (0..3).for_each(|_| open.send(()).unwrap());
    let heard: Vec<_> = (0..JOBS).map(|_| first.hear().unwrap()).collect();
    let answered = |job: &Job| matches!(job.outcome, Outcome::Answered(_));
    let last = heard.iter().rfind(|job| answered(job)).unwrap();
    assert_eq!(last.ticket.revision, JOBS as u32 - 1);
    assert_eq!(last.answer.notes[0].pitch, 60 + JOBS as u8 - 1 + 12);
    assert!(heard.iter().filter(|job| answered(job)).count() <= 2);
    assert_eq!(second.hear().unwrap().answer.notes[0].pitch, 62);
    assert!(fake.answers.load(Ordering::SeqCst) <= 3);
}

#[test]
fn instances_go_in_any_order_while_they_wait() {
    let (open, gate) = unbounded();
    let (worker, _) = worker(Way::Gated(gate));
    let mut places: Vec<_> = (0..4).map(|_| place(&worker)).collect();
    for (index, place) in places.iter_mut().enumerate() {
        assert!(place.ask(40 + index as u8, 0));
    }
    let survivor = places.remove(2);
    drop(places);
    let mut survivor = survivor;
    (0..4).for_each(|_| open.send(()).unwrap());
    assert_eq!(survivor.hear().unwrap().answer.notes[0].pitch, 54);
}

#[test]
fn sixty_four_instances_take_turns() {
    let (open, gate) = unbounded();
    let (worker, fake) = worker(Way::Gated(gate));
    let mut places: Vec<_> = (0..64).map(|_| place(&worker)).collect();
    // The first asks again and again; all others once.
    for revision in 0..3 {
        places[0].ask(1, revision);
    }
    for (index, place) in places.iter_mut().enumerate().skip(1) {
        assert!(place.ask(index as u8 + 1, 0));
    }
    (0..3).for_each(|_| open.send(()).unwrap());
    while fake.answers.load(Ordering::SeqCst) < 3 {
        std::thread::yield_now();
    }
    for revision in 3..5 {
        places[0].ask(100 + revision as u8, revision);
    }
    // As many more as there are others: whoever asks most, everyone has had a turn then.
    (0..63).for_each(|_| open.send(()).unwrap());
    for (index, place) in places.iter_mut().enumerate().skip(1) {
        assert_eq!(place.hear().unwrap().answer.notes[0].pitch, index as u8 + 13);
    }
    (0..9).for_each(|_| open.send(()).unwrap());
}

#[test]
fn of_two_phrases_of_an_instance_both_are_answered() {
    let (open, gate) = unbounded();
    let (worker, _) = worker(Way::Gated(gate));
    let (mut busy, mut place) = (place(&worker), place(&worker));
    assert!(busy.ask(1, 0));
    for (phrase, revision, pitch) in [(0, 0, 60), (0, 1, 61), (1, 2, 62), (1, 3, 63)] {
        place.desk.ask(|job| {
            job.ticket = Ticket { phrase, revision, pack: 1, ..Ticket::default() };
            job.settings = Settings::to(1);
            job.input.clear(0, 120.0);
            job.input.push(Note::new(pitch, 0, 0.5, 0.0, 4.0));
        });
    }
    (0..9).for_each(|_| open.send(()).unwrap());
    let heard: Vec<_> = (0..4).map(|_| place.hear().unwrap()).collect();
    let answered = heard.iter().filter(|job| matches!(job.outcome, Outcome::Answered(_)));
    let revisions: Vec<_> = answered.map(|job| job.ticket.revision).collect();
    // What the worker had not taken up before the newer one came is passed over; the newest of each phrase
    // never is.
    assert!(revisions.contains(&1) && revisions.contains(&3) && revisions.is_sorted(), "{revisions:?}");
}

#[test]
fn a_panic_in_the_network_is_reported_and_harms_no_other_pack() {
    let (worker, _) = worker(Way::Panics);
    let (mut first, mut second) = (place(&worker), place(&worker));
    for _ in 0..2 {
        assert!(first.ask(60, 0));
        let job = first.hear().unwrap();
        assert_eq!(job.outcome, Outcome::NoNetwork);
        first.desk.keep(job);
    }
    assert!(first.shared.is_dry() && first.shared.pack().problem.unwrap().contains("a fault in the network"));
    assert!(second.ask(60, 0));
    assert_eq!(second.hear().unwrap().outcome, Outcome::NoNetwork);
    // The other instance of the pack is told why.
    assert!(second.shared.is_dry() && second.shared.pack().problem == first.shared.pack().problem);
    assert!(second.desk.is_alive() && second.seat.is_alive());
}

#[test]
fn a_pack_that_cannot_be_loaded_is_told_in_its_own_words() {
    let (worker, _) = worker(Way::Missing);
    let mut place = place(&worker);
    assert!(place.ask(60, 0));
    assert_eq!(place.hear().unwrap().outcome, Outcome::NoNetwork);
    assert_eq!(place.shared.pack().problem.as_deref(), Some("the pack is missing; find it"));
}

#[test]
fn jobs_for_a_pack_that_is_no_longer_chosen_are_not_answered() {
    let (worker, fake) = worker(Way::Octaves);
    let mut place = place(&worker);
    place.shared.announce(2, PackView::default());
    place.seat.choose(2, Some(PackSource::Default));
    place.shared.publish(2);
    assert!(place.ask(60, 0));
    assert_eq!(place.hear().unwrap().outcome, Outcome::Superseded);
    assert_eq!(fake.answers.load(Ordering::SeqCst), 0);
}

#[test]
fn a_dead_worker_is_known_to_all() {
    let (worker, _) = worker(Way::Octaves);
    let mut places: Vec<_> = (0..3).map(|_| place(&worker)).collect();
    worker.die();
    while places[0].desk.is_alive() {
        std::thread::yield_now();
    }
    for place in &mut places {
        place.ask(60, 0);
        assert!(place.hear().is_none() && !place.seat.is_alive());
    }
}

/// A job that breaks down on the worker itself, outside the network.
fn broken(place: &mut Place, errand: Errand) -> Box<Job> {
    assert!(place.desk.ask(|job| {
        job.ticket = Ticket { pack: 1, ..Ticket::default() };
        (job.errand, job.settings) = (errand, Settings::to(1));
        job.input.clear(0, 120.0);
        job.input.push(Note::new(60, 0, 0.5, 0.0, 4.0));
        job.manner.feel = Feel { seed: BREAKS, ..Feel::default() };
    }));
    place.hear().expect("the worker lives")
}

#[test]
fn a_panic_outside_the_network_costs_one_phrase_and_no_thread() {
    let (worker, fake) = worker(Way::Octaves);
    let (mut first, mut second) = (place(&worker), place(&worker));
    for _ in 0..2 {
        // What is done with the network's answer, and what is done beside answers.
        let job = broken(&mut first, Errand::Answer);
        assert_eq!(job.outcome, Outcome::NoNetwork, "the phrase is played as it is");
        first.desk.keep(job);
        assert!(first.shared.pack().note.unwrap().contains("told to break down"));
        let job = broken(&mut first, Errand::Break);
        assert_eq!(job.outcome, Outcome::Superseded);
        first.desk.keep(job);
    }
    for place in [&mut first, &mut second] {
        assert!(place.ask(60, 0) && matches!(place.hear().unwrap().outcome, Outcome::Answered(_)));
        assert!(place.desk.is_alive() && !place.shared.is_dry() && place.shared.pack().note.is_none());
    }
    assert_eq!(worker.core.lives.load(Ordering::SeqCst), 1, "no thread has died");
    assert_eq!(fake.loads.load(Ordering::SeqCst), 1);
}

#[test]
fn instances_whose_worker_dies_get_another_one_that_knows_them() {
    let (worker, fake) = worker(Way::Octaves);
    let mut places: Vec<_> = (0..3).map(|_| place(&worker)).collect();
    assert!(places[0].ask(60, 0) && places[0].hear().is_some());
    for life in 1..4 {
        worker.break_down();
        // Asked as it dies, of the dead one and of its successor.
        for (index, place) in places.iter_mut().enumerate() {
            assert!(place.ask(60 + life + index as u8, 1));
            let job = place.hear().unwrap();
            assert_eq!((job.outcome, job.answer.notes[0].pitch), (job.outcome, 72 + life + index as u8));
            assert!(matches!(job.outcome, Outcome::Answered(_)) && place.seat.is_alive());
            place.desk.keep(job);
        }
    }
    assert_eq!(fake.loads.load(Ordering::SeqCst), 1, "its packs are still in memory");
    let alive = worker.core.alive.clone();
    drop((worker, places));
    assert!(!alive.load(Ordering::SeqCst), "the last one goes with the last instance");
}

#[test]
fn a_slow_pack_delays_only_who_chose_it() {
    let (open, gate) = unbounded();
    let (worker, fake) = worker(Way::OthersGated(gate));
    let (mut slow, mut quick) = (place(&worker), place(&worker));
    let file = PackSource::File { path: "slow".into(), hash: String::new() };
    slow.shared.announce(2, PackView::default());
    slow.seat.choose(2, Some(file));
    slow.shared.publish(2);
    assert!(slow.desk.ask(|job| {
        job.ticket = Ticket { pack: 2, ..Ticket::default() };
        job.settings = Settings::to(1);
        job.input.clear(0, 120.0);
        job.input.push(Note::new(40, 0, 0.5, 0.0, 4.0));
    }));
    // The slow one is at it until it gets its word; the quick one answers meanwhile, and runs errands for
    // both.
    for pitch in 50..60 {
        assert!(quick.ask(pitch, 0));
        let job = quick.hear().unwrap();
        assert_eq!(job.answer.notes[0].pitch, pitch + 12);
        quick.desk.keep(job);
    }
    assert!(slow.desk.ask(|job| job.errand = Errand::Thaw));
    assert_eq!(slow.hear().unwrap().outcome, Outcome::Done);
    assert_eq!(fake.answers.load(Ordering::SeqCst), 10);
    // A busy machine may not have come to load it yet.
    while fake.loads.load(Ordering::SeqCst) < 2 {
        std::thread::yield_now();
    }
    assert_eq!(fake.loads.load(Ordering::SeqCst), 2);
    open.send(()).unwrap();
    assert_eq!(slow.hear().unwrap().answer.notes[0].pitch, 52);
}

#[test]
fn many_packs_share_a_few_threads() {
    let (worker, fake) = worker(Way::Octaves);
    let mut places: Vec<_> = (0..12).map(|_| place(&worker)).collect();
    for (index, place) in places.iter_mut().enumerate() {
        let file = PackSource::File { path: format!("{index}").into(), hash: String::new() };
        place.shared.announce(2, PackView::default());
        place.seat.choose(2, Some(file));
        place.shared.publish(2);
        place.desk.ask(|job| {
            job.ticket = Ticket { pack: 2, ..Ticket::default() };
            job.settings = Settings::to(1);
            job.input.clear(0, 120.0);
            job.input.push(Note::new(40 + index as u8, 0, 0.5, 0.0, 4.0));
        });
    }
    for (index, place) in places.iter_mut().enumerate() {
        assert_eq!(place.hear().unwrap().answer.notes[0].pitch, 52 + index as u8);
    }
    // The default pack, which all had for a moment, and one each.
    assert!((12..=13).contains(&fake.loads.load(Ordering::SeqCst)));
}

#[test]
fn a_job_is_never_met_without_the_order_for_its_pack() {
    let (worker, _) = worker(Way::Octaves);
    let mut busy = place(&worker);
    // Between the orders and the last instance's jobs the worker looks at all of these.
    let idle = Arc::new(Shared::default());
    let rings: Vec<_> = (1_000..1_500)
        .map(|id| {
            let (desk, hatch) = Desk::new(worker.core.bell.clone(), worker.core.alive.clone());
            let _ = worker.control.send(Control::Enter { id, hatch, shared: idle.clone() });
            desk
        })
        .collect();
    let mut last = place(&worker);
    for stamp in 2..5_000 {
        busy.ask(60, stamp);
        last.shared.announce(stamp, PackView::default());
        last.seat.choose(stamp, Some(PackSource::Default));
        last.shared.publish(stamp);
        last.desk.ask(|job| job.ticket = Ticket { pack: stamp, ..Ticket::default() });
        let job = last.hear().unwrap();
        assert!(matches!(job.outcome, Outcome::Answered(_)), "{stamp}");
        last.desk.keep(job);
        if let Some(job) = busy.desk.next() {
            busy.desk.keep(job);
        }
    }
    drop(rings);
}

#[test]
fn new_instances_get_a_worker_that_lives() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let old = Worker::shared().unwrap();
    assert!(Arc::ptr_eq(&old, &Worker::shared().unwrap()));
    old.die();
    while old.core.alive.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    let new = Worker::shared().unwrap();
    assert!(new.core.alive.load(Ordering::SeqCst) && !Arc::ptr_eq(&old, &new));
}

#[test]
fn the_thread_is_gone_with_the_last_place() {
    let (worker, _) = worker(Way::Octaves);
    let alive = worker.core.alive.clone();
    let places: Vec<_> = (0..3).map(|_| place(&worker)).collect();
    drop(worker);
    assert!(alive.load(Ordering::SeqCst));
    drop(places);
    assert!(!alive.load(Ordering::SeqCst));
}

/// A worker with a network that takes `time` on the CPU, with or without a GPU.
fn slow_worker(time: Duration, gpu: bool) -> (Arc<Worker>, Fake) {
    let mut fake = Fake::new(Way::Slow(time));
    fake.gpu = gpu;
    (Worker::start(Arc::new(fake.clone())).unwrap(), fake)
}

const LIVE: Terms = Terms { processor: Processor::Auto, deadline: Some(Duration::from_millis(1)) };

/// Asks for so many phrases that none has asked for, on the same terms.
fn ask_some(place: &mut Place, pitches: std::ops::Range<u8>, terms: Terms) {
    for pitch in pitches {
        let job = place.ask_on(pitch, terms);
        place.desk.keep(job);
    }
}

#[test]
fn auto_takes_the_gpu_once_the_cpu_misses_the_deadline_on_stage_and_stays() {
    let (worker, fake) = slow_worker(Duration::from_millis(3), true);
    let mut place = place(&worker);
    let on_gpu = || fake.on_gpu.load(Ordering::SeqCst);
    // A bounce has no deadline, one with time enough is kept, and the CPU asked for by name is never left.
    ask_some(&mut place, 10..16, Terms { deadline: None, ..LIVE });
    ask_some(&mut place, 20..26, Terms { deadline: Some(Duration::from_secs(60)), ..LIVE });
    ask_some(&mut place, 30..36, Terms { processor: Processor::Cpu, ..LIVE });
    assert_eq!((on_gpu(), place.shared.needs_gpu()), (0, false));
    // Two misses may be chance, and what the cache knows is none.
    ask_some(&mut place, 40..42, LIVE);
    ask_some(&mut place, 40..42, LIVE);
    assert!(!place.shared.needs_gpu());
    ask_some(&mut place, 42..43, LIVE);
    assert_eq!((on_gpu(), place.shared.needs_gpu()), (0, true));
    // From now on in a bounce too; the project says so.
    ask_some(&mut place, 50..53, Terms { deadline: None, ..LIVE });
    assert_eq!((on_gpu(), place.shared.pack().note), (3, None));
    // Another pack starts on the CPU.
    place.shared.announce(2, PackView::default());
    assert!(!place.shared.needs_gpu());
}

#[test]
fn auto_stays_on_the_cpu_where_there_is_no_gpu_and_says_nothing() {
    let (worker, fake) = slow_worker(Duration::from_millis(3), false);
    let mut place = place(&worker);
    ask_some(&mut place, 40..50, LIVE);
    assert_eq!((fake.on_gpu.load(Ordering::SeqCst), place.shared.needs_gpu()), (0, false));
    assert_eq!(place.shared.pack().note, None);
}

#[test]
fn a_gpu_that_is_wanted_computes_and_one_that_is_missing_or_fails_is_named_in_a_sentence() {
    let wants = Terms { processor: Processor::Gpu, deadline: None };
    let (worker, fake) = slow_worker(Duration::ZERO, true);
    let mut there = place(&worker);
    ask_some(&mut there, 40..42, wants);
    assert_eq!((fake.on_gpu.load(Ordering::SeqCst), there.shared.pack().note), (2, None));

    for (way, fault) in [(Way::Octaves, "there is none"), (Way::GpuFails, "its memory is full")] {
        let (worker, fake) = self::worker(way);
        let mut place = place(&worker);
        ask_some(&mut place, 40..43, wants);
        let note = place.shared.pack().note.unwrap();
        assert_eq!(note, format!("The GPU is not used: {fault}; the CPU computes"));
        assert!(!place.shared.is_dry() && fake.on_gpu.load(Ordering::SeqCst) == 0);
        // A project that needs it, opened here, says so too, and still needs it where there is one.
        place.shared.set_needs_gpu(1, true);
        ask_some(&mut place, 50..52, Terms { deadline: None, ..LIVE });
        assert!(place.shared.needs_gpu() && place.shared.pack().note.is_some());
        // Nothing is missed where the CPU is wanted.
        ask_some(&mut place, 60..61, Terms { processor: Processor::Cpu, deadline: None });
        assert_eq!(place.shared.pack().note, None);
    }
}
