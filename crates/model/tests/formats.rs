//! Packs of every format that was ever written are read, and answer as the version that wrote them did.
//!
//! The fixtures were written by the code of their time; the hashes are of the answers by the last version
//! before format 4.

mod common;

use std::path::PathBuf;

use common::phrase;
use model::{LoadedPack, Pack, SLOTS, Settings};
use sha2::{Digest, Sha256};

/// File, hash of the card and of all answers.
const PACKS: [[&str; 3]; 4] = [
    [
        "format1-resnet",
        "4e4c99d31e120dfa4d1b26605709f1198b8eef6aa9ccea39a1158b614f672a05",
        "65650ef3c506f2502b7a177c9530190089e9dd082104bd7c503472b11cd3f9d5",
    ],
    [
        "format2-papers",
        "ace79e00f58508da4bd5bd9fae3fa85d74d1b9d68a509b63ebd84e48c87816c9",
        "c12287b8bbb4ed3108241661075515e8680ebe57486769f5f9ee97255c1f4dbd",
    ],
    [
        "format2-compact",
        "20d3c66d6df30752e84d619954d777c297adac5e7db959c5e98919247718d860",
        "8f64488774c28a4c2b4fcc92e34c8efaa32295ad017c13f567c4b8800c250bb3",
    ],
    [
        "format3-arranger",
        "e442e9a16ee45f51e3bd1124c0735e8332e4eb8aa32f592c191a0f4211f21fed",
        "68b4fac2507c5e8058e0400f6c41f40e199eb69150ec7c5869d080c9d6900c8a",
    ],
];

fn file(name: &str) -> PathBuf {
    PathBuf::from(format!("{}/tests/fixtures/packs/{name}.safetensors", env!("CARGO_MANIFEST_DIR")))
}

/// The hash of many answers, their cells and sources, with the settings that those versions had. Networks
/// with logits are asked without chance: none of their logits then lies so near the threshold that another
/// vector width could decide otherwise.
fn answers(pack: &Pack) -> String {
    let mut loaded = LoadedPack::new(pack).unwrap();
    let genres = pack.card.genres.len();
    let chance = !pack.card.parts.transfer.as_ref().unwrap().sizes().has_logits();
    let variations: &[f32] = if chance { &[0.0, 0.5] } else { &[0.0] };
    let mut sha = Sha256::new();
    for seed in 0..3 {
        let roll = phrase(seed).roll();
        for source in [None, Some(0), Some(1)] {
            for target in 0..=genres {
                for amount in [1.0, 0.5] {
                    for &variation in variations {
                        let mut settings = Settings {
                            source,
                            amount,
                            variation,
                            seed: 7,
                            leave_own: true,
                            ..Settings::to(target)
                        };
                        if target == genres {
                            settings.target = [0.5; SLOTS];
                        }
                        let (cells, report) = loaded.cells(&roll, 64, &settings).unwrap();
                        for bits in cells.sounding.iter().chain(&cells.onset) {
                            sha.update(bits.to_le_bytes());
                        }
                        sha.update([report.source]);
                    }
                }
            }
        }
    }
    sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn packs_of_older_formats_answer_as_they_did() {
    for [name, hash, expected] in PACKS {
        let pack = Pack::read(&file(name)).unwrap();
        assert_eq!(pack.card.hash, hash, "{name}: projects name it so");
        assert_eq!(answers(&pack), expected, "{name}");
    }
}

#[test]
fn written_anew_they_are_of_this_format_and_answer_the_same() {
    for [name, _, expected] in PACKS {
        let old = Pack::read(&file(name)).unwrap();
        let bytes = old.to_bytes().unwrap();
        let new = Pack::from_bytes(name, &bytes).unwrap();
        assert_eq!(new.card.parts, old.card.parts, "{name}");
        assert_eq!(new.to_bytes().unwrap(), bytes, "{name}");
        assert!(
            new.weights
                .iter()
                .all(|(name, _)| ["transfer.", "classifier."].iter().any(|p| name.starts_with(p)))
        );
        assert_eq!(answers(&new), expected, "{name}");
    }
}
