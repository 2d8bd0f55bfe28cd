//! Adding a genre to a pack: what was there stays as it was.

mod common;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use candle_core::Device;
use common::music;
use model::papers::PairConfig;
use model::resnet::GeneratorConfig;
use model::{Card, ClassifierConfig, LoadedPack, Pack, Parts, SLOTS, Settings, Weights};
use phrase::{PITCHES, STEPS};
use trainer::classifier::PackClassifierOptions;
use trainer::dataset::{Dataset, Split};
use trainer::families::papers::addition::{AdditionOptions, AdditionRun, FAMILY, plan};
use trainer::families::{arranger, resnet::Terms};
use trainer::random;
use trainer::run::{Naming, RunOptions, Trainee, drive, export};

/// A small pack with random weights, as it comes from a file.
fn pack(parts: Parts) -> Pack {
    let mut rng = random::stream(3, 0);
    let mut weights = Weights::new();
    for parameter in parts.parameters() {
        let noise =
            random::normal(&mut rng, parameter.len()).into_iter().map(|x| 0.1 * x).collect::<Vec<_>>();
        let noise = candle_core::Tensor::from_vec(noise, parameter.shape.as_slice(), &Device::Cpu).unwrap();
        weights.insert(&parameter.name, (random::start(&parameter, &mut rng).unwrap() + noise).unwrap());
    }
    let genres = vec!["high".into(), "low".into()];
    let card = Card {
        data: music(&["high", "low"]).info.genres.into_iter().flat_map(|genre| genre.sources).collect(),
        recipe: "Random weights.".into(),
        ..Card::new("Old", genres, parts)
    };
    Pack::from_bytes("Old", &Pack::new(card, &weights).to_bytes().unwrap()).unwrap()
}

fn old() -> Pack {
    pack(Parts::new(
        GeneratorConfig { channels: 8, blocks: 1, ..GeneratorConfig::compact(2) },
        ClassifierConfig { genres: 2, width: 4 },
    ))
}

fn options(unfreeze: bool) -> AdditionOptions {
    AdditionOptions {
        genre: None,
        unfreeze,
        steps: 6,
        batch: 4,
        rate: 1e-2,
        critic_rate: 1e-3,
        classifier_rate: 1e-2,
        decay: 0.5,
        average: 0.3,
        transpose: 3,
        seed: 5,
        terms: Terms {
            cycle: 5.0,
            identity: 2.0,
            keep: 0.3,
            positive: 8.0,
            outside: 2.0,
            fake: 0.5,
            wrong: 0.5,
        },
    }
}

fn addition(unfreeze: bool) -> AdditionRun {
    AdditionRun::new(options(unfreeze), old(), "middle".to_string(), &Device::Cpu).unwrap()
}

/// The pack that a whole run in `folder` exports, as it comes from a file.
fn exported(folder: &Path, data: &Dataset, unfreeze: bool) -> Pack {
    let run = RunOptions::in_folder(folder);
    assert!(drive(&mut addition(unfreeze), data, &run, &AtomicBool::new(false)).unwrap());
    let classifier = PackClassifierOptions { classifier_steps: 0, classifier_batch: 1, classifier_width: 1 };
    let pack =
        export(data, &Naming::plain("New"), &run, &classifier).unwrap_or_else(|error| panic!("{error:#}"));
    Pack::from_bytes("New", &pack.to_bytes().unwrap()).unwrap()
}

/// The answers' logits of `pack` to phrases of slot `from` in slot `to`.
fn answers(pack: &Pack, from: usize, to: usize) -> Vec<f32> {
    let data = music(&["high", "low"]);
    let transfer = LoadedPack::new(pack).unwrap();
    let target: [f32; SLOTS] = std::array::from_fn(|slot| f32::from(u8::from(slot == to)));
    let mut all = Vec::new();
    for item in data.split(from, Split::Test) {
        let mut cells = vec![0.0; STEPS * PITCHES];
        item.roll.to_f32(&mut cells);
        let cells = candle_core::Tensor::from_vec(cells, (1, STEPS, PITCHES), &Device::Cpu).unwrap();
        all.extend(
            transfer.logits(&cells, from, &target).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap(),
        );
    }
    all
}

#[test]
fn old_directions_answer_bit_by_bit_as_before_and_the_new_ones_are_trained() {
    // Without music of the old genres: it is replayed.
    let data = music(&["middle"]);
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (old(), exported(folder.path(), &data, false));
    assert_eq!(new.card.genres, ["high", "low", "middle"]);
    for (from, to) in [(0, 1), (1, 0), (0, 0), (1, 1)] {
        let bits = |pack: &Pack| answers(pack, from, to).into_iter().map(f32::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(&new), bits(&old), "{from} to {to}");
    }
    assert_ne!(answers(&new, 0, 2), answers(&new, 0, 1));
    // What is heard of the old genres, against each other, is as before too.
    let column = |pack: &Pack, width: usize, at: usize| {
        let matrix = pack.weights.get("classifier.genres", &[7 * 32, width]).unwrap();
        matrix.narrow(1, at, 1).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    for at in 0..2 {
        assert_eq!(column(&new, 3, at), column(&old, 2, at));
    }
    let start: Vec<f32> =
        column(&old, 2, 0).iter().zip(column(&old, 2, 1)).map(|(a, b)| (a + b) / 2.0).collect();
    let moved = column(&new, 3, 2).iter().zip(start).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(moved > 0.01, "the new column is trained: {moved}");
    // The card says what it is made of.
    let sources: Vec<_> = new.card.data.iter().map(|source| source.genre.as_str()).collect();
    assert_eq!(sources, ["high", "low", "middle"]);
    assert!(new.card.recipe.contains("Random weights.") && new.card.recipe.contains("middle was added"));
}

#[test]
fn unfrozen_the_old_directions_change() {
    let data = music(&["high", "low", "middle"]);
    let folder = tempfile::tempdir().unwrap();
    let new = exported(folder.path(), &data, true);
    assert_ne!(answers(&new, 0, 1), answers(&old(), 0, 1));
}

#[test]
fn missing_genres_are_replayed_and_present_ones_are_not() {
    let data = music(&["middle", "high"]);
    let complete = addition(false).genres(&data).unwrap();
    assert_eq!(complete.genres(), ["high", "low", "middle"]);
    assert_eq!(complete.items[0], data.items[1]);
    assert_eq!(complete.items[2], data.items[0]);
    let replayed = complete.split(1, Split::Train);
    assert!(!replayed.is_empty() && replayed.iter().all(|item| !item.roll.is_empty()));
    assert!(replayed.iter().zip(data.split(0, Split::Train)).any(|(a, b)| a.roll != b.roll));
}

#[test]
fn what_does_not_fit_is_refused_in_a_sentence() {
    let refused = |pack: Pack, genres: &[&str], genre: Option<&str>| {
        let options = AdditionOptions { genre: genre.map(str::to_string), ..options(false) };
        let run = plan(pack, options, &music(genres)).and_then(|plan| (plan.fresh)(&Device::Cpu));
        format!("{:#}", run.err().unwrap())
    };
    let error = refused(old(), &["high", "low"], None);
    assert!(error.contains("high, low") && error.contains("already"), "{error}");
    let error = refused(old(), &["middle", "other"], None);
    assert!(error.contains("middle, other") && error.contains("--genre"), "{error}");
    let error = refused(old(), &["middle"], Some("low"));
    assert!(error.contains("low cannot be added") && error.contains("middle"), "{error}");
    let sizes = GeneratorConfig { channels: 8, blocks: 1, ..GeneratorConfig::compact(1) };
    let pairwise = pack(Parts::new(PairConfig::Compact(sizes), ClassifierConfig { genres: 2, width: 4 }));
    let error = refused(pairwise, &["middle"], None);
    assert!(error.contains("pairwise"), "{error}");
}

/// An arranger's genres are added as rows of two embeddings: what is told to be of an old genre is answered
/// bit by bit as before, and the new genre answers in its own way.
#[test]
fn a_genre_is_added_to_an_arranger_and_old_directions_stay() {
    let folder = tempfile::tempdir().unwrap();
    let family = &arranger::addition::FAMILY;
    let data = music(&["high", "low", "middle"]);
    let run = RunOptions { every: 0, ..RunOptions::in_folder(folder.path()) };
    let mut flags = (family.small)(folder.path()).unwrap();
    flags.extend(["--steps=20", "--rate=0.05"].map(String::from));
    let before = Pack::read(&folder.path().join("arranged.safetensors")).unwrap();
    // The command finds the family by the pack.
    let mut trainee = (FAMILY.planned(&flags, &data, &run).unwrap().fresh)(&Device::Cpu).unwrap();
    assert_eq!(trainee.family(), arranger::addition::NAME);
    assert!(drive(&mut *trainee, &data, &run, &AtomicBool::new(false)).unwrap());
    let classifier = PackClassifierOptions { classifier_steps: 0, classifier_batch: 1, classifier_width: 1 };
    let after = export(&data, &Naming::plain("Three"), &run, &classifier).unwrap();
    assert_eq!(after.card.genres, ["high", "low", "middle"]);
    assert!(after.card.recipe.contains("middle was added as slot 3 to small"), "{}", after.card.recipe);
    let after = Pack::from_bytes("Three", &after.to_bytes().unwrap()).unwrap();
    let [mut old, mut new] = [&before, &after].map(|pack| LoadedPack::new(pack).unwrap());
    let mut differs = 0;
    for (i, item) in data.split(0, Split::Test).iter().chain(data.split(1, Split::Test)).enumerate() {
        let ask = |pack: &mut LoadedPack, from: u8, to: usize| {
            let settings = Settings { source: Some(from), variation: 0.3, ..Settings::to(to) };
            pack.cells(&item.roll, i as i64, &settings).unwrap()
        };
        assert_eq!(ask(&mut old, 0, 1), ask(&mut new, 0, 1));
        assert_eq!(ask(&mut old, 1, 0), ask(&mut new, 1, 0));
        differs += usize::from(ask(&mut new, 0, 2).0 != ask(&mut new, 0, 1).0);
    }
    assert!(differs > 0);
    // Without the old genres' music the classifier could not tell the new one.
    let error = FAMILY.planned(&flags, &music(&["middle"]), &run).err().unwrap().to_string();
    assert!(error.contains("lacks high, low") && error.contains("prepare"), "{error}");
    let all = flags.iter().cloned().chain(["--unfreeze".to_string()]).collect::<Vec<_>>();
    let error = (FAMILY.planned(&all, &data, &run).unwrap().fresh)(&Device::Cpu).err().unwrap().to_string();
    assert!(error.contains("--unfreeze") && error.contains("`train`"), "{error}");
}
