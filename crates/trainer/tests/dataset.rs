//! The dataset: notes once, many views; files of format 1; several folders a genre.

mod music;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use music::{genre, mixed_meter, song};
use phrase::{Roll, SongNote, Track};
use trainer::data::npy::write_phrases;
use trainer::data::transpose::Transposition;
use trainer::data::view::{Velocities, View};
use trainer::dataset::{Dataset, GenreInfo, Info, Item, Split};
use trainer::prepare::{PrepareOptions, RuleFlags, Rules, prepare};

/// Music of our own making, and what an earlier version of this program (format 1) prepared of it.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v1");

fn options(folders: &[&str]) -> PrepareOptions {
    PrepareOptions::new(folders.iter().map(PathBuf::from).collect())
}

/// As the fixture's files were prepared: `prepare high low --hop-bars 2 --leave-out comp`, and
/// `prepare high low --rules papers-2019 --copies 1 --key C`.
fn old(name: &str) -> (Dataset, PrepareOptions) {
    let folders = ["high", "low"].map(|genre| format!("{FIXTURES}/{genre}"));
    let options = options(&folders.each_ref().map(String::as_str));
    let options = match name {
        "training" => {
            let leave_out = vec!["comp".to_string()];
            let flags = RuleFlags { hop_bars: Some(2), leave_out, ..RuleFlags::default() };
            PrepareOptions { flags, ..options }
        }
        _ => {
            let transposition = Transposition { key: Some(0), copies: 1, ..Transposition::default() };
            PrepareOptions { rules: Rules::Papers2019, transposition, ..options }
        }
    };
    let path = format!("{FIXTURES}/{name}.safetensors");
    (Dataset::read(Path::new(&path)).unwrap(), options)
}

fn round_trip(data: &Dataset) -> Dataset {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.safetensors");
    data.write(&path).unwrap();
    let read = Dataset::read(&path).unwrap();
    assert_eq!((&read.info, &read.items, &read.songs), (&data.info, &data.items, &data.songs));
    read
}

/// What training sees: cells and songs by split.
fn seen(data: &Dataset) -> Vec<[Vec<(Roll, u32)>; 3]> {
    let cells = |items: &Vec<Item>| items.iter().map(|item| (item.roll, item.song)).collect();
    data.items.iter().map(|splits| splits.each_ref().map(cells)).collect()
}

#[test]
fn files_of_format_one_hold_the_numbers_that_preparing_gives_today() {
    for name in ["training", "papers"] {
        let (old, options) = old(name);
        assert!(!old.has_notes());
        let (new, report) = prepare(&options).unwrap();
        assert_eq!(seen(&new), seen(&old), "{name}\n{report}");
        assert!(new.has_notes());
        assert_eq!(trainer::run::digest(&new), trainer::run::digest(&old), "runs of before go on");
        // Read, and written again, an old file still has no notes and the same cells.
        round_trip(&old);
        round_trip(&new);
    }
}

#[test]
fn notes_are_kept_once_with_velocity_track_and_group() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("jazz");
    fs::create_dir_all(folder.join("train")).unwrap();
    let mut both = mixed_meter(1);
    both.tracks[0].name = "SOLO".into();
    let note = SongNote { pitch: 110, channel: 3, velocity: 33.0 / 127.0, onset: 7.3, length: 60.0 };
    both.tracks.push(Track { name: "COMP".into(), notes: vec![note], ..Track::default() });
    for file in ["tune__v1.mid", "tune__v2.mid", "other.mid"] {
        both.tracks[1].notes[0].onset += 1.0;
        both.write(&folder.join("train").join(file)).unwrap();
    }
    let table = "file,group\njazz/train/tune__v1.mid,tune\njazz/train/tune__v2.mid,tune\n";
    fs::write(root.path().join("provenance.csv"), table).unwrap();
    let flags = RuleFlags { hop_bars: Some(1), ..RuleFlags::default() };
    let (data, report) = prepare(&PrepareOptions { flags, ..options(&[folder.to_str().unwrap()]) }).unwrap();
    let data = round_trip(&data);

    let songs = &data.songs[0];
    assert_eq!(songs.len(), 3);
    let version = songs.iter().find(|song| song.name == "train/tune__v2.mid").unwrap();
    assert_eq!((version.group.as_str(), &version.tracks[..]), ("tune", &["SOLO".into(), "COMP".into()][..]));
    assert_eq!(
        (version.notes.len(), version.sections.len()),
        (65, 2),
        "each note once, however often phrases overlap"
    );
    let comp = version.notes.last().unwrap();
    assert_eq!((comp.pitch, comp.velocity, comp.channel, comp.track), (110, 33, 3, 1));
    assert!((version.tempos[0].bpm - 100.0).abs() < 0.01);

    // Two tunes in three files.
    let groups = data.groups(0, Split::Train);
    let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
    assert_eq!((sizes.len(), sizes.iter().sum::<usize>()), (2, data.split(0, Split::Train).len()));
    assert!(sizes.contains(&(2 * sizes.iter().min().unwrap())), "{sizes:?}");
    assert_eq!((report.genres[0].music[0].songs, report.genres[0].music[0].works), (3, 2));

    // Another view of the same phrase: what the roll cannot hold.
    let item = data.split(0, Split::Train).iter().find(|item| item.at.start == 0).unwrap();
    let keys = Velocities::PHRASE.see(&data.excerpt(0, item).unwrap());
    assert!(keys.struck.iter().filter(|struck| **struck).count() >= item.roll.onsets() as usize);
    let loudness = |velocity: &f32| (velocity * 127.0).round() as u32;
    assert!(keys.velocity.iter().map(loudness).any(|velocity| velocity == 89), "0.7 in MIDI's steps");
}

#[test]
fn a_genre_of_several_folders_is_that_of_all_of_them() {
    let folder = |name: &str| format!("{FIXTURES}/{name}");
    let one = |name: &str| prepare(&options(&[&folder(name)])).unwrap().0;
    let argument = format!("all={}+{}", folder("high"), folder("low"));
    let (data, report) = prepare(&options(&[&argument])).unwrap();
    assert_eq!(data.genres(), ["all"]);
    let cells = |data: &Dataset, split| data.split(0, split).iter().map(|item| item.roll).collect::<Vec<_>>();
    for split in Split::ALL {
        assert_eq!(cells(&data, split), [cells(&one("high"), split), cells(&one("low"), split)].concat());
    }
    assert_eq!((data.songs[0].len(), report.genres[0].account.midi), (6, 6));
    assert!(report.to_string().contains("high and "), "{report}");
    round_trip(&data);

    // A file that both folders have counts once, and plain folders are divided together.
    let root = tempfile::tempdir().unwrap();
    let (a, b) = (genre(root.path(), "a", "", 0, 5), genre(root.path(), "b", "", 4, 6));
    let argument = format!("both={}+{}", a.display(), b.display());
    let (data, _) = prepare(&options(&[&argument])).unwrap();
    assert_eq!(data.info.genres[0].counts["duplicates"], 1);
    let songs = |split| data.groups(0, split).len();
    assert_eq!(Split::ALL.map(songs).iter().sum::<usize>(), 10);
    assert!((1..=2).contains(&songs(Split::Test)) && (1..=2).contains(&songs(Split::Valid)));

    let error = prepare(&options(&[&format!("{}+{}", a.display(), b.display())])).unwrap_err().to_string();
    assert!(error.contains("need a name") && error.contains("NAME="), "{error}");
    let error = prepare(&options(&[&format!("both={}+nowhere", a.display())])).unwrap_err().to_string();
    assert!(error.contains("nowhere: this is no folder"), "{error}");
}

#[test]
fn arrays_are_kept_as_they_came_whatever_the_rules() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "train", 0, 1);
    // Notes up to the border, and on from it; an empty phrase, which is dropped.
    let roll =
        |i: usize| Roll::from_cells(|step, row| i != 1 && (row + step / (3 + i) + i).is_multiple_of(17));
    write_phrases(&folder.join("train/x.npy"), &[0, 1, 2, 3].map(roll)).unwrap();
    let transposition = Transposition { copies: 2, ..Transposition::default() };
    let chosen =
        PrepareOptions { rules: Rules::Papers2019, transposition, ..options(&[folder.to_str().unwrap()]) };
    let data = round_trip(&prepare(&chosen).unwrap().0);
    let arrays: Vec<&Item> =
        data.split(0, Split::Train).iter().filter(|item| data.songs[0][item.song as usize].array).collect();
    assert_eq!((arrays.len(), arrays[0].roll, arrays[1].roll), (15, roll(0), roll(2)));
}

#[test]
fn timing_comes_from_a_table_beside_the_file() {
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "train", 0, 2);
    let rows: String = song(0).tracks[0]
        .notes
        .iter()
        .map(|note| format!("{},{},{}\n", note.onset / 4.0, note.onset / 4.0 + 0.06, note.pitch))
        .collect();
    fs::write(folder.join("train/0.csv"), format!("grid_beats,true_beats,pitch\n{rows}")).unwrap();
    fs::write(folder.join("train/1.csv"), "something,else\n1,2\n").unwrap();
    let data = round_trip(&prepare(&options(&[folder.to_str().unwrap()])).unwrap().0);
    let [timed, plain] = &data.songs[0][..] else { panic!() };
    assert!(timed.timing.len() == 64 && plain.timing.is_empty());
    assert!(timed.timing.iter().all(|timing| (timing.played - timing.written - 0.24).abs() < 1e-9));
}

#[test]
fn a_damaged_or_impossible_file_is_refused_in_a_sentence() {
    use safetensors::tensor::{SafeTensors, TensorView};
    let root = tempfile::tempdir().unwrap();
    let folder = genre(root.path(), "jazz", "train", 0, 2);
    let path = root.path().join("data.safetensors");
    prepare(&options(&[folder.to_str().unwrap()])).unwrap().0.write(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let whole = SafeTensors::deserialize(&bytes).unwrap();
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change, &str); 8] = [
        ("jazz/notes/onset", |bytes| bytes[..8].copy_from_slice(&1e300f64.to_le_bytes()), "no song has"),
        ("jazz/notes/length", |bytes| bytes[..8].copy_from_slice(&f64::NAN.to_le_bytes()), "no song has"),
        ("jazz/notes/pitch", |bytes| bytes[0] = 200, "no song has"),
        ("jazz/notes/track", |bytes| bytes[0] = 9, "a track that is not there"),
        ("jazz/sections", |bytes| bytes[..8].copy_from_slice(&(-1e300f64).to_le_bytes()), "outside its song"),
        ("jazz/train/song", |bytes| bytes[0] = 77, "song 77"),
        ("jazz/train/section", |bytes| bytes[0] = 5, "outside its song"),
        ("jazz/songs", |bytes| bytes[0] = b'?', "cannot be understood"),
    ];
    for (name, change, words) in changes {
        let mut tensors: BTreeMap<_, _> = whole.tensors().into_iter().collect();
        let old = tensors[name].clone();
        let mut data = old.data().to_vec();
        change(&mut data);
        tensors.insert(name.to_string(), TensorView::new(old.dtype(), old.shape().to_vec(), &data).unwrap());
        fs::write(&path, safetensors::serialize(tensors, metadata.metadata().clone()).unwrap()).unwrap();
        let error = format!("{:#}", Dataset::read(&path).unwrap_err());
        assert!(error.contains("data.safetensors") && error.contains(words), "{name}: {error}");
    }
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(Dataset::read(&path).is_err());
}

#[test]
fn joining_keeps_notes_where_both_have_them() {
    let folder = |name: &str| format!("x={FIXTURES}/{name}");
    let read = |name: &str| prepare(&options(&[&folder(name)])).unwrap().0;
    let (high, low) = (read("high"), read("low"));
    let both = round_trip(&high.clone().with(&low).unwrap());
    assert!(both.has_notes());
    assert_eq!(both.songs[0].len(), high.songs[0].len() + low.songs[0].len());
    let info = Info {
        genres: vec![GenreInfo { name: "x".into(), ..GenreInfo::default() }],
        options: serde_json::Value::Null,
    };
    let cells = Dataset::of_rolls(info, vec![[vec![Item::of(roll(), 0)], Vec::new(), Vec::new()]]);
    assert!(!round_trip(&high.with(&cells).unwrap()).has_notes());
}

fn roll() -> Roll {
    Roll::from_cells(|step, row| row == step % 12)
}
