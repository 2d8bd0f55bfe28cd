//! Pairwise runs: what they learn, and what they refuse.

mod common;

use candle_core::Device;
use common::music;
use model::Family;
use trainer::core::Losses;
use trainer::dataset::{Dataset, Split};
use trainer::families::papers::pairwise::options::{CycleKind, Model, NetworkKind, Preset, SpectralNorm};
use trainer::families::papers::pairwise::{PairArguments, PairOptions, PairRun, plan};
use trainer::run::{RunOptions, Trainee};

/// A small run that has everything that must survive an interruption: a pool that is full after two steps,
/// extra discriminators, noise, singular directions, an average.
fn options() -> PairOptions {
    PairOptions {
        network: NetworkKind::Compact,
        model: Model::Partial,
        width: 8,
        blocks: 1,
        spectral_norm: SpectralNorm::All,
        batch: 4,
        steps: 8,
        pool: 2,
        sigma: 0.3,
        transpose: 3,
        rate: 1e-3,
        average: 0.1,
        ..PairOptions::preset(Preset::Papers, ["high".to_string(), "low".to_string()], 20)
    }
}

fn steps(pair: &mut PairRun, data: &Dataset, count: usize, threads: usize) -> Vec<Losses> {
    (0..count).map(|_| pair.train(data, threads).unwrap()).collect()
}

#[test]
fn the_pool_is_in_the_checkpoint() {
    let data = music(&["high", "low"]);
    let mut pair = PairRun::new(options(), &Device::Cpu).unwrap();
    steps(&mut pair, &data, 3, 1);
    let checkpoint = pair.checkpoint().unwrap();
    assert_eq!(checkpoint.tensor("pool/a").unwrap().dims(), [2, 4, 64, 84]);
}

#[test]
fn the_pool_changes_what_the_discriminators_learn_and_nothing_else_at_first() {
    let data = music(&["high", "low"]);
    let run = |pool: usize| {
        let options = PairOptions { pool, ..options() };
        steps(&mut PairRun::new(options, &Device::Cpu).unwrap(), &data, 8, 2)
    };
    let (with, without) = (run(2), run(0));
    // While the pool fills it gives back what it gets.
    assert_eq!(with[..2], without[..2]);
    assert_ne!(with[2..], without[2..]);
}

#[test]
fn training_moves_cycle_and_discriminators() {
    let data = music(&["high", "low"]);
    let options = PairOptions {
        model: Model::Base,
        cycle: CycleKind::CrossEntropy,
        steps: 80,
        rate: 2e-3,
        critic_rate: 1e-3,
        ..PairOptions::preset(Preset::Ours, ["high".to_string(), "low".to_string()], 20)
    };
    let options = PairOptions { width: 8, blocks: 1, batch: 4, ..options };
    let mut pair = PairRun::new(options, &Device::Cpu).unwrap();
    let losses = steps(&mut pair, &data, 80, 2);
    let mean = |range: std::ops::Range<usize>, term: &str| {
        losses[range.clone()].iter().map(|l| l.get(term).unwrap()).sum::<f32>() / range.len() as f32
    };
    assert!(
        mean(70..80, "cycle") < 0.7 * mean(0..5, "cycle"),
        "cycle {} -> {}",
        mean(0..5, "cycle"),
        mean(70..80, "cycle")
    );
    // The hinge losses of two discriminators that know nothing are 1 + 1.
    assert!(
        mean(0..3, "discriminator") > 1.7 && mean(70..80, "discriminator") < 1.5,
        "{} -> {}",
        mean(0..3, "discriminator"),
        mean(70..80, "discriminator")
    );
}

#[test]
fn a_pack_has_the_weights_it_computed_with_and_names_the_music_it_learned_from() {
    let data = music(&["high", "low", "middle"]);
    let pair = |model: Model| {
        let options = PairOptions { model, average: 0.0, ..options() };
        let mut pair = PairRun::new(options, &Device::Cpu).unwrap();
        steps(&mut pair, &data, 2, 2);
        pair
    };
    let names = |pair: &PairRun| pair.sources(&data).into_iter().map(|s| s.genre).collect::<Vec<_>>();
    assert_eq!(names(&pair(Model::Partial)), ["high", "low"]);
    let full = pair(Model::Full);
    assert_eq!(names(&full), ["high", "low", "middle"]);
    assert_eq!(full.genres(&data).unwrap().genres(), ["high", "low"]);

    let (parts, weights) = full.pack(&data).unwrap();
    let family = parts.transfer.unwrap();
    assert!(matches!(family, Family::Papers(_)));
    for parameter in family.sizes().parameters() {
        weights.get(&parameter.name, &parameter.shape).unwrap();
    }
    // Spectral norm is folded in: the raw weight and the exported one differ by a factor.
    let raw = full.checkpoint().unwrap().tensor("weights/there.generator.head").unwrap().clone();
    let exported = weights.get("there.generator.head", raw.dims()).unwrap();
    let ratio = (raw / exported).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert!((ratio[0] - 1.0).abs() > 1e-3 && ratio.iter().all(|r| (r / ratio[0] - 1.0).abs() < 1e-3));
}

#[test]
fn what_does_not_fit_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunOptions::in_folder(folder.path());
    let refused = |genres: &[&str], pair: &[&str], model: Model| {
        let pair = pair.iter().map(|name| name.to_string()).collect();
        let arguments =
            PairArguments { pair, model: Some(model), steps: Some(1), ..PairArguments::default() };
        format!("{:#}", plan(&arguments, &music(genres), &run).err().unwrap())
    };
    let error = refused(&["high", "low"], &["high", "rock"], Model::Base);
    assert!(error.contains("rock") && error.contains("high, low"), "{error}");
    let error = refused(&["high", "low", "middle"], &[], Model::Base);
    assert!(error.contains("--pair A,B"), "{error}");
    let error = refused(&["high", "low"], &["high", "low"], Model::Full);
    assert!(error.contains("three genres") && error.contains("partial"), "{error}");
    let error = refused(&["high", "low"], &["high", "high"], Model::Base);
    assert!(error.contains("twice"), "{error}");
    let mut silent = music(&["high", "low"]);
    silent.items[1][Split::Train as usize].clear();
    let arguments = PairArguments { steps: Some(1), ..PairArguments::default() };
    let error = plan(&arguments, &silent, &run).err().unwrap().to_string();
    assert!(error.contains("low") && error.contains("training phrase"), "{error}");
}

/// The PyTorch port's networks, small, with all that the second paper adds.
fn port() -> PairOptions {
    let pair = ["high".to_string(), "low".to_string()];
    PairOptions {
        model: Model::Partial,
        width: 8,
        blocks: 1,
        batch: 4,
        pool: 2,
        steps: 6,
        spectral_norm: SpectralNorm::All,
        spectral_transposed: true,
        ..PairOptions::preset(Preset::Pytorch, pair, 20)
    }
}

#[test]
fn a_port_trains_goes_on_and_is_read_as_a_pack() {
    let data = music(&["high", "low"]);
    let mut pair = PairRun::new(port(), &Device::Cpu).unwrap();
    steps(&mut pair, &data, 3, 2);
    let checkpoint = pair.checkpoint().unwrap();
    assert!(checkpoint.tensors.contains_key("spectral/there.generator.up0/left"));
    assert!(checkpoint.tensors.keys().all(|name| !name.ends_with(".scale") && !name.ends_with(".shift")));
    let mut resumed = PairRun::resume(&checkpoint, &Device::Cpu).unwrap();
    assert_eq!(steps(&mut resumed, &data, 3, 1), steps(&mut pair, &data, 3, 2));
    let pack = trainer::run::blank(&pair, &data, &trainer::run::Naming::plain("port")).unwrap();
    let read = model::Pack::from_bytes("port", &pack.to_bytes().unwrap()).unwrap();
    assert_eq!(read.card.parts, pack.card.parts);
    assert!(
        read.card.recipe.contains("zeros around convolutions") && read.card.recipe.contains("weight decay")
    );
    model::LoadedPack::new(&read).unwrap();
}

#[test]
fn samples_are_of_the_papers_training_phrases_where_the_recipe_is_theirs() {
    let data = music(&["high", "low"]);
    let origin = |sample_first: usize| {
        let pair = PairRun::new(PairOptions { sample_first, ..port() }, &Device::Cpu).unwrap();
        trainer::run::samples(&pair, &data).unwrap().swap_remove(0).songs[0].clone()
    };
    let notes = |song: &phrase::Song, from: usize| -> Vec<(u8, f64)> {
        let inside = |onset: f64| (64.0 * from as f64..64.0 * (from + 1) as f64).contains(&onset);
        song.notes().filter(|n| inside(n.onset)).map(|n| (n.pitch, n.onset - 64.0 * from as f64)).collect()
    };
    let (papers, ours) = (origin(16), origin(0));
    for (place, item) in data.split(0, Split::Train).iter().take(16).enumerate() {
        let expected: std::collections::BTreeSet<u8> = item.roll.notes().map(|note| note.pitch()).collect();
        let found = notes(&papers, place).into_iter().map(|(pitch, _)| pitch).collect();
        assert_eq!(expected, found, "phrase {place}");
    }
    assert!(notes(&papers, 16).is_empty() && notes(&ours, 4).is_empty() && !notes(&ours, 3).is_empty());
}

/// Every sigmoid is over 0: a pack with the ports' fault plays all cells, as people complained.
#[test]
fn a_raw_pack_plays_every_cell() {
    let data = music(&["high", "low"]);
    let cells = |raw_output: bool| {
        let pair = PairRun::new(PairOptions { raw_output, ..port() }, &Device::Cpu).unwrap();
        let pack = trainer::run::blank(&pair, &data, &trainer::run::Naming::plain("raw")).unwrap();
        let mut transfer = model::LoadedPack::new(&pack).unwrap();
        let input = phrase::Phrase::of_roll(&data.split(0, Split::Train)[0].roll, 0, 120.0, 0.8);
        let settings = model::Settings { source: Some(0), ..model::Settings::to(1) };
        let mut said = model::Answer::default();
        transfer.recast(&input, &model::Context::default(), &settings, &mut said).unwrap();
        said.cells.cells()
    };
    assert_eq!(cells(true), 64 * 84);
    assert!(cells(false) < 64 * 84);
}
