//! Many instances, one worker: each is answered as if it were alone, and any may go at any moment.
//!
//! A program of its own: it counts the process's threads.

mod common;

use common::packs::{choose, pack};
use common::{BPM, RATE, heard, instance, packs_folder, sample, sorted};
use host::{ClapHost, Event, Transport, drive};

const INSTANCES: usize = 64;
const BLOCK: u32 = 512;

/// An instance that plays a music of its own.
struct Place {
    of: usize,
    plugin: ClapHost,
    transport: Transport,
    output: Vec<Event>,
}

impl Place {
    fn new(of: usize) -> Self {
        let mut plugin = instance();
        choose(&mut plugin, "Small", "");
        plugin.set("Amount", 1.0).unwrap();
        plugin.set("Target", 1.0 / 7.0).unwrap();
        plugin.start(RATE, BLOCK).unwrap();
        let mut transport = Transport::new(RATE, BLOCK, BPM);
        transport.play();
        Self { of, plugin, transport, output: Vec::new() }
    }

    /// Two phrases of chords that no other instance plays.
    fn input(&self) -> Vec<Event> {
        let chords = (0..16u64).flat_map(|index| {
            let chance = phrase::mix(phrase::mix(self.of as u64) ^ index);
            let at = 8.0 * index as f64;
            [0, 3, 7].map(|interval| {
                let key = 40 + (chance % 36) as u8 + interval;
                [
                    Event::on(sample(at, RATE, BPM), 0, key, 0.6),
                    Event::off(sample(at + 6.0, RATE, BPM), 0, key),
                ]
            })
        });
        sorted(chords.flatten().collect())
    }

    fn run(&mut self, step: f64) {
        let (input, until) = (self.input(), sample(step, RATE, BPM));
        drive(&mut self.plugin, &mut self.transport, until, &input, &mut self.output).unwrap();
    }
}

/// The process's workers and computing threads; nothing where the system does not tell.
fn threads() -> Option<(usize, usize)> {
    // Under Wine there is a /proc too: of the machine below, whose threads have other names.
    let tasks = std::fs::read_dir("/proc/self/task").ok().filter(|_| cfg!(target_os = "linux"))?.flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    let names: Vec<_> = names.collect();
    let count = |of: &str| names.iter().filter(|name| name.trim() == of).count();
    Some((count("contrafact"), count("contrafact-pack")))
}

#[test]
fn sixty_four_share_a_worker_and_go_in_any_order_while_they_wait() {
    pack("Small", &["x", "y"], 3).write(&packs_folder().join("small.safetensors")).unwrap();
    const END: f64 = 3.0 * 64.0 + 1.0;
    let alone: Vec<_> = (0..INSTANCES)
        .map(|of| {
            let mut place = Place::new(of);
            place.run(END);
            place.output
        })
        .collect();
    assert!(alone.iter().all(|output| heard(output).len() > 16), "the music plays");
    for seed in 0..2 {
        let mut places: Vec<_> = (0..INSTANCES).map(Place::new).collect();
        let few = |(workers, computers): (usize, usize)| workers == 1 && computers <= 4;
        // A thread names itself once it runs, which on a busy machine is a little later.
        let mut patience = 0..1000;
        while !threads().is_none_or(few) && patience.next().is_some() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(threads().is_none_or(few), "{:?} threads", threads());
        // Each has closed its phrase and waits for its answer, in the first phrase or the second.
        for place in &mut places {
            place.run([63.9, 127.9][place.of % 2]);
        }
        places.sort_by_key(|place| phrase::mix(seed << 32 | place.of as u64));
        let survivors = places.split_off(INSTANCES - 16);
        for (index, gone) in places.into_iter().enumerate() {
            drop(gone);
            if index == 20 {
                // One that comes while others go is served too.
                Place::new(0).run(70.0);
            }
        }
        for mut place in survivors {
            place.run(END);
            assert_eq!(place.output, alone[place.of], "instance {} of seed {seed}", place.of);
        }
        assert!(threads().is_none_or(|count| count == (0, 0)), "all threads go with the last instance");
    }
}
