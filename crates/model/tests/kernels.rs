//! The kernels against their twins in candle's built-in operations: results, gradients, repeatability, bad
//! input.

mod kernels_common;

use candle_core::{DType, Device, Result, Tensor, Var};
use kernels_common::{Case, Noise, bits, close, gradients};
use model::kernels::{self, Window, reference};
use model::{arranger, papers, resnet, writers};
use proptest::prelude::*;

/// Compares an operation's result and all gradients with its twin's, at the same random arguments.
fn agree(shapes: &[&[usize]], seed: u64, kernel: Case, twin: Case) -> Result<()> {
    let mut noise = Noise::new(seed);
    let arguments: Vec<Var> = shapes.iter().map(|shape| noise.var(shape)).collect::<Result<_>>()?;
    agree_at(&arguments, seed, kernel, twin)
}

/// The same at these arguments.
fn agree_at(arguments: &[Var], seed: u64, kernel: Case, twin: Case) -> Result<()> {
    let (out, grads) = gradients(arguments, seed, kernel)?;
    let (twin_out, twin_grads) = gradients(arguments, seed, twin)?;
    close("result", &out, &twin_out)?;
    for (index, (grad, twin_grad)) in grads.iter().zip(&twin_grads).enumerate() {
        close(&format!("gradient of argument {index}"), grad, twin_grad)?;
    }
    Ok(())
}

/// 1 where `plain`, an activation's argument, is well away from 0, else 0. At the kink itself the kernel and
/// its twin may take either slope: one drawing in some ten million meets it.
fn away_from_the_kink(plain: &Tensor) -> Result<Tensor> {
    plain.detach().abs()?.gt(1e-4)?.to_dtype(DType::F32)
}

/// Sizes that are multiples of nothing, channels on both sides of a vector's width.
fn channels() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1_usize), Just(3), Just(5), Just(17), Just(64)]
}

fn batch() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1_usize), Just(3)]
}

fn slope() -> impl Strategy<Value = f32> {
    prop_oneof![Just(0.0_f32), Just(0.2), Just(1.0)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn conv3x3(
        b in batch(), h in 1_usize..12, w in 1_usize..12, i in channels(), o in channels(), seed: u64
    ) {
        agree(
            &[&[b, h, w, i], &[3, 3, i, o]],
            seed,
            &|t| kernels::conv3x3(&t[0], &t[1]),
            &|t| reference::conv3x3(&t[0], &t[1]),
        )?;
    }

    #[test]
    fn lstm(b in batch(), steps in 1_usize..9, units in channels(), backward: bool, seed: u64) {
        agree(
            &[&[b, steps, 4 * units], &[units, 4 * units]],
            seed,
            &|t| kernels::lstm(&t[0], &t[1], backward),
            &|t| reference::lstm(&t[0], &t[1], backward),
        )?;
    }

    #[test]
    fn unfold(
        b in batch(), h in 1_usize..14, w in 1_usize..14, c in channels(),
        kernel in 1_usize..9, stride in 1_usize..5, pad in 0_usize..5, seed: u64,
    ) {
        prop_assume!(kernel <= h + 2 * pad && kernel <= w + 2 * pad);
        agree(
            &[&[b, h, w, c]],
            seed,
            &move |t| kernels::unfold(&t[0], Window::new(kernel, stride, pad)),
            &move |t| reference::unfold(&t[0], Window::new(kernel, stride, pad)),
        )?;
    }

    #[test]
    fn unfold_pads_more_after_than_before(
        h in 4_usize..9, w in 4_usize..9, before in 0_usize..3, after in 0_usize..4, seed: u64
    ) {
        let window = Window::new(4, 2, before).with_after(after);
        agree(
            &[&[2, h, w, 3]],
            seed,
            &move |t| kernels::unfold(&t[0], window),
            &move |t| reference::unfold(&t[0], window),
        )?;
    }

    #[test]
    fn fold(
        b in batch(), h in 1_usize..12, w in 1_usize..12, c in channels(),
        kernel in 1_usize..8, stride in 1_usize..4, before in 0_usize..7, after in 0_usize..7, seed: u64,
    ) {
        prop_assume!(kernel <= h + before + after && kernel <= w + before + after);
        let window = Window::new(kernel, stride, before).with_after(after);
        let positions = |size: usize| (size + before + after - kernel) / stride + 1;
        agree(
            &[&[b, positions(h), positions(w), kernel * kernel * c]],
            seed,
            &move |t| kernels::fold(&t[0], window, h, w),
            &move |t| reference::fold(&t[0], window, h, w),
        )?;
    }

    #[test]
    fn pad_reflect(
        b in batch(), h in 4_usize..9, w in 4_usize..9, c in channels(), pad in 0_usize..4, seed: u64
    ) {
        agree(
            &[&[b, h, w, c]],
            seed,
            &move |t| papers::kernels::pad_reflect(&t[0], pad),
            &move |t| papers::kernels::reference::pad_reflect(&t[0], pad),
        )?;
    }

    #[test]
    fn conv3x3_reflect(
        b in batch(), h in 2_usize..12, w in 2_usize..12, i in channels(), o in channels(), seed: u64
    ) {
        agree(
            &[&[b, h, w, i], &[3, 3, i, o]],
            seed,
            &|t| papers::kernels::conv3x3_reflect(&t[0], &t[1]),
            &|t| papers::kernels::reference::conv3x3_reflect(&t[0], &t[1]),
        )?;
    }

    // More queries than a block holds.
    #[test]
    fn attention(
        b in batch(), n in 1_usize..150, m in 1_usize..40, k in 1_usize..9, c in channels(), seed: u64
    ) {
        agree(
            &[&[b, n, k], &[b, m, k], &[b, m, c]],
            seed,
            &|t| kernels::attention(&t[0], &t[1], &t[2]),
            &|t| reference::attention(&t[0], &t[1], &t[2]),
        )?;
    }

    #[test]
    fn add_act(b in batch(), h in 1_usize..40, c in channels(), slope in slope(), seed: u64) {
        let away = |t: &[Tensor]| away_from_the_kink(&(&t[0] + &t[1])?);
        agree(
            &[&[b, h, c], &[b, h, c]],
            seed,
            &move |t| kernels::add_act(&t[0], &t[1], slope)? * away(t)?,
            &move |t| reference::add_act(&t[0], &t[1], slope)? * away(t)?,
        )?;
    }

    #[test]
    fn linear(b in batch(), h in 1_usize..12, i in channels(), o in channels(), seed: u64) {
        agree(
            &[&[b, h, i], &[i, o]],
            seed,
            &|t| kernels::linear(&t[0], &t[1]),
            &|t| reference::linear(&t[0], &t[1]),
        )?;
    }

    #[test]
    fn nade(n in 1_usize..20, k in 1_usize..3, p in 1_usize..30, h in 1_usize..40, seed: u64) {
        let bits = bits(n, k, p)?;
        // On a grid whose sums are exact, the first argument half a step beside it: no sum before ReLU is 0,
        // on whose two sides kernel and twin would round.
        let mut noise = Noise::new(seed);
        let mut on_grid = |shape: &[usize], beside: f64| {
            Var::from_tensor(&(noise.tensor(shape)? * 64.0)?.floor()?.affine(1.0 / 64.0, beside)?)
        };
        let arguments = [
            on_grid(&[n, h], 1.0 / 128.0)?,
            on_grid(&[k, p, h], 0.0)?,
            on_grid(&[k, p, h], 0.0)?,
        ];
        agree_at(
            &arguments,
            seed,
            &|t| arranger::nade(&bits, &t[0], &t[1], &t[2]),
            &|t| arranger::nade_reference(&bits, &t[0], &t[1], &t[2]),
        )?;
    }

    #[test]
    fn highway(b in batch(), c in channels(), seed: u64) {
        agree(
            &[&[b, c], &[b, c], &[b, c]],
            seed,
            &|t| writers::kernels::highway(&t[0], &t[1], &t[2]),
            &|t| writers::kernels::reference::highway(&t[0], &t[1], &t[2]),
        )?;
    }

    #[test]
    fn surprise(n in 1_usize..9, kinds in 1_usize..40, seed: u64) {
        let right = Tensor::from_iter((0..n).map(|i| ((i * 7 + 3) % kinds) as u32), &Device::Cpu)?;
        // With one kind alone nothing is a surprise, and there is no slope to compare.
        let (kernel, twin) = (right.clone(), right);
        agree(
            &[&[n, kinds]],
            seed,
            &|t| writers::kernels::surprise(&t[0], &kernel),
            &|t| writers::kernels::reference::surprise(&t[0], &twin),
        )?;
    }

    #[test]
    fn max_over_time(b in batch(), steps in 1_usize..9, c in channels(), seed: u64) {
        agree(
            &[&[b, steps, c]],
            seed,
            &|t| writers::kernels::max_over_time(&t[0]),
            &|t| writers::kernels::reference::max_over_time(&t[0]),
        )?;
    }

    #[test]
    fn bias_act(
        b in batch(), h in 1_usize..40, w in 1_usize..12, c in channels(), slope in slope(), seed: u64
    ) {
        let away = |t: &[Tensor]| away_from_the_kink(&t[0].broadcast_add(&t[1])?);
        agree(
            &[&[b, h, w, c], &[c]],
            seed,
            &move |t| kernels::bias_act(&t[0], &t[1], slope)? * away(t)?,
            &move |t| reference::bias_act(&t[0], &t[1], slope)? * away(t)?,
        )?;
    }

    // Pixels enough that no channel is nearly constant: its gradient would be all rounding.
    #[test]
    fn norm_act(
        b in batch(), h in 1_usize..40, w in 8_usize..14, c in channels(), slope in slope(), seed: u64
    ) {
        let away = |t: &[Tensor]| away_from_the_kink(&reference::norm_act(&t[0], &t[1], &t[2], 1.0)?);
        agree(
            &[&[b, h, w, c], &[b, c], &[b, c]],
            seed,
            &move |t| kernels::norm_act(&t[0], &t[1], &t[2], slope)? * away(t)?,
            &move |t| reference::norm_act(&t[0], &t[1], &t[2], slope)? * away(t)?,
        )?;
    }

    #[test]
    fn batch_norm(
        b in batch(), h in 1_usize..20, w in 8_usize..14, c in channels(), slope in slope(), seed: u64
    ) {
        let away = |t: &[Tensor]| away_from_the_kink(&reference::batch_norm(&t[0], &t[1], &t[2], 1.0)?);
        agree(
            &[&[b, h, w, c], &[c], &[c]],
            seed,
            &move |t| kernels::batch_norm(&t[0], &t[1], &t[2], slope)? * away(t)?,
            &move |t| reference::batch_norm(&t[0], &t[1], &t[2], slope)? * away(t)?,
        )?;
    }

    #[test]
    fn pixel_shuffle(
        b in batch(), h in 1_usize..6, w in 1_usize..6, c in 1_usize..6, r in 1_usize..5, seed: u64
    ) {
        agree(
            &[&[b, h, w, r * r * c]],
            seed,
            &move |t| resnet::kernels::pixel_shuffle(&t[0], r),
            &move |t| resnet::kernels::reference::pixel_shuffle(&t[0], r),
        )?;
    }

    #[test]
    fn refine3x3(b in batch(), c in 1_usize..6, h in 1_usize..20, w in 1_usize..40, seed: u64) {
        agree(
            &[&[b, c, h, w], &[c, 3, 3]],
            seed,
            &|t| resnet::kernels::refine3x3(&t[0], &t[1]),
            &|t| resnet::kernels::reference::refine3x3(&t[0], &t[1]),
        )?;
    }
}

/// A transposed view is taken like its copy, in the result and in the gradients that flow back through the
/// view.
#[test]
fn arguments_need_not_be_contiguous() -> Result<()> {
    let turned = |t: &Tensor| t.transpose(1, 2);
    agree(
        &[&[2, 5, 7, 6], &[3, 3, 6, 6]],
        1,
        &move |t| kernels::conv3x3(&turned(&t[0])?, &t[1].transpose(2, 3)?),
        &move |t| reference::conv3x3(&turned(&t[0])?, &t[1].transpose(2, 3)?),
    )?;
    agree(
        &[&[2, 6, 7, 3], &[2, 3], &[2, 3]],
        2,
        &move |t| kernels::norm_act(&turned(&t[0])?, &t[1], &t[2], 0.2)?.narrow(1, 1, 3)?.transpose(1, 2),
        &move |t| reference::norm_act(&turned(&t[0])?, &t[1], &t[2], 0.2)?.narrow(1, 1, 3)?.transpose(1, 2),
    )?;
    agree(
        &[&[3, 7, 6], &[6, 5], &[5]],
        3,
        &|t| kernels::bias_act(&kernels::linear(&t[0].narrow(1, 2, 3)?, &t[1])?, &t[2], 0.0),
        &|t| reference::bias_act(&reference::linear(&t[0].narrow(1, 2, 3)?, &t[1])?, &t[2], 0.0),
    )
}

/// A convolution to one channel as product and fold, and a transposed one, against candle's own.
#[test]
fn folding_products_is_a_convolution() -> Result<()> {
    let mut noise = Noise::new(8);
    let (x, w) = (noise.tensor(&[2, 9, 11, 3])?, noise.tensor(&[1, 3, 5, 5])?);
    let planes = x.permute((0, 3, 1, 2))?.contiguous()?;
    let taps = w.reshape((3, 25))?.flip(&[1])?;
    let ours = kernels::fold(&kernels::linear(&x, &taps)?, Window::new(5, 1, 2), 9, 11)?;
    close("to one channel", &ours.squeeze(3)?, &planes.conv2d(&w, 2, 1, 1, 1)?.squeeze(1)?)?;
    let w = noise.tensor(&[3, 4, 3, 3])?;
    let taps = w.permute((0, 2, 3, 1))?.reshape((3, 36))?;
    let window = Window::new(3, 2, 0).with_after(1);
    let ours = kernels::fold(&kernels::linear(&x, &taps)?, window, 18, 22)?;
    let whole = planes.conv_transpose2d(&w, 0, 0, 2, 1)?;
    let cut = whole.narrow(2, 0, 18)?.narrow(3, 0, 22)?.permute((0, 2, 3, 1))?;
    close("transposed", &ours, &cut)
}

/// Scores far apart must neither overflow nor leave anything but the largest.
#[test]
fn attention_survives_large_scores() -> Result<()> {
    let query = Tensor::new(&[[[100.0_f32], [-100.0]]], &Device::Cpu)?;
    let value = Tensor::new(&[[[1.0_f32], [2.0]]], &Device::Cpu)?;
    let key = Tensor::new(&[[[3.0_f32], [-3.0]]], &Device::Cpu)?;
    let out = kernels::attention(&query, &key, &value)?.flatten_all()?.to_vec1::<f32>()?;
    assert_eq!(out, [1.0, 2.0]);
    Ok(())
}

/// Whoever detaches the weights pays for the input's gradient only, and the other way round.
#[test]
fn detached_arguments_get_no_gradient() -> Result<()> {
    let mut noise = Noise::new(4);
    let (x, w) = (noise.var(&[1, 4, 5, 3])?, noise.var(&[3, 3, 3, 2])?);
    let grads = kernels::conv3x3(x.as_tensor(), &w.as_detached_tensor())?.sum_all()?.backward()?;
    assert!(grads.get(&x).is_some() && grads.get(&w).is_none());
    let grads = kernels::conv3x3(&x.as_detached_tensor(), w.as_tensor())?.sum_all()?.backward()?;
    assert!(grads.get(&x).is_none() && grads.get(&w).is_some());
    Ok(())
}

/// The variance must not drown in the rounding of a large mean.
#[test]
fn norm_is_exact_far_from_zero() -> Result<()> {
    let x = Noise::new(5).var(&[1, 16, 21, 5])?;
    let (scale, shift) =
        (Tensor::ones((1, 5), DType::F32, &Device::Cpu)?, Tensor::zeros((1, 5), DType::F32, &Device::Cpu)?);
    // Steps of 1/64 stay exact after the shift by 1000.
    let steps = ((x.as_tensor() * 64.0)?.round()? / 64.0)?;
    let near = kernels::norm_act(&steps, &scale, &shift, 1.0)?;
    let far = kernels::norm_act(&(steps + 1000.0)?, &scale, &shift, 1.0)?;
    let difference = (near - far)?.abs()?.max_all()?.to_scalar::<f32>()?;
    assert!(difference < 2e-3, "off by {difference}");
    Ok(())
}

/// A channel without variance is all shift: nothing is divided by zero, there or in the gradients.
#[test]
fn norm_of_a_constant_channel_is_the_shift() -> Result<()> {
    let x = Var::from_tensor(&Tensor::full(3.0_f32, (1, 4, 5, 2), &Device::Cpu)?)?;
    let scale = Tensor::from_vec(vec![2.0_f32, 3.0], (1, 2), &Device::Cpu)?;
    let shift = Tensor::from_vec(vec![0.5_f32, -0.5], (1, 2), &Device::Cpu)?;
    let out = kernels::norm_act(x.as_tensor(), &scale, &shift, 0.2)?;
    for pixel in out.reshape((20, 2))?.to_vec2::<f32>()? {
        assert_eq!(pixel, [0.5, -0.1]);
    }
    let grads = out.sum_all()?.backward()?;
    let dx = grads.get(&x).expect("x is tracked").flatten_all()?.to_vec1::<f32>()?;
    assert!(dx.iter().all(|value| value.abs() < 1e-3), "{dx:?}");
    Ok(())
}

/// Everything a network does, as bits: results and all gradients.
fn everything() -> Result<Vec<u32>> {
    let mut noise = Noise::new(6);
    let shapes: [&[usize]; 8] =
        [&[2, 20, 28, 1], &[64, 16], &[16], &[3, 3, 16, 16], &[2, 16], &[2, 16], &[1, 3, 3], &[3, 3, 16, 16]];
    let variables: Vec<Var> = shapes.iter().map(|shape| noise.var(shape)).collect::<Result<_>>()?;
    let (out, grads) = gradients(&variables, 7, &|t| {
        let x = kernels::linear(&kernels::unfold(&t[0], Window::new(8, 4, 2))?, &t[1])?;
        let x = kernels::conv3x3(&kernels::bias_act(&x, &t[2], 0.2)?, &t[3])?;
        let x = kernels::norm_act(&x, &t[4], &t[5], 0.0)?;
        let x = kernels::add_act(&x, &papers::kernels::conv3x3_reflect(&x, &t[7])?, 0.0)?;
        let pixels = x.reshape((2, 5 * 7, 16))?;
        let x = kernels::attention(&pixels, &pixels, &pixels)?.reshape((2, 5, 7, 16))?;
        let x = kernels::unfold(&papers::kernels::pad_reflect(&x, 1)?, Window::new(3, 1, 0))?;
        let x = kernels::fold(&x, Window::new(3, 1, 1), 5, 7)?;
        resnet::kernels::refine3x3(&resnet::kernels::pixel_shuffle(&x, 4)?, &t[6])
    })?;
    let mut bits = Vec::new();
    for tensor in grads.iter().chain([&out]) {
        bits.extend(tensor.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f32::to_bits));
    }
    Ok(bits)
}

#[test]
fn results_repeat_bit_for_bit_in_every_thread() -> Result<()> {
    let first = everything()?;
    assert!(first.iter().any(|&bits| bits != 0));
    assert_eq!(first, everything()?);
    std::thread::scope(|scope| {
        let threads = [0, 1].map(|_| scope.spawn(everything));
        for thread in threads {
            assert_eq!(first, thread.join().expect("the kernels don't panic")?);
        }
        Ok(())
    })
}

/// The buffers that calls share within a thread must not leak values from a larger image into a smaller one.
#[test]
fn sizes_may_change_between_calls() -> Result<()> {
    for (seed, shape) in [[2, 16, 21, 8], [1, 2, 3, 8], [3, 9, 1, 8], [1, 16, 21, 8]].iter().enumerate() {
        agree(&[shape, &[3, 3, 8, 4]], seed as u64, &|t| kernels::conv3x3(&t[0], &t[1]), &|t| {
            reference::conv3x3(&t[0], &t[1])
        })?;
    }
    Ok(())
}

/// Checks that a call failed and that its message says what `part` is about.
fn fails(result: Result<Tensor>, part: &str) {
    let message = result.expect_err("the arguments are wrong").to_string();
    assert!(message.contains(part), "{message:?} does not mention {part:?}");
}

#[test]
fn wrong_arguments_are_clear_errors() -> Result<()> {
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu);
    let image = zeros(&[1, 4, 5, 6])?;
    fails(kernels::conv3x3(&image, &zeros(&[3, 3, 5, 2])?), "[3, 3, 6, out]");
    fails(kernels::conv3x3(&image, &zeros(&[5, 5, 6, 2])?), "[3, 3, 6, out]");
    fails(kernels::conv3x3(&zeros(&[4, 5, 6])?, &zeros(&[3, 3, 6, 2])?), "rank");
    fails(kernels::conv3x3(&image.to_dtype(DType::F64)?, &zeros(&[3, 3, 6, 2])?), "F64");
    fails(kernels::conv3x3(&zeros(&[0, 4, 5, 6])?, &zeros(&[3, 3, 6, 2])?), "empty");
    fails(kernels::unfold(&image, Window::new(0, 1, 0)), "at least 1");
    fails(kernels::unfold(&image, Window::new(1, 0, 0)), "at least 1");
    fails(kernels::unfold(&image, Window::new(5, 1, 0)), "larger");
    fails(kernels::unfold(&image, Window::new(usize::MAX, 1, usize::MAX)), "too large");
    fails(kernels::unfold(&zeros(&[4, 5])?, Window::new(1, 1, 0)), "[4, 5]");
    fails(kernels::unfold(&image, Window::new(5, 1, 0).with_after(5000)), "too large");
    fails(kernels::fold(&image, Window::new(2, 1, 0), 5, 6), "fold");
    fails(kernels::fold(&image, Window::new(0, 1, 0), 5, 6), "at least 1");
    fails(kernels::fold(&image, Window::new(usize::MAX, 1, 0), 5, 6), "too large");
    fails(kernels::fold(&zeros(&[4, 5])?, Window::new(2, 1, 0), 5, 6), "[4, 5]");
    fails(papers::kernels::pad_reflect(&image, 4), "mirrored");
    fails(papers::kernels::pad_reflect(&zeros(&[4, 5])?, 1), "[4, 5]");
    fails(papers::kernels::conv3x3_reflect(&image, &zeros(&[3, 3, 5, 2])?), "[3, 3, 6, out]");
    fails(papers::kernels::conv3x3_reflect(&zeros(&[1, 1, 5, 6])?, &zeros(&[3, 3, 6, 2])?), "mirrored");
    fails(kernels::add_act(&image, &zeros(&[4, 5, 6])?, 0.0), "one shape");
    let pixels = zeros(&[1, 4, 2])?;
    fails(kernels::attention(&pixels, &zeros(&[1, 3, 2])?, &zeros(&[1, 4, 5])?), "attention");
    fails(kernels::attention(&pixels, &zeros(&[1, 3, 3])?, &zeros(&[1, 3, 5])?), "[1, 3, 3]");
    fails(kernels::linear(&image, &zeros(&[5, 2])?), "[its last size, out]");
    fails(kernels::bias_act(&image, &zeros(&[5])?, 0.0), "last size");
    fails(kernels::bias_act(&image, &zeros(&[6])?, -0.1), "negative");
    fails(kernels::bias_act(&image, &zeros(&[6])?, f32::NAN), "finite");
    fails(kernels::norm_act(&image, &zeros(&[1, 6])?, &zeros(&[6])?, 0.0), "[1, 6]");
    fails(kernels::norm_act(&image, &zeros(&[1, 6])?, &zeros(&[1, 6])?, f32::INFINITY), "finite");
    fails(resnet::kernels::pixel_shuffle(&image, 4), "multiple");
    fails(resnet::kernels::pixel_shuffle(&image, 0), "multiple");
    fails(resnet::kernels::pixel_shuffle(&image, usize::MAX), "multiple");
    fails(resnet::kernels::refine3x3(&image, &zeros(&[5, 3, 3])?), "[4, 3, 3]");
    fails(reference::unfold(&image, Window::new(5, 0, 0)), "at least 1");
    fails(reference::unfold(&image, Window::new(5, 1, 0)), "larger");
    fails(resnet::kernels::reference::pixel_shuffle(&image, 0), "multiple");
    Ok(())
}
