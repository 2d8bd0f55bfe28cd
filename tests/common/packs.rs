//! Packs of the tests' own: small networks with weights of no training.

use candle_core::{Device, Tensor};
use model::resnet::GeneratorConfig;
use model::{Card, ClassifierConfig, Init, Pack, Parts, Weights};
use serde_json::json;

/// A pack with these genres and weights drawn from `seed`.
pub fn pack(name: &str, genres: &[&str], seed: u64) -> Pack {
    let count = genres.len();
    let generator = GeneratorConfig { channels: 16, blocks: 2, ..GeneratorConfig::compact(count) };
    let parts = Parts::new(generator, ClassifierConfig { genres: count, width: 8 });
    let mut state = seed;
    // Twelve uniform draws added are near enough to a normal one.
    let mut normal = || {
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        (0..12).map(|_| uniform()).sum::<f32>() - 6.0
    };
    let mut weights = Weights::new();
    for parameter in parts.parameters() {
        let spread = match parameter.init {
            // Not zero as at the start of a training, so that the network does something.
            Init::Zeros | Init::Ones | Init::Constant(_) => 0.3,
            Init::Normal(spread) | Init::TruncatedNormal(spread) => spread,
        };
        let values: Vec<f32> = (0..parameter.len()).map(|_| spread * normal()).collect();
        weights.insert(parameter.name, Tensor::from_vec(values, parameter.shape, &Device::Cpu).unwrap());
    }
    let genres = genres.iter().map(|genre| genre.to_string()).collect();
    let card = Card { recipe: "random weights".into(), ..Card::new(name, genres, parts) };
    Pack::new(card, &weights)
}

/// Has an instance use a pack, as loading a project does.
pub fn choose(plugin: &mut host::ClapHost, name: &str, hash: &str) {
    let state =
        host::with_field(&plugin.save().unwrap(), "pack", &json!({"name": name, "hash": hash})).unwrap();
    plugin.load(&state).unwrap();
}
