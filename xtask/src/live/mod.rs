//! `run`: the built plugin as a program of its own, between two MIDI ports, for a stage without a host.
//!
//! It has no window: what the window sets are options here. Time is the computer's, in blocks of a
//! millisecond; what comes in is played one block later, so that it keeps its distances.

#[cfg_attr(not(feature = "live"), allow(dead_code, reason = "tested in every build, used in that one"))]
mod clock;
#[cfg(feature = "live")]
mod ports;

use std::path::PathBuf;

use anyhow::Result;

/// Options of `run`.
#[derive(clap::Args)]
#[cfg_attr(not(feature = "live"), allow(dead_code, reason = "they are for the feature"))]
pub struct Arguments {
    /// The genre to recast into: a name, or a slot's number.
    #[arg(long, default_value = "1")]
    to: String,
    /// The MIDI input, by a part of its name; a port of our own for other programs to play to, if not given.
    #[arg(long)]
    input: Option<String>,
    /// The MIDI output, likewise.
    #[arg(long)]
    output: Option<String>,
    /// Name the MIDI ports there are, and end.
    #[arg(long)]
    list: bool,
    /// The tempo in quarter notes a minute; time rolls from the start on, in 4/4.
    #[arg(long, default_value_t = 120.0)]
    tempo: f64,
    /// Follow the input's MIDI clock, start and stop instead.
    #[arg(long, conflicts_with = "free")]
    clock: bool,
    /// Let time rest: each phrase begins with the first note after a silence, at the tempo.
    #[arg(long)]
    free: bool,
    /// How far to go, in percent.
    #[arg(long, default_value_t = 75.0)]
    amount: f64,
    /// How many bars later an answer comes: 4, 2 or 1.
    #[arg(long, default_value_t = 4)]
    latency: u8,
    /// Play what comes in as well, at once.
    #[arg(long)]
    both: bool,
    /// The plugin's library, in place of building it.
    #[arg(long)]
    library: Option<PathBuf>,
}

#[cfg(not(feature = "live"))]
pub fn run(_: &Arguments) -> Result<()> {
    anyhow::bail!(
        "this build has no MIDI ports; use `cargo run -p xtask --release --features live -- run` (on Linux \
         it needs the package libasound2-dev)"
    )
}

#[cfg(feature = "live")]
pub fn run(arguments: &Arguments) -> Result<()> {
    stage::run(arguments)
}

#[cfg(feature = "live")]
mod stage {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use anyhow::{Context, bail};
    use host::{Block, ClapHost, Event, EventKind, Instance, Signature};

    use super::clock::{MidiClock, Position};
    use super::{Arguments, Result, ports};
    use crate::{build, genres};

    const RATE: f64 = 48_000.0;
    const BLOCK: u32 = 64;

    pub fn run(arguments: &Arguments) -> Result<()> {
        if arguments.list {
            let (inputs, outputs) = ports::names()?;
            inputs.iter().for_each(|name| println!("input   {name}"));
            outputs.iter().for_each(|name| println!("output  {name}"));
            return Ok(());
        }
        if !(20.0..=400.0).contains(&arguments.tempo) {
            bail!("--tempo must be 20 to 400");
        }
        let latency = match arguments.latency {
            4 => 0.0,
            2 => 0.5,
            1 => 1.0,
            _ => bail!("--latency must be 4, 2 or 1 bars"),
        };
        let card = model::read_card("the default pack", model::default_pack())?;
        let target = genres::slot(&card.genres, &arguments.to)?;
        let library = match &arguments.library {
            Some(path) => {
                path.canonicalize().with_context(|| format!("{} cannot be loaded", path.display()))?
            }
            None => build::plugin()?,
        };
        let mut ports = ports::open(arguments.input.as_deref(), arguments.output.as_deref())?;
        let mut plugin = ClapHost::open(&library)?;
        for (name, value) in [
            ("Target", f64::from(target) / 7.0),
            ("Amount", (arguments.amount / 100.0).clamp(0.0, 1.0)),
            ("Latency", latency),
            ("Hear", if arguments.both { 1.0 } else { 0.0 }),
        ] {
            plugin.set(name, value)?;
        }
        plugin.start(RATE, BLOCK)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        ctrlc::set_handler(move || stopped.store(true, Ordering::Relaxed))?;
        println!("playing to {}; Ctrl-C ends it", card.genres[usize::from(target)]);

        let (begun, mut clock) = (Instant::now(), MidiClock::new(arguments.tempo));
        let mut waiting: Vec<Event> = Vec::new();
        let mut output = Vec::new();
        for number in 0_u64.. {
            let steady = number * u64::from(BLOCK);
            let start = Duration::from_secs_f64((steady + u64::from(BLOCK)) as f64 / RATE);
            thread::sleep((begun + start).saturating_duration_since(Instant::now()));
            while let Ok((when, bytes)) = ports.input.try_recv() {
                let time = when.saturating_duration_since(begun).as_secs_f64();
                clock.hear(&bytes, time);
                waiting.extend(event((time * RATE) as u64, &bytes));
            }
            // What came during the block that is over is this block's.
            let end = steady + u64::from(BLOCK);
            let count = waiting.partition_point(|event| event.time < end);
            let mut input: Vec<_> = waiting.drain(..count).collect();
            input.iter_mut().for_each(|event| event.time = event.time.max(steady));
            let seconds = steady as f64 / RATE;
            let rolling = Position {
                playing: !arguments.free,
                tempo: arguments.tempo,
                beats: if arguments.free { 0.0 } else { seconds * arguments.tempo / 60.0 },
            };
            let position = if arguments.clock { clock.at(seconds) } else { rolling };
            plugin.process(&block(steady, position), &input, &mut output)?;
            plugin.pump();
            for bytes in output.drain(..).filter_map(|event| bytes(&event)) {
                ports.output.send(&bytes).context("the MIDI output is gone")?;
            }
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        // Nothing that sounds outlives us.
        for channel in 0..16 {
            let _ = ports.output.send(&[0xB0 | channel, 64, 0]);
            let _ = ports.output.send(&[0xB0 | channel, 123, 0]);
        }
        Ok(())
    }

    fn block(steady: u64, position: Position) -> Block {
        let bar = (position.beats / 4.0).floor();
        Block {
            steady,
            frames: BLOCK,
            sample_rate: RATE,
            playing: position.playing,
            tempo: position.tempo,
            beats: position.beats,
            signature: Signature { beat: 0.0, numerator: 4, denominator: 4 },
            bar_start: 4.0 * bar,
            bar: bar as i32,
            cycle: None,
        }
    }

    /// What a message is to the plugin; the clock's and other systems' are nothing.
    fn event(time: u64, bytes: &[u8]) -> Option<Event> {
        let (status, channel) = (bytes.first()? & 0xF0, bytes[0] & 0x0F);
        match (status, bytes) {
            (0x90, &[_, key, velocity @ 1..=127]) => {
                Some(Event::on(time, channel, key, f32::from(velocity) / 127.0))
            }
            (0x80 | 0x90, &[_, key, _]) => Some(Event::off(time, channel, key)),
            (0xA0 | 0xB0 | 0xE0, &[a, b, c]) => Some(Event::midi(time, [a, b, c])),
            (0xC0 | 0xD0, &[a, b, ..]) => Some(Event::midi(time, [a, b, 0])),
            _ => None,
        }
    }

    /// What the plugin sends, as MIDI.
    fn bytes(event: &Event) -> Option<Vec<u8>> {
        let seven = |value: f32| (value * 127.0).round().clamp(0.0, 127.0) as u8;
        match event.kind {
            EventKind::NoteOn { channel, key, velocity } => {
                Some(vec![0x90 | channel, key, seven(velocity).max(1)])
            }
            EventKind::NoteOff { channel, key, .. } if channel < 16 && key < 128 => {
                Some(vec![0x80 | channel, key, 0])
            }
            EventKind::Midi([a, b, _]) if matches!(a & 0xF0, 0xC0 | 0xD0) => Some(vec![a, b]),
            EventKind::Midi(all) => Some(all.to_vec()),
            _ => None,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn messages_come_through_as_they_were() {
            for message in [
                &[0x91, 60, 100][..],
                &[0x80, 60, 0],
                &[0xB2, 64, 127],
                &[0xE0, 1, 64],
                &[0xC3, 5],
                &[0xD0, 9],
            ] {
                assert_eq!(bytes(&event(7, message).unwrap()).as_deref(), Some(message));
            }
            assert_eq!(event(0, &[0x90, 60, 0]), Some(Event::off(0, 0, 60)));
            for none in [&[0xF8][..], &[0xF0, 1, 0xF7], &[], &[0x90, 60]] {
                assert_eq!(event(0, none), None);
            }
        }
    }
}
