//! The fuzz targets on the files that fuzzing begins with, on every system.

use std::fs;
use std::path::Path;

/// Runs a target on each of its seeds.
fn seeds(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let files: Vec<_> = fs::read_dir(folder).expect("seeds").flatten().map(|entry| entry.path()).collect();
    assert!(files.len() >= 2, "only {} seeds", files.len());
    for file in files {
        println!("{}", file.display());
        run(&fs::read(file).expect("a seed"));
    }
}

#[test]
fn midi_files_that_are_seeds() {
    seeds("midi", contrafact_fuzz::midi);
}

#[test]
fn packs_that_are_seeds() {
    seeds("pack", contrafact_fuzz::pack);
}

#[test]
fn states_that_are_seeds() {
    seeds("state", contrafact_fuzz::state);
}
