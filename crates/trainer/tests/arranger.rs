//! Runs of the arranger: it learns, its pack plays, and runs of earlier versions go on.

mod common;

use candle_core::Device;
use clap::Parser;
use common::music;
use model::{LoadedPack, Settings};
use trainer::classifier::PackClassifierOptions;
use trainer::core::Losses;
use trainer::dataset::{Dataset, Split};
use trainer::families::arranger::{ArrangerOptions, ArrangerRun, FAMILY};
use trainer::run::{Checkpoint, Naming, RunOptions, Trainee, export};

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    options: ArrangerOptions,
}

/// The smallest network, with all that must survive an interruption.
fn options(steps: u64) -> ArrangerOptions {
    let ArrangerOptions { corruption, .. } = Flags::parse_from(["flags"]).options;
    ArrangerOptions {
        steps,
        batch: 4,
        width: 16,
        heads: 2,
        reader: 1,
        writer: 1,
        inner: 16,
        units: 8,
        rate: 3e-3,
        warmup: 2,
        average: 0.1,
        corruption,
        ..Flags::parse_from(["flags"]).options
    }
}

fn steps(run: &mut ArrangerRun, data: &Dataset, count: usize, threads: usize) -> Vec<Losses> {
    (0..count).map(|_| run.train(data, threads).unwrap()).collect()
}

/// Two genres that differ plainly by register are learned in a minute's worth of steps: an answer in the
/// other genre lies where that genre does, except for the tune.
#[test]
fn training_learns_what_a_genre_sounds_like_and_its_pack_plays() {
    (1..=2).for_each(learns);
}

fn learns(edition: u8) {
    let data = music(&["high", "low"]);
    let options = ArrangerOptions { drop: 0.0, edition, ..options(150) };
    let mut run = ArrangerRun::new(options, 2, &Device::Cpu).unwrap();
    let losses = steps(&mut run, &data, 150, 2);
    let total = |losses: &Losses| losses.iter().map(|(_, loss)| loss).sum::<f32>();
    let mean = |losses: &[Losses]| losses.iter().map(total).sum::<f32>() / losses.len() as f32;
    let (first, last) = (mean(&losses[..5]), mean(&losses[145..]));
    assert!(last < 0.4 * first, "{first} nats a phrase at first, {last} at last");

    let folder = tempfile::tempdir().unwrap();
    let mut checkpoint = run.checkpoint().unwrap();
    checkpoint.data = trainer::run::digest(&data);
    let files = RunOptions::in_folder(folder.path());
    checkpoint.write(&files.checkpoint()).unwrap();
    let classifier = PackClassifierOptions { classifier_steps: 20, classifier_batch: 6, classifier_width: 4 };
    let pack = export(&data, &Naming::plain("Two"), &files, &classifier).unwrap();
    assert!(pack.card.recipe.contains("150 steps") && pack.card.planes == ["sounding", "onset"]);

    let mut transfer = LoadedPack::new(&pack).unwrap();
    let mut below = [0, 0];
    for item in data.split(0, Split::Test) {
        let settings = Settings { source: Some(0), ..Settings::to(1) };
        let answer = transfer.cells(&item.roll, 0, &settings).unwrap().0;
        for (sum, roll) in below.iter_mut().zip([item.roll, answer]) {
            *sum += roll.notes().filter(|note| note.row < 42).count();
        }
    }
    assert!(below[0] == 0 && below[1] > 20, "notes in the low genre's register before and after: {below:?}");
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let refused =
        |options: ArrangerOptions| ArrangerRun::new(options, 2, &Device::Cpu).unwrap_err().to_string();
    assert!(refused(ArrangerOptions { batch: 3, ..options(1) }).contains("even"));
    assert!(refused(ArrangerOptions { heads: 3, ..options(1) }).contains("heads"));
    assert!(refused(ArrangerOptions { drop: 1.0, ..options(1) }).contains("under 1"));
    let error = ArrangerRun::new(options(1), 1, &Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("2 to 8 genres"), "{error}");
}

/// The checkpoint is one that an earlier version wrote at step 3 of a run of 6 (on the dataset of format 1
/// beside it); the losses are that run's own.
#[test]
fn a_run_of_an_earlier_version_goes_on_with_its_numbers() {
    const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v1");
    let path = |name: &str| std::path::PathBuf::from(format!("{FIXTURES}/{name}"));
    let data = Dataset::read(&path("training.safetensors")).unwrap();
    let checkpoint = Checkpoint::read(&path("arranger-step-3.safetensors"), FAMILY.name).unwrap();
    assert_eq!(checkpoint.data, trainer::run::digest(&data));
    let mut run = (FAMILY.resume)(&checkpoint, &Device::Cpu).unwrap();
    let again = run.checkpoint().unwrap();
    assert_eq!(again.header["step"], 3);
    assert_eq!(again.tensors.keys().collect::<Vec<_>>(), checkpoint.tensors.keys().collect::<Vec<_>>());
    for (step, wanted) in [(4, [528.5082, 3.27512]), (5, [540.24304, 4.79667]), (6, [495.10132, 2.61521])] {
        let losses = run.train(&data, 2).unwrap();
        for (name, wanted) in ["sounding", "onset"].into_iter().zip(wanted) {
            let loss = losses.get(name).unwrap();
            // The last digits differ between processors.
            assert!((loss - wanted).abs() < 1e-4 * wanted, "step {step}: {name} {loss}, not {wanted}");
        }
    }
}
