//! Random music, controllers, parameters, blocks, states and resets through a transport that does anything:
//! every note that starts also ends, once, no key sounds twice, and after a stop there is silence.
//!
//! The host refuses events outside their block or out of order and audio that is left unwritten; the plugin,
//! as the tests build it, aborts when its audio thread allocates; the rest is checked here. A run is a
//! function of its seed, which is printed with every failure.
//!
//! The slice below is for every day. A million events:
//!
//! ```sh
//! CONTRAFACT_EVENTS=1000000 cargo test --test properties -- --nocapture
//! ```

mod common;

use std::collections::HashSet;
use std::sync::OnceLock;

use common::packs::{choose, whole_pack};
use common::{Deck, instance, packs_folder};
use host::{ANY, ClapHost, Event, EventKind, Tempo, Transport};

/// Events of the everyday slice, and of each run.
const EVENTS: u64 = 6_000;
const RUN: u64 = 500;

/// Numbers that follow from a seed alone.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        phrase::mix(self.0)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn unit(&mut self) -> f64 {
        self.next() as f64 / u64::MAX as f64
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// An instance in a host that does anything, and what sounds.
struct Stage {
    chance: Chance,
    plugin: ClapHost,
    transport: Transport,
    rate: f64,
    block: u32,
    params: Vec<(u32, String)>,
    sounding: HashSet<(u8, u8)>,
    heard: u64,
}

/// The hash of the pack that all runs use, which has every role.
fn hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        let path = packs_folder().join("small.safetensors");
        whole_pack("Small", &["x", "y", "z"], 7).write(&path).unwrap();
        model::Pack::read(&path).unwrap().card.hash
    })
}

impl Stage {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed);
        let mut plugin = instance();
        choose(&mut plugin, "Small", hash());
        let params = plugin.params().iter().map(|param| (param.id, param.name.clone())).collect();
        plugin.set_offline(chance.below(2) == 0).unwrap();
        let rate = chance.of(&[8_000.0, 22_050.0, 44_100.0, 48_000.0]);
        let block = chance.of(&[64, 512, 4096, 16_384]);
        plugin.start(rate, block).unwrap();
        let mut tempos = vec![Tempo { beat: 0.0, bpm: 60.0 + 240.0 * chance.unit() }];
        for index in 1..chance.below(6) {
            tempos
                .push(Tempo { beat: 20.0 * index as f64 + chance.unit(), bpm: 40.0 + 440.0 * chance.unit() });
        }
        let meter = chance.of(&[(4, 4), (4, 4), (3, 4), (7, 8), (5, 4), (2, 2)]);
        let signature = host::Signature { beat: 0.0, numerator: meter.0, denominator: meter.1 };
        let mut transport = Transport::with_map(rate, block, tempos, vec![signature]);
        transport.play();
        Self { chance, plugin, transport, rate, block, params, sounding: HashSet::new(), heard: 0 }
    }

    /// Runs for so many samples; the events of `kinds` come at random ones of the first.
    fn run(&mut self, samples: u64, kinds: Vec<EventKind>) {
        let start = self.transport.steady();
        let mut input: Vec<_> =
            kinds.into_iter().map(|kind| Event { time: start + self.chance.below(samples), kind }).collect();
        input.sort_by_key(|event| event.time);
        let mut output = Vec::new();
        host::drive(&mut self.plugin, &mut self.transport, start + samples, &input, &mut output).unwrap();
        for event in output {
            match event.kind {
                EventKind::NoteOn { channel, key, velocity } => {
                    assert!(self.sounding.insert((channel, key)), "{key} on {channel} sounds twice");
                    assert!((0.0..=1.0).contains(&velocity) && channel < 16 && key < 128);
                    self.heard += 1;
                }
                EventKind::NoteOff { channel, key, .. } => {
                    assert!(self.sounding.remove(&(channel, key)), "{key} on {channel} ends without a start");
                }
                _ => {}
            }
        }
    }

    fn event(&mut self) -> EventKind {
        let chance = &mut self.chance;
        let channel = chance.of(&[0, 0, 0, 1, 9, 15]);
        let key = if chance.below(20) == 0 { chance.below(128) } else { 55 + chance.below(8) } as u8;
        let value = chance.below(128) as u8;
        match chance.below(40) {
            0..=15 => EventKind::NoteOn { channel, key, velocity: chance.unit() as f32 },
            16..=28 => EventKind::NoteOff { channel, key, velocity: 0.0 },
            29 => EventKind::NoteOff { channel: ANY, key: ANY, velocity: 0.0 },
            30 => EventKind::NoteOff { channel, key: ANY, velocity: 0.5 },
            31 => {
                EventKind::Midi([0xB0 | channel, chance.of(&[0, 1, 7, 32, 64, 64, 64, 121, 120, 123]), value])
            }
            32 => EventKind::Midi([0xE0 | channel, 0, value]),
            33 => EventKind::Midi([chance.of(&[0xC0, 0xD0]) | channel, value, 0]),
            34 => EventKind::Expression {
                channel,
                key: chance.of(&[key, ANY]),
                id: chance.below(7) as i32,
                value: 0.3,
            },
            _ => {
                let (id, name) = &self.params[chance.below(self.params.len() as u64) as usize];
                // What passes everything by would hide the rest.
                let normalised = if name == "Bypass" && chance.below(3) > 0 { 0.0 } else { chance.unit() };
                EventKind::Param { id: *id, normalised }
            }
        }
    }

    fn act(&mut self) {
        let chance = &mut self.chance;
        match chance.below(14) {
            0 => self.transport.stop(),
            1..=4 => self.transport.play(),
            5 => self.transport.jump(-8.0 + 100.0 * chance.unit()),
            6 => self.transport.set_cycle(None),
            7..=8 => {
                let from = chance.below(40) as f64 / 2.0;
                let length = chance.of(&[0.3, 1.0, 2.5, 4.0, 6.0, 8.0, 16.0]);
                self.transport.set_cycle(Some((from, from + length)));
                self.transport.jump(from);
            }
            9 | 10 => self.transport.set_block(1 + chance.below(self.block.into()) as u32),
            11 => self.plugin.reset().unwrap(),
            12 => {
                let state = self.plugin.save().unwrap();
                self.plugin.load(&state).unwrap();
            }
            _ => {
                let offline = chance.below(2) == 0;
                self.plugin.pause().unwrap();
                self.plugin.set_offline(offline).unwrap();
                self.plugin.resume().unwrap();
            }
        }
    }

    /// Everything is let go: what is left must end, and then there is silence.
    fn leave(&mut self) {
        for (name, value) in [("Bypass", 0.0), ("Freeze", 0.0), ("Hear", 0.0)] {
            self.plugin.set(name, value).unwrap();
        }
        self.transport.set_block(self.block);
        self.transport.play();
        self.run(1000, vec![EventKind::NoteOff { channel: ANY, key: ANY, velocity: 0.0 }]);
        self.transport.stop();
        self.run(u64::from(self.block), vec![]);
        assert!(self.sounding.is_empty(), "{:?} sound on after a stop", self.sounding);
        let heard = self.heard;
        self.run((self.rate * 40.0) as u64, vec![]);
        assert_eq!((self.heard, self.sounding.len()), (heard, 0), "there is no silence after the stop");
    }
}

/// A run of so many events.
fn run(seed: u64, events: u64) -> u64 {
    let mut stage = Stage::new(seed);
    let mut left = events;
    while left > 0 {
        let count = stage.chance.below(12).min(left - 1) + 1;
        left -= count;
        let kinds = (0..count).map(|_| stage.event()).collect();
        let samples = 1 + (stage.rate * stage.chance.unit().powi(2) * 1.5) as u64;
        stage.run(samples, kinds);
        if stage.chance.below(6) == 0 {
            stage.act();
        }
    }
    stage.leave();
    stage.heard
}

#[test]
fn whatever_happens_every_note_ends_and_a_stop_is_silent() {
    let events = std::env::var("CONTRAFACT_EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(EVENTS);
    let first = std::env::var("CONTRAFACT_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut heard = 0;
    for seed in first..first + events.div_ceil(RUN) {
        let outcome = std::panic::catch_unwind(|| run(seed, RUN));
        heard += outcome.unwrap_or_else(|_| panic!("the run of CONTRAFACT_SEED={seed} failed; see above"));
    }
    println!("{events} events from seed {first} on, {heard} notes heard");
    assert!(heard > events / 20, "the music plays");
}

/// The output of random music, blocks of `block` at most.
fn play(seed: u64, block: u32) -> Vec<Event> {
    let mut chance = Chance(seed);
    let mut plugin = instance();
    choose(&mut plugin, "Small", hash());
    for name in [
        "Latency",
        "Margin",
        "Key lock",
        "Swing",
        "Humanise",
        "Amount",
        "Hear",
        "Longest note in 16ths",
        "Groove",
        "Dynamics",
        "Bass",
        "Split",
    ] {
        plugin.set(name, chance.unit()).unwrap();
    }
    if chance.below(2) == 0 {
        plugin.set("Swing", 0.0).unwrap();
    }
    let mut deck = Deck::of(plugin, 8_000.0, 180.0 + 100.0 * chance.unit(), block);
    if chance.below(2) == 0 {
        deck.transport.set_cycle(Some((0.0, chance.of(&[4.0, 6.0, 16.0]))));
    }
    let mut input = Vec::new();
    for _ in 0..60 {
        let (at, key) = (150.0 * chance.unit(), 50 + chance.below(20) as u8);
        let end = at + 0.2 + 9.0 * chance.unit();
        input.extend([Event::on(deck.sample(at), 0, key, 0.5), Event::off(deck.sample(end), 0, key)]);
    }
    let input = common::sorted(input);
    deck.run(230.0, &input);
    deck.transport.stop();
    deck.run(232.0, &[]);
    deck.output
}

#[test]
fn blocks_of_one_sample_and_of_4096_give_the_same_events() {
    for seed in 1..5 {
        let whole = play(seed, 4096);
        assert!(whole.len() > 60, "the music plays");
        assert_eq!(play(seed, 1), whole, "seed {seed}");
    }
}
