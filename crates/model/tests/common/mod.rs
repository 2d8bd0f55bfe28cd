//! Small random packs and phrases.
#![allow(dead_code)] // Each test file uses some of these.

use candle_core::{Device, Tensor};
use model::arranger::{ArrangerConfig, Asked, Chance, Decoder, Drawn, Sizes, Style};
use model::papers::PairConfig;
use model::resnet::GeneratorConfig;
use model::{Card, ClassifierConfig, Family, Init, Pack, Parameter, Parts, Role, SLOTS, Weights, papers};
use phrase::{Note, Phrase};

/// A reproducible stream of numbers in -1..1 (a linear congruential generator: quality does not matter here).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub fn below(&mut self, bound: usize) -> usize {
        ((self.next() + 1.0) / 2.0 * bound as f32) as usize % bound
    }

    pub fn tensor(&mut self, shape: &[usize], scale: f32) -> Tensor {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| self.next() * scale).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }
}

/// Weights for `parameters`; zero-initialised ones get noise too, so that every part of a network shows.
pub fn weights(parameters: &[Parameter], seed: u64) -> Weights {
    let mut numbers = Numbers(seed);
    let mut weights = Weights::new();
    for parameter in parameters {
        let scale = match parameter.init {
            Init::Zeros | Init::Ones | Init::Constant(_) => 0.3,
            Init::Normal(deviation) | Init::TruncatedNormal(deviation) => deviation * 1.7,
        };
        weights.insert(&parameter.name, numbers.tensor(&parameter.shape, scale));
    }
    weights
}

/// A pack with a small random network.
pub fn pack(genres: &[&str], seed: u64) -> Pack {
    let count = genres.len();
    let generator = GeneratorConfig { genres: count, channels: 16, blocks: 2, planes: 4, attention: false };
    let classifier = ClassifierConfig { genres: count, width: 4 };
    pack_of(Parts::new(generator, classifier), genres, seed)
}

/// Small networks of both kinds for one direction, with attention.
pub fn pair_networks() -> [PairConfig; 2] {
    [
        PairConfig::Papers(papers::GeneratorConfig {
            width: 4,
            blocks: 3,
            attention: true,
            port: papers::Port::NONE,
        }),
        PairConfig::Compact(GeneratorConfig {
            genres: 1,
            channels: 16,
            blocks: 3,
            planes: 4,
            attention: true,
        }),
    ]
}

/// A pairwise pack with small random networks.
pub fn pairwise(network: PairConfig, seed: u64) -> Pack {
    let classifier = ClassifierConfig { genres: 2, width: 4 };
    pack_of(Parts::new(network, classifier), &["jazz", "pop"], seed)
}

/// A style that leaves all to the network and the input.
pub const FREE: Style = Style {
    pull: 0.0,
    change: 0.0,
    contrast: 0.0,
    temperature: 0.0,
    melody: 0.0,
    density: 0.0,
    chromatic: [0.0; SLOTS],
    diatonic: [0.0; SLOTS],
    lowest: [0; SLOTS],
    highest: [127; SLOTS],
    counts_after: true,
    voices: 0,
    fourths: 0,
    thick: [0.0; SLOTS],
    seconds: [0.0; SLOTS],
    tight: [0.0; SLOTS],
    deep: [0.0; SLOTS],
    comps: [0.0; SLOTS],
    chords: [0.0; SLOTS],
    short: [0.0; SLOTS],
    between: [0.0; SLOTS],
    let_go: [0.0; SLOTS],
    nearest: false,
    complete: [0.0; SLOTS],
    guide: [0.0; SLOTS],
    hands: false,
    figure: [0.0; SLOTS],
    texture: [0.0; SLOTS],
    bass_texture: None,
    drawn: Drawn { walks: [0.0; SLOTS], strokes: [0.0; SLOTS] },
    tied: [0.0; SLOTS],
    triads: [0.0; SLOTS],
    approach: [0.0; SLOTS],
    astray: [0.0; SLOTS],
    moves: None,
    border: 1.0,
    anticipated: None,
    pushed: None,
    gives_way: [0.0; SLOTS],
    followed: 0.0,
    busy: None,
    foreign: [0.0; SLOTS],
    follow: [0.0; SLOTS],
    limits: false,
};

/// An arranger's pack with a small random network for three genres.
pub fn arranger(seed: u64) -> Pack {
    let arranger = ArrangerConfig {
        genres: 3,
        width: 16,
        heads: 2,
        reader: 1,
        writer: 2,
        inner: 24,
        units: 20,
        edition: 2,
    };
    let style = Style { pull: 1.0, change: 1.0, contrast: 0.5, temperature: 1.0, limits: true, ..FREE };
    let classifier = ClassifierConfig { genres: 3, width: 4 };
    pack_of(Parts::new(Sizes { network: arranger, style }, classifier), &["jazz", "pop", "classic"], seed)
}

/// A pack of these parts with random weights.
pub fn pack_of(parts: Parts, genres: &[&str], seed: u64) -> Pack {
    let weights = weights(&parts.parameters(), seed);
    let card = Card::new("Random", genres.iter().map(|name| name.to_string()).collect(), parts);
    Pack::new(Card { recipe: "random weights".into(), ..card }, &weights)
}

/// A phrase of a few dozen random notes, with micro-timing.
pub fn phrase(seed: u64) -> Phrase {
    let mut numbers = Numbers(seed);
    let mut phrase = Phrase::new(0, 120.0);
    for _ in 0..40 {
        let pitch = 36 + numbers.below(48) as u8;
        let onset = numbers.below(60) as f64 + 0.3 * f64::from(numbers.next().abs());
        let length = 0.5 + numbers.below(4) as f64;
        phrase.push(Note::new(pitch, 0, 0.2 + 0.7 * numbers.next().abs(), onset, length));
    }
    phrase.sort();
    phrase
}

/// No chance: of two choices the likelier, harmony told class by class, the first texture.
pub struct NoChance;

impl Chance for NoChance {
    fn noise(&self, _: usize, _: usize, _: usize) -> f32 {
        0.0
    }
    fn detail(&self, _: usize) -> f32 {
        0.5
    }
    fn phrasing(&self, _: usize) -> f32 {
        0.5
    }
    fn texture(&self, index: usize) -> f32 {
        -(index as f32)
    }
}

/// The arranger of the pack that ships.
pub fn shipped() -> (Sizes, Decoder) {
    let pack = Pack::from_bytes("the default pack", model::default_pack()).unwrap();
    let Some(Family::Arranger(sizes)) = pack.card.parts.transfer else { panic!("it is an arranger") };
    (sizes, Decoder::new(sizes.network, &pack.weights.part(Role::Transfer)).unwrap())
}

/// The first genre's phrase in others, its tune and number of notes left as they are.
pub fn plainly(target: &[f32]) -> Asked<'_> {
    Asked {
        source: 0,
        target,
        harmony: 0.0,
        amount: 0.0,
        phrased: false,
        before: None,
        manner: None,
        first: 0,
    }
}
