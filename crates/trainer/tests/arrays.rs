//! The papers' arrays in and out: folders of `.npy` files as genres, and a dataset as such folders.

mod music;

use std::fs;
use std::path::{Path, PathBuf};

use music::genre;
use phrase::Roll;
use trainer::data::export::{ExportNpyOptions, export_npy};
use trainer::dataset::{Dataset, Split};
use trainer::npy;
use trainer::prepare::{PrepareOptions, prepare};

fn prepared(folders: &[PathBuf]) -> Dataset {
    prepare(&PrepareOptions::new(folders.to_vec())).unwrap().0
}

fn cells(data: &Dataset, genre: usize, split: Split) -> Vec<[u128; 64]> {
    data.split(genre, split).iter().map(|item| item.roll.sounding).collect()
}

/// Three genres of unequal size.
fn dataset(root: &Path) -> PathBuf {
    let folders = [("jazz", 0, 6), ("classic", 40, 4), ("pop", 80, 12)].map(|(name, first, count)| {
        genre(root, name, "train", first, count);
        genre(root, name, "test", first + count, 2)
    });
    let path = root.join("data.safetensors");
    prepared(&folders).write(&path).unwrap();
    path
}

#[test]
fn an_exported_dataset_has_the_papers_layout_and_comes_back() {
    let root = tempfile::tempdir().unwrap();
    let path = dataset(root.path());
    let data = Dataset::read(&path).unwrap();
    let output = root.path().join("datasets");
    let options = ExportNpyOptions {
        dataset: path,
        output: output.clone(),
        arrays_only: false,
        unbalanced: false,
        seed: 1,
    };
    let files = export_npy(&options).unwrap();
    let inside = |folder: &str| fs::read_dir(output.join(folder)).map_or(0, |entries| entries.count());
    // Twelve, eight and 24 training phrases, four test phrases each.
    for (pair, train) in [("JC", 8), ("JP", 12), ("CP", 8)] {
        for genre in pair.chars() {
            let folder = format!("{pair}_{genre}");
            assert_eq!(
                (inside(&format!("{folder}/train")), inside(&format!("{folder}/test"))),
                (train, 4),
                "{folder}"
            );
        }
    }
    assert_eq!(inside("JCP_mixed"), 3 * 8);
    assert_eq!(files, 6 + 2 * (8 + 12 + 8) + 6 * 4 + 3 * 8);
    let first = npy::read_phrases(&output.join("JC_C/train/classic_piano_train_1.npy")).unwrap();
    assert_eq!(first[0].sounding, data.split(1, Split::Train)[0].roll.sounding);

    // Phrase by phrase, in the order of their numbers, under a name of choice.
    let pair =
        ["jazz", "pop"].map(|name| format!("{name}={}/JP_{}", output.display(), name[..1].to_uppercase()));
    let back = prepared(&pair.map(PathBuf::from));
    assert_eq!(back.genres(), ["jazz", "pop"]);
    for split in [Split::Train, Split::Test] {
        assert_eq!(cells(&back, 0, split), cells(&data, 0, split), "the smaller genre is whole");
    }
    let error = export_npy(&options).unwrap_err().to_string();
    assert!(error.contains("not empty"), "{error}");

    // One array a split.
    for (genre, name) in data.genres().iter().enumerate() {
        let folder = root.path().join(format!("{name}_arrays"));
        for split in [Split::Train, Split::Test] {
            fs::create_dir_all(folder.join(split.name())).unwrap();
            let array = format!("{name}_{}_piano.npy", split.name());
            fs::copy(output.join(&array), folder.join(split.name()).join(&array)).unwrap();
        }
        let back = prepared(&[folder]);
        for split in [Split::Train, Split::Test] {
            assert_eq!(cells(&back, 0, split), cells(&data, genre, split));
        }
    }
}

#[test]
fn arrays_stand_beside_songs_and_wrong_ones_are_named_and_counted() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "train", 0, 2);
    let roll = Roll::from_cells(|step, row| step == row);
    npy::write_phrases(&folder.join("train/three.npy"), &[roll, Roll::EMPTY, roll]).unwrap();
    let mut cut = fs::read(folder.join("train/three.npy")).unwrap();
    cut.truncate(9000);
    fs::write(folder.join("train/cut.npy"), &cut).unwrap();
    let header = "{'descr': '<i4', 'fortran_order': False, 'shape': (64, 84, 1), }\n";
    let mut wrong =
        [&b"\x93NUMPY\x01\x00"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes()].concat();
    wrong.resize(wrong.len() + 4 * 64 * 84, 0);
    fs::write(folder.join("train/wrong.npy"), &wrong).unwrap();
    let (data, report) = prepare(&PrepareOptions::new(vec![folder])).unwrap();
    let text = report.to_string();
    assert_eq!(data.split(0, Split::Train).len(), 4 + 2, "an empty phrase is dropped\n{text}");
    let counts = &data.info.genres[0].counts;
    assert_eq!((counts["unreadable"], counts["few_cells"]), (2, 1));
    assert!(text.contains("cut.npy: this is no array") && text.contains("bytes of values"), "{text}");
    assert!(text.contains("wrong.npy") && text.contains("type '<i4'"), "{text}");
    assert!(text.contains("2 MIDI, 3 arrays"), "{text}");
}
