//! The networks: our kernels against candle's own operations, and gradients against finite differences.

mod common;

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};
use common::{Numbers, weights};
use model::papers::{PairConfig, PairGenerator};
use model::resnet::{Discriminator, DiscriminatorConfig, Generator, GeneratorConfig};
use model::{
    Classifier, ClassifierConfig, Init, Ops, Parameter, Weights, papers,
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

/// Forward and parameter gradients agree with the plain twin, and the gradient along a random direction
/// agrees with a finite difference of the loss.
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
    // In shares of each parameter's own size.
    let distance = 2e-4;
    for (name, var) in &variables {
        let gradient = kernels.get(var.as_tensor()).unwrap_or_else(|| panic!("{name} has no gradient"));
        let twin = built_in.get(var.as_tensor()).unwrap();
        let size = twin.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(size > 0.0, "{name} does not matter");
        assert!(largest_difference(gradient, twin) < 2e-3 * size.max(1.0), "{name}");
        // Partly random and partly uphill, so that the slope is no difference of large numbers.
        let spread = |t: &Tensor| {
            let mean = t.sqr().unwrap().mean_all().unwrap();
            f64::from(mean.sqrt().unwrap().to_scalar::<f32>().unwrap())
        };
        let uphill = (gradient / spread(gradient)).unwrap();
        let direction =
            ((uphill + numbers.tensor(var.dims(), 1.0)).unwrap() * spread(var.as_tensor())).unwrap();
        slope += f64::from((gradient * &direction).unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap());
        let step = (direction * distance).unwrap();
        ahead.insert(name, (var.as_tensor() + &step).unwrap());
        behind.insert(name, (var.as_tensor() - &step).unwrap());
    }
    let wide = |tensor: &Tensor| tensor.to_dtype(candle_core::DType::F64).unwrap();
    let at = |weights: &Weights| {
        let out = wide(&network(weights, Ops::KERNELS));
        (out * wide(&projection)).unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap()
    };
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

const PAIR_GENERATOR: GeneratorConfig =
    GeneratorConfig { genres: 1, channels: 16, blocks: 2, planes: 2, attention: true };
const PAIR_DISCRIMINATOR: DiscriminatorConfig =
    DiscriminatorConfig { genres: 1, fine: 8, coarse: 16, attention: true, spectral: false };

/// Directions of the weights called `names`, one iteration old: the gradient must be right for any.
fn young(weights: &Weights, names: &[String]) -> BTreeMap<String, Spectral> {
    let mut numbers = Numbers(6);
    spectral::start(&weights.detached(), names, |len| (0..len).map(|_| numbers.next()).collect()).unwrap()
}

fn pair_generator(weights: &Weights, ops: Ops) -> Tensor {
    let spectra = young(weights, &PAIR_GENERATOR.spectral_weights("back."));
    let weights = spectral::normalised(weights, &spectra).unwrap();
    let network = PairConfig::Compact(PAIR_GENERATOR);
    PairGenerator::new(network, "back.", &weights, ops).unwrap().forward(&rolls(2, 1)).unwrap()
}

fn pair_discriminator(weights: &Weights, ops: Ops) -> Tensor {
    Discriminator::new(PAIR_DISCRIMINATOR, "b.", weights, ops).unwrap().forward(&rolls(2, 2)).unwrap()
}

#[test]
fn pairwise_networks_with_attention_match_their_twins_and_finite_differences() {
    check(&PAIR_GENERATOR.parameters("back."), &[2, STEPS, PITCHES], pair_generator);
    check(&PAIR_DISCRIMINATOR.parameters("b."), &[2, 8, 10, 1], pair_discriminator);
}

#[test]
fn papers_networks_match_their_twins_and_finite_differences() {
    const PORT: papers::Port = papers::Port::NONE;
    const G: papers::GeneratorConfig =
        papers::GeneratorConfig { width: 3, blocks: 2, attention: true, port: PORT };
    const D: papers::DiscriminatorConfig =
        papers::DiscriminatorConfig { width: 4, attention: true, port: PORT };
    check(&G.parameters(""), &[2, STEPS, PITCHES], |weights, ops| {
        let spectra = young(weights, &G.spectral_weights(""));
        let weights = spectral::normalised(weights, &spectra).unwrap();
        papers::Generator::new(G, "", &weights, ops).unwrap().forward(&rolls(2, 1)).unwrap()
    });
    check(&D.parameters(""), &[2, 16, 21], |weights, ops| {
        papers::Discriminator::new(D, "", weights, ops).unwrap().forward(&rolls(2, 2)).unwrap()
    });
}

/// Before training, the judgements of sparse rolls are neither all alike nor far from the losses' targets,
/// with spectral norm and without.
#[test]
fn a_fresh_compact_discriminator_judges_sanely() {
    for spectral in [true, false] {
        let config = DiscriminatorConfig { spectral, ..DiscriminatorConfig::compact(1) };
        let mut plain = weights(&config.parameters(""), 4);
        for (name, shape) in
            config.parameters("").iter().filter(|p| p.init == Init::Zeros).map(|p| (&p.name, &p.shape))
        {
            plain.insert(
                name,
                Tensor::zeros(shape.as_slice(), candle_core::DType::F32, &Device::Cpu).unwrap(),
            );
        }
        let mut numbers = Numbers(7);
        let names = if spectral { config.spectral_weights("") } else { Vec::new() };
        let start =
            spectral::start(&plain, &names, |len| (0..len).map(|_| numbers.next()).collect()).unwrap();
        let spectra = (0..20).fold(start, |s, _| spectral::followed(&plain, &s).unwrap());
        let network =
            Discriminator::new(config, "", &spectral::normalised(&plain, &spectra).unwrap(), Ops::KERNELS)
                .unwrap();
        let sparse = Numbers(8).tensor(&[8, STEPS, PITCHES], 1.0).gt(0.9).unwrap();
        let maps = network.forward(&sparse.to_dtype(candle_core::DType::F32).unwrap()).unwrap();
        let values = maps.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let spread = (values.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt();
        println!("spectral {spectral}: mean {mean}, spread {spread}");
        assert!(mean.abs() < 2.0 && (0.02..2.0).contains(&spread), "spectral {spectral}: {mean}, {spread}");
    }
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
