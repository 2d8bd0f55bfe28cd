//! Spaces in training: losses against PyTorch's, the seeds' own presets, and spaces in other packs.

mod common;

use std::path::Path;

use candle_core::{Device, Tensor, Var};
use common::{music, well_formed};
use model::{Pack, Role, SpaceFamily, kernels};
use serde_json::Value;
use trainer::classifier::PackClassifierOptions;
use trainer::evaluate::report::{Told, page};
use trainer::evaluate::{EvaluateOptions, spaces};
use trainer::families::spaces::{arguments, losses, plan};
use trainer::hands::add::merge;
use trainer::run::{Checkpoint, Naming, RunOptions, Trainee, digest, export, played_by};

/// Reference values of `fixtures/spaces.py`.
fn fixture() -> Value {
    serde_json::from_str(include_str!("fixtures/spaces.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

fn tensor(value: &Value, shape: &[usize]) -> Tensor {
    Tensor::from_vec(numbers(value), shape, &Device::Cpu).unwrap()
}

/// Compares a loss and its gradients with PyTorch's.
fn check(told: &Value, inputs: &[(&str, &[usize])], loss: impl Fn(&[Tensor]) -> Tensor) {
    let variables: Vec<Var> = inputs
        .iter()
        .map(|(name, shape)| Var::from_tensor(&tensor(&told["inputs"][name], shape)).unwrap())
        .collect();
    let tensors: Vec<Tensor> = variables.iter().map(|var| var.as_tensor().clone()).collect();
    let value = loss(&tensors);
    let found = f64::from(value.to_scalar::<f32>().unwrap());
    assert!((found - told["value"].as_f64().unwrap()).abs() < 1e-4, "{found} {}", told["value"]);
    let gradients = value.backward().unwrap();
    for ((name, _), var) in inputs.iter().zip(&variables) {
        let found: Vec<f32> =
            gradients.get(var.as_tensor()).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        for (found, wanted) in found.iter().zip(numbers(&told["gradients"][name])) {
            assert!((found - wanted).abs() < 1e-4, "{name}: {found} {wanted}");
        }
    }
}

const BOTH: [(&str, &[usize]); 3] = [("logits", &[3, 10]), ("mean", &[3, 4]), ("doubt", &[3, 4])];

#[test]
fn losses_and_gradients_are_those_of_pytorch() {
    let fixture = fixture();
    let cells = tensor(&fixture["cells"], &[3, 10]);
    let parts = |t: &[Tensor]| {
        let reconstruction =
            (losses::cross_entropy(&t[0], &cells).unwrap().sum_all().unwrap() / 3.0).unwrap();
        (reconstruction, losses::divergences(&t[1], &t[2]).unwrap())
    };
    check(&fixture["tutorial"], &BOTH, |t| {
        let (reconstruction, numbers) = parts(t);
        losses::means(&reconstruction, 10, &numbers).unwrap()
    });
    check(&fixture["ours"], &BOTH, |t| {
        let (reconstruction, numbers) = parts(t);
        losses::sums(&reconstruction, &numbers, 0.3, 0.5, 9, 20).unwrap()
    });
    let slopes = tensor(&fixture["slopes"], &[2, 3, 4, 5]);
    let shapes: [(&str, &[usize]); 3] = [("x", &[2, 3, 4, 5]), ("scale", &[5]), ("shift", &[5])];
    for norm in [kernels::batch_norm, kernels::reference::batch_norm] {
        check(&fixture["batch_norm"], &shapes, |t| {
            (norm(&t[0], &t[1], &t[2], 0.2).unwrap() * &slopes).unwrap().sum_all().unwrap()
        });
    }
}

/// A small run of these flags after so many steps.
fn run(flags: &str, steps: usize) -> Box<dyn Trainee> {
    let flags: Vec<&str> = flags.split(' ').collect();
    let data = music(&["high", "low", "middle"]);
    let mut run = (plan(&arguments(&flags).unwrap(), &data).unwrap().fresh)(&Device::Cpu).unwrap();
    (0..steps).for_each(|_| drop(run.train(&data, 2).unwrap()));
    run
}

const OURS: &str = "--batch=16 --code=6 --embed=16 --hidden=32 --width=24 --units=12 --warmup=5 --rate=0.01";

fn exported(run: &dyn Trainee, genres: &[&str], folder: &Path) -> Pack {
    let data = music(genres);
    let options = RunOptions { samples: 0, ..RunOptions::in_folder(folder) };
    let checkpoint = Checkpoint { data: digest(&data), ..run.checkpoint().unwrap() };
    checkpoint.write(&options.checkpoint()).unwrap();
    let classifier = PackClassifierOptions { classifier_steps: 1, classifier_batch: 4, classifier_width: 4 };
    let pack = export(&data, &Naming::plain("points"), &options, &classifier).unwrap();
    Pack::from_bytes("points", &pack.to_bytes().unwrap()).unwrap()
}

#[test]
fn a_few_steps_already_bring_phrases_back_and_are_measured() {
    let genres = ["high", "low", "middle"];
    let folder = tempfile::tempdir().unwrap();
    let data = music(&genres);
    let measured = |steps: usize| {
        let pack = exported(
            &*run(&format!("--steps=250 --average=0.1 --transpose=0 --damage=0 {OURS}"), steps),
            &genres,
            folder.path(),
        );
        assert!(pack.card.parts.transfer.is_none() && pack.card.parts.classifier.is_none());
        let options = EvaluateOptions { limit: 6, ..EvaluateOptions::default() };
        spaces::of_pack(&pack, &data, &options).unwrap().unwrap()
    };
    let (before, after) = (measured(0), measured(250));
    let [first, last] = [&before, &after].map(|measured| measured.reconstruction.value);
    assert!(last > first + 0.2, "{first} {last}");
    assert!(after.reconstruction.value > after.another.value);
    assert_eq!(after.active[1], 96);
    assert!(after.mixed.steady_cells.value > 0.99, "cells that change once are steady");
    assert!(after.drawn.len() == 2 && after.variations.len() == 3);
    for part in ["onset F1", "cells mixed", "standard normal codes", "at a distance of 2"] {
        assert!(after.table().contains(part), "{}", after.table());
    }
    assert!(after.metrics().contains_key("space_onset_f1"));
    let page = page("Pack", &Told { space: Some(&after), ..Told::default() }, None);
    well_formed(&page);
    assert_eq!(page.matches("half way to another").count(), 6, "two phrases of each genre are drawn");
    serde_json::to_string(&after).unwrap();
}

#[test]
fn seeds_presets_train_resume_and_play() {
    let genres = ["high", "low", "middle"];
    let data = music(&genres);
    for (flags, name) in [
        ("--kind=ae --preset=seed --steps=6 --batch=4 --symbols=20", "tutorial"),
        ("--kind=vae --preset=seed --steps=6 --batch=4 --symbols=20", "tutorial"),
        ("--kind=vae-gan --preset=seed --steps=6 --batch=4 --channels=4 --numbers=8", "pictures"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let whole = run(flags, 6);
        let checkpoint = run(flags, 4).checkpoint().unwrap();
        let mut resumed =
            (trainer::families::named(whole.family()).unwrap().resume)(&checkpoint, &Device::Cpu).unwrap();
        (0..2).for_each(|_| drop(resumed.train(&data, 1).unwrap()));
        let [whole_state, resumed_state] = [&whole, &resumed].map(|run| run.checkpoint().unwrap());
        for (key, tensor) in &whole_state.tensors {
            let bits = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(bits(tensor), bits(&resumed_state.tensors[key]), "{flags} {key}");
        }
        let pack = exported(&*whole, &genres, folder.path());
        assert_eq!(pack.card.parts.space.as_ref().unwrap().name(), name);
        assert_eq!(played_by(&pack, &data).unwrap().len(), 3);
    }
    // A dataset's commonest symbols, silence among them.
    let SpaceFamily::Tutorial(config) =
        run("--kind=vae --preset=seed --symbols=5 --batch=4", 0).pack(&data).unwrap().0.space.unwrap()
    else {
        panic!("the tutorial's network")
    };
    assert_eq!((config.symbols, config.code, config.bent), (5, 2, false));
}

#[test]
fn a_nat_of_code_that_costs_thousands_silences_it() {
    // The tutorial's means against sums: the same network, steps and draws.
    let kl = |scale: &str| {
        let flags = format!(
            "--kind=vae --preset=seed --batch=16 --symbols=40 --warmup=1 --steps=150 --scale={scale}"
        );
        let flags: Vec<&str> = flags.split(' ').collect();
        let data = music(&["high", "low", "middle"]);
        let mut run = (plan(&arguments(&flags).unwrap(), &data).unwrap().fresh)(&Device::Cpu).unwrap();
        (0..150).map(|_| run.train(&data, 2).unwrap().get("kl").unwrap()).last().unwrap()
    };
    let (mean, sum) = (kl("mean"), kl("sum"));
    assert!(mean < 0.1 && sum > 1.0, "{mean} {sum}");
}

#[test]
fn a_space_is_added_to_another_pack_with_its_genres_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let other = exported(&*run(OURS, 3), &["high", "low", "middle"], folder.path());
    let small = |genres: &[&str]| {
        let flags: Vec<&str> = OURS.split(' ').collect();
        let plan = plan(&arguments(&flags).unwrap(), &music(genres)).unwrap();
        exported(&*(plan.fresh)(&Device::Cpu).unwrap(), genres, folder.path())
    };
    let mut pack = small(&["middle", "high"]);
    let before = pack.weights.part(Role::Space);
    assert_eq!(merge(&mut pack, &other).unwrap(), [Role::Space]);
    let rows = |pack: &Pack, genres: usize| {
        pack.weights.part(Role::Space).get("genre", &[genres, 32]).unwrap().to_vec2::<f32>().unwrap()
    };
    let (own, theirs) = (rows(&pack, 2), rows(&other, 3));
    assert_eq!(own, [theirs[2].clone(), theirs[0].clone()]);
    assert_ne!(before.get("genre", &[2, 32]).unwrap().to_vec2::<f32>().unwrap(), own);
    let read = Pack::from_bytes("points", &pack.to_bytes().unwrap()).unwrap();
    assert_eq!(played_by(&read, &music(&["middle", "high"])).unwrap().len(), 2);
    // One that lacks a genre is refused.
    let mut far = small(&["high", "far"]);
    let fault = merge(&mut far, &other).unwrap_err().to_string();
    assert!(fault.contains("far") && fault.contains("high, low, middle"), "{fault}");
}
