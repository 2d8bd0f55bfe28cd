//! Prints how fast the kernels are beside their twins in candle's built-in operations, at the sizes of the
//! networks.
//!
//! `cargo run --release -p model --example kernel_speed`. Set `RAYON_NUM_THREADS=1` to hold the twins to one
//! thread too. Each time is the best of many: what the code can do, not what the machine was doing.

use std::time::{Duration, Instant};

use candle_core::{Device, Result, Tensor, Var};
use model::kernels::{self, Window, reference};
use model::resnet;

type Operation<'a> = &'a dyn Fn(&[Tensor]) -> Result<Tensor>;

fn main() -> Result<()> {
    println!("{:44} {:>12} {:>12} {:>9}", "operation", "kernel", "built-in", "faster");
    for batch in [1, 12] {
        let multiplications = batch * 16 * 21 * 9 * 64 * 64;
        compare(
            "conv3x3, 16 x 21, 64 to 64",
            &[&[batch, 16, 21, 64], &[3, 3, 64, 64]],
            Some(multiplications),
            &|t| kernels::conv3x3(&t[0], &t[1]),
            &|t| reference::conv3x3(&t[0], &t[1]),
        )?;
        compare(
            "unfold, 64 x 84, kernel 8, stride 4",
            &[&[batch, 64, 84, 1]],
            None,
            &|t| kernels::unfold(&t[0], Window::new(8, 4, 2)),
            &|t| reference::unfold(&t[0], Window::new(8, 4, 2)),
        )?;
        compare(
            "linear, 336 x 64 to 64",
            &[&[batch, 16, 21, 64], &[64, 64]],
            Some(batch * 336 * 64 * 64),
            &|t| kernels::linear(&t[0], &t[1]),
            &|t| reference::linear(&t[0], &t[1]),
        )?;
        compare(
            "bias_act, 16 x 21 x 64",
            &[&[batch, 16, 21, 64], &[64]],
            None,
            &|t| kernels::bias_act(&t[0], &t[1], 0.2),
            &|t| reference::bias_act(&t[0], &t[1], 0.2),
        )?;
        compare(
            "norm_act, 16 x 21 x 64",
            &[&[batch, 16, 21, 64], &[batch, 64], &[batch, 64]],
            None,
            &|t| kernels::norm_act(&t[0], &t[1], &t[2], 0.0),
            &|t| reference::norm_act(&t[0], &t[1], &t[2], 0.0),
        )?;
        compare(
            "pixel_shuffle, 16 x 21 x 64 by 4",
            &[&[batch, 16, 21, 64]],
            None,
            &|t| resnet::kernels::pixel_shuffle(&t[0], 4),
            &|t| resnet::kernels::reference::pixel_shuffle(&t[0], 4),
        )?;
        compare(
            "refine3x3, 4 x 64 x 84",
            &[&[batch, 4, 64, 84], &[4, 3, 3]],
            None,
            &|t| resnet::kernels::refine3x3(&t[0], &t[1]),
            &|t| resnet::kernels::reference::refine3x3(&t[0], &t[1]),
        )?;
    }
    Ok(())
}

/// Prints two lines: forward, and forward with backward. The gradient that goes into the backward pass is
/// made by a sum, which costs the same on both sides.
fn compare(
    name: &str,
    shapes: &[&[usize]],
    multiplications: Option<usize>,
    kernel: Operation,
    twin: Operation,
) -> Result<()> {
    let variables = shapes.iter().map(|shape| Var::randn(0.0_f32, 1.0, *shape, &Device::Cpu));
    let variables: Vec<Var> = variables.collect::<Result<_>>()?;
    let tracked: Vec<Tensor> = variables.iter().map(|var| var.as_tensor().clone()).collect();
    let detached: Vec<Tensor> = variables.iter().map(Var::as_detached_tensor).collect();
    let batch = shapes[0][0];
    let forward = [kernel, twin].map(|operation| best(|| operation(&detached).map(drop)));
    line(&format!("{name}, batch {batch}"), forward, multiplications);
    let both = [kernel, twin].map(|operation| best(|| operation(&tracked)?.sum_all()?.backward().map(drop)));
    line("    forward and backward", both, multiplications.map(|count| 3 * count));
    Ok(())
}

/// The best time of about half a second of runs.
fn best(mut run: impl FnMut() -> Result<()>) -> Result<Duration> {
    let start = Instant::now();
    let mut best = Duration::MAX;
    while start.elapsed() < Duration::from_millis(400) {
        let lap = Instant::now();
        run()?;
        best = best.min(lap.elapsed());
    }
    Ok(best)
}

fn line(name: &str, times: [Result<Duration>; 2], multiplications: Option<usize>) {
    let [kernel, twin] = times.map(|time| time.map_or(f64::NAN, |time| time.as_secs_f64()));
    print!("{name:44} {:9.3} ms {:9.3} ms {:8.1}x", kernel * 1e3, twin * 1e3, twin / kernel);
    if let Some(count) = multiplications {
        let speed = 2.0 * count as f64 / 1e9;
        print!("  {:.1} against {:.1} GFLOP/s", speed / kernel, speed / twin);
    }
    println!();
}
