//! The built plugin under a performer's hands: what `bench`, `soak` and `late` share.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use host::{ClapHost, Event, Instance, Transport, drive};
use model::Card;
use phrase::{mix, nearest};

use crate::packs;

/// Samples a second.
pub const RATE: f64 = 48_000.0;
/// Quarter notes a minute.
pub const BPM: f64 = 120.0;

/// The sample of a step.
pub fn sample(step: f64) -> u64 {
    nearest(step * 15.0 / BPM * RATE).max(0) as u64
}

/// An instance, the transport that it follows, and what it plays.
pub struct Stage {
    plugin: ClapHost,
    transport: Transport,
    input: Vec<Event>,
    /// All that came out; whoever needs no more of it clears it.
    pub output: Vec<Event>,
}

impl Stage {
    /// A started instance with parameters (by name, 0..=1), in blocks of so many samples, which rolls.
    pub fn new(library: &Path, offline: bool, block: u32, parameters: &[(&str, f64)]) -> Result<Self> {
        let mut plugin = ClapHost::open(library)?;
        for (name, value) in parameters {
            plugin.set(name, *value)?;
        }
        plugin.set_offline(offline)?;
        plugin.start(RATE, block)?;
        let mut transport = Transport::new(RATE, block, BPM);
        transport.play();
        Ok(Self { plugin, transport, input: Vec::new(), output: Vec::new() })
    }

    /// Has it play with a pack of the packs folder.
    pub fn choose(&mut self, card: &Card) -> Result<()> {
        packs::choose(&mut self.plugin, card)
    }

    /// Gives it the notes of [`music`] from step `from` to step `to`, in place of what it had.
    pub fn rehearse(&mut self, seed: u64, notes_a_bar: u64, from: f64, to: f64) {
        self.input = music(seed, notes_a_bar, from, to);
    }

    /// Runs until a sample.
    pub fn run(&mut self, until: u64) -> Result<()> {
        drive(&mut self.plugin, &mut self.transport, until, &self.input, &mut self.output)?;
        Ok(())
    }

    /// One block, which ends at a sample at the latest, and how long the plugin took for it; `None` at the
    /// end.
    pub fn block(&mut self, until: u64) -> Result<Option<Duration>> {
        let Some(block) = self.transport.advance(until) else { return Ok(None) };
        let first = self.input.partition_point(|event| event.time < block.steady);
        let end = block.steady + u64::from(block.frames);
        let count = self.input[first..].partition_point(|event| event.time < end);
        let start = Instant::now();
        self.plugin.process(&block, &self.input[first..first + count], &mut self.output)?;
        Ok(Some(start.elapsed()))
    }

    /// Samples that were processed.
    pub fn steady(&self) -> u64 {
        self.transport.steady()
    }
}

/// Chords and lines of a key, so many notes a bar, another music for each seed and the same for the same.
pub fn music(seed: u64, notes_a_bar: u64, from: f64, to: f64) -> Vec<Event> {
    const SCALE: [u8; 7] = [0, 2, 4, 5, 7, 9, 11];
    let mut events = Vec::new();
    for bar in (from / 16.0).ceil() as u64..(to / 16.0) as u64 {
        for index in 0..notes_a_bar {
            let chance = mix(mix(seed) ^ mix(bar << 8 | index));
            let onset = 16.0 * (bar as f64 + index as f64 / notes_a_bar as f64) + (chance & 7) as f64 / 80.0;
            let length = 0.8 + (chance >> 8 & 7) as f64 / 2.0;
            let key =
                36 + 12 * (chance >> 16 & 3) as u8 + SCALE[(chance >> 24) as usize % 7] + (seed % 5) as u8;
            let velocity = 0.4 + (chance >> 32 & 63) as f32 / 128.0;
            events.push((sample(onset), 1, Event::on(sample(onset), 0, key, velocity)));
            events.push((sample(onset + length), 0, Event::off(sample(onset + length), 0, key)));
        }
    }
    events.sort_by_key(|&(time, rank, _)| (time, rank));
    events.into_iter().map(|(_, _, event)| event).collect()
}
