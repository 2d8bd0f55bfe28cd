//! Prints what a network costs on one thread: a forward pass, and one with its gradients, in milliseconds.
//!
//! `RAYON_NUM_THREADS=1 cargo run --release -p model --example train_speed [batch]`; `xtask/bench_train.py` prints the same
//! of PyTorch. Each time is the median of several, of the thread's own time where the system tells (Linux), so that a
//! busy machine disturbs it less. Weights are random, which changes no time.

use std::time::{Duration, Instant};

use candle_core::{Device, Result, Tensor, Var};
use model::papers;
use model::{Discriminator, DiscriminatorConfig, Generator, GeneratorConfig, Init, Ops, Parameter, Weights};

const SAMPLES: usize = 5;
/// At least this long.
const SAMPLE: Duration = Duration::from_millis(300);

fn main() -> Result<()> {
    let batch = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(4);
    println!(
        "{:32} {:>12} {:>12} {:>20}",
        "ms",
        "forward, 1",
        format!("forward, {batch}"),
        "forward + backward"
    );
    for attention in [false, true] {
        let also = if attention { " + attention" } else { "" };
        let g = GeneratorConfig { attention, ..GeneratorConfig::compact(1) };
        row(&format!("compact generator{also}"), batch, &g.parameters(""), &|weights, x| {
            let genres = Tensor::ones((x.dim(0)?, 2), x.dtype(), x.device())?;
            Generator::new(g, "", weights, Ops::KERNELS).map_err(wrap)?.forward(x, &genres)
        })?;
        let d = DiscriminatorConfig { attention, ..DiscriminatorConfig::compact(1) };
        row(&format!("compact discriminator{also}"), batch, &d.parameters(""), &|weights, x| {
            Discriminator::new(d, "", weights, Ops::KERNELS).map_err(wrap)?.forward(x)
        })?;
        let g = papers::GeneratorConfig::published(attention);
        row(&format!("papers' generator{also}"), batch, &g.parameters(""), &|weights, x| {
            papers::Generator::new(g, "", weights, Ops::KERNELS).map_err(wrap)?.forward(x)
        })?;
        let d = papers::DiscriminatorConfig::published(attention);
        row(&format!("papers' discriminator{also}"), batch, &d.parameters(""), &|weights, x| {
            papers::Discriminator::new(d, "", weights, Ops::KERNELS).map_err(wrap)?.forward(x)
        })?;
    }
    Ok(())
}

fn wrap(error: model::ModelError) -> candle_core::Error {
    candle_core::Error::wrap(error)
}

type Network<'a> = &'a dyn Fn(&Weights, &Tensor) -> Result<Tensor>;

fn row(name: &str, batch: usize, parameters: &[Parameter], network: Network) -> Result<()> {
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut variables = Vec::new();
    for parameter in parameters {
        let scale = match parameter.init {
            Init::Zeros => 0.1,
            Init::Normal(deviation) | Init::TruncatedNormal(deviation) => 1.7 * deviation,
        };
        let values: Vec<f32> = (0..parameter.len()).map(|_| scale * noise()).collect();
        variables.push((&parameter.name, Var::from_vec(values, parameter.shape.as_slice(), &Device::Cpu)?));
    }
    let tracked: Weights = variables.iter().map(|(name, var)| (*name, var)).collect();
    let plain = tracked.detached();
    let cells: Vec<f32> = (0..batch * 64 * 84).map(|_| f32::from(u8::from(noise() > 0.9))).collect();
    let rolls = Tensor::from_vec(cells, (batch, 64, 84), &Device::Cpu)?;
    let one = rolls.narrow(0, 0, 1)?.contiguous()?;
    let single = median(|| network(&plain, &one).map(drop))?;
    let forward = median(|| network(&plain, &rolls).map(drop))?;
    let both = median(|| network(&tracked, &rolls)?.sqr()?.mean_all()?.backward().map(drop))?;
    let ms = |time: Duration| format!("{:.1}", 1e3 * time.as_secs_f64());
    println!("{name:32} {:>12} {:>12} {:>20}", ms(single), ms(forward), ms(both));
    Ok(())
}

/// The median of several samples, each a mean over enough runs that the clock's own steps do not matter.
fn median(mut run: impl FnMut() -> Result<()>) -> Result<Duration> {
    run()?;
    let mut times = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let (start, before, mut runs) = (Instant::now(), on_processor(), 0);
        while runs == 0 || start.elapsed() < SAMPLE {
            run()?;
            runs += 1;
        }
        let own = on_processor().zip(before).map(|(after, before)| after - before);
        times.push(own.unwrap_or_else(|| start.elapsed()) / runs);
    }
    times.sort_unstable();
    Ok(times[SAMPLES / 2])
}

/// How long this thread has run on a processor.
fn on_processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}
