//! The kernels' gradients against finite differences of their own results: the one check that doesn't believe
//! candle's gradients either.

mod kernels_common;

use candle_core::{Device, Result, Tensor, Var};
use kernels_common::{Case, Noise, bits, gradients};
use model::kernels::{self, Window};
use model::{arranger, papers, resnet, writers};

const STEP: f32 = 1e-2;

/// A random projection of the result, the function whose gradients are checked, summed in `f64`.
fn projection(arguments: &[Tensor], seed: u64, operation: Case) -> Result<f64> {
    let out = operation(arguments)?;
    let projection = Noise::new(!seed).tensor(out.dims())?.flatten_all()?.to_vec1::<f32>()?;
    let out = out.flatten_all()?.to_vec1::<f32>()?;
    Ok(out.iter().zip(&projection).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum())
}

/// Compares each gradient with the slope of a central difference, along every single coordinate of each
/// argument.
fn check(arguments: &[Tensor], operation: Case) -> Result<()> {
    let seed = 17;
    let variables: Vec<Var> = arguments.iter().map(Var::from_tensor).collect::<Result<_>>()?;
    let (_, grads) = gradients(&variables, seed, operation)?;
    for (index, grad) in grads.iter().enumerate() {
        let grad = grad.flatten_all()?.to_vec1::<f32>()?;
        let size = grad.iter().fold(0.0_f32, |size, value| size.max(value.abs()));
        assert!(size > 0.0, "argument {index} has no gradient");
        for (position, &expected) in grad.iter().enumerate() {
            let moved = |by: f32| {
                let mut values = arguments[index].flatten_all()?.to_vec1::<f32>()?;
                values[position] += by;
                let mut arguments = arguments.to_vec();
                arguments[index] = Tensor::from_vec(values, arguments[index].shape(), &Device::Cpu)?;
                projection(&arguments, seed, operation)
            };
            let slope = (moved(STEP)? - moved(-STEP)?) / f64::from(2.0 * STEP);
            let difference = (slope - f64::from(expected)).abs();
            assert!(
                difference <= 1e-2 * f64::from(size),
                "argument {index} at {position}: the gradient is {expected}, the slope {slope}"
            );
        }
    }
    Ok(())
}

fn random(shapes: &[&[usize]]) -> Result<Vec<Tensor>> {
    let mut noise = Noise::new(23);
    shapes.iter().map(|shape| noise.tensor(shape)).collect()
}

/// Random values at least three steps away from zero on either side, where an activation's kink is.
fn apart(shape: &[usize]) -> Result<Tensor> {
    let values = Noise::new(29).tensor(shape)?.flatten_all()?.to_vec1::<f32>()?;
    let values: Vec<f32> = values.iter().map(|value| value + value.signum() * 3.0 * STEP).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
}

#[test]
fn conv3x3() -> Result<()> {
    check(&random(&[&[2, 4, 3, 3], &[3, 3, 3, 5]])?, &|t| kernels::conv3x3(&t[0], &t[1]))
}

#[test]
fn unfold() -> Result<()> {
    check(&random(&[&[2, 7, 5, 3]])?, &|t| kernels::unfold(&t[0], Window::new(4, 3, 2).with_after(1)))
}

#[test]
fn fold() -> Result<()> {
    let window = Window::new(3, 2, 0).with_after(1);
    check(&random(&[&[2, 3, 4, 18]])?, &|t| kernels::fold(&t[0], window, 6, 8))?;
    check(&random(&[&[2, 9, 8, 25]])?, &|t| kernels::fold(&t[0], Window::new(5, 1, 4), 5, 4))
}

#[test]
fn pad_reflect() -> Result<()> {
    check(&random(&[&[2, 4, 5, 3]])?, &|t| papers::kernels::pad_reflect(&t[0], 3))
}

#[test]
fn conv3x3_reflect() -> Result<()> {
    check(&random(&[&[2, 4, 3, 3], &[3, 3, 3, 5]])?, &|t| papers::kernels::conv3x3_reflect(&t[0], &t[1]))
}

#[test]
fn attention() -> Result<()> {
    check(&random(&[&[2, 5, 3], &[2, 4, 3], &[2, 4, 6]])?, &|t| kernels::attention(&t[0], &t[1], &t[2]))
}

#[test]
fn add_act() -> Result<()> {
    let zeros = Tensor::zeros((2, 3, 4), candle_core::DType::F32, &Device::Cpu)?;
    for slope in [0.0, 0.2, 1.0] {
        let arguments = [apart(&[2, 3, 4])?, zeros.clone()];
        check(&arguments, &move |t| kernels::add_act(&t[0], &t[1], slope))?;
    }
    Ok(())
}

#[test]
fn linear() -> Result<()> {
    check(&random(&[&[2, 3, 5], &[5, 4]])?, &|t| kernels::linear(&t[0], &t[1]))
}

#[test]
fn bias_act() -> Result<()> {
    let bias = Tensor::zeros(5, candle_core::DType::F32, &Device::Cpu)?;
    for slope in [0.0, 0.2, 1.0] {
        check(&[apart(&[2, 3, 4, 5])?, bias.clone()], &move |t| kernels::bias_act(&t[0], &t[1], slope))?;
    }
    Ok(())
}

#[test]
fn nade() -> Result<()> {
    let bits = bits(2, 2, 5)?;
    // Starts far enough from 0 that no hidden unit meets the kink.
    let start = (random(&[&[2, 4]])?[0].sign()? * 6.0)?;
    let weights = random(&[&[2, 5, 4], &[2, 5, 4]])?;
    check(&[start, weights[0].clone(), weights[1].clone()], &move |t| {
        arranger::nade(&bits, &t[0], &t[1], &t[2])
    })
}

#[test]
fn norm_act() -> Result<()> {
    let arguments = random(&[&[2, 5, 4, 3], &[2, 3], &[2, 3]])?;
    check(&arguments, &|t| kernels::norm_act(&t[0], &t[1], &t[2], 1.0))?;
    // The shifts put half the channels well above the kink and half well below, so no value meets it.
    let shift = Tensor::from_vec(vec![4.0_f32, -4.0, 4.0, -4.0, 4.0, -4.0], (2, 3), &Device::Cpu)?;
    let arguments = [arguments[0].clone(), arguments[1].clone(), shift];
    check(&arguments, &|t| kernels::norm_act(&t[0], &t[1], &t[2], 0.2))?;
    check(&arguments, &|t| kernels::norm_act(&t[0], &t[1], &t[2], 0.0))
}

#[test]
fn batch_norm() -> Result<()> {
    let arguments = random(&[&[3, 2, 4, 3], &[3], &[3]])?;
    check(&arguments, &|t| kernels::batch_norm(&t[0], &t[1], &t[2], 1.0))?;
    let shift = Tensor::from_vec(vec![4.0_f32, -4.0, 4.0], 3, &Device::Cpu)?;
    let arguments = [arguments[0].clone(), arguments[1].clone(), shift];
    check(&arguments, &|t| kernels::batch_norm(&t[0], &t[1], &t[2], 0.2))
}

#[test]
fn pixel_shuffle() -> Result<()> {
    check(&random(&[&[2, 2, 3, 12]])?, &|t| resnet::kernels::pixel_shuffle(&t[0], 2))
}

#[test]
fn refine3x3() -> Result<()> {
    check(&random(&[&[2, 3, 4, 13], &[3, 3, 3]])?, &|t| resnet::kernels::refine3x3(&t[0], &t[1]))
}

#[test]
fn lstm() -> Result<()> {
    for backward in [false, true] {
        check(&random(&[&[2, 4, 12], &[3, 12]])?, &|t| kernels::lstm(&t[0], &t[1], backward))?;
    }
    Ok(())
}

#[test]
fn highway() -> Result<()> {
    check(&[random(&[&[3, 4]])?.remove(0), random(&[&[3, 4]])?.remove(0), apart(&[3, 4])?], &|t| {
        writers::kernels::highway(&t[0], &t[1], &t[2])
    })
}

#[test]
fn max_over_time() -> Result<()> {
    // Steps so far apart that no small change makes another one the largest.
    let steps = Tensor::new(&[[[0f32], [3.0], [1.0]], [[2.0], [-3.0], [0.0]]], &Device::Cpu)?;
    let values = random(&[&[2, 3, 4]])?.remove(0).broadcast_add(&(steps * 2.0)?)?;
    // Only the largest has a slope, which is what is compared along every coordinate.
    check(&[values], &|t| writers::kernels::max_over_time(&t[0]))
}

#[test]
fn surprise() -> Result<()> {
    let right = Tensor::new(&[3u32, 0, 4], &Device::Cpu)?;
    check(&random(&[&[3, 5]])?, &move |t| writers::kernels::surprise(&t[0], &right))
}
