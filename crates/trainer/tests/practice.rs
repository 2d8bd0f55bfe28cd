//! Practice: a pack plays the training songs, its answers are versions of them, and a run learns from both.

mod common;

use std::path::{Path, PathBuf};

use clap::Parser;
use model::Pack;
use model::arranger::{TEXTURE, TEXTURES, Texture};
use phrase::{Roll, STEPS, STEPS_PER_BAR};
use trainer::average::mean;
use trainer::data::song::{At, StoredSong};
use trainer::dataset::{Dataset, Item, Split};
use trainer::families::adding;
use trainer::families::arranger::{ArrangerOptions, ArrangerRun, FAMILY, plan};
use trainer::practice::textures::{ChoiceOptions, choose};
use trainer::practice::{PracticeOptions, practise};
use trainer::run::{self, RunOptions};

/// Four phrases a song, and windows at every bar.
const PHRASES: usize = 4;

/// The plain genres of the other tests as songs.
fn songs() -> Dataset {
    let mut data = common::music(&["high", "low"]);
    let rolls: Vec<Vec<Roll>> =
        (0..2).map(|genre| data.split(genre, Split::Train).iter().map(|item| item.roll).collect()).collect();
    for (genre, rolls) in rolls.iter().enumerate() {
        let name = ["high", "low"][genre];
        let songs: Vec<StoredSong> = rolls
            .chunks(PHRASES)
            .zip(0..)
            .map(|(rolls, i)| {
                StoredSong::of_rolls(format!("{name}/song{i}.mid"), format!("{name}{i}"), rolls)
            })
            .collect();
        let mut items = Vec::new();
        for (song, stored) in (0..).zip(&songs) {
            let at = (0..=((PHRASES - 1) * STEPS) as u32)
                .step_by(STEPS_PER_BAR)
                .map(|start| At { start, ..At::default() });
            let view = trainer::data::view::Rolls::new(&data.info.options);
            let cells = view.all(stored, at.clone());
            items.extend(at.zip(cells).map(|(at, roll)| Item { roll, song, at }));
        }
        data.items[genre] = [items, Vec::new(), Vec::new()];
        data.songs[genre] = songs.into();
    }
    data
}

/// A pack of random weights and the songs, in a folder.
struct Files {
    folder: tempfile::TempDir,
    pack: PathBuf,
    data: PathBuf,
}

fn files() -> Files {
    let folder = tempfile::tempdir().unwrap();
    let fresh = |matches: &clap::ArgMatches, genres: usize| {
        let options = <ArrangerOptions as clap::FromArgMatches>::from_arg_matches(matches)?;
        let run = ArrangerRun::new(options, genres, &candle_core::Device::Cpu)?;
        Ok(Box::new(run) as Box<dyn run::Trainee>)
    };
    adding::small((folder.path(), "small.safetensors"), &FAMILY, fresh).unwrap();
    let data = folder.path().join("data.safetensors");
    songs().write(&data).unwrap();
    Files { pack: folder.path().join("small.safetensors"), data, folder }
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    options: PracticeOptions,
}

fn practised(files: &Files, name: &str, more: &[&str]) -> (Dataset, trainer::practice::Practised) {
    let output = files.folder.path().join(name);
    let text = |path: &Path| path.display().to_string();
    let mut flags =
        vec!["practise".to_string(), text(&files.pack), text(&files.data), "-o".into(), text(&output)];
    flags.extend(more.iter().map(ToString::to_string));
    let said = practise(&Flags::parse_from(flags).options).unwrap();
    (Dataset::read(&output).unwrap(), said)
}

#[test]
fn answers_are_versions_of_their_songs_window_by_window() {
    let files = files();
    let data = Dataset::read(&files.data).unwrap();
    let (answers, said) = practised(&files, "answers.safetensors", &["--tries", "3"]);
    assert_eq!(answers.genres(), data.genres());
    for genre in 0..2 {
        let (songs, other) = (&answers.songs[genre], &data.songs[1 - genre]);
        assert_eq!(songs.len(), other.len());
        for (song, source) in songs.iter().zip(other.iter()) {
            assert!(
                song.answer && song.name.contains("__v10") && song.group == source.group,
                "{}",
                song.name
            );
        }
        let places = |items: &[Item]| items.iter().map(|item| (item.song, item.at)).collect::<Vec<_>>();
        assert_eq!(places(answers.split(genre, Split::Train)), places(data.split(1 - genre, Split::Train)));
        assert!(answers.split(genre, Split::Train).iter().all(|item| !item.roll.is_empty()));
        assert!(data.songs[genre].iter().all(|song| !song.answer));
    }
    assert!(said.to_string().contains("high -> low"), "{said}");
    // The same on any number of threads; other tries, other answers.
    let (again, _) = practised(&files, "again.safetensors", &["--tries", "3", "--threads", "1"]);
    assert!(again.same_phrases(&answers));
    let (once, _) = practised(&files, "once.safetensors", &["--tries", "1"]);
    assert!(!once.same_phrases(&answers));
}

#[test]
fn a_run_starts_at_the_pack_learns_from_answers_and_goes_on_to_the_same_numbers() {
    let files = files();
    practised(&files, "answers.safetensors", &["--tries", "2"]);
    let data = Dataset::read(&files.data).unwrap();
    let arguments = |more: &[String]| -> ArrangerOptions {
        let small = (FAMILY.small)(files.folder.path()).unwrap();
        let is_given =
            |flag: &String| more.iter().any(|given| given.split('=').next() == flag.split('=').next());
        let all = small.into_iter().filter(|flag| !is_given(flag));
        let all = all.chain(["--steps=4".into(), "--rendered=0.5".into()]).chain(more.iter().cloned());
        let matches = FAMILY.options_command().try_get_matches_from(all).unwrap();
        <ArrangerOptions as clap::FromArgMatches>::from_arg_matches(&matches).unwrap()
    };
    let from = format!("--from={}", files.pack.display());
    let practice = format!("--practice={}", files.folder.path().join("answers.safetensors").display());
    let losses = |more: &[String], folder: &str, stop: Option<u64>| {
        let mut run = RunOptions::in_folder(&files.folder.path().join(folder));
        let mut all = Vec::new();
        let mut trainee = run::start(&data, plan(arguments(more), &data).unwrap(), &run).unwrap();
        while trainee.step() < trainee.steps() {
            all.push(trainee.train(&data, 2).unwrap());
            if stop == Some(trainee.step()) {
                let mut checkpoint = trainee.checkpoint().unwrap();
                checkpoint.data = run::digest(&data);
                checkpoint.write(&run.checkpoint()).unwrap();
                run.resume = true;
                trainee = run::start(&data, plan(arguments(more), &data).unwrap(), &run).unwrap();
            }
        }
        all
    };
    let both = [from.clone(), practice.clone()];
    let practice_again = practice.clone();
    let whole = losses(&both, "whole", None);
    assert_eq!(whole, losses(&both, "stopped", Some(2)));
    assert_ne!(whole, losses(std::slice::from_ref(&from), "alone", None), "answers are learned from");
    let guided = [from.clone(), practice.clone(), "--guided=2".to_string()];
    let told = losses(&guided, "guided", None);
    assert_ne!(whole, told, "contrast is learned from");
    assert_eq!(told, losses(&guided, "guided on", Some(2)));
    // A number a genre: the second alone is another lesson.
    let second = [from.clone(), practice.clone(), "--guided=0,2".to_string()];
    assert_ne!(told, losses(&second, "guided into the second", None), "each genre has its own");
    assert_ne!(whole, losses(std::slice::from_ref(&practice), "fresh", None), "the pack is where it starts");

    // What does not fit is said in a sentence.
    let refused = |more: &[String]| {
        let plan = plan(arguments(more), &data).unwrap();
        (plan.fresh)(&candle_core::Device::Cpu).unwrap_err().to_string()
    };
    let none = refused(&[from.clone(), practice_again, "--guided=0".into()]);
    assert!(none.contains("a number over 0"), "{none}");
    let none = refused(&[from.clone(), practice.clone(), "--guided=1,-1".into()]);
    assert!(none.contains("0 and more"), "{none}");
    let other = refused(&[from, "--writer=2".into()]);
    assert!(other.contains("other sizes"), "{other}");
    let mut pack = Pack::read(&files.pack).unwrap();
    pack.card.genres.reverse();
    pack.write(&files.pack).unwrap();
    let swapped = refused(&[format!("--from={}", files.pack.display())]);
    assert!(swapped.contains("in their order, high, low"), "{swapped}");
}

#[derive(Parser)]
struct ChoiceFlags {
    #[command(flatten)]
    options: ChoiceOptions,
}

fn choice(pack: &Path, data: &Path, output: &Path, more: &[&str]) -> ChoiceOptions {
    let text = |path: &Path| path.display().to_string();
    let flags = ["choose-textures".into(), text(pack), text(data), "-o".into(), text(output)];
    ChoiceFlags::parse_from(flags.into_iter().chain(more.iter().map(ToString::to_string))).options
}

/// The textures of a pack, by genre.
fn bank(pack: &Path) -> Vec<Vec<Vec<f32>>> {
    let weights = Pack::read(pack).unwrap().weights;
    let name = format!("{}arranger.textures", model::Role::Transfer.prefix());
    let (_, all) = weights.iter().find(|(own, _)| **own == name).unwrap();
    let rows: Vec<Vec<f32>> = all.to_dtype(candle_core::DType::F32).unwrap().to_vec2().unwrap();
    let known = |rows: &[Vec<f32>]| -> Vec<Vec<f32>> {
        rows.iter().filter(|row| row.iter().any(|x| *x != 0.0)).cloned().collect()
    };
    rows.chunks(TEXTURES).map(known).collect()
}

#[test]
fn of_textures_alike_the_best_is_kept_and_nothing_else_changes() {
    let files = files();
    let chosen = |name: &str, more: &[&str]| {
        let output = files.folder.path().join(name);
        let few = ["--of=2", "--banks=3", "--limit=2"];
        let more: Vec<&str> = few.iter().chain(more).copied().collect();
        (choose(&choice(&files.pack, &files.data, &output, &more)).unwrap(), output)
    };
    let (said, output) = chosen("chosen.safetensors", &[]);
    let data = Dataset::read(&files.data).unwrap();
    for (genre, kept) in bank(&output).into_iter().enumerate() {
        let [tried, count] = said.genres[genre].1;
        assert_eq!(count, kept.len());
        assert!(count > 0 && count <= tried.div_ceil(2), "{count} of {tried}");
        assert!(kept.is_sorted_by_key(|row| row[TEXTURE]), "from the sparsest to the densest");
        // All are phrases' of the genre.
        let found: Vec<Texture> =
            data.split(genre, Split::Train).iter().map(|item| Texture::of(&item.roll)).collect();
        let near = |row: &[f32], texture: &Texture| {
            row.iter().zip(texture.0).all(|(a, b)| (a - b).abs() < 2e-3 * b.abs().max(1.0))
        };
        assert!(kept.iter().all(|row| found.iter().any(|texture| near(row, texture))));
    }
    let (before, after) = (Pack::read(&files.pack).unwrap(), Pack::read(&output).unwrap());
    assert_eq!(before.card.parts, after.card.parts);
    assert!(after.card.recipe.contains("Textures of high, low chosen"), "{}", after.card.recipe);
    for ((name, was), (other, is)) in before.weights.iter().zip(after.weights.iter()) {
        assert_eq!(name, other);
        let same = (was - is).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap();
        let same = same.to_dtype(candle_core::DType::F32).unwrap().to_scalar::<f32>().unwrap() == 0.0;
        assert!(same || name.ends_with(".textures"), "{name}");
    }
    assert!(said.to_string().contains("high"), "{said}");
    // Of one genre alone, and the other's stay.
    let (said, second) = chosen("second.safetensors", &["--genre=low"]);
    assert_eq!(said.genres.len(), 1);
    assert_eq!((&bank(&second)[0], &bank(&second)[1]), (&bank(&files.pack)[0], &bank(&output)[1]));
    // The same on any number of threads.
    assert_eq!(bank(&chosen("again.safetensors", &["--threads=1"]).1), bank(&output));
}

#[test]
fn what_cannot_choose_textures_is_told_why() {
    let files = files();
    let refused = |pack: &Path, more: &[&str]| {
        let output = files.folder.path().join("never.safetensors");
        let error = choose(&choice(pack, &files.data, &output, more)).unwrap_err();
        assert!(!output.exists());
        format!("{error:#}")
    };
    assert!(refused(&files.pack, &["--of=1"]).contains("--of 1"));
    assert!(refused(&files.pack, &["--limit=0"]).contains("--limit"));
    assert!(refused(&files.pack, &["--genre=swing"]).contains("the genre swing, only high, low"));
    let ear = format!("--ear={}", files.data.display());
    assert!(refused(&files.pack, &[&ear]).contains("--ear"), "{}", refused(&files.pack, &[&ear]));
    let mut pack = Pack::read(&files.pack).unwrap();
    pack.card.parts.classifier = None;
    let deaf = files.folder.path().join("deaf.safetensors");
    pack.write(&deaf).unwrap();
    assert!(refused(&deaf, &[]).contains("a transfer and a classifier"));
}

#[test]
fn what_cannot_practise_is_told_why() {
    let files = files();
    let refused = |pack: &Path, data: &Path, more: &[&str]| {
        let output = files.folder.path().join("never.safetensors");
        let text = |path: &Path| path.display().to_string();
        let flags = ["practise".into(), text(pack), text(data), "-o".into(), text(&output)];
        let flags = flags.into_iter().chain(more.iter().map(ToString::to_string));
        let error = practise(&Flags::parse_from(flags).options).unwrap_err();
        assert!(!output.exists());
        format!("{error:#}")
    };
    assert!(refused(&files.pack, &files.data, &["--tries", "0"]).contains("--tries 0"));
    assert!(refused(&files.pack, &files.data, &["--amount", "0"]).contains("1 to 100"));
    let mut pack = Pack::read(&files.pack).unwrap();
    pack.card.parts.classifier = None;
    let deaf = files.folder.path().join("deaf.safetensors");
    pack.write(&deaf).unwrap();
    assert!(refused(&deaf, &files.data, &[]).contains("a transfer and a classifier"));
    let cells = files.folder.path().join("cells.safetensors");
    common::music(&["high", "low"]).write(&cells).unwrap();
    assert!(refused(&files.pack, &cells, &[]).contains("prepare the dataset anew"));
    let one = files.folder.path().join("one.safetensors");
    songs().select(&["high"]).unwrap().write(&one).unwrap();
    assert!(refused(&files.pack, &one, &[]).contains("the genre low is wanted"));
}

#[test]
fn an_average_lies_between_two_packs_and_refuses_what_does_not_fit() {
    let files = files();
    let own = Pack::read(&files.pack).unwrap();
    let mut other = own.clone();
    let prefix = model::Role::Transfer.prefix();
    let all: Vec<_> = own.weights.iter().map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
    for (name, tensor) in &all {
        other.weights.insert(name.clone(), (tensor + 1.0).unwrap());
    }
    let averaged = |share: f64| {
        let mut pack = own.clone();
        mean(&mut pack, &other, share).unwrap();
        pack
    };
    let by = |pack: &Pack, name: &str| {
        let of = |pack: &Pack| {
            let (_, tensor) = pack.weights.iter().find(|(own, _)| *own == name).unwrap();
            tensor.to_dtype(candle_core::DType::F32).unwrap()
        };
        let moved = (of(pack) - of(&own)).unwrap().abs().unwrap().flatten_all().unwrap();
        moved.max(0).unwrap().to_scalar::<f32>().unwrap()
    };
    let (quarter, none) = (averaged(0.25), averaged(0.0));
    for (name, _) in &all {
        let expected = if name.starts_with(prefix) && !name.ends_with(".textures") { 0.25 } else { 0.0 };
        assert!((by(&quarter, name) - expected).abs() < 2e-3, "{name}: {}", by(&quarter, name));
        assert_eq!(by(&none, name), 0.0, "{name}");
    }
    assert!(quarter.card.recipe.contains("moved by 0.25"), "{}", quarter.card.recipe);

    let refused = |other: &Pack| mean(&mut own.clone(), other, 0.5).unwrap_err().to_string();
    other.card.genres.reverse();
    assert!(refused(&other).contains("high, low are needed"), "{}", refused(&other));
    let mut other = own.clone();
    let (name, tensor) =
        all.iter().find(|(name, tensor)| name.starts_with(prefix) && tensor.dims()[0] > 1).unwrap();
    other.weights.insert(name.clone(), tensor.narrow(0, 0, 1).unwrap());
    assert!(refused(&other).contains("other sizes"), "{}", refused(&other));
}
