//! Preparing: which files are used, what is said of the others, and how bad input is refused.

use std::fs;
use std::path::Path;

use phrase::{Song, SongNote, Track};
use trainer::dataset::Split;
use trainer::prepare::{PrepareOptions, Rules, prepare};

/// Eight bars of eighths, different for each seed.
fn song(path: &Path, seed: u8) {
    let note = |i: usize| SongNote {
        pitch: 48 + ((i * 7 + usize::from(seed) * 5) % 24) as u8,
        channel: 0,
        velocity: 0.7,
        onset: 2.0 * i as f64,
        length: 2.0,
    };
    let notes = (0..64).map(note).collect();
    let mut song = Song::new(100.0);
    song.tracks.push(Track { notes, ..Track::default() });
    song.end = 128.0;
    song.write(path).unwrap();
}

fn options(folders: &[&Path]) -> PrepareOptions {
    PrepareOptions {
        folders: folders.iter().map(|folder| folder.to_path_buf()).collect(),
        rules: Rules::Training,
        changes: Vec::new(),
        licence_allow: vec!["yes".into(), "unclear".into()],
        split_seed: 1,
    }
}

/// A folder `name` with `count` songs in `inside`.
fn genre(root: &Path, name: &str, inside: &str, count: u8) -> std::path::PathBuf {
    let folder = root.join(name);
    fs::create_dir_all(folder.join(inside)).unwrap();
    for i in 0..count {
        song(&folder.join(inside).join(format!("{i}.mid")), i);
    }
    folder
}

#[test]
fn a_plain_folder_is_split_by_song_and_the_same_way_each_time() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "", 10);
    let (data, report) = prepare(&options(&[&folder])).unwrap();
    let counts = Split::ALL.map(|split| data.split(0, split).len());
    assert_eq!(counts, [16, 2, 2], "two phrases a song, 8 : 1 : 1 songs\n{report}");
    let (again, _) = prepare(&options(&[&folder])).unwrap();
    assert_eq!(again.items, data.items);
    let songs = |split| data.split(0, split).iter().map(|item| item.song).collect::<Vec<_>>();
    assert!(songs(Split::Test).iter().all(|song| !songs(Split::Train).contains(song)));
}

#[test]
fn files_whose_licence_forbids_it_are_left_out_and_counted() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "pop", "train", 4);
    let table = "genre,file,source,licence,commercial_use\n\
                 pop,pop/train/0.mid,Somewhere,CC-BY-NC,no\n\
                 pop,pop/train/1.mid,Elsewhere,MIT,yes\n";
    fs::write(root.path().join("provenance.csv"), table).unwrap();
    let (data, _) = prepare(&options(&[&folder])).unwrap();
    let info = &data.info.genres[0];
    assert_eq!((info.counts["excluded_by_licence"], data.split(0, Split::Train).len()), (1, 6));
    let sources: Vec<_> =
        info.sources.iter().map(|s| (s.source.as_str(), s.licence.as_str(), s.files)).collect();
    assert_eq!(sources, [("Elsewhere", "MIT", 1), ("own files", "not stated", 2)]);
}

#[test]
fn what_is_no_midi_and_what_is_there_twice_is_reported_and_the_rest_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "train", 3);
    fs::write(folder.join("train/broken.mid"), b"MThd and no more").unwrap();
    fs::write(folder.join("train/notes.txt"), b"not looked at").unwrap();
    fs::copy(folder.join("train/0.mid"), folder.join("train/copy.mid")).unwrap();
    let (data, report) = prepare(&options(&[&folder])).unwrap();
    let counts = &data.info.genres[0].counts;
    assert_eq!((counts["unreadable"], counts["duplicates"], counts["kept"]), (1, 1, 6));
    assert!(report.contains("broken.mid"), "{report}");
}

#[test]
fn every_rule_can_be_changed_by_name() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "train", 2);
    let with =
        |change: &str| prepare(&PrepareOptions { changes: vec![change.into()], ..options(&[&folder]) });
    let (data, _) = with("hop_bars=1").unwrap();
    assert_eq!(data.split(0, Split::Train).len(), 2 * 5, "a phrase from each bar that four follow");
    assert_eq!(data.info.options["hop_bars"], 1);
    for (change, words) in
        [("hops=1", "no such rule"), ("hop_bars", "name=value"), ("hop_bars=many", "does not fit")]
    {
        let error = format!("{:#}", with(change).unwrap_err());
        assert!(error.contains(words), "{change}: {error}");
    }
}

#[test]
fn folders_that_cannot_be_used_are_named() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "train", 1);
    let empty = root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let other = genre(&root.path().join("more"), "jazz", "train", 1);
    let missing = root.path().join("missing");
    for (folders, words) in [
        (vec![empty.as_path()], "no MIDI file could be used"),
        (vec![missing.as_path()], "this is no folder"),
        (vec![folder.as_path(), other.as_path()], "a name of its own"),
    ] {
        let error = format!("{:#}", prepare(&options(&folders)).unwrap_err());
        assert!(error.contains(words), "{error}");
    }
}
