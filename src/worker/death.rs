//! The worker's death in mid-phrase as a host sees it: the whole plugin behind its CLAP entry, in this
//! program, so that the test can reach the worker too.

use host::{ClapHost, ClapLibrary, Event, Transport, drive, pair};

use super::tests::ALONE;
use super::*;

const RATE: f64 = 48_000.0;
/// Samples of a step at 120 BPM.
const STEP: u64 = 6_000;

/// A scale over eight bars, a note a beat, another start for each instance: key, start, end in samples.
fn tune(of: u8) -> Vec<(u8, u64, u64)> {
    (0..32u8)
        .map(|beat| (48 + of + beat % 12, u64::from(beat) * 4 * STEP, (u64::from(beat) * 4 + 3) * STEP))
        .collect()
}

struct Seated {
    plugin: ClapHost,
    transport: Transport,
    input: Vec<Event>,
    output: Vec<Event>,
}

impl Seated {
    fn new(library: &ClapLibrary, of: u8) -> Self {
        let mut plugin = library.instance().unwrap();
        plugin.set("Amount", 1.0).unwrap();
        plugin.start(RATE, 512).unwrap();
        let mut transport = Transport::new(RATE, 512, 120.0);
        transport.play();
        let notes = tune(of).into_iter();
        let mut input: Vec<_> = notes
            .flat_map(|(key, start, end)| [Event::on(start, 0, key, 0.5), Event::off(end, 0, key)])
            .collect();
        input.sort_by_key(|event| event.time);
        Self { plugin, transport, input, output: Vec::new() }
    }

    fn run(&mut self, step: u64) {
        drive(&mut self.plugin, &mut self.transport, step * STEP, &self.input, &mut self.output).unwrap();
    }

    /// What was heard; fails where a note hangs.
    fn heard(&self) -> Vec<(u8, u64, u64)> {
        let paired = pair(&self.output);
        assert_eq!((paired.hanging, paired.stray), (0, 0));
        let mut notes: Vec<_> = paired.notes.iter().map(|note| (note.key, note.start, note.end)).collect();
        notes.sort_by_key(|&(key, start, _)| (start, key));
        notes
    }
}

#[test]
fn instances_whose_worker_dies_in_mid_phrase_play_dry_and_the_next_one_is_answered() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let library = ClapLibrary::built_in(&crate::clap_entry).unwrap();
    let mut places: Vec<_> = (0..3).map(|of| Seated::new(&library, of)).collect();
    let worker = Worker::shared().unwrap();
    // One in the middle of its phrase, one that waits for its answer, and one whose answer is there.
    places.iter_mut().zip([30, 64, 100]).for_each(|(place, step)| place.run(step));
    worker.die();
    while worker.core.alive.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    places.iter_mut().for_each(|place| place.run(64 + 128 + 4));
    let later =
        |of: u8| tune(of).into_iter().map(|(key, start, end)| (key, start + 64 * STEP, end + 64 * STEP));
    assert_eq!(places[0].heard(), later(0).collect::<Vec<_>>());
    for (of, place) in places.iter().enumerate().skip(1) {
        // What was on its way may have been answered; the phrase after it is as it was played.
        let dry: Vec<_> = later(of as u8).filter(|note| note.1 >= 128 * STEP).collect();
        let heard: Vec<_> = place.heard().into_iter().filter(|note| note.1 >= 128 * STEP).collect();
        assert_eq!(heard, dry, "instance {of}");
    }
    let mut next = Seated::new(&library, 0);
    next.plugin.set_offline(true).unwrap();
    next.run(64 + 128 + 4);
    assert_ne!(next.heard(), places[0].heard(), "a new instance has a worker that lives");
}
