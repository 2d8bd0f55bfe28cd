//! Preparing: which files are used, what is said of the others, and how bad input is refused.

mod music;

use std::fs;
use std::path::Path;

use music::{genre, mixed_meter, song};
use phrase::{Key, Mode, Song, SongNote, Swing, Track};
use trainer::data::report::Report;
use trainer::data::transpose::Transposition;
use trainer::dataset::{Dataset, Split};
use trainer::prepare::{PrepareOptions, RuleFlags, Rules, prepare};

/// All options of preparing beside those of training, as `xtask train` has them.
#[derive(clap::Parser)]
struct Program {
    #[command(flatten)]
    _make: trainer::make::MakeOptions,
}

#[test]
fn no_two_options_have_one_name() {
    <Program as clap::CommandFactory>::command().debug_assert();
}

fn options(folders: &[&Path]) -> PrepareOptions {
    PrepareOptions::new(folders.iter().map(|folder| folder.to_path_buf()).collect())
}

fn counts(data: &Dataset, genre: usize) -> [usize; 3] {
    Split::ALL.map(|split| data.split(genre, split).len())
}

#[test]
fn a_plain_folder_is_split_by_song_and_the_same_way_each_time() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "", 0, 10);
    let (data, report) = prepare(&options(&[&folder])).unwrap();
    assert_eq!(counts(&data, 0), [16, 2, 2], "two phrases a song, 8 : 1 : 1 songs\n{report}");
    let (again, _) = prepare(&options(&[&folder])).unwrap();
    assert_eq!(again.items, data.items);
    let songs = |split| data.split(0, split).iter().map(|item| item.song).collect::<Vec<_>>();
    assert!(songs(Split::Test).iter().all(|song| !songs(Split::Train).contains(song)));
    let papers = PrepareOptions { valid_share: Some(0.0), test_share: 0.3, ..options(&[&folder]) };
    assert_eq!(counts(&prepare(&papers).unwrap().0, 0), [14, 0, 6]);
}

#[test]
fn files_whose_licence_forbids_it_are_left_out_and_counted() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "pop", "train", 0, 5);
    let table = "genre,file,source,licence,commercial_use\npop,pop/train/0.mid,Somewhere,CC-BY-NC,no\npop,\
                 pop/train/1.mid,Elsewhere,MIT,yes\npop,pop/train/2.mid,Elsewhere,MIT,\n";
    fs::write(root.path().join("provenance.csv"), table).unwrap();
    let with = |allow: &[&str]| {
        let licence_allow = allow.iter().map(|value| value.to_string()).collect();
        prepare(&PrepareOptions { licence_allow, ..options(&[&folder]) }).unwrap()
    };
    let (data, report) = with(&[]);
    let info = &data.info.genres[0];
    assert_eq!((info.counts["excluded_by_licence"], data.split(0, Split::Train).len()), (1, 8));
    assert!(report.to_string().contains("excluded by licence (commercial use no: 1)"), "{report}");
    let sources: Vec<_> =
        info.sources.iter().map(|s| (s.source.as_str(), s.licence.as_str(), s.files)).collect();
    assert_eq!(sources, [("Elsewhere", "MIT", 2), ("own files", "not stated", 2)]);
    for (allow, excluded) in
        [(vec!["yes"], 4), (vec!["yes", "unknown"], 1), (vec!["yes", "no"], 3), (vec!["no", "unknown"], 1)]
    {
        assert_eq!(with(&allow).0.info.genres[0].counts["excluded_by_licence"], excluded, "{allow:?}");
    }
    // A table that cannot be read would let its licences be passed over in silence.
    fs::write(root.path().join("provenance.csv"), "genre,licence\npop,no\n").unwrap();
    let error = format!("{:#}", prepare(&options(&[&folder])).unwrap_err());
    assert!(error.contains("the licence table cannot be read"), "{error}");
}

#[test]
fn a_file_that_is_no_midi_among_many_and_copies_are_reported_and_the_rest_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "train", 0, 200);
    fs::write(folder.join("train/broken.mid"), b"MThd and no more").unwrap();
    fs::write(folder.join("train/notes.txt"), b"not looked at").unwrap();
    fs::copy(folder.join("train/0.mid"), folder.join("train/copy.mid")).unwrap();
    let pop = genre(root.path(), "pop", "train", 0, 1);
    let (data, report) = prepare(&options(&[&folder, &pop])).unwrap();
    let counts = &data.info.genres[0].counts;
    assert_eq!((counts["unreadable"], counts["duplicates"], counts["kept"]), (1, 1, 400));
    let text = report.to_string();
    assert!(text.contains("broken.mid") && text.contains("copy.mid is a copy of"), "{text}");
    assert_eq!(data.info.genres[1].counts["in_another_genre"], 1, "{text}");
    assert!(text.contains("2 in both jazz train and pop train"), "{text}");
}

#[test]
fn every_rule_can_be_changed_by_flag_and_by_name() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "train", 0, 2);
    let with = |flags: RuleFlags| prepare(&PrepareOptions { flags, ..options(&[&folder]) });
    let change = |change: &str| with(RuleFlags { changes: vec![change.into()], ..RuleFlags::default() });
    let flagged = with(RuleFlags { hop_bars: Some(1), ..RuleFlags::default() });
    for (data, _) in [change("hop_bars=1").unwrap(), flagged.unwrap()] {
        assert_eq!(data.split(0, Split::Train).len(), 2 * 5, "a phrase from each bar that four follow");
        assert_eq!(data.info.options["hop_bars"], 1);
    }
    for (name, words) in
        [("hops=1", "no such rule"), ("hop_bars", "name=value"), ("hop_bars=many", "does not fit")]
    {
        let error = format!("{:#}", change(name).unwrap_err());
        assert!(error.contains(words), "{name}: {error}");
    }
    let all = RuleFlags {
        grid: Some("floor".into()),
        first_bar: Some("signature".into()),
        max_tracks: Some(3),
        leave_out: vec!["comp".into()],
        sections: Some(false),
        ..RuleFlags::default()
    };
    let (data, _) = with(all).unwrap();
    let rules = &data.info.options;
    assert_eq!((&rules["grid"], &rules["start"]), (&"floor".into(), &"signature".into()));
    assert_eq!((&rules["max_tracks"], &rules["leave_out"][0]), (&3.into(), &"comp".into()));
    let papers =
        |rules| prepare(&PrepareOptions { rules, ..options(&[&folder]) }).map(|(data, _)| data.info.options);
    let error = papers(Rules::Papers).unwrap_err().to_string();
    assert!(error.contains("4 rest of four"), "two phrases a song are no multiple of four: {error}");
    assert_eq!(papers(Rules::Papers2019).unwrap()["min_cells"], 2);
}

#[test]
fn of_a_song_in_several_meters_the_sections_in_four_four_stay() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "train", 0, 1);
    mixed_meter(1).write(&folder.join("train/mixed.mid")).unwrap();
    let (data, report) = prepare(&options(&[&folder])).unwrap();
    assert_eq!(data.split(0, Split::Train).len(), 3, "{report}");
    assert!(report.to_string().contains("1 sections not in 4/4"), "{report}");
    let flags = RuleFlags { sections: Some(false), ..RuleFlags::default() };
    let (data, report) = prepare(&PrepareOptions { flags, ..options(&[&folder]) }).unwrap();
    assert_eq!(data.split(0, Split::Train).len(), 2);
    assert!(report.to_string().contains("refused: 1 not in 4/4"), "{report}");
}

#[test]
fn songs_come_to_one_key_and_training_songs_to_many() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("jazz");
    for split in ["train", "test"] {
        fs::create_dir_all(folder.join(split)).unwrap();
    }
    // A song in D and one in Ab: scales with their triad on the strong beats.
    for (file, tonic) in [("train/d.mid", 2), ("test/ab.mid", 8)] {
        let mut song = song(0);
        let scale = [0, 4, 7, 2, 0, 5, 4, 11];
        song.tracks[0]
            .notes
            .iter_mut()
            .enumerate()
            .for_each(|(i, note)| note.pitch = 60 + tonic + scale[i % 8]);
        song.write(&folder.join(file)).unwrap();
    }
    let with = |transposition| prepare(&PrepareOptions { transposition, ..options(&[&folder]) }).unwrap();
    let key = Transposition { key: Some(0), ..Transposition::default() };
    let (data, report) = with(key.clone());
    for split in [Split::Train, Split::Test] {
        let found = Key::of(&data.split(0, split)[0].roll).unwrap();
        assert_eq!((found.tonic, found.mode), (0, Mode::Major));
    }
    assert!(report.to_string().contains("Ab major 1, D major 1"), "{report}");
    let (data, _) = with(Transposition { copies: 6, ..key });
    assert_eq!(counts(&data, 0), [24, 0, 2], "what is measured is not copied");
    let tonics: std::collections::BTreeSet<_> = data
        .split(0, Split::Train)
        .iter()
        .filter_map(|item| Key::of(&item.roll))
        .map(|key| key.tonic)
        .collect();
    assert_eq!(tonics.len(), 12);
}

#[test]
fn genres_are_balanced_and_leaks_dropped_on_demand() {
    let root = tempfile::tempdir().unwrap();
    let jazz = genre(root.path(), "jazz", "train", 0, 6);
    let pop = genre(root.path(), "pop", "train", 6, 2);
    // Song 0 is in the other genre's test split, song 1 in both genres' test splits.
    for (folder, file) in [(&pop, "0.mid"), (&pop, "20.mid"), (&jazz, "20.mid")] {
        let seed = file.trim_end_matches(".mid").parse().unwrap();
        fs::create_dir_all(folder.join("test")).unwrap();
        song(seed).write(&folder.join("test").join(file)).unwrap();
    }
    let plain = options(&[&jazz, &pop]);
    let (data, report) = prepare(&plain).unwrap();
    assert_eq!((counts(&data, 0), counts(&data, 1)), ([12, 0, 2], [4, 0, 4]));
    assert!(report.to_string().contains("2 in both jazz train and pop test"), "{report}");
    assert!(report.to_string().contains("--drop-leaks"), "{report}");
    let strict = PrepareOptions { balance: Some(true), drop_leaks: true, ..plain };
    let (data, report) = prepare(&strict).unwrap();
    assert_eq!((counts(&data, 0), counts(&data, 1)), ([4, 0, 2], [4, 0, 2]), "{report}");
    assert_eq!(data.info.genres[0].counts["balanced_away"], 8);
    assert_eq!(data.info.genres[1].counts["leaks_dropped"], 2);
    assert_eq!(prepare(&strict).unwrap().0.items, data.items, "the same draw each time");
}

/// docs/data.md: with the papers' rules no songs are held back for choosing, and a pair's larger genre is
/// cut.
#[test]
fn the_papers_rules_have_no_valid_split_and_cut_the_larger_genre_of_a_pair() {
    let root = tempfile::tempdir().unwrap();
    let jazz = genre(root.path(), "jazz", "", 0, 20);
    let pop = genre(root.path(), "pop", "", 20, 10);
    let folk = genre(root.path(), "folk", "", 40, 10);
    let with = |folders: &[&Path], balance| {
        let papers = PrepareOptions { rules: Rules::Papers2019, balance, ..options(folders) };
        prepare(&papers).unwrap().0
    };
    let pair = with(&[&jazz, &pop], None);
    assert_eq!([counts(&pair, 0), counts(&pair, 1)], [[18, 0, 2]; 2]);
    assert_eq!(
        (&pair.info.options["balance"], pair.info.genres[0].counts["balanced_away"]),
        (&true.into(), 20)
    );
    assert_eq!(counts(&with(&[&jazz, &pop], Some(false)), 0), [36, 0, 4]);
    // Of three genres each pair is cut by itself, later.
    assert_eq!(counts(&with(&[&jazz, &pop, &folk], None), 0), [36, 0, 4]);
}

#[test]
fn the_report_says_what_the_music_is_like_as_text_and_as_json() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "train", 0, 3);
    let (_, report): (_, Report) = prepare(&options(&[&folder])).unwrap();
    let music = &report.genres[0].music[0];
    assert_eq!((music.songs, music.phrases, music.onsets, music.polyphony), (3, 6, 32.0, 1.0));
    assert!((music.density - 64.0 / 5376.0).abs() < 1e-6);
    assert!((music.pitch_classes.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    let (text, json) = (root.path().join("report.txt"), root.path().join("report.json"));
    report.write(&text).unwrap();
    report.write(&json).unwrap();
    assert_eq!(fs::read_to_string(text).unwrap(), report.to_string());
    let value: serde_json::Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(value["genres"][0]["music"][0]["phrases"], 6);
    assert_eq!(value["genres"][0]["account"]["cutting"]["kept"], 6);
}

#[test]
fn folders_that_cannot_be_used_are_named() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "train", 0, 1);
    let empty = root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let other = genre(&root.path().join("more"), "jazz", "train", 0, 1);
    let missing = root.path().join("missing");
    let noise = root.path().join("noise");
    fs::create_dir(&noise).unwrap();
    fs::write(noise.join("a.mid"), b"no music").unwrap();
    for (folders, words) in [
        (vec![empty.as_path()], "no file could be used"),
        (vec![missing.as_path()], "this is no folder"),
        (vec![noise.as_path()], "a.mid is not a MIDI file"),
        (vec![folder.as_path(), other.as_path()], "a name of its own"),
    ] {
        let error = format!("{:#}", prepare(&options(&folders)).unwrap_err());
        assert!(error.contains(words), "{error}");
    }
    let renamed = format!("bop={}", other.display());
    let (data, _) = prepare(&options(&[&folder, Path::new(&renamed)])).unwrap();
    assert_eq!(data.genres(), ["jazz", "bop"]);
}

#[cfg(unix)]
#[test]
fn folders_inside_that_cannot_be_read_and_links_in_circles_do_not_stop_the_rest() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "train", 0, 1);
    symlink(&folder, folder.join("train/circle")).unwrap();
    let closed = folder.join("train/closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let (data, report) = prepare(&options(&[&folder])).unwrap();
    assert_eq!(data.split(0, Split::Train).len(), 2);
    // A superuser may read any folder.
    if fs::read_dir(&closed).is_err() {
        assert!(report.to_string().contains("closed: the folder cannot be read"), "{report}");
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn parts_share_no_song_nor_group_and_are_the_same_in_every_folder() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "valid", 0, 12);
    genre(root.path(), "jazz", "train", 20, 4);
    let mut table = "file,group\n".to_string();
    // Two versions of each of six tunes.
    (0..12).for_each(|i| table += &format!("jazz/valid/{i}.mid,tune-{}\n", i / 2));
    fs::write(root.path().join("provenance.csv"), table).unwrap();
    let inside = folder.join("valid");
    let rolls = |folders: &[&Path], part: &str, split: Split| -> Vec<phrase::Roll> {
        let parts = vec![part.parse().unwrap()];
        let shares = PrepareOptions { parts, valid_share: Some(0.0), test_share: 0.0, ..options(folders) };
        let data = prepare(&shares).unwrap().0;
        assert_eq!(data.info.options["parts"][0], part);
        let mut rolls: Vec<_> = data.split(0, split).iter().map(|item| item.roll).collect();
        rolls.sort_by_key(|roll| roll.sounding);
        rolls
    };
    // As a folder of its own, named as the genre, and as a split of the genre's folder.
    let plain = format!("jazz={}", inside.display());
    let alone = |k: usize| rolls(&[Path::new(&plain)], &format!("jazz={k}/2"), Split::Train);
    let within = |k: usize| rolls(&[&folder], &format!("jazz/valid={k}/2"), Split::Valid);
    let (first, second) = (alone(1), alone(2));
    assert_eq!((&within(1), &within(2)), (&first, &second));
    assert!(!first.is_empty() && !second.is_empty());
    assert_eq!(first.len() + second.len(), 24);
    // A tune is two songs of two phrases.
    assert!(first.len().is_multiple_of(4) && first.iter().all(|roll| !second.contains(roll)));
    assert_eq!(rolls(&[&folder], "jazz/valid=1/2", Split::Train).len(), 8, "other splits stay whole");
}

#[test]
fn versions_of_one_tune_stay_in_one_split() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "", 0, 12);
    let mut table = "file,group\n".to_string();
    (0..12).for_each(|i| table += &format!("{i}.mid,tune-{}\n", i / 3));
    fs::write(folder.join("provenance.csv"), table).unwrap();
    let (data, _) = prepare(&options(&[&folder])).unwrap();
    assert_eq!(counts(&data, 0), [12, 6, 6], "three songs of two phrases each");
}

/// A song of eighths over a bass, swung so that the second eighth falls at `ratio` of the beat.
fn eighths(ratio: f64, path: &Path) {
    let swing = Swing { ratio, confidence: 1.0 };
    let mut song = Song::new(140.0);
    song.ppq = 960;
    let note = |pitch, onset, length| SongNote { pitch, channel: 0, velocity: 0.5, onset, length };
    let swung =
        |pitch, from: f64, to: f64| note(pitch, swing.swing(from), swing.swing(to) - swing.swing(from));
    let tune = (0..96).map(|i| swung(60 + (i * 5 % 12) as u8, 2.0 * f64::from(i), 2.0 * f64::from(i) + 2.0));
    let bass = (0..48).map(|i| swung(36 + (i % 5) as u8, 4.0 * f64::from(i), 4.0 * f64::from(i) + 4.0));
    for notes in [tune.collect::<Vec<_>>(), bass.collect()] {
        song.tracks.push(Track { notes, ..Track::default() });
    }
    song.write(path).unwrap();
}

#[test]
fn swung_songs_are_cut_as_if_they_were_straight() {
    let root = tempfile::tempdir().unwrap();
    let prepared = |name: &str, ratio: f64, straighten: Option<bool>, rules: Rules| {
        let folder = root.path().join(name).join("train");
        fs::create_dir_all(&folder).unwrap();
        eighths(ratio, &folder.join("song.mid"));
        let whole = folder.parent().unwrap().to_path_buf();
        prepare(&PrepareOptions { straighten, rules, ..options(&[&whole]) }).unwrap()
    };
    let rolls = |data: &Dataset| data.split(0, Split::Train).iter().map(|item| item.roll).collect::<Vec<_>>();
    let (straight, report) = prepared("straight", 0.5, None, Rules::Training);
    assert_eq!(report.genres[0].account.straight.swung, 0);
    let (swung, report) = prepared("swung", 0.66, None, Rules::Training);
    let told = &report.genres[0].account.straight;
    assert_eq!((told.phrases, told.swung, told.on_grid), (3, 3, [96, 144]));
    assert!(report.to_string().contains("3 of 3 phrases"), "{report}");
    assert_eq!(rolls(&swung), rolls(&straight));
    assert_eq!((&swung.info.options["straighten"], swung.info.genres[0].counts["swung"]), (&true.into(), 3));
    let (left, _) = prepared("left", 0.66, Some(false), Rules::Training);
    assert_ne!(rolls(&left), rolls(&straight));
    let (papers, _) = prepared("papers", 0.66, None, Rules::Papers2019);
    assert_eq!(papers.info.options["straighten"], false);
}

#[test]
fn sets_as_played_are_damaged_by_their_seed_alone() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "train", 0, 6);
    let with = |as_played| prepare(&PrepareOptions { as_played, ..options(&[&folder]) }).unwrap().0;
    let (clean, one, two) = (with(None), with(Some(1)), with(Some(2)));
    assert_eq!(one.items, with(Some(1)).items);
    assert!(one.items != two.items && one.items != clean.items);
    assert_eq!(one.info.options["as_played"], 1);
    assert!(clean.info.options.get("as_played").is_none());
    // A phrase that keeps eight notes is there still.
    assert!(
        counts(&one, 0)[0] * 4 >= counts(&clean, 0)[0] * 3,
        "{:?} {:?}",
        counts(&one, 0),
        counts(&clean, 0)
    );
}
