//! Runs of the arranger: a function of data, options and seed, that learns, and whose pack plays.

mod common;

use candle_core::Device;
use clap::Parser;
use common::music;
use model::{LoadedPack, Settings};
use trainer::arrange::{Arrange, ArrangeOptions};
use trainer::dataset::{Dataset, Split};
use trainer::listener::ListenerOptions;
use trainer::run::{Checkpoint, RunOptions, Trainee, export};

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    options: ArrangeOptions,
}

/// The smallest network, with all that must survive an interruption.
fn options(steps: u64) -> ArrangeOptions {
    let ArrangeOptions { corruption, .. } = Flags::parse_from(["flags"]).options;
    ArrangeOptions {
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

fn steps(run: &mut Arrange, data: &Dataset, count: usize, threads: usize) -> Vec<Vec<f32>> {
    (0..count).map(|_| run.train(data, threads).unwrap()).collect()
}

/// Every tensor of the state, as bits.
fn state(run: &Arrange) -> Vec<(String, Vec<u32>)> {
    let bits = |tensor: &candle_core::Tensor| {
        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        values.into_iter().map(f32::to_bits).collect()
    };
    run.checkpoint().unwrap().tensors.iter().map(|(name, tensor)| (name.clone(), bits(tensor))).collect()
}

#[test]
fn threads_and_interruptions_do_not_change_a_bit() {
    let data = music(&["high", "low"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let mut unbroken = Arrange::new(options(6), 2, &Device::Cpu).unwrap();
    let losses = steps(&mut unbroken, &data, 6, 2);

    let mut broken = Arrange::new(options(6), 2, &Device::Cpu).unwrap();
    let mut pieces = steps(&mut broken, &data, 4, 1);
    broken.checkpoint().unwrap().write(&path).unwrap();
    drop(broken);
    let checkpoint = Checkpoint::read(&path, Arrange::KIND).unwrap();
    let mut resumed = Arrange::resume(&checkpoint, &Device::Cpu).unwrap();
    pieces.extend(steps(&mut resumed, &data, 2, 2));

    assert_eq!(pieces, losses);
    assert_eq!(state(&resumed), state(&unbroken));
    let mut other = Arrange::new(ArrangeOptions { seed: 6, ..options(6) }, 2, &Device::Cpu).unwrap();
    assert_ne!(steps(&mut other, &data, 1, 1)[0], losses[0]);
}

/// Two genres that differ plainly by register are learned in a minute's worth of steps: an answer in the other genre lies
/// where that genre does, except for the tune.
#[test]
fn training_learns_what_a_genre_sounds_like_and_its_pack_plays() {
    let data = music(&["high", "low"]);
    let mut run = Arrange::new(ArrangeOptions { drop: 0.0, ..options(150) }, 2, &Device::Cpu).unwrap();
    let losses = steps(&mut run, &data, 150, 2);
    let mean = |losses: &[Vec<f32>]| losses.iter().flatten().sum::<f32>() / losses.len() as f32;
    let (first, last) = (mean(&losses[..5]), mean(&losses[145..]));
    assert!(last < 0.4 * first, "{first} nats a phrase at first, {last} at last");

    let folder = tempfile::tempdir().unwrap();
    let mut checkpoint = run.checkpoint().unwrap();
    checkpoint.data = trainer::run::digest(&data);
    let files = RunOptions::in_folder(folder.path());
    checkpoint.write(&files.checkpoint()).unwrap();
    let naming = trainer::run::Naming { name: "Two".into(), pack_version: "1".into(), remark: String::new() };
    let listening = ListenerOptions { listener_steps: 20, listener_batch: 6, listener_width: 4 };
    let pack = export(&data, &naming, &files, &listening).unwrap();
    assert!(pack.card.recipe.contains("150 steps") && pack.card.planes == ["sounding", "onset"]);
    let (_, weights) = run.pack().unwrap();
    assert!(weights.iter().count() > 20);

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
    let refused = |options: ArrangeOptions| Arrange::new(options, 2, &Device::Cpu).unwrap_err().to_string();
    assert!(refused(ArrangeOptions { batch: 3, ..options(1) }).contains("even"));
    assert!(refused(ArrangeOptions { heads: 3, ..options(1) }).contains("heads"));
    assert!(refused(ArrangeOptions { drop: 1.0, ..options(1) }).contains("under 1"));
    let error = Arrange::new(options(1), 1, &Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("2 to 8 genres"), "{error}");
}
