//! What is learned of how people play: their time, their touch, and the parts that packs get of it. And what
//! the program says to music that nobody played.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use model::{Pack, Role};
use phrase::{Song, SongNote, Swing, Track};
use trainer::dataset::Dataset;
use trainer::hands::dynamics::Preset;
use trainer::hands::dynamics::trainee::{DynamicsRun, Recipe};
use trainer::run::Trainee;

const TRAINER: &str = env!("CARGO_BIN_EXE_trainer");

fn trainer(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(TRAINER).args(arguments).current_dir(folder).output().unwrap()
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = trainer(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn error(folder: &Path, arguments: &[&str]) -> String {
    let output = trainer(folder, arguments);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.starts_with("error: "), "{text}");
    assert!(!text.contains("panicked") && text.trim().lines().count() == 1, "one sentence: {text}");
    text
}

/// How a genre's songs are played.
#[derive(Clone, Copy)]
struct Hand {
    ratio: f64,
    late: f64,
    /// Of long notes of the tune, of short ones, and of chords: what no line through pitch and place tells.
    velocity: [f32; 3],
}

const SWINGER: Hand = Hand { ratio: 0.62, late: 0.1, velocity: [0.8, 0.4, 0.5] };
const STRAIGHT: Hand = Hand { ratio: 0.5, late: 0.0, velocity: [0.3, 0.7, 0.5] };

/// Sixteen bars of eighths with a chord on each bar.
fn song(seed: usize, bpm: f64, hand: Hand) -> Song {
    let swing = Swing::at(hand.ratio);
    let note = |pitch: u8, onset: f64, length: f64, velocity: f32| SongNote {
        pitch,
        channel: 0,
        velocity,
        onset: swing.swing(onset) + hand.late,
        length,
    };
    let mut notes = Vec::new();
    for i in 0..128 {
        let (length, velocity) = if i % 5 < 2 { (2.0, hand.velocity[0]) } else { (1.0, hand.velocity[1]) };
        let pitch = 67 + (i * 7 % 11 + seed % 3 + i / 16 * seed % 5) as u8;
        notes.push(note(pitch, 2.0 * i as f64, length, velocity));
        if i % 8 == 0 {
            let chord = [48, 52, 55].map(|pitch| note(pitch, 2.0 * i as f64, 14.0, hand.velocity[2]));
            notes.extend(chord);
        }
    }
    let mut song = Song::new(bpm);
    song.end = 256.0;
    song.tracks.push(Track { notes, ..Track::default() });
    song
}

fn genre(root: &Path, name: &str, hand: Hand) {
    for (split, count) in [("train", 8), ("valid", 3), ("test", 3)] {
        let folder = root.join(name).join(split);
        fs::create_dir_all(&folder).unwrap();
        for seed in 0..count {
            let bpm = if seed % 2 == 0 { 100.0 } else { 220.0 };
            song(seed + split.len() * 10, bpm, hand).write(&folder.join(format!("{seed}.mid"))).unwrap();
        }
    }
}

fn two(root: &Path) {
    genre(root, "jazz", SWINGER);
    genre(root, "pop", STRAIGHT);
    done(root, &["prepare", "jazz", "pop", "--straighten=false", "-o", "raw"]);
    done(root, &["prepare", "jazz", "pop", "-o", "straight"]);
}

#[test]
fn swing_and_lateness_are_counted_and_go_into_a_pack_in_its_own_order() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    two(root);
    let said = done(root, &["learn-feel", "raw", "-o", "feel.safetensors"]);
    assert!(said.contains("no timing") && said.contains("0.62"), "{said}");
    let feel = Pack::read(&root.join("feel.safetensors")).unwrap();
    let table = |pack: &Pack, name: &str| {
        let all = pack.weights.part(Role::Feel);
        let found = all.iter().find(|(known, _)| *known == name).unwrap().1.clone();
        found.to_vec2::<f32>().unwrap()
    };
    let swing = table(&feel, "swing");
    assert!(swing[0].iter().all(|ratio| (ratio - 0.62).abs() < 0.035), "{swing:?}");
    assert!(swing[1].iter().all(|ratio| (ratio - 0.5).abs() < 0.01), "{swing:?}");
    // The tune is late on every eighth, the others play nothing there but on the bar.
    let offsets = table(&feel, "offsets");
    assert!(
        (offsets[0][0] - 0.1).abs() < 0.03 && offsets[1].iter().all(|offset| *offset == 0.0),
        "{offsets:?}"
    );

    // A pack with the genres the other way round.
    fs::write(root.join("default.safetensors"), model::default_pack()).unwrap();
    let lacking =
        error(root, &["add-part", "default.safetensors", "--from", "feel.safetensors", "-o", "new"]);
    assert!(
        lacking.contains("does not know the genre classic") && lacking.contains("jazz, pop"),
        "{lacking}"
    );
    done(root, &["prepare", "pop", "jazz", "--straighten=false", "-o", "turned"]);
    done(root, &["learn-feel", "turned", "-o", "turned.safetensors"]);
    done(root, &["add-part", "turned.safetensors", "--from", "feel.safetensors", "-o", "both.safetensors"]);
    let both = Pack::read(&root.join("both.safetensors")).unwrap();
    let turned = table(&both, "swing");
    assert_eq!((&turned[0], &turned[1]), (&swing[1], &swing[0]));
}

#[test]
fn touch_is_learned_and_added_and_the_other_parts_stay() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    two(root);
    let learn = |out: &str, more: &[&str]| {
        let mut arguments = vec!["train-dynamics", "straight", "--batch", "8", "-o", out];
        arguments.extend(more);
        done(root, &arguments)
    };
    learn("ours.safetensors", &["--steps", "400"]);
    let ours = Pack::read(&root.join("ours.safetensors")).unwrap();
    let metric = |name: &str| ours.card.metrics[name];
    for genre in ["jazz", "pop"] {
        let (error, linear) = (
            metric(&format!("dynamics_error.{genre}")),
            metric(&format!("dynamics_error_of_regression.{genre}")),
        );
        assert!(error < 0.75 * linear, "{genre}: {error} where a line has {linear}");
        assert!(metric(&format!("dynamics_r.{genre}")) > 0.6);
    }
    // The same seed gives the same pack.
    learn("a.safetensors", &["--steps", "5"]);
    learn("b.safetensors", &["--steps", "5"]);
    assert_eq!(fs::read(root.join("a.safetensors")).unwrap(), fs::read(root.join("b.safetensors")).unwrap());

    // A run that goes on gives the same numbers, on its own dataset alone.
    let data = Dataset::read(&root.join("straight")).unwrap();
    let recipe =
        Recipe { preset: Preset::Ours, steps: 6, batch: 4, rate: 0.01, seed: 3, hear_velocity: false };
    let mut whole = DynamicsRun::new(recipe, 2).unwrap();
    let train = |run: &mut DynamicsRun, steps: usize| {
        (0..steps).for_each(|_| drop(run.train(&data, 1).unwrap()));
        run.checkpoint().unwrap()
    };
    let half = train(&mut whole, 3);
    let mut resumed = DynamicsRun::resume(&half).unwrap();
    let [one, other] = [train(&mut whole, 3), train(&mut resumed, 3)];
    assert!(one.tensors.len() > 20 && one.header == other.header);
    let bits = |tensor: &candle_core::Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for (name, tensor) in &one.tensors {
        assert_eq!(bits(tensor), bits(&other.tensors[name]), "{name}");
    }
    assert!(one.tensors.iter().any(|(name, tensor)| bits(tensor) != bits(&half.tensors[name])));
    let text = error(root, &["train-dynamics", "raw", "-o", "c", "--run", "a.run", "--resume"]);
    assert!(text.contains("another dataset"), "{text}");

    // Into a pack that has a feel: it stays, to the bit, and twice is once.
    done(root, &["learn-feel", "raw", "-o", "feel.safetensors"]);
    let add =
        |from: &str, out: &str| done(root, &["add-part", from, "--from", "ours.safetensors", "-o", out]);
    assert!(add("feel.safetensors", "one.safetensors").contains("with dynamics"));
    add("one.safetensors", "two.safetensors");
    let [feel, one] =
        ["feel.safetensors", "one.safetensors"].map(|name| Pack::read(&root.join(name)).unwrap());
    for ((name, a), (_, b)) in feel.weights.part(Role::Feel).iter().zip(one.weights.part(Role::Feel).iter()) {
        assert_eq!(a.to_vec2::<f32>().unwrap(), b.to_vec2::<f32>().unwrap(), "{name}");
    }
    assert_eq!(one.card.parts.dynamics, ours.card.parts.dynamics);
    let bytes = |name: &str| fs::read(root.join(name)).unwrap();
    assert_eq!(bytes("one.safetensors"), bytes("two.safetensors"));
    // From one whole pack into another: what it says of these parts comes along, and nothing else of it.
    let mut whole = one.clone();
    whole.card.recipe = format!("Another network.{}", one.card.recipe.replace(&feel.card.recipe, ""));
    whole.card.metrics.insert("s_tot".into(), 0.5);
    whole.write(&root.join("whole.safetensors")).unwrap();
    done(root, &["add-part", "feel.safetensors", "--from", "whole.safetensors", "-o", "three.safetensors"]);
    let three = Pack::read(&root.join("three.safetensors")).unwrap().card;
    assert_eq!((&three.recipe, &three.metrics), (&one.card.recipe, &one.card.metrics));
}

#[test]
fn the_papers_networks_train_too() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    two(root);
    for (preset, hears) in [("stylenet", false), ("tonenet", true)] {
        let mut arguments =
            vec!["train-dynamics", "straight", "--preset", preset, "--steps", "2", "--batch", "2"];
        arguments.extend(hears.then_some("--hear-velocity"));
        arguments.extend(["-o", "papers.safetensors"]);
        assert!(done(root, &arguments).contains("dynamics, mean square error"));
        let config = Pack::read(&root.join("papers.safetensors")).unwrap().card.parts.dynamics.unwrap();
        assert_eq!((config.units, config.layers, config.attention, config.hears), (176, 3, hears, hears));
    }
}

#[test]
fn music_that_nobody_played_is_refused_in_one_sentence() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    genre(root, "jazz", SWINGER);
    genre(root, "flat", Hand { velocity: [0.63; 3], ..STRAIGHT });
    done(root, &["prepare", "jazz", "flat", "-o", "flat.data"]);
    let text = error(root, &["train-dynamics", "flat.data", "-o", "none"]);
    assert!(text.contains("flat: every song") && text.contains("one velocity"), "{text}");
    done(root, &["prepare", "flat", "--straighten=false", "-o", "exact.data"]);
    let text = error(root, &["learn-feel", "exact.data", "-o", "none"]);
    assert!(text.contains("exactly on its 16th") && text.contains("performances"), "{text}");
    let text = error(root, &["learn-feel", "flat.data", "-o", "none"]);
    assert!(text.contains("made straight") && text.contains("--straighten=false"), "{text}");
    let text = error(root, &["train-dynamics", "flat.data", "--hear-velocity", "-o", "none"]);
    assert!(text.contains("stylenet and tonenet"), "{text}");
    let mut bare = Pack::from_bytes("the default pack", model::default_pack()).unwrap();
    let parts = &mut bare.card.parts;
    (parts.dynamics, parts.feel, parts.writer, parts.space) = (None, None, None, None);
    bare.write(&root.join("bare.safetensors")).unwrap();
    let text = error(root, &["add-part", "bare.safetensors", "--from", "bare.safetensors", "-o", "none"]);
    assert!(text.contains("nothing of it can be added") && text.contains("bare.safetensors"), "{text}");
    assert!(!root.join("none").exists());
}
