//! The losses' gradients against finite differences, and which network's judgement reaches which.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};
use model::spectral::{self, Spectral, normalised};
use model::{Ops, Weights};
use phrase::{PITCHES, STEPS};

use super::losses::{self, CriticLoss, GeneratorLoss};
use super::networks::Networks;
use super::noise::Noise;
use super::options::*;
use crate::random;

const SIZE: usize = 2;
const GENERATORS: usize = 0;
const CRITICS: usize = 1;

/// Tiny networks of an untrained pair, and what one part of a step would give them.
struct Scene {
    options: PairOptions,
    networks: Networks,
    variables: [BTreeMap<String, Var>; 2],
    spectra: [BTreeMap<String, Spectral>; 2],
    real: [Tensor; 2],
    mixed: Tensor,
    fakes: [Tensor; 2],
}

fn options() -> PairOptions {
    let pair = ["a".to_string(), "b".to_string()];
    PairOptions {
        network: NetworkKind::Compact,
        width: 8,
        blocks: 1,
        sigma: 0.3,
        ..PairOptions::preset(Preset::Papers, pair, 100)
    }
}

fn cells(seed: u64) -> Tensor {
    let values = random::normal(&mut random::stream(seed, 0), SIZE * STEPS * PITCHES);
    let cells = values.into_iter().map(|x| f32::from(u8::from(x > 1.2))).collect();
    Tensor::from_vec(cells, (SIZE, STEPS, PITCHES), &Device::Cpu).unwrap()
}

impl Scene {
    fn new(options: PairOptions) -> Self {
        let networks = Networks::new(&options);
        let mut rng = random::stream(7, 1);
        let mut tensor = |p: &model::Parameter| {
            // Zero starts (attention's gain, shifts) get values too, so that every part of a network shows.
            let start = random::start(p, &mut rng).unwrap();
            let more = Tensor::from_vec(random::normal(&mut rng, p.len()), p.shape.as_slice(), &Device::Cpu);
            (p.name.clone(), Var::from_tensor(&(start + (more.unwrap() * 0.1).unwrap()).unwrap()).unwrap())
        };
        let variables = [networks.generator_parameters(), networks.critic_parameters()]
            .map(|parameters| parameters.iter().map(&mut tensor).collect::<BTreeMap<_, _>>());
        let mut spectra = Vec::new();
        for (variables, names) in variables.iter().zip(networks.spectral_names()) {
            let weights: Weights = variables.iter().collect();
            let fresh = spectral::start(&weights, &names, |n| random::normal(&mut rng, n)).unwrap();
            spectra.push((0..20).fold(fresh, |s, _| spectral::followed(&weights, &s).unwrap()));
        }
        let [real_a, real_b, fake_a, fake_b, mixed] = [1, 2, 3, 4, 5].map(cells);
        Self {
            options,
            networks,
            variables,
            spectra: spectra.try_into().unwrap(),
            real: [real_a, real_b],
            mixed,
            fakes: [fake_a, fake_b],
        }
    }

    fn weights(&self, which: usize) -> Weights {
        self.variables[which].iter().collect()
    }

    fn noise(&self) -> Noise {
        Noise::new(&self.options, SIZE, &Device::Cpu, random::stream(7, 2)).unwrap()
    }

    fn generators(&self, generators: &Weights, critics: &Weights) -> GeneratorLoss {
        let [of_generators, of_critics] = &self.spectra;
        let weights = normalised(generators, of_generators).unwrap();
        let makers = self.networks.generators(&weights, Ops::KERNELS).unwrap();
        let weights = normalised(&critics.detached(), of_critics).unwrap();
        let critics = self.networks.critics(&weights, Ops::KERNELS).unwrap();
        losses::generators(&makers, &critics, &self.real, &mut self.noise(), &self.options).unwrap()
    }

    fn critics(&self, critics: &Weights, fakes: &[Tensor; 2]) -> CriticLoss {
        let weights = normalised(critics, &self.spectra[CRITICS]).unwrap();
        let critics = self.networks.critics(&weights, Ops::KERNELS).unwrap();
        let mixed = critics.mixed.is_some().then_some(&self.mixed);
        losses::critics(&critics, &self.real, fakes, mixed, &mut self.noise(), &self.options).unwrap()
    }

    /// The largest gradient by variable of the generators' loss against `critics`.
    fn reach(&self, critics: &Weights) -> BTreeMap<String, f32> {
        let loss = self.generators(&self.weights(GENERATORS), critics).total.backward().unwrap();
        let size = |var: &Var| loss.get(var.as_tensor()).map_or(0.0, largest);
        self.variables[GENERATORS].iter().map(|(name, var)| (name.clone(), size(var))).collect()
    }

    /// The gradient of `loss` along a random direction of the variables `which`, each moved in proportion to
    /// its own size, against the difference of the loss. Over a long distance a network bends (attention
    /// above all), over a short one f32 rounds: one of three must fit.
    fn check(&self, which: usize, loss: impl Fn(&Weights) -> Tensor) {
        let gradients = loss(&self.weights(which)).backward().unwrap();
        let mut rng = random::stream(8, 0);
        // The variables' shares may cancel: what is left is measured against what they are.
        let (mut slope, mut shares) = (0.0f64, 0.0f64);
        let mut directions = Vec::new();
        for (name, var) in &self.variables[which] {
            let gradient = gradients.get(var.as_tensor()).unwrap_or_else(|| panic!("{name} has no gradient"));
            assert!(largest(gradient) > 0.0, "{name} does not matter");
            let direction = random::normal(&mut rng, var.elem_count());
            let direction = Tensor::from_vec(direction, var.shape(), &Device::Cpu).unwrap();
            let size = var.sqr().unwrap().mean_all().unwrap().sqrt().unwrap();
            let direction = direction.broadcast_mul(&size).unwrap();
            let product = (gradient * &direction).unwrap().sum_all().unwrap();
            let share = f64::from(product.to_scalar::<f32>().unwrap());
            slope += share;
            shares += share.abs();
            directions.push(direction);
        }
        let at = |distance: f64| {
            let mut moved = Weights::new();
            for ((name, var), direction) in self.variables[which].iter().zip(&directions) {
                moved.insert(name, (var.as_tensor() + (direction * distance).unwrap()).unwrap());
            }
            f64::from(loss(&moved).to_scalar::<f32>().unwrap())
        };
        let measured = [2e-3, 5e-4, 1e-4].map(|h| (at(h) - at(-h)) / (2.0 * h));
        let fits = |m: &f64| (slope - m).abs() < 0.02 * shares;
        assert!(measured.iter().any(fits), "gradient {slope}, measured {measured:?}: {:?}", self.options);
    }

    fn check_all(&self) {
        self.check(GENERATORS, |weights| self.generators(weights, &self.weights(CRITICS)).total);
        self.check(CRITICS, |weights| self.critics(weights, &self.fakes).total);
    }
}

fn largest(tensor: &Tensor) -> f32 {
    tensor.abs().unwrap().max_all().unwrap().to_scalar().unwrap()
}

#[test]
fn base_is_differentiated_right() {
    Scene::new(options()).check_all();
}

#[test]
fn partial_with_extra_gradients_hinge_cross_entropy_and_identity_is_differentiated_right() {
    let options = PairOptions {
        model: Model::Partial,
        extra_gradient: true,
        cycle: CycleKind::CrossEntropy,
        adversarial: Adversarial::Hinge,
        identity: 3.0,
        noise: NoiseKind::Signed,
        shared_noise: false,
        ..options()
    };
    Scene::new(options).check_all();
}

#[test]
fn full_without_extra_gradients_is_differentiated_right() {
    Scene::new(PairOptions { model: Model::Full, gamma: 0.7, ..options() }).check_all();
}

#[test]
fn spectral_norm_is_differentiated_right() {
    Scene::new(PairOptions { spectral_norm: SpectralNorm::All, ..options() }).check_all();
}

#[test]
fn attention_is_differentiated_right() {
    Scene::new(PairOptions { attention: true, ..options() }).check_all();
}

#[test]
fn the_papers_networks_are_differentiated_right() {
    let papers = PairOptions { network: NetworkKind::Papers, width: 2, ..options() };
    Scene::new(papers.clone()).check_all();
    Scene::new(PairOptions {
        model: Model::Partial,
        extra_gradient: true,
        spectral_norm: SpectralNorm::All,
        attention: true,
        width: 8,
        ..papers
    })
    .check_all();
}

#[test]
fn without_extra_gradients_the_extra_discriminators_do_not_reach_the_generators() {
    let base = Scene::new(options());
    let mut full = Scene::new(PairOptions { model: Model::Full, ..options() });
    full.variables[GENERATORS] = base.variables[GENERATORS].clone();
    let total = |scene: &Scene, critics: &Weights| {
        scene.generators(&scene.weights(GENERATORS), critics).total.to_scalar::<f32>().unwrap()
    };
    let shared = full.weights(CRITICS);
    assert_eq!(total(&full, &shared), total(&base, &shared));
    full.options.extra_gradient = true;
    assert_ne!(total(&full, &shared), total(&base, &shared));
}

/// The bug of a well-known port: D_A asked about A's phrases made of A.
#[test]
fn each_discriminator_judges_the_fakes_of_its_own_genre() {
    // Without a cycle, and where the discriminator of B says the same of everything, nothing is left that the
    // generator to B could learn; the one to A still learns.
    let scene = Scene::new(PairOptions { lambda: 0.0, ..options() });
    let mut blind = Weights::new();
    for (name, var) in &scene.variables[CRITICS] {
        let tensor = if name.starts_with("b.") { var.zeros_like().unwrap() } else { var.as_tensor().clone() };
        blind.insert(name, tensor);
    }
    for (name, size) in scene.reach(&blind) {
        assert_eq!(size > 0.0, name.starts_with("back."), "{name}: {size}");
    }
    // And it learns from the fakes of B, not from those of A.
    let gradient = |fakes: &[Tensor; 2]| {
        let loss = scene.critics(&scene.weights(CRITICS), fakes).total.backward().unwrap();
        scene.variables[CRITICS]
            .iter()
            .filter(|(name, _)| name.starts_with("b."))
            .map(|(_, var)| {
                loss.get(var.as_tensor()).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
            })
            .collect::<Vec<_>>()
    };
    let [of_a, of_b] = &scene.fakes;
    let before = gradient(&scene.fakes);
    assert_eq!(gradient(&[cells(9), of_b.clone()]), before);
    assert_ne!(gradient(&[of_a.clone(), cells(9)]), before);
}

/// That bug as an option: each discriminator then learns from the other genre's phrases.
#[test]
fn crossed_discriminators_learn_from_the_other_genre() {
    let scene = Scene::new(PairOptions { crossed: true, ..options() });
    let gradient = |fakes: &[Tensor; 2]| {
        let loss = scene.critics(&scene.weights(CRITICS), fakes).total.backward().unwrap();
        let of_b = scene.variables[CRITICS].iter().filter(|(name, _)| name.starts_with("b."));
        of_b.map(|(_, var)| loss.get(var.as_tensor()).map_or(0.0, largest)).collect::<Vec<_>>()
    };
    let [of_a, of_b] = &scene.fakes;
    let before = gradient(&scene.fakes);
    assert_eq!(gradient(&[of_a.clone(), cells(9)]), before);
    assert_ne!(gradient(&[cells(9), of_b.clone()]), before);
}

#[test]
fn binarised_fakes_are_notes_with_the_gradient_of_the_soft_ones() {
    let logits = Var::from_tensor(&Tensor::new(&[[[-2f32, -0.1, 0.0, 0.3, 4.0]]], &Device::Cpu).unwrap());
    let logits = logits.unwrap();
    let played = crate::families::resnet::losses::played(&logits).unwrap();
    assert_eq!(played.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [0.0, 0.0, 0.0, 1.0, 1.0]);
    let soft = candle_nn::ops::sigmoid(&logits).unwrap();
    let [played, soft] = [played, soft].map(|cells| {
        let store = cells.sum_all().unwrap().backward().unwrap();
        store.get(logits.as_tensor()).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
    });
    assert_eq!(played, soft);
}
