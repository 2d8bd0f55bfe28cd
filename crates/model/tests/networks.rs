//! The networks: our kernels against candle's own operations, and gradients against finite differences.

mod common;

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};
use common::{Numbers, weights};
use model::{
    Classifier, ClassifierConfig, Discriminator, DiscriminatorConfig, Generator, GeneratorConfig, Ops,
    Parameter, Weights,
    spectral::{self, Spectral},
};
use phrase::{PITCHES, STEPS};

const GENERATOR: GeneratorConfig =
    GeneratorConfig { genres: 3, channels: 8, blocks: 2, planes: 2, attention: false };
const DISCRIMINATOR: DiscriminatorConfig =
    DiscriminatorConfig { genres: 3, fine: 8, coarse: 6, attention: false, spectral: true };
const CLASSIFIER: ClassifierConfig = ClassifierConfig { genres: 3, width: 4 };

fn rolls(batch: usize, seed: u64) -> Tensor {
    let sounding = Numbers(seed).tensor(&[batch, STEPS, PITCHES], 1.0).gt(0.8).unwrap();
    sounding.to_dtype(candle_core::DType::F32).unwrap()
}

fn genres() -> Tensor {
    let rows: [[f32; 6]; 2] = [[1., 0., 0., 0., 1., 0.], [0., 0., 1., 0.25, 0.25, 0.5]];
    Tensor::new(&rows, &Device::Cpu).unwrap()
}

/// The directions of a discriminator's weights after many iterations.
fn spectra(weights: &Weights) -> BTreeMap<String, Spectral> {
    let mut numbers = Numbers(5);
    let names = DISCRIMINATOR.spectral_weights("");
    let start = spectral::start(weights, &names, |len| (0..len).map(|_| numbers.next()).collect()).unwrap();
    (0..30).fold(start, |spectra, _| spectral::followed(weights, &spectra).unwrap())
}

/// What a network computes from its weights, for either kind of operations.
type Network = fn(&Weights, Ops) -> Tensor;

fn generator(weights: &Weights, ops: Ops) -> Tensor {
    Generator::new(GENERATOR, "", weights, ops).unwrap().forward(&rolls(2, 1), &genres()).unwrap()
}

fn discriminator(weights: &Weights, ops: Ops) -> Tensor {
    let normalised = spectral::normalised(weights, &spectra(&weights.detached())).unwrap();
    Discriminator::new(DISCRIMINATOR, "", &normalised, ops).unwrap().forward(&rolls(2, 2)).unwrap()
}

fn classifier(weights: &Weights, ops: Ops) -> Tensor {
    Classifier::new(CLASSIFIER, weights, ops).unwrap().forward(&rolls(2, 3)).unwrap()
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    (a - b).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
}

/// Forward and parameter gradients agree with the plain twin, and the gradient along a random direction agrees with a
/// finite difference of the loss.
fn check(parameters: &[Parameter], shape: &[usize], network: Network) {
    let plain = weights(parameters, 9);
    let variables: Vec<(String, Var)> =
        plain.iter().map(|(name, tensor)| (name.clone(), Var::from_tensor(tensor).unwrap())).collect();
    let tracked: Weights = variables.iter().map(|(name, var)| (name, var)).collect();
    let projection = Numbers(11).tensor(shape, 1.0);
    let loss = |weights: &Weights, ops| (network(weights, ops) * &projection).unwrap().sum_all().unwrap();

    let ours = network(&tracked, Ops::KERNELS);
    assert_eq!(ours.dims(), shape);
    assert!(largest_difference(&ours, &network(&tracked, Ops::BUILT_IN)) < 1e-3);

    let [kernels, built_in] =
        [Ops::KERNELS, Ops::BUILT_IN].map(|ops| loss(&tracked, ops).backward().unwrap());
    let mut numbers = Numbers(13);
    let mut slope = 0.0f64;
    let (mut ahead, mut behind) = (Weights::new(), Weights::new());
    let distance = 2e-4;
    for (name, var) in &variables {
        let gradient = kernels.get(var.as_tensor()).unwrap_or_else(|| panic!("{name} has no gradient"));
        let twin = built_in.get(var.as_tensor()).unwrap();
        let size = twin.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(size > 0.0, "{name} does not matter");
        assert!(largest_difference(gradient, twin) < 2e-3 * size.max(1.0), "{name}");
        let direction = numbers.tensor(var.dims(), 1.0);
        slope += f64::from((gradient * &direction).unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap());
        let step = (direction * distance).unwrap();
        ahead.insert(name, (var.as_tensor() + &step).unwrap());
        behind.insert(name, (var.as_tensor() - &step).unwrap());
    }
    let at = |weights: &Weights| f64::from(loss(weights, Ops::KERNELS).to_scalar::<f32>().unwrap());
    let measured = (at(&ahead) - at(&behind)) / (2.0 * distance);
    assert!(
        (slope - measured).abs() < 0.05 * slope.abs().max(measured.abs()),
        "gradient {slope}, measured {measured}"
    );
}

#[test]
fn generator_matches_its_twin_and_finite_differences() {
    check(&GENERATOR.parameters(""), &[2, STEPS, PITCHES], generator);
}

#[test]
fn discriminator_matches_its_twin_and_finite_differences() {
    check(&DISCRIMINATOR.parameters(""), &[2, 8, 10, 3], discriminator);
}

#[test]
fn classifier_matches_its_twin_and_finite_differences() {
    check(&CLASSIFIER.parameters(), &[2, 3], classifier);
}

#[test]
fn spectral_directions_find_the_largest_singular_value() {
    let weight = Tensor::new(&[[3f32, 0.], [0., 4.], [0., 0.]], &Device::Cpu).unwrap();
    let start = Spectral::new(&weight, Tensor::new(&[1f32, 1.], &Device::Cpu).unwrap()).unwrap();
    let spectral = (0..40).fold(start, |s, _| s.follow(&weight).unwrap());
    let right = spectral.right.abs().unwrap().to_vec1::<f32>().unwrap();
    assert!(right[0] < 1e-3 && (right[1] - 1.0).abs() < 1e-3, "{right:?}");
}

#[test]
fn a_missing_or_misshapen_parameter_is_named() {
    let all = weights(&GENERATOR.parameters(""), 1);
    let mut missing = Weights::new();
    all.iter()
        .filter(|(name, _)| *name != "generator.head")
        .for_each(|(name, t)| missing.insert(name, t.clone()));
    let error = Generator::new(GENERATOR, "", &missing, Ops::KERNELS).unwrap_err().to_string();
    assert!(error.contains("generator.head is missing"), "{error}");
    let mut wrong = all.clone();
    wrong.insert("generator.stem", Tensor::zeros((2, 2), candle_core::DType::F32, &Device::Cpu).unwrap());
    let error = Generator::new(GENERATOR, "", &wrong, Ops::KERNELS).unwrap_err().to_string();
    assert!(error.contains("[2, 2]") && error.contains("[64, 8]"), "{error}");
}
