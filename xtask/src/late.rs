//! `late`: how many answers come late when instances play in real time.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use host::{Event, Sounded, pair};
use model::Pack;
use phrase::STEPS;

use crate::stage::{RATE, Stage, sample};
use crate::{build, packs};

/// Options of `late`.
#[derive(clap::Args)]
pub struct Arguments {
    /// How many instances play, each a music of its own.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    instances: Vec<usize>,
    /// Samples a block.
    #[arg(long, value_delimiter = ',', default_values_t = [64, 1024, 4096])]
    blocks: Vec<u32>,
    /// Seconds of each run.
    #[arg(long, default_value_t = 34)]
    seconds: u64,
    /// How many bars later the answers come: 4, 2 or 1.
    #[arg(long, default_value_t = 4)]
    latency: u8,
    /// The players rest after a phrase, and the music goes on without them (When silent: continue).
    #[arg(long)]
    rest: bool,
    /// A pack in place of the one inside the plugin.
    #[arg(long)]
    pack: Option<PathBuf>,
}

/// A burst of a host that computes ahead, in seconds.
const BURST: f64 = 0.2;

/// Prints a table: of all phrases those whose notes are not the bounce's.
pub fn run(arguments: &Arguments) -> Result<()> {
    let (latency, bars) = match arguments.latency {
        4 => (0.0, 4),
        2 => (0.5, 2),
        1 => (1.0, 1),
        other => anyhow::bail!("--latency must be 4, 2 or 1 bars, not {other}"),
    };
    let library = build::plugin()?;
    let card =
        arguments.pack.as_deref().map(|path| Ok::<_, anyhow::Error>(Pack::read(path)?.card)).transpose()?;
    // SAFETY: no thread of ours is running, and the plugin that reads the variable is not loaded yet.
    let _packs = unsafe { packs::folder(arguments.pack.as_deref()) }?;
    println!("48 kHz, 120 BPM, {} s each, latency {bars} bars: late phrases of all", arguments.seconds);
    println!("{:>9} {:>6} {:>9} {:>14} {:>14}", "instances", "block", "calls", "no margin", "margin 1 beat");
    for &instances in &arguments.instances {
        for &block in &arguments.blocks {
            for burst in [0.0, BURST] {
                let mut columns = Vec::new();
                for margin in [0.0, 0.5] {
                    let parameters = [
                        ("Latency", latency),
                        ("Margin", margin),
                        ("Target", 1.0 / 7.0),
                        ("Amount", 1.0),
                        ("When silent", if arguments.rest { 1.0 / 3.0 } else { 0.0 }),
                        ("For at most", 1.0),
                    ];
                    let stage = |offline: bool| -> Result<Stage> {
                        let mut stage = Stage::new(&library, offline, block, &parameters)?;
                        if let Some(card) = &card {
                            stage.choose(card)?;
                        }
                        Ok(stage)
                    };
                    let plays = if arguments.rest { STEPS as f64 } else { f64::INFINITY };
                    let seconds = arguments.seconds;
                    let (late, all) = count(&stage, instances, (block, burst), (seconds, plays), bars)?;
                    columns.push(format!("{late} of {all}"));
                }
                let calls = if burst > 0.0 { "bursts" } else { "even" };
                println!("{instances:>9} {block:>6} {calls:>9} {:>14} {:>14}", columns[0], columns[1]);
            }
        }
    }
    Ok(())
}

/// Plays in real time and counts the phrases that are not the bounce's, and all.
fn count(
    stage: &dyn Fn(bool) -> Result<Stage>,
    instances: usize,
    (block, burst): (u32, f64),
    (seconds, plays): (u64, f64),
    bars: u64,
) -> Result<(usize, usize)> {
    let end = (seconds as f64 * RATE) as u64;
    let steps = (seconds as f64 * 8.0).min(plays);
    let stages = |offline: bool| -> Result<Vec<Stage>> {
        (0..instances)
            .map(|seed| {
                let mut stage = stage(offline)?;
                stage.rehearse(seed as u64, 12, 0.0, steps);
                Ok(stage)
            })
            .collect()
    };
    let mut bounced = stages(true)?;
    for stage in &mut bounced {
        stage.run(end)?;
    }
    let mut live = stages(false)?;
    let begun = Instant::now();
    let a_call = if burst > 0.0 { (burst * RATE) as u64 } else { u64::from(block) };
    let mut at = 0;
    while at < end {
        // A host asks for its audio when the last of it begins to play.
        let due = Duration::from_secs_f64(at as f64 / RATE);
        thread::sleep(due.saturating_sub(begun.elapsed()));
        at = (at + a_call).min(end);
        for stage in &mut live {
            stage.run(at)?;
        }
    }
    let mut late = 0;
    let phrase = sample(16.0 * bars as f64);
    let phrases = (end / phrase) as usize;
    for (live, bounced) in live.iter().zip(&bounced) {
        let (live, bounced) =
            (by_phrase(&live.output, phrase, phrases), by_phrase(&bounced.output, phrase, phrases));
        ensure!(bounced.iter().flatten().count() > 0, "the bounce is empty: run it for longer");
        late += live.iter().zip(&bounced).filter(|(live, bounced)| live != bounced).count();
    }
    Ok((late, phrases * instances))
}

/// The notes that start in each phrase: start, key. Their ends may lie in the next one.
fn by_phrase(events: &[Event], phrase: u64, phrases: usize) -> Vec<Vec<(u64, u8)>> {
    let mut by = vec![Vec::new(); phrases];
    for Sounded { key, start, .. } in pair(events).notes {
        if let Some(notes) = by.get_mut((start / phrase) as usize) {
            notes.push((start, key));
        }
    }
    by.iter_mut().for_each(|notes| notes.sort_unstable());
    by
}
