//! What the program says to music that it cannot use, and to a full disk: one clear line, and nothing lost.

mod music;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use music::genre;

const TRAINER: &str = env!("CARGO_BIN_EXE_trainer");

fn trainer(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(TRAINER).args(arguments).current_dir(folder).output().unwrap()
}

fn error(output: &Output) -> String {
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.starts_with("error: ") && !text.contains("panicked"), "{text}");
    text
}

#[test]
fn one_genre_is_prepared_but_cannot_be_trained() {
    let root = tempfile::tempdir().unwrap();
    genre(root.path(), "jazz", "train", 0, 2);
    let prepared =
        trainer(root.path(), &["prepare", "jazz", "-o", "one.safetensors", "--report", "one.json"]);
    assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
    assert!(root.path().join("one.json").exists());
    for arguments in [
        vec!["train", "one.safetensors", "--run", "run"],
        vec!["classify", "one.safetensors", "-o", "judge.safetensors"],
    ] {
        let text = error(&trainer(root.path(), &arguments));
        assert!(text.contains("one genre only (jazz)") && text.contains("a folder for each"), "{text}");
    }
    assert!(!root.path().join("judge.safetensors").exists());
}

#[test]
fn an_empty_folder_and_a_file_that_is_no_dataset_are_named() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("empty")).unwrap();
    let text = error(&trainer(root.path(), &["prepare", "empty", "-o", "data.safetensors"]));
    assert!(text.contains("empty: no file could be used (0 found"), "{text}");
    assert!(!root.path().join("data.safetensors").exists());
    fs::write(root.path().join("data.safetensors"), "something else").unwrap();
    let text = error(&trainer(root.path(), &["classify", "data.safetensors", "-o", "judge.safetensors"]));
    assert!(text.contains("data.safetensors: this is no dataset"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_said_and_leaves_the_older_file() {
    let root = tempfile::tempdir().unwrap();
    genre(root.path(), "jazz", "train", 0, 4);
    fs::write(root.path().join("data.safetensors"), "older").unwrap();
    // Files of at most 512 bytes, and the signal that comes with more ignored: writing fails as on a full
    // disk.
    let script = format!("trap '' XFSZ; ulimit -f 1; exec '{TRAINER}' prepare jazz -o data.safetensors");
    let output = Command::new("sh").args(["-c", &script]).current_dir(root.path()).output().unwrap();
    let text = error(&output);
    assert!(text.contains("data.safetensors: the file could not be written"), "{text}");
    assert_eq!(fs::read(root.path().join("data.safetensors")).unwrap(), b"older");
    let names: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing half written stays: {names:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_said() {
    let root = tempfile::tempdir().unwrap();
    genre(root.path(), "jazz", "train", 0, 4);
    let text = error(&trainer(root.path(), &["prepare", "jazz", "-o", "/dev/full"]));
    assert!(text.contains("/dev/full: the file could not be written") && text.contains("space"), "{text}");
}
