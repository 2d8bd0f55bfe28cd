//! The kernels run on the calling thread alone. The only test of its binary: it counts the process's threads.
#![cfg(target_os = "linux")]

mod kernels_common;

use candle_core::Result;
use kernels_common::{Noise, gradients};
use model::kernels::{self, Window};
use model::resnet;

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("Linux lists a process's threads").count()
}

#[test]
fn kernels_start_no_threads() -> Result<()> {
    let mut noise = Noise::new(1);
    let shapes: [&[usize]; 8] =
        [&[1, 64, 84, 1], &[64, 64], &[64], &[3, 3, 64, 64], &[1, 64], &[1, 64], &[64, 64], &[4, 3, 3]];
    let variables = shapes.iter().map(|shape| noise.var(shape)).collect::<Result<Vec<_>>>()?;
    let before = threads();
    let (out, _) = gradients(&variables, 2, &|t| {
        let x = kernels::linear(&kernels::unfold(&t[0], Window::new(8, 4, 2))?, &t[1])?;
        let x = kernels::conv3x3(&kernels::bias_act(&x, &t[2], 0.0)?, &t[3])?;
        let x = kernels::linear(&kernels::norm_act(&x, &t[4], &t[5], 0.0)?, &t[6])?;
        resnet::kernels::refine3x3(&resnet::kernels::pixel_shuffle(&x, 4)?, &t[7])
    })?;
    assert_eq!(out.dims(), [1, 64, 84]);
    assert_eq!(threads(), before);
    Ok(())
}
