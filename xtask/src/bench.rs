//! `bench`: a phrase's cost, the plugin's loading, and what a block costs the audio thread; `bench train`: a
//! training step's.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use host::ClapHost;
use model::{LoadedPack, Ops, Pack, Settings};
use phrase::{Note, Phrase};

use crate::stage::{RATE, Stage, sample};
use crate::{bench_train, bench_widths, build};

/// Options of `bench`.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// Runs of our kernels; candle's operations get a tenth.
    #[arg(long, default_value_t = 500)]
    runs: usize,
    /// Measure this library's audio thread, and nothing else: to compare with another build.
    #[arg(long)]
    library: Option<PathBuf>,
    /// Only load this library once, and print the microseconds.
    #[arg(long, hide = true)]
    load: Option<PathBuf>,
}

/// What else can be timed.
#[derive(clap::Subcommand)]
enum What {
    /// Time the networks' passes and whole training steps, and PyTorch on the same shapes where Python has
    /// it.
    Train(bench_train::Arguments),
    /// Answer phrases with vectors of 256 bits and of 512, and count the cells that differ (x86 with
    /// AVX-512).
    Widths(bench_widths::Arguments),
}

/// Prints a table of times.
pub fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.what {
        Some(What::Train(arguments)) => return bench_train::run(arguments),
        Some(What::Widths(arguments)) => return bench_widths::run(arguments),
        None => {}
    }
    if let Some(library) = &arguments.load {
        return load(library);
    }
    if let Some(library) = &arguments.library {
        let library =
            library.canonicalize().with_context(|| format!("{} cannot be found", library.display()))?;
        return audio_times(&library);
    }
    let library = build::plugin()?;
    let pack = Pack::from_bytes("the default pack", model::default_pack())?;
    let transfer = pack.card.parts.transfer.as_ref().context("the default pack holds no transfer")?;
    let network = transfer.sizes().summary();
    let parameters: usize = pack.card.parts.parameters().iter().map(model::Parameter::len).sum();
    println!(
        "{} {}: {network}, {parameters} parameters; one phrase, one thread, wall time",
        pack.card.name, pack.card.version,
    );
    println!("{:36} {:>10} {:>10} {:>10}", "", "median", "p99", "aim");
    let runs = arguments.runs.max(1);
    row("transfer, our kernels", &transfer_times(&pack, Ops::KERNELS, runs)?, "5 ms");
    // What writes step by step does so with loops of its own and has no such twin.
    if transfer.sizes().has_logits() {
        row("transfer, candle's operations", &transfer_times(&pack, Ops::BUILT_IN, runs.div_ceil(10))?, "");
    }
    // Unmeasured: the first time reads the library from the disk.
    load_time(&library)?;
    let times = (0..20).map(|_| load_time(&library)).collect::<Result<Vec<_>>>()?;
    row("library + first instance", &sorted(times), "50 ms");
    println!();
    audio_times(&library)
}

/// Prints what a block costs the audio thread: at rest, in dense playing, and at a phrase's entry.
///
/// Through the CLAP in a host of one thread, so with nice-plug's share. Before an entry the network gets the
/// time that it has on stage, for a wait would count here.
fn audio_times(library: &Path) -> Result<()> {
    println!(
        "{:36} {:>10} {:>10} {:>10} {:>10}",
        "audio thread, a block", "samples", "median", "p99", "share"
    );
    for block in [64, 512, 4096] {
        for (name, notes, entries) in
            [("idle", 0, false), ("64 notes a bar", 64, false), ("64 notes a bar, at an entry", 64, true)]
        {
            let times = block_times(library, block, notes, entries)?;
            let micros = |time: Duration| format!("{:.2}µs", 1e6 * time.as_secs_f64());
            let share = 100.0 * median(&times).as_secs_f64() / (f64::from(block) / RATE);
            let (median, worst) = (micros(median(&times)), micros(percentile(&times, 99)));
            println!("{name:36} {block:>10} {median:>10} {worst:>10} {share:>9.3}%");
        }
    }
    Ok(())
}

/// The times of the blocks in which a phrase enters, or of all others, over two minutes of music with a
/// latency of a bar.
fn block_times(library: &Path, block: u32, notes: u64, entries: bool) -> Result<Vec<Duration>> {
    let mut stage = Stage::new(library, false, block, &[("Latency", 1.0), ("Target", 1.0 / 7.0)])?;
    let end = 960.0;
    stage.rehearse(1, notes, 0.0, end);
    let mut times = Vec::new();
    let bar = sample(16.0);
    loop {
        let from = stage.steady();
        let enters = from.next_multiple_of(bar) < from + u64::from(block);
        if enters {
            // Time passes as on stage, so far as the network needs it.
            std::thread::sleep(Duration::from_millis(20));
        }
        let Some(time) = stage.block(sample(end))? else { break };
        // The first bars warm up.
        if enters == entries && from > 4 * bar {
            times.push(time);
        }
        stage.output.clear();
    }
    Ok(sorted(times))
}

/// The middle of sorted times.
pub fn median(times: &[Duration]) -> Duration {
    percentile(times, 50)
}

/// The time that `percent` of the sorted times do not exceed; zero of none.
pub fn percentile(times: &[Duration], percent: usize) -> Duration {
    let index = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(index).copied().unwrap_or_default()
}

fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort_unstable();
    times
}

fn row(name: &str, times: &[Duration], aim: &str) {
    let ms = |time: Duration| format!("{:.2}ms", 1e3 * time.as_secs_f64());
    println!("{name:36} {:>10} {:>10} {aim:>10}", ms(median(times)), ms(percentile(times, 99)));
}

fn transfer_times(pack: &Pack, ops: Ops, runs: usize) -> Result<Vec<Duration>> {
    let mut transfer = LoadedPack::with_ops(pack, ops)?;
    let settings = Settings { source: None, ..Settings::to(pack.card.genres.len() - 1) };
    let input = busy_phrase();
    let mut answer = Phrase::new(0, 120.0);
    for _ in 0..3 {
        transfer.transfer(&input, &settings, &mut answer)?;
    }
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        transfer.transfer(black_box(&input), &settings, &mut answer)?;
        black_box(&answer);
        times.push(start.elapsed());
    }
    Ok(sorted(times))
}

/// Four bars of chords and a line of eighths: about as many notes as a busy pianist plays.
fn busy_phrase() -> Phrase {
    let mut phrase = Phrase::new(0, 120.0);
    for (bar, root) in [60, 57, 65, 67].into_iter().enumerate() {
        let at = 16.0 * bar as f64;
        for interval in [-24, -12, 0, 4, 7] {
            phrase.push(Note::new((root + interval) as u8, 0, 0.6, at, 16.0));
        }
        for eighth in 0..8 {
            let pitch = root + 12 + [0, 4, 7, 11, 12, 11, 7, 4][eighth as usize];
            phrase.push(Note::new(pitch as u8, 0, 0.8, at + 2.0 * f64::from(eighth), 1.9));
        }
    }
    phrase.sort();
    phrase
}

/// How long a process of its own takes to load the library and make its first instance: a library that was
/// loaded before would be warm.
fn load_time(library: &Path) -> Result<Duration> {
    let program = std::env::current_exe().context("this program cannot be found")?;
    let output =
        Command::new(program).args(["bench", "--load"]).arg(library).output().context("it cannot be run")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let micros = text.trim().parse().with_context(|| format!("the plugin did not load: {text}"))?;
    Ok(Duration::from_micros(micros))
}

/// Loads the library, makes an instance and prints how many microseconds that took.
fn load(library: &Path) -> Result<()> {
    let start = Instant::now();
    let instance = ClapHost::open(library)?;
    println!("{}", start.elapsed().as_micros());
    drop(instance);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted() {
        let times: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(median(&times), Duration::from_millis(100));
        assert_eq!(percentile(&times, 99), Duration::from_millis(198));
        assert_eq!(percentile(&times[..1], 99), Duration::from_millis(1));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
