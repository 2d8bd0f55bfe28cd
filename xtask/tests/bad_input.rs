//! Bad input to `play`: one clear sentence, exit code 1, and nothing overwritten. None of it gets as far as a
//! build.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};

const SONG: &[u8] = include_bytes!("../../examples/harvest-road.mid");

fn play(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).arg("play").args(arguments).output().unwrap()
}

/// Fails unless the run ended with one sentence of an error that holds `part`.
fn assert_refused(output: &Output, part: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.trim().lines().count(), 1, "{said}");
    assert!(said.starts_with("error: ") && said.contains(part), "{said:?} should speak of {part:?}");
    assert!(output.stdout.is_empty());
}

/// Plays a file to an answer that is there already, and fails unless it is refused and the answer left alone.
fn refuses_song(folder: &Path, name: &str) {
    let (song, answer) = (folder.join(name), folder.join("answer.mid"));
    fs::write(&answer, "an older answer").unwrap();
    let output = play(&[song.to_str().unwrap(), "--to", "1", "-o", answer.to_str().unwrap()]);
    assert_refused(&output, name);
    assert_eq!(fs::read_to_string(&answer).unwrap(), "an older answer");
    assert!(!folder.join("answer.png").exists());
}

#[test]
fn songs_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut smpte = SONG.to_vec();
    smpte[12] = 0xE8;
    let noise: Vec<u8> = (0u32..5000).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let files: [(&str, &[u8]); 6] = [
        ("empty.mid", b""),
        ("text.mid", b"This is no music at all."),
        ("noise.mid", &noise),
        ("cut.mid", &SONG[..10]),
        ("smpte.mid", &smpte),
        ("picture.mid", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
    ];
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
        refuses_song(folder.path(), name);
    }
    File::create(folder.path().join("huge.mid")).unwrap().set_len(100 << 20).unwrap();
    refuses_song(folder.path(), "huge.mid");
    refuses_song(folder.path(), "missing.mid");
    fs::create_dir(folder.path().join("folder.mid")).unwrap();
    refuses_song(folder.path(), "folder.mid");
}

#[test]
fn packs_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let song = folder.path().join("song.mid");
    fs::write(&song, SONG).unwrap();
    let whole = model::default_pack();
    let mut turned = whole.to_vec();
    let middle = turned.len() / 2;
    turned[middle] ^= 0x10;
    for (name, bytes) in
        [("empty", &[][..]), ("cut", &whole[..whole.len() / 2]), ("turned", &turned), ("midi", SONG)]
    {
        let pack = folder.path().join(format!("{name}.safetensors"));
        fs::write(&pack, bytes).unwrap();
        let output = play(&[song.to_str().unwrap(), "--to", "1", "--pack", pack.to_str().unwrap()]);
        assert_refused(&output, name);
    }
}

/// To open a pipe is to wait for its writer, and a device has no end: neither may be tried.
#[test]
#[cfg(unix)]
fn pipes_and_devices_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.mid");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    refuses_song(folder.path(), "pipe.mid");
    let song = folder.path().join("song.mid");
    fs::write(&song, SONG).unwrap();
    let song = song.to_str().unwrap();
    for pack in [pipe.to_str().unwrap(), "/dev/zero"] {
        assert_refused(&play(&[song, "--to", "1", "--pack", pack]), "a pipe or a device");
    }
    assert_refused(&play(&["/dev/zero", "--to", "1"]), "a pipe or a device");
}

/// The cause is said once.
#[test]
fn a_folder_in_place_of_a_song_or_pack_is_named_once() {
    let folder = tempfile::tempdir().unwrap();
    let song = folder.path().join("song.mid");
    fs::write(&song, SONG).unwrap();
    let path = folder.path().to_str().unwrap();
    for output in [play(&[path, "--to", "1"]), play(&[song.to_str().unwrap(), "--to", "1", "--pack", path])] {
        assert_refused(&output, "it is a folder");
        assert_eq!(String::from_utf8_lossy(&output.stderr).matches("it is a folder").count(), 1);
    }
}

#[test]
fn orders_that_cannot_be_followed_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("song.mid");
    fs::write(&path, SONG).unwrap();
    let song = path.to_str().unwrap();
    let genres = model::read_card("the default pack", model::default_pack()).unwrap().genres;
    assert_refused(&play(&[song, "--to", "polka of Mars"]), &genres.join(", "));
    assert_refused(&play(&[song, "--to", "1", "--from", "nowhere"]), "nowhere");
    assert_refused(&play(&[song, "--to", "1", "--amount", "101"]), "amount");
    assert_refused(&play(&[song, "--to", "1", "--variation", "NaN"]), "variation");
    assert_refused(&play(&[song, "--to", "1", "--seed", "10000"]), "seed");
    assert_refused(&play(&[song, "--to", "1", "-o", song]), "the song itself");
    assert_refused(&play(&[song, "--to", "1", "-o", "no/such/folder/answer.mid"]), "no/such/folder");
    assert_eq!(fs::read(&path).unwrap(), SONG);
}
