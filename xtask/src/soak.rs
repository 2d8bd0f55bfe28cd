//! `soak`: many instances for a long time, and whether their memory stays what it was.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::stage::{Stage, sample};

/// Options of `soak`.
#[derive(clap::Args)]
pub struct Arguments {
    /// How many instances play.
    #[arg(long, default_value_t = 16)]
    instances: usize,
    /// How many minutes of music, played as fast as they can.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
}

/// Steps a minute at 120 BPM.
const MINUTE: f64 = 480.0;
/// Minutes after which all that is ever allocated is there: every phrase of the cache has been another one.
const WARM: u64 = 5;
/// Growth from then on that is none, in KiB: pages that the allocator gives back later or not.
const FLAT: i64 = 2048;

/// Plays and prints the memory of every minute; fails where it grows.
pub fn run(arguments: &Arguments) -> Result<()> {
    if arguments.minutes <= WARM {
        bail!("--minutes must be more than {WARM}, in which all memory is taken that will be");
    }
    let library = build::plugin()?;
    let mut stages = Vec::new();
    for index in 0..arguments.instances {
        // Every latency, and some of every option.
        let part = |of: usize| index as f64 * 0.37 * of as f64 % 1.0;
        let options = [
            ("Latency", (index % 3) as f64 / 2.0),
            ("Margin", (index % 2) as f64 / 2.0),
            ("Target", 1.0 / 7.0),
            ("Variation", part(1)),
            ("Key lock", part(2)),
            ("Swing", part(3)),
            ("Humanise", part(4)),
            ("Keep melody", (index % 2) as f64),
        ];
        stages.push(Stage::new(&library, true, [64, 512, 4096][index % 3], &options)?);
    }
    println!("{} instances, {} minutes of music at 120 BPM", arguments.instances, arguments.minutes);
    println!("{:>7} {:>12} {:>14}", "minute", "memory", "notes so far");
    let (mut notes, mut warm) = (0, 0);
    let mut last = 0;
    for minute in 0..arguments.minutes {
        for (seed, stage) in stages.iter_mut().enumerate() {
            let (from, to) = (MINUTE * minute as f64, MINUTE * (minute + 1) as f64);
            stage.rehearse(seed as u64, 24, from, to);
            stage.run(sample(to))?;
            notes += stage.output.len() / 2;
            stage.output.clear();
        }
        last = resident()?;
        if minute + 1 == WARM {
            warm = last;
        }
        println!("{:>7} {last:>8} KiB {notes:>14}", minute + 1);
    }
    let growth = last - warm;
    println!("growth since minute {WARM}: {growth} KiB");
    if growth > FLAT {
        bail!("the memory grew by {growth} KiB since minute {WARM}, where {FLAT} KiB are none");
    }
    Ok(())
}

/// This process's resident memory in KiB. Linux tells it as text.
fn resident() -> Result<i64> {
    let text = fs::read_to_string("/proc/self/status").context("only Linux tells the memory in /proc")?;
    let line =
        text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the system tells no VmRSS")?;
    let number = line.split_whitespace().next().context("VmRSS has no number")?;
    number.parse().context("VmRSS is no number")
}
