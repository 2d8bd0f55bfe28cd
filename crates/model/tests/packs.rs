//! Packs: a round trip is exact, and every kind of damage is refused in one sentence.

mod common;

use common::{pack, pair_networks, pairwise};
use model::papers::PairConfig;
use model::{FORMAT, Family, Pack, PackError, read_card};
use proptest::prelude::*;

fn bytes() -> Vec<u8> {
    pack(&["jazz", "pop"], 1).to_bytes().unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    let error = Pack::from_bytes("x.pack", bytes).unwrap_err().to_string();
    assert!(error.starts_with("x.pack: ") && !error.contains('\n'), "{error}");
    error
}

/// Replaces `from` by `to`, which must be as long, in the file's header.
fn patched(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes();
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    bytes
}

#[test]
fn a_round_trip_keeps_card_weights_and_bytes() {
    let made = pack(&["jazz", "pop", "bossa nova"], 1);
    let bytes = made.to_bytes().unwrap();
    let read = Pack::from_bytes("x.pack", &bytes).unwrap();
    assert_eq!(read.card.genres, ["jazz", "pop", "bossa nova"]);
    assert_eq!(read.card.hash.len(), 64);
    assert_eq!(read.to_bytes().unwrap(), bytes);
    assert_eq!(read_card("x.pack", &bytes).unwrap(), read.card);
    for ((name, a), (_, b)) in made.weights.iter().zip(read.weights.iter()) {
        let difference = (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(difference < 2e-3, "{name}: f16 moved a weight by {difference}");
    }
}

#[test]
fn damage_is_refused_in_one_sentence() {
    let whole = bytes();
    assert!(refusal(&[]).contains("not a whole safetensors file"));
    assert!(refusal(b"not a pack at all, but a text").contains("safetensors"));
    assert!(refusal(&whole[..whole.len() - 2]).contains("safetensors"));
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert!(refusal(&flipped).contains("SHA-256"));
    assert!(refusal(&patched("random weights", "other  weights")).contains("SHA-256"));
    assert!(refusal(&patched("generator.stem", "generator.mets")).contains("SHA-256"));
}

#[test]
fn a_newer_format_asks_for_an_update() {
    let format = format!("\\\"format\\\":{FORMAT}");
    let newer = patched(&format, &format!("\\\"format\\\":{}", FORMAT + 5));
    assert!(
        matches!(Pack::from_bytes("x", &newer), Err(PackError::Newer { found, .. }) if found == FORMAT + 5)
    );
}

#[test]
fn unusable_weights_and_cards_are_named() {
    let mut nan = pack(&["jazz", "pop"], 1);
    let stem = nan.weights.iter().find(|(name, _)| *name == "transfer.generator.stem").unwrap().1.clone();
    nan.weights.insert("transfer.generator.stem", (stem * f64::NAN).unwrap());
    assert!(
        refusal(&nan.to_bytes().unwrap())
            .contains("transfer.generator.stem holds values that are not finite")
    );

    let mut cards: Vec<Pack> = (0..5).map(|_| pack(&["jazz", "pop"], 1)).collect();
    cards[0].card.genres = vec!["jazz".into(), "jazz".into()];
    cards[1].card.genres.push("third".into());
    cards[2].card.threshold = f32::NAN;
    cards[3].card.planes = vec!["velocity".into()];
    if let Some(Family::Resnet(generator)) = &mut cards[4].card.parts.transfer {
        generator.channels = 256;
    }
    for (bad, words) in cards.iter().zip(["same name", "disagree", "threshold", "planes", "wider"]) {
        let error = bad.to_bytes().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn pairwise_packs_make_the_round_trip() {
    for network in pair_networks() {
        let made = pairwise(network, 1);
        let bytes = made.to_bytes().unwrap();
        let read = Pack::from_bytes("x.pack", &bytes).unwrap();
        assert_eq!(read.card.parts, made.card.parts);
        assert_eq!(read.to_bytes().unwrap(), bytes);
        let names: Vec<_> = read.weights.iter().map(|(name, _)| name.as_str()).collect();
        let of = |prefix: &str| {
            names.iter().filter(|name| name.starts_with(&format!("transfer.{prefix}"))).count()
        };
        assert_eq!(of("there."), network.parameters("there.").len());
        assert_eq!(of("back."), of("there."));
    }
}

#[test]
fn unusable_pairwise_cards_are_named() {
    let [papers, compact] = pair_networks();
    let mut cards = [papers, papers, papers, compact, compact].map(|network| pairwise(network, 1));
    cards[0].card.genres.push("third".into());
    let networks: Vec<_> = cards
        .iter_mut()
        .map(|pack| match &mut pack.card.parts.transfer {
            Some(Family::Papers(network)) => network,
            _ => unreachable!("all are pairwise"),
        })
        .collect();
    for (i, network) in networks.into_iter().enumerate() {
        match network {
            PairConfig::Papers(config) if i == 1 => config.width = 1000,
            PairConfig::Papers(config) if i == 2 => config.blocks = usize::MAX,
            PairConfig::Compact(config) if i == 3 => config.genres = 2,
            PairConfig::Compact(config) if i == 4 => config.channels = 0,
            _ => {}
        }
    }
    for (bad, words) in cards.iter().zip(["disagree", "wider", "out of range", "disagree", "out of range"]) {
        let error = bad.to_bytes().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn writing_never_destroys_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("good.pack");
    pack(&["jazz", "pop"], 1).write(&path).unwrap();
    let before = std::fs::read(&path).unwrap();
    let mut bad = pack(&["jazz", "pop"], 2);
    bad.card.genres.clear();
    bad.write(&path).unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let missing = Pack::read(&folder.path().join("none.pack")).unwrap_err().to_string();
    assert!(missing.contains("none.pack") && missing.contains("could not be read"), "{missing}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_damage_never_panics_and_never_passes(
        at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<prop::sample::Index>()
    ) {
        let mut bytes = bytes();
        let length = bytes.len();
        bytes[at.index(length)] ^= 1 << bit;
        prop_assert!(Pack::from_bytes("x", &bytes).is_err());
        prop_assert!(Pack::from_bytes("x", &bytes[..cut.index(length)]).is_err());
    }
}
