//! What the arranger writes is the same, bit for bit, on every processor and system: its sums have one order
//! whatever the width of the vectors. The hashes below were taken on x86-64 with AVX-512;
//! `cargo xtask cross arm --test` and `cross windows --test` hold NEON and Windows to them. Where a change of
//! the arranger is meant to change answers, take the new hashes from this test's message.

mod common;

use common::{FREE, Numbers, phrase, weights};
use model::SLOTS;
use model::arranger::{ArrangerConfig, Asked, BEATS, Chance, Decoder, INTERVALS, Moves, Style};
use sha2::{Digest, Sha256};

/// Wide enough that every vector width has whole registers and a rest.
const CONFIG: ArrangerConfig = ArrangerConfig {
    genres: 3,
    width: 72,
    heads: 3,
    reader: 1,
    writer: 2,
    inner: 104,
    units: 52,
    edition: 1,
};
/// Sums only: no exponential but that of the attention, which is our own.
const SUMS: Style = Style {
    pull: 0.5,
    contrast: 0.5,
    temperature: 1.0,
    melody: 0.5,
    chromatic: [0.5; SLOTS],
    lowest: [30; SLOTS],
    highest: [90; SLOTS],
    ..FREE
};
/// With what asks the system's library for exponentials and logarithms.
const ALL: Style = Style { change: 0.8, density: 1.0, limits: true, ..SUMS };

const INTERVAL_SHARES: [f32; INTERVALS] =
    [0.1, 0.2, 0.25, 0.1, 0.05, 0.1, 0.01, 0.08, 0.02, 0.02, 0.02, 0.01, 0.04];

/// With all that asks rows for strokes, chords and lines; it needs textures, the second edition's.
const VOICED: Style = Style {
    nearest: true,
    comps: [1.5; SLOTS],
    chords: [2.0; SLOTS],
    short: [0.5; SLOTS],
    between: [0.5; SLOTS],
    let_go: [1.0; SLOTS],
    thick: [0.3; SLOTS],
    tight: [1.0; SLOTS],
    deep: [1.0; SLOTS],
    approach: [1.0; SLOTS],
    astray: [1.0; SLOTS],
    figure: [0.5; SLOTS],
    texture: [1.0; SLOTS],
    complete: [1.0; SLOTS],
    guide: [1.0; SLOTS],
    tied: [1.0; SLOTS],
    moves: Some(Moves {
        shares: [[INTERVAL_SHARES; BEATS]; SLOTS],
        extent: [1.0; SLOTS],
        returns: [1.0; SLOTS],
    }),
    ..ALL
};

/// Noise by seed: up to 3 either way, enough to have many logits near their threshold.
struct Seeded(u64);

impl Chance for Seeded {
    fn noise(&self, step: usize, row: usize, kind: usize) -> f32 {
        3.0 * Numbers(self.0 << 32 | (step << 16 | row << 2 | kind) as u64).next()
    }
    fn detail(&self, half: usize) -> f32 {
        half as f32 / 8.0
    }
    fn phrasing(&self, _: usize) -> f32 {
        0.5
    }
    fn texture(&self, index: usize) -> f32 {
        index as f32
    }
}

/// The hash of what is written for a dozen phrases in each genre.
fn written(config: ArrangerConfig, style: &Style) -> String {
    let decoder = Decoder::new(config, &weights(&config.parameters(), 11)).unwrap();
    let mut hash = Sha256::new();
    let mut cells = 0;
    for seed in 0..12 {
        let roll = phrase(seed).roll();
        for genre in 0..3 {
            let target: Vec<f32> = (0..3).map(|g| if g == genre { 0.75 } else { 0.125 }).collect();
            let asked = Asked {
                source: seed as usize % 3,
                target: &target,
                harmony: 0.5,
                amount: 0.0,
                phrased: false,
                before: None,
                manner: None,
                first: 0,
            };
            let answer = decoder.write(&roll, &asked, style, &Seeded(seed));
            for step in answer.sounding.into_iter().chain(answer.onset) {
                cells += step.count_ones();
                hash.update(step.to_le_bytes());
            }
        }
    }
    assert!(cells > 5_000, "{cells} cells are too few to prove anything");
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn sums_are_the_same_bits_everywhere() {
    assert_eq!(written(CONFIG, &SUMS), "6ebf9801a5abb89675871597c782b2304947a5649b9ad11d914ab51e8c3f077b");
}

#[test]
fn answers_are_the_same_bits_everywhere() {
    assert_eq!(written(CONFIG, &ALL), "76601c952550f19d5fee32392bf5d40bba4329ff8f2f4ccc74034eb3e2371353");
}

#[test]
fn voiced_answers_are_the_same_bits_everywhere() {
    let config = ArrangerConfig { edition: 2, ..CONFIG };
    assert_eq!(written(config, &VOICED), "e60347e3e03ddcbf6962fb034eb967f3d39a91c0dbb58b9d1f8b8057947e2b07");
}
