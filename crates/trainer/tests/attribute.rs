//! `attribute` through the program, against PyTorch: `fixtures/attribution.py` made the values, in float64.

use std::path::Path;
use std::process::Command;

use candle_core::{Device, Tensor};
use model::{ClassifierConfig, Init, Weights};
use phrase::{Song, SongNote, Track};
use serde_json::Value;
use trainer::classifier::{BuiltConfig, ClassifierFile};

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

/// The script's classifier as `classify` would have written it.
fn classifier(path: &Path) {
    let config = ClassifierConfig { genres: 2, width: 8 };
    let mut weights = Weights::new();
    for parameter in config.parameters() {
        let spread = if parameter.init == Init::Zeros { 0.3 } else { 0.035 };
        let values: Vec<f32> = noise(&parameter.name, parameter.len()).iter().map(|x| x * spread).collect();
        weights.insert(&parameter.name, Tensor::from_vec(values, parameter.shape, &Device::Cpu).unwrap());
    }
    let genres = ["first", "second"].map(String::from).to_vec();
    let file =
        ClassifierFile { genres, config: BuiltConfig::Papers(config), weights, accuracy: vec![0.5; 2] };
    file.write(path).unwrap();
}

#[test]
fn what_the_program_attributes_is_what_pytorch_does() {
    let folder = tempfile::tempdir().unwrap();
    let [judge, music] = ["judge.safetensors", "phrase.mid"].map(|name| folder.path().join(name));
    classifier(&judge);
    let note = |i: usize| SongNote {
        pitch: 24 + 16 + (i * 7 % 43) as u8,
        channel: 0,
        velocity: 0.7,
        onset: (i * 29 % 62) as f64,
        length: 2.0,
    };
    let mut song = Song::new(120.0);
    song.tracks.push(Track { notes: (0..48).map(note).collect(), ..Track::default() });
    song.end = 64.0;
    song.write(&music).unwrap();

    let text = include_str!("fixtures/attribution.json");
    let expected: Vec<Value> = serde_json::from_str(text).unwrap();
    for (genre, expected) in ["first", "second"].iter().zip(&expected) {
        let output = folder.path().join(genre);
        let said = Command::new(env!("CARGO_BIN_EXE_trainer"))
            .arg("attribute")
            .args([&judge, &music])
            .arg("--output")
            .arg(&output)
            .args(["--genre", genre])
            .output()
            .unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let record = std::fs::read(output.join("attribution.json")).unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        let found = &record["phrases"][0];
        assert_eq!((&record["phrases"].as_array().unwrap().len(), &found["genre"]), (&1, &(*genre).into()));
        let near = |name: &str, found: &Value, expected: &Value| {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            assert!(
                (found - expected).abs() < 1e-4 * expected.abs(),
                "{genre} {name}: {found}, not {expected}"
            );
        };
        near("probability", &found["probability"], &expected["probability"]);
        near("strongest", &found["strongest"], &expected["strongest"]);
        let (cells, wanted) = (found["cells"].as_array().unwrap(), expected["cells"].as_array().unwrap());
        assert_eq!(cells.len(), wanted.len());
        for (cell, wanted) in cells.iter().zip(wanted) {
            assert_eq!((&cell["step"], &cell["pitch"]), (&wanted[0], &wanted[1]));
            near("cell", &cell["value"], &wanted[2]);
        }
        let picture = std::fs::read_to_string(output.join(found["picture"].as_str().unwrap())).unwrap();
        assert!(picture.contains("<svg"));
    }
}
