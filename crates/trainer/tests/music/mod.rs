//! Songs and folders of them for the tests.

use std::fs;
use std::path::{Path, PathBuf};

use phrase::{Signature, Song, SongNote, Track};

/// Eight bars of eighths, no phrase like another, whatever the seed.
pub fn song(seed: u8) -> Song {
    let note = |i: usize| SongNote {
        pitch: 48 + (i * 7 % 23) as u8 + (seed >> (i % 8) & 1),
        channel: 0,
        velocity: 0.7,
        onset: 2.0 * i as f64,
        length: 2.0,
    };
    let mut song = Song::new(100.0);
    song.tracks.push(Track { notes: (0..64).map(note).collect(), ..Track::default() });
    song.end = 128.0;
    song
}

/// The same with a bar of 3/4 after five bars.
#[allow(dead_code)]
pub fn mixed_meter(seed: u8) -> Song {
    let mut song = song(seed);
    song.signatures.push(Signature { at: 80.0, numerator: 3, denominator: 4 });
    song.signatures.push(Signature { at: 92.0, numerator: 4, denominator: 4 });
    song
}

/// A folder `name` in `root` with `count` songs in its folder `inside`, numbered on from `first`.
pub fn genre(root: &Path, name: &str, inside: &str, first: u8, count: u8) -> PathBuf {
    let folder = root.join(name);
    fs::create_dir_all(folder.join(inside)).unwrap();
    for i in first..first + count {
        song(i).write(&folder.join(inside).join(format!("{i}.mid"))).unwrap();
    }
    folder
}
