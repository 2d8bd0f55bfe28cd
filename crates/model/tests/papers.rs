//! The papers' networks: their size, and their values and gradients as PyTorch computes them.
//!
//! `fixtures/papers.py` made the values, in float64; both sides draw the weights from one formula.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var};
use model::papers::{Discriminator, DiscriminatorConfig, Generator, GeneratorConfig, Port};
use model::spectral::Spectral;
use model::{Classifier, ClassifierConfig, Init, Ops, Parameter, Weights};
use phrase::{PITCHES, STEPS};

/// Numbers in -1..1 from a name, as the script's `noise`.
fn noise(name: &str, count: usize) -> Vec<f32> {
    let fnv = |seed: u64, byte: u8| (seed ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    let value = |i: usize| {
        let mut z = seed.wrapping_add((i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(value).collect()
}

fn variables(parameters: &[Parameter]) -> BTreeMap<String, Var> {
    let variable = |p: &Parameter| {
        let spread = if p.init == Init::Zeros { 0.3 } else { 0.035 };
        let values: Vec<f32> = noise(&p.name, p.len()).into_iter().map(|x| x * spread).collect();
        (p.name.clone(), Var::from_vec(values, p.shape.as_slice(), &Device::Cpu).unwrap())
    };
    parameters.iter().map(variable).collect()
}

fn rolls(batch: usize) -> Tensor {
    let cells = noise("rolls", batch * STEPS * PITCHES).into_iter().map(|x| f32::from(u8::from(x > 0.9)));
    Tensor::from_vec(cells.collect(), (batch, STEPS, PITCHES), &Device::Cpu).unwrap()
}

/// Sum, norm and samples, as the script records a tensor.
fn record(tensor: &Tensor) -> Vec<f64> {
    const SAMPLES: usize = 64;
    let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let sum = values.iter().map(|&x| f64::from(x)).sum();
    let norm = values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let samples = (0..SAMPLES).map(|i| f64::from(values[i * (values.len() - 1) / (SAMPLES - 1)]));
    [sum, norm].into_iter().chain(samples).collect()
}

fn fixture() -> BTreeMap<String, Vec<f64>> {
    let bytes = include_bytes!("fixtures/papers.safetensors");
    let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).unwrap();
    let wide = |tensor: Tensor| tensor.to_dtype(DType::F64).unwrap().to_vec1().unwrap();
    tensors.into_iter().map(|(name, tensor)| (name, wide(tensor))).collect()
}

/// Compares one record: the norm, and each sample and the sum against what rounding of that norm allows.
fn compare(name: &str, found: &Tensor, expected: &[f64], tolerance: f64) {
    let count = found.elem_count() as f64;
    let found = record(found);
    let norm = expected[1];
    assert!(norm > 0.0, "{name} is all zero");
    assert!((found[1] - norm).abs() < tolerance * norm, "{name}: norm {} where {norm} is", found[1]);
    let sum = (found[0] - expected[0]).abs();
    assert!(sum < tolerance * norm * count.sqrt(), "{name}: sum {} where {} is", found[0], expected[0]);
    // A single value may be rounded more than the average one, which is the norm's share.
    let share = norm / count.sqrt();
    for (i, (found, expected)) in found.iter().zip(expected).enumerate().skip(2) {
        let off = (found - expected).abs();
        assert!(
            off < 10.0 * tolerance * share.max(expected.abs()),
            "{name}: sample {i} is {found}, not {expected}"
        );
    }
}

/// Output and all gradients of a case of the fixture.
fn check(case: &str, parameters: &[Parameter], network: impl Fn(&Weights) -> Tensor) {
    let fixture = fixture();
    let variables = variables(parameters);
    let out = network(&variables.iter().collect());
    compare(&format!("{case}: output"), &out, &fixture[&format!("{case}/output")], 1e-4);
    let projection = noise("projection", out.elem_count());
    let projection = Tensor::from_vec(projection, out.shape(), &Device::Cpu).unwrap();
    let gradients = (out * projection).unwrap().sum_all().unwrap().backward().unwrap();
    let cases = fixture.keys().filter(|key| key.starts_with(&format!("{case}/"))).count();
    assert_eq!(cases, 1 + variables.len(), "the script knows other parameters");
    for (name, variable) in &variables {
        let gradient = gradients.get(variable.as_tensor());
        let gradient = gradient.unwrap_or_else(|| panic!("{name} has no gradient"));
        if let Some(layer) = name.strip_suffix("gamma") {
            // One number out of a sum that nearly cancels: rounding is a share of the terms, not of it.
            let terms = fixture[&format!("{case}/{layer}value")][1];
            let off = (record(gradient)[0] - fixture[&format!("{case}/{name}")][0]).abs();
            assert!(off < 1e-2 * terms, "{case}: {name} is off by {off}");
            continue;
        }
        // In float32 a few units near 0 fall on the other side of their ReLU.
        compare(&format!("{case}: {name}"), gradient, &fixture[&format!("{case}/{name}")], 2e-3);
    }
}

#[test]
fn generators_compute_what_pytorch_does() {
    for (attention, kind) in [(false, "plain"), (true, "attention")] {
        let config = GeneratorConfig::published(attention);
        check(&format!("generator-{kind}"), &config.parameters(""), |weights| {
            Generator::new(config, "", weights, Ops::KERNELS).unwrap().forward(&rolls(1)).unwrap()
        });
    }
}

#[test]
fn discriminators_compute_what_pytorch_does() {
    for (attention, kind) in [(false, "plain"), (true, "attention")] {
        let config = DiscriminatorConfig::published(attention);
        check(&format!("discriminator-{kind}"), &config.parameters(""), |weights| {
            Discriminator::new(config, "", weights, Ops::KERNELS).unwrap().forward(&rolls(2)).unwrap()
        });
    }
}

#[test]
fn the_ports_networks_compute_what_pytorch_does() {
    let port = Port { zeros: true, plain_norm: true };
    let config = GeneratorConfig { port, ..GeneratorConfig::published(false) };
    check("generator-port", &config.parameters(""), |weights| {
        Generator::new(config, "", weights, Ops::KERNELS).unwrap().forward(&rolls(1)).unwrap()
    });
    let config = DiscriminatorConfig { port, ..DiscriminatorConfig::published(false) };
    check("discriminator-port", &config.parameters(""), |weights| {
        Discriminator::new(config, "", weights, Ops::KERNELS).unwrap().forward(&rolls(2)).unwrap()
    });
}

#[test]
fn the_classifier_computes_what_pytorch_does() {
    let config = ClassifierConfig { genres: 2, width: 64 };
    let logits = |weights: &Weights| {
        Classifier::new(config, weights, Ops::KERNELS).unwrap().forward(&rolls(3)).unwrap()
    };
    check("classifier", &config.parameters(), logits);
}

#[test]
fn the_classifier_learns_what_pytorch_does() {
    let config = ClassifierConfig { genres: 2, width: 64 };
    let (fixture, variables) = (fixture(), variables(&config.parameters()));
    let weights: Weights = variables.iter().collect();
    let logits = Classifier::new(config, &weights, Ops::KERNELS).unwrap().forward(&rolls(3)).unwrap();
    // Cross-entropy, of phrases of the genres 0, 1 and 1.
    let labels = Tensor::new(&[[1f32, 0.0], [0.0, 1.0], [0.0, 1.0]], &Device::Cpu).unwrap();
    let all = logits.exp().unwrap().sum(1).unwrap().log().unwrap();
    let loss = (all - (logits * labels).unwrap().sum(1).unwrap()).unwrap().mean_all().unwrap();
    let found = f64::from(loss.to_scalar::<f32>().unwrap());
    let expected = fixture["classifier-loss/output"][0];
    assert!((found - expected).abs() < 1e-5 * expected, "{found}, not {expected}");
    let gradients = loss.backward().unwrap();
    for (name, variable) in &variables {
        let gradient = gradients.get(variable.as_tensor()).unwrap();
        compare(name, gradient, &fixture[&format!("classifier-loss/{name}")], 2e-3);
    }
}

/// A pack of the papers' own networks says nothing of ports, as packs of before.
#[test]
fn a_card_tells_of_a_port_only_where_there_is_one() {
    let published = GeneratorConfig::published(false);
    let text = serde_json::to_string(&published).unwrap();
    assert_eq!(text, r#"{"width":64,"blocks":10,"attention":false}"#);
    let port = Port { plain_norm: true, ..Port::NONE };
    for config in [published, GeneratorConfig { port, ..published }] {
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<GeneratorConfig>(&text).unwrap(), config);
    }
}

#[test]
fn sigma_is_what_pytorch_finds() {
    let expected = &fixture()["spectral"];
    let weight = Tensor::from_vec(noise("spectral", 180), (3, 3, 4, 5), &Device::Cpu).unwrap();
    let sigma = |s: &Spectral| f64::from(s.sigma(&weight).unwrap().to_vec1::<f32>().unwrap()[0]);
    let right = Tensor::from_vec(noise("right", 5), 5, &Device::Cpu).unwrap();
    let mut spectral = Spectral::new(&weight, right).unwrap();
    for &expected in &expected[..3] {
        assert!(
            (sigma(&spectral) - expected).abs() < 1e-5 * expected,
            "{} is not {expected}",
            sigma(&spectral)
        );
        spectral = spectral.follow(&weight).unwrap();
    }
    let found = sigma(&(0..300).fold(spectral, |s, _| s.follow(&weight).unwrap()));
    assert!((found - expected[3]).abs() < 1e-4 * expected[3], "{found} is not {}", expected[3]);
}

#[test]
fn published_sizes_are_the_papers() {
    let count = |parameters: Vec<Parameter>| parameters.iter().map(Parameter::len).sum::<usize>();
    assert_eq!(count(GeneratorConfig::published(false).parameters("")), 12_551_552);
    assert_eq!(count(GeneratorConfig::published(true).parameters("")), 12_551_552 + 163_842);
    assert_eq!(count(DiscriminatorConfig::published(false).parameters("")), 819_008);
    assert_eq!(count(DiscriminatorConfig::published(true).parameters("")), 819_008 + 87_042);
}

#[test]
fn spectral_norm_spares_norms_and_transposed_convolutions() {
    let config = GeneratorConfig::published(true);
    let all: Vec<Parameter> = config.parameters("there.");
    let names = config.spectral_weights("there.");
    assert_eq!(names.len(), 3 + 20 + 1 + 2 * 3);
    for parameter in &all {
        let plain = parameter.shape.len() > 1
            && !parameter.name.contains(".up")
            && !parameter.name.ends_with("gamma");
        assert_eq!(names.contains(&parameter.name), plain, "{}", parameter.name);
    }
    let config = DiscriminatorConfig::published(true);
    assert_eq!(config.spectral_weights("").len(), 3 + 2 * 3);
}
