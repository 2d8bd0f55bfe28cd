//! `bench train`: what training costs. The networks one by one, beside PyTorch on the same shapes; then whole
//! steps of the trainer, with the share of the matrix products in them.
//!
//! All on one thread, in that thread's own time where the system tells it (Linux), so that a busy machine
//! disturbs less. Weights and music are random, which changes no time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use candle_core::{Device, Tensor, Var};
use model::arranger::{Arranger, ArrangerConfig};
use model::resnet::{Discriminator, DiscriminatorConfig, Generator, GeneratorConfig};
use model::{Init, Ops, Parameter, Weights};
use model::{kernels, papers};
use phrase::{PITCHES, Roll, STEPS};
use trainer::dataset::{Dataset, GenreInfo, Info, Item};
use trainer::families::FAMILIES;
use trainer::run::{RunOptions, Trainee};

/// Samples of a network's pass; the median counts.
const SAMPLES: usize = 5;
/// A sample lasts at least this long.
const SAMPLE: Duration = Duration::from_millis(300);

/// Options of `bench train`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Phrases a pass and a step.
    #[arg(long, default_value_t = 4)]
    batch: usize,
    /// Steps that are timed of each kind, after one that is not.
    #[arg(long, default_value_t = 2)]
    steps: usize,
    /// The Python with PyTorch to compare with.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
}

/// Milliseconds of a network: forward of one phrase, forward of the batch, and that with its gradients.
type Times = [f64; 3];

/// Prints both tables.
pub fn run(arguments: &Arguments) -> Result<()> {
    let batch = arguments.batch;
    let torch = torch(arguments);
    match &torch {
        Ok(_) => println!("ms on one thread, ours / PyTorch's float32 = ratio; below 1 ours is faster"),
        Err(error) => println!("ms on one thread; not compared with PyTorch: {error:#}"),
    }
    let columns = ["forward, 1".to_string(), format!("forward, {batch}"), "forward + backward".to_string()];
    println!("{:34} {:>24} {:>24} {:>24}", "network", columns[0], columns[1], columns[2]);
    for (name, times) in networks(batch)? {
        let theirs = torch.as_ref().ok().and_then(|torch| torch.get(&name));
        let cell = |i: usize| match theirs {
            Some(theirs) => format!("{:.1} / {:.1} = {:.2}", times[i], theirs[i], times[i] / theirs[i]),
            None => format!("{:.1}", times[i]),
        };
        println!("{name:34} {:>24} {:>24} {:>24}", cell(0), cell(1), cell(2));
    }
    println!("\n{:34} {:>12} {:>30}", format!("step, batch {batch}"), "seconds", "of it in matrix products");
    let data = music();
    let nowhere = RunOptions::in_folder(Path::new("."));
    for family in FAMILIES {
        for (name, flags) in family.bench {
            let flags: Vec<String> = [&format!("--batch={batch}")]
                .into_iter()
                .cloned()
                .chain(flags.iter().map(|f| f.to_string()))
                .collect();
            let mut trainee = (family.planned(&flags, &data, &nowhere)?.fresh)(&Device::Cpu)?;
            step(name, &mut *trainee, &data, arguments.steps)?;
        }
    }
    println!(
        "matrix products: of convolutions and linear layers, forward and backward, without laying out their \
         columns"
    );
    Ok(())
}

fn step(name: &str, trainee: &mut dyn Trainee, data: &Dataset, steps: usize) -> Result<()> {
    trainee.train(data, 1)?;
    let (before, start, products) = (on_processor(), Instant::now(), kernels::products());
    for _ in 0..steps.max(1) {
        trainee.train(data, 1)?;
    }
    let (wall, products) = (start.elapsed(), kernels::products() - products);
    // The share is of the wall's time, as both are measured in it.
    let share = 100.0 * products.as_secs_f64() / wall.as_secs_f64();
    let own = on_processor().zip(before).map_or(wall, |(after, before)| after - before);
    println!("{name:34} {:>12.2} {:>28.0} %", own.as_secs_f64() / steps.max(1) as f64, share);
    Ok(())
}

/// Two genres of random phrases, as dense as music.
fn music() -> Dataset {
    let mut noise = noise();
    let mut item = |song| {
        Item::of(
            Roll::from_cells(|step, row| (20..70).contains(&row) && step % 2 == 0 && noise() > 0.8),
            song,
        )
    };
    let genre = |name: &str| GenreInfo { name: name.to_string(), ..GenreInfo::default() };
    let mut splits = || [(0..64).map(&mut item).collect::<Vec<_>>(), Vec::new(), Vec::new()];
    let info = Info { genres: vec![genre("a"), genre("b")], options: serde_json::Value::Null };
    Dataset::of_rolls(info, vec![splits(), splits()])
}

/// Numbers from -1 to 1, always the same.
fn noise() -> impl FnMut() -> f32 {
    let mut state = 1u32;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}

fn networks(batch: usize) -> Result<Vec<(String, Times)>> {
    let mut all = Vec::new();
    for attention in [false, true] {
        let also = if attention { " + attention" } else { "" };
        let g = GeneratorConfig { attention, ..GeneratorConfig::compact(1) };
        let times = times(batch, &g.parameters(""), &|weights, x| {
            let genres = Tensor::ones((x.dim(0)?, 2), x.dtype(), x.device())?;
            Ok(Generator::new(g, "", weights, Ops::KERNELS)?.forward(x, &genres)?)
        })?;
        all.push((format!("compact generator{also}"), times));
        let d = DiscriminatorConfig { attention, ..DiscriminatorConfig::compact(1) };
        let times = self::times(batch, &d.parameters(""), &|weights, x| {
            Ok(Discriminator::new(d, "", weights, Ops::KERNELS)?.forward(x)?)
        })?;
        all.push((format!("compact discriminator{also}"), times));
        let g = papers::GeneratorConfig::published(attention);
        let times = self::times(batch, &g.parameters(""), &|weights, x| {
            Ok(papers::Generator::new(g, "", weights, Ops::KERNELS)?.forward(x)?)
        })?;
        all.push((format!("papers' generator{also}"), times));
        let d = papers::DiscriminatorConfig::published(attention);
        let times = self::times(batch, &d.parameters(""), &|weights, x| {
            Ok(papers::Discriminator::new(d, "", weights, Ops::KERNELS)?.forward(x)?)
        })?;
        all.push((format!("papers' discriminator{also}"), times));
    }
    let a = ArrangerConfig::compact(3);
    let times = times(batch, &a.parameters(), &|weights, x| {
        let batch = x.dim(0)?;
        let content = Tensor::cat(&[x, x, &x.narrow(2, 0, a.features() - 2 * PITCHES)?], 2)?;
        let genres = (Tensor::ones((batch, a.genres), x.dtype(), x.device())? / a.genres as f64)?;
        let cells = Tensor::stack(&[x, x], 2)?;
        Ok(Arranger::new(a, weights, Ops::KERNELS).forward(&content, &genres, &cells, None)?)
    })?;
    all.push(("arranger".to_string(), times));
    Ok(all)
}

type Network<'a> = &'a dyn Fn(&Weights, &Tensor) -> Result<Tensor>;

fn times(batch: usize, parameters: &[Parameter], network: Network) -> Result<Times> {
    let mut noise = noise();
    let mut variables = Vec::new();
    for parameter in parameters {
        let scale = match parameter.init {
            Init::Zeros | Init::Ones | Init::Constant(_) => 0.1,
            Init::Normal(deviation) | Init::TruncatedNormal(deviation) => 1.7 * deviation,
        };
        let values: Vec<f32> = (0..parameter.len()).map(|_| scale * noise()).collect();
        variables.push((&parameter.name, Var::from_vec(values, parameter.shape.as_slice(), &Device::Cpu)?));
    }
    let tracked: Weights = variables.iter().map(|(name, var)| (*name, var)).collect();
    let plain = tracked.detached();
    let cells: Vec<f32> = (0..batch * STEPS * PITCHES).map(|_| f32::from(u8::from(noise() > 0.9))).collect();
    let rolls = Tensor::from_vec(cells, (batch, STEPS, PITCHES), &Device::Cpu)?;
    let one = rolls.narrow(0, 0, 1)?.contiguous()?;
    Ok([
        median(|| network(&plain, &one).map(drop))?,
        median(|| network(&plain, &rolls).map(drop))?,
        median(|| Ok(network(&tracked, &rolls)?.sqr()?.mean_all()?.backward().map(drop)?))?,
    ])
}

/// The median of several samples in milliseconds, each a mean over enough runs that the clock's own steps do
/// not matter.
fn median(mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    run()?;
    let mut times = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let (start, before, mut runs) = (Instant::now(), on_processor(), 0);
        while runs == 0 || start.elapsed() < SAMPLE {
            run()?;
            runs += 1;
        }
        let own = on_processor().zip(before).map_or(start.elapsed(), |(after, before)| after - before);
        times.push(1e3 * own.as_secs_f64() / f64::from(runs));
    }
    times.sort_by(f64::total_cmp);
    Ok(times[SAMPLES / 2])
}

/// How long this thread has run on a processor.
fn on_processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}

/// The same times by PyTorch, from `bench_train.py`.
fn torch(arguments: &Arguments) -> Result<BTreeMap<String, Times>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/bench_train.py");
    let python = arguments.python.display();
    let mut command = Command::new(&arguments.python);
    let output = command.arg(script).arg(arguments.batch.to_string()).output();
    let output = output.with_context(|| format!("{python} could not be started"))?;
    let fault = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("it failed").to_string();
    anyhow::ensure!(output.status.success(), "{python}: {fault}; --python names another");
    Ok(parsed(&String::from_utf8_lossy(&output.stdout)))
}

/// The rows of a table: a name, which may have blanks, and three numbers.
fn parsed(table: &str) -> BTreeMap<String, Times> {
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, numbers) = words.split_at_checked(words.len().checked_sub(3)?)?;
        let numbers: Vec<f64> = numbers.iter().map(|word| word.parse().ok()).collect::<Option<_>>()?;
        Some((name.join(" "), [numbers[0], numbers[1], numbers[2]]))
    };
    table.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_names_and_three_numbers() {
        let table =
            "ms of the thread   forward, 1   forward, 4\npapers' generator + attention   1.5  2.0 30.25\n\n";
        let rows = parsed(table);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows["papers' generator + attention"], [1.5, 2.0, 30.25]);
    }
}
