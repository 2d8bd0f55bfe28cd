//! A pack is parts by role: any of them may be missing, and one that this version does not know is named.

mod common;

use common::{arranger, pack, pair_networks, pairwise, phrase};
use model::{Card, Family, LoadedPack, Pack, PackError, Parts, Role, Settings, Weights, read_card};
use phrase::Phrase;
use safetensors::SafeTensors;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What of `pack` these parts are, as it comes from a file.
fn only(pack: &Pack, parts: Parts) -> Pack {
    let planes = parts.planes().iter().map(|plane| plane.to_string()).collect();
    let card = Card { parts, planes, ..pack.card.clone() };
    let bytes = Pack { card, weights: pack.weights.clone() }.to_bytes().unwrap();
    Pack::from_bytes("x", &bytes).unwrap()
}

#[test]
fn without_a_classifier_the_source_must_be_told() {
    let whole = pack(&["jazz", "pop"], 3);
    let whole = only(&whole, whole.card.parts.clone());
    let bare = only(&whole, Parts { classifier: None, ..whole.card.parts.clone() });
    assert!(bare.weights.iter().all(|(name, _)| name.starts_with("transfer.")));
    let (mut bare, mut whole) = (LoadedPack::new(&bare).unwrap(), LoadedPack::new(&whole).unwrap());
    assert!(bare.check(Role::Transfer).is_ok() && bare.check(Role::Classifier).is_err());
    let (mut out, mut expected) = (Phrase::new(0, 120.0), Phrase::new(0, 120.0));
    let told = Settings { source: Some(0), ..Settings::to(1) };
    bare.transfer(&phrase(1), &told, &mut out).unwrap();
    whole.transfer(&phrase(1), &told, &mut expected).unwrap();
    assert_eq!(out, expected);
    // Neither classified, nor told by a slot that the pack lacks.
    for source in [None, Some(5)] {
        let settings = Settings { source, ..Settings::to(1) };
        let error = bare.transfer(&phrase(1), &settings, &mut out).unwrap_err().to_string();
        assert!(error.contains("no classifier") && error.contains("say which genre is played"), "{error}");
    }
    assert!(bare.classify(&phrase(1).roll()).is_err());
}

#[test]
fn a_classifier_alone_tells_genres_and_recasts_nothing() {
    let whole = arranger(3);
    let whole = only(&whole, whole.card.parts.clone());
    let alone = only(&whole, Parts { transfer: None, ..whole.card.parts.clone() });
    assert_eq!(alone.card.planes, ["sounding"]);
    let (mut alone, whole) = (LoadedPack::new(&alone).unwrap(), LoadedPack::new(&whole).unwrap());
    let roll = phrase(1).roll();
    assert_eq!(alone.classify(&roll).unwrap(), whole.classify(&roll).unwrap());
    let mut out = Phrase::new(0, 120.0);
    for settings in [Settings::to(1), Settings { amount: 0.0, ..Settings::to(1) }] {
        let error = alone.transfer(&phrase(1), &settings, &mut out).unwrap_err().to_string();
        assert!(error.contains("no transfer") && error.contains("another pack"), "{error}");
    }
    assert!(alone.check(Role::Transfer).is_err());
}

#[test]
fn a_family_has_one_name() {
    let packs = [arranger(3), pack(&["jazz", "pop"], 3), pairwise(pair_networks()[0], 3)];
    for (pack, name) in packs.iter().zip(Family::NAMES) {
        let family = pack.card.parts.transfer.as_ref().unwrap();
        assert_eq!(family.name(), *name);
        assert_eq!(serde_json::to_value(family).unwrap()["family"], *name);
        let read = Pack::from_bytes("x", &pack.to_bytes().unwrap()).unwrap();
        assert_eq!(read.card.parts, pack.card.parts);
    }
    assert_eq!(Family::NAMES, ["arranger", "resnet", "papers"]);
}

#[test]
fn a_pack_of_nothing_is_refused() {
    let nothing = Pack::new(Card::new("x", vec!["jazz".into()], Parts::default()), &Weights::new());
    assert!(nothing.to_bytes().unwrap_err().to_string().contains("no part"));
}

#[test]
fn a_trainers_names_become_those_of_the_parts() {
    let whole = pack(&["jazz", "pop"], 3);
    let mut bare = whole.weights.part(Role::Transfer);
    assert!(bare.iter().any(|(name, _)| name == "generator.stem"));
    whole.weights.part(Role::Classifier).iter().for_each(|(name, tensor)| bare.insert(name, tensor.clone()));
    for weights in [&bare, &whole.weights] {
        assert_eq!(Pack::new(whole.card.clone(), weights).to_bytes().unwrap(), whole.to_bytes().unwrap());
    }
}

/// A pack whose card was edited, with a hash that is right again.
fn edited(edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let bytes = pack(&["jazz", "pop"], 3).to_bytes().unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let envelope: Value = serde_json::from_str(&metadata.metadata().as_ref().unwrap()["contrafact"]).unwrap();
    let mut card = envelope["card"].clone();
    edit(&mut card);
    let text = card.to_string();
    let mut sha = Sha256::new();
    sha.update(&text);
    let mut views = tensors.tensors();
    views.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, view) in &views {
        sha.update(name);
        sha.update(format!("{:?}", view.shape()));
        sha.update(view.data());
    }
    let hash: String = sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let envelope = format!(r#"{{"sha256":"{hash}","card":{text}}}"#);
    safetensors::serialize(views, Some([("contrafact".to_string(), envelope)].into())).unwrap()
}

#[test]
fn what_a_newer_version_made_is_named() {
    assert!(Pack::from_bytes("x", &edited(|_| ())).is_ok(), "the edit itself is no damage");
    let part = edited(|card| card["parts"]["painter"] = serde_json::json!({ "family": "lstm" }));
    let writer = edited(|card| card["parts"]["writer"] = serde_json::json!({ "family": "diffusion" }));
    let family = edited(|card| card["parts"]["transfer"]["family"] = "diffusion".into());
    for (bytes, words) in [
        (part, "a part called \"painter\""),
        (writer, "a writer of the family \"diffusion\""),
        (family, "a transfer of the family \"diffusion\""),
    ] {
        for error in [Pack::from_bytes("x", &bytes).unwrap_err(), read_card("x", &bytes).unwrap_err()] {
            let text = error.to_string();
            assert!(matches!(error, PackError::Unknown { .. }), "{text}");
            assert!(
                text.contains(words) && text.contains("newer version") && text.contains("update"),
                "{text}"
            );
        }
    }
}

#[test]
#[cfg(unix)]
fn what_is_no_file_is_refused_in_a_sentence_and_never_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.safetensors");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let large = folder.path().join("large.safetensors");
    std::fs::File::create(&large).unwrap().set_len(1 << 40).unwrap();
    for (path, words) in [
        (pipe.as_path(), "a pipe or a device"),
        (std::path::Path::new("/dev/zero"), "a pipe or a device"),
        (folder.path(), "a folder"),
        (&large, "larger than the 256 MiB"),
    ] {
        let error = Pack::read(path).unwrap_err().to_string();
        assert!(error.contains(words) && error.starts_with(&path.display().to_string()), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}
