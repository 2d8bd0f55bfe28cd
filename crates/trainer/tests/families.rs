//! What holds for every family that can be trained: this runs all of the list.

mod common;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use candle_core::{Device, Tensor};
use common::music;
use model::Pack;
use trainer::classifier::PackClassifierOptions;
use trainer::core::Losses;
use trainer::dataset::Dataset;
use trainer::families::{FAMILIES, Family};
use trainer::run::{Checkpoint, Naming, RunOptions, Trainee, drive, export, played_by, samples};

/// What a family's `small` counts on.
fn data() -> Dataset {
    music(&["high", "low", "middle"])
}

/// A fresh small run; what it needs goes into `folder`.
fn fresh(family: &Family, folder: &Path, more: &[&str]) -> Box<dyn Trainee> {
    let mut flags = (family.small)(folder).unwrap();
    flags.extend(more.iter().map(|flag| flag.to_string()));
    let plan = family.planned(&flags, &data(), &RunOptions::in_folder(folder));
    (plan.unwrap_or_else(|error| panic!("{}: {error:#}", family.name)).fresh)(&Device::Cpu).unwrap()
}

fn steps(run: &mut dyn Trainee, data: &Dataset, count: usize, threads: usize) -> Vec<Losses> {
    (0..count).map(|_| run.train(data, threads).unwrap()).collect()
}

/// Every tensor of the state, as bits.
fn state(checkpoint: &Checkpoint) -> Vec<(String, Vec<u32>)> {
    let bits = |tensor: &Tensor| {
        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        values.into_iter().map(f32::to_bits).collect()
    };
    checkpoint.tensors.iter().map(|(name, tensor)| (name.clone(), bits(tensor))).collect()
}

#[test]
fn threads_and_interruptions_do_not_change_a_bit() {
    let data = data();
    for family in FAMILIES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        let six = |more: &[&str]| fresh(family, folder.path(), &[&["--steps=6"], more].concat());
        let mut unbroken = six(&[]);
        let losses = steps(&mut *unbroken, &data, 6, 2);
        assert_eq!(losses[0].values(&unbroken.losses()).len(), unbroken.losses().len());
        assert_eq!(losses[0].fault(), None, "{}", family.name);

        let mut broken = six(&[]);
        let mut pieces = steps(&mut *broken, &data, 4, 1);
        broken.checkpoint().unwrap().write(&path).unwrap();
        drop(broken);
        let checkpoint = Checkpoint::read(&path, family.name).unwrap();
        let mut resumed = (family.resume)(&checkpoint, &Device::Cpu).unwrap();
        assert_eq!((resumed.step(), resumed.steps(), resumed.family()), (4, 6, family.name));
        pieces.extend(steps(&mut *resumed, &data, 2, 2));

        assert_eq!(pieces, losses, "{}", family.name);
        let [resumed, unbroken] = [&resumed, &unbroken].map(|run| run.checkpoint().unwrap());
        assert_eq!(resumed.header, unbroken.header);
        assert!(state(&resumed) == state(&unbroken), "{}", family.name);
        assert_ne!(steps(&mut *six(&["--seed=6"]), &data, 1, 1)[0], losses[0], "{}", family.name);
    }
}

#[test]
fn samples_are_what_the_exported_pack_plays() {
    let data = data();
    for family in FAMILIES {
        let folder = tempfile::tempdir().unwrap();
        let run = RunOptions { samples: 0, ..RunOptions::in_folder(folder.path()) };
        let mut trainee = fresh(family, folder.path(), &["--steps=8"]);
        // As a run takes them on its way: before anything is exported.
        steps(&mut *trainee, &data, 4, 2);
        let (before, state_before) = (samples(&*trainee, &data).unwrap(), trainee.checkpoint().unwrap());
        let checkpoint = Checkpoint { data: trainer::run::digest(&data), ..state_before };
        checkpoint.write(&run.checkpoint()).unwrap();

        let classifier =
            PackClassifierOptions { classifier_steps: 3, classifier_batch: 4, classifier_width: 4 };
        let pack = export(&data, &Naming::plain("Small"), &run, &classifier).unwrap();
        let pack = Pack::from_bytes("Small", &pack.to_bytes().unwrap()).unwrap();
        let after = played_by(&pack, &trainee.genres(&data).unwrap()).unwrap();
        assert_eq!(before.len(), after.len());
        let mut notes = 0;
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before.name, after.name);
            assert!(before.songs == after.songs, "{}: {}", family.name, before.name);
            notes += before.songs[1].notes().count();
        }
        assert!(notes > 0, "{}: nothing was played", family.name);
    }
}

#[test]
fn numbers_that_burst_stop_a_run_and_leave_its_last_good_checkpoint() {
    let data = data();
    for family in FAMILIES {
        let folder = tempfile::tempdir().unwrap();
        let run = RunOptions { every: 1, samples: 0, threads: 1, ..RunOptions::in_folder(folder.path()) };
        let on = AtomicBool::new(false);
        let mut trainee = fresh(family, folder.path(), &["--steps=20", "--rate=1e38"]);
        let error = format!("{:#}", drive(&mut *trainee, &data, &run, &on).unwrap_err());
        for part in ["not finite any more", "checkpoint.safetensors", "--resume"] {
            assert!(error.contains(part), "{}: {error}", family.name);
        }
        let kept = Checkpoint::read(&run.checkpoint(), family.name).unwrap();
        assert_eq!(kept.fault().unwrap(), None, "{}", family.name);

        // A weight that is no number from the start: the file that is there stays.
        let mut broken = kept.clone();
        let name = broken.tensors.keys().find(|name| name.starts_with("weights/")).unwrap().clone();
        let tensor = broken.tensors.get_mut(&name).unwrap();
        *tensor = (&*tensor * f64::NAN).unwrap();
        let mut trainee = (family.resume)(&broken, &Device::Cpu).unwrap();
        let error = format!("{:#}", drive(&mut *trainee, &data, &run, &on).unwrap_err());
        assert!(error.contains("not finite any more"), "{}: {error}", family.name);
        assert!(state(&Checkpoint::read(&run.checkpoint(), family.name).unwrap()) == state(&kept));
    }
}

#[test]
fn a_checkpoint_of_another_family_is_refused_in_a_sentence() {
    for (family, other) in FAMILIES.iter().zip(FAMILIES.iter().cycle().skip(1)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        fresh(family, folder.path(), &[]).checkpoint().unwrap().write(&path).unwrap();
        let error = Checkpoint::read(&path, other.name).unwrap_err().to_string();
        let words = format!("of a {} run, not of a {} one", family.name, other.name);
        assert!(error.contains(&words) && error.contains("--run"), "{error}");
        // By a name that earlier versions gave it, it is the same.
        for former in family.former {
            let mut old = Checkpoint::read(&path, family.name).unwrap();
            old.kind = former.to_string();
            old.write(&path).unwrap();
            assert_eq!(Checkpoint::read(&path, family.name).unwrap().kind, family.name);
            assert_eq!(Checkpoint::peek(&path).unwrap().kind, family.name);
        }
    }
}

#[test]
fn every_family_says_what_it_needs() {
    for family in FAMILIES {
        let folder = tempfile::tempdir().unwrap();
        let run = RunOptions { samples: 0, ..RunOptions::in_folder(folder.path()) };
        let mut trainee = fresh(family, folder.path(), &["--steps=1"]);
        let mut data = trainee.genres(&data()).unwrap();
        assert!(trainee.needs().genres.contains(&data.items.len()));
        data.items[0][0].clear();
        let fault = trainee.needs().check(&data).unwrap_err().to_string();
        assert!(fault.contains("no training phrase of high"), "{}: {fault}", family.name);
        assert!(drive(&mut *trainee, &self::data(), &run, &AtomicBool::new(false)).unwrap());
    }
}
