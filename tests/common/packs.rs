//! Packs of the tests' own: small networks with weights of no training.

use candle_core::{Device, Tensor};
use model::resnet::GeneratorConfig;
use model::touch::TouchConfig;
use model::{Card, ClassifierConfig, FeelSizes, Init, Pack, Parts, Role, Weights};
use serde_json::json;

/// A pack with these genres and weights drawn from `seed`: a transfer and a classifier.
pub fn pack(name: &str, genres: &[&str], seed: u64) -> Pack {
    drawn(name, genres, seed, |parts| parts)
}

/// The same with dynamics and feel, and the default pack's writer and space, which know as many genres.
pub fn whole_pack(name: &str, genres: &[&str; 3], seed: u64) -> Pack {
    let genres_of = genres.len();
    let mut pack = drawn(name, genres, seed, |parts| Parts {
        dynamics: Some(TouchConfig { embed: 8, units: 8, head: 8, ..TouchConfig::ours(genres_of) }),
        feel: Some(FeelSizes { genres: genres_of, tempi: vec![60.0, 240.0] }),
        ..parts
    });
    let trained = Pack::from_bytes("the default pack", model::default_pack()).unwrap();
    let parts = &mut pack.card.parts;
    (parts.writer, parts.space) = (trained.card.parts.writer.clone(), trained.card.parts.space.clone());
    assert!(parts.writer.is_some() && parts.space.is_some());
    for (name, tensor) in trained.weights.iter() {
        if [Role::Writer, Role::Space].iter().any(|role| name.starts_with(role.prefix())) {
            pack.weights.insert(name.clone(), tensor.clone());
        }
    }
    pack
}

/// The default pack, whose genres swing by these ratios at any tempo and leave the beat by `offset` steps.
pub fn swinging(name: &str, ratios: &[f32], offset: f32) -> Pack {
    let mut pack = Pack::from_bytes("the default pack", model::default_pack()).unwrap();
    let genres = pack.card.genres.len();
    let sizes = FeelSizes { genres, tempi: vec![120.0] };
    for parameter in sizes.parameters() {
        let values = match &parameter.name[..] {
            "swing" => ratios.to_vec(),
            _ => [offset, 0.0].repeat(parameter.len() / 2),
        };
        let tensor = Tensor::from_vec(values, parameter.shape, &Device::Cpu).unwrap();
        pack.weights.insert(format!("feel.{}", parameter.name), tensor);
    }
    (pack.card.name, pack.card.parts.feel) = (name.to_string(), Some(sizes));
    pack
}

fn drawn(name: &str, genres: &[&str], seed: u64, with: impl Fn(Parts) -> Parts) -> Pack {
    let count = genres.len();
    let generator = GeneratorConfig { channels: 16, blocks: 2, ..GeneratorConfig::compact(count) };
    let parts = with(Parts::new(generator, ClassifierConfig { genres: count, width: 8 }));
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
        let mut values: Vec<f32> = (0..parameter.len()).map(|_| spread * normal()).collect();
        if parameter.name == "dynamics.scale" {
            // So that it is heard.
            values.fill(6.0);
        }
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
