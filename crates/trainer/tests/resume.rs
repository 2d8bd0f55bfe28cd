//! Runs are a function of data, options and seed: threads and interruptions do not change a bit.

mod common;

use candle_core::Device;
use common::{dataset, options};
use phrase::STEPS;
use trainer::dataset::Dataset;
use trainer::gan::{Gan, GanOptions, Losses};
use trainer::run::{Checkpoint, Trainee};

fn steps(gan: &mut Gan, data: &Dataset, count: usize, threads: usize) -> Vec<Losses> {
    (0..count).map(|_| gan.train(data, threads).unwrap()).collect()
}

fn average(gan: &Gan) -> Vec<Vec<f32>> {
    gan.averaged().unwrap().iter().map(|(_, t)| t.flatten_all().unwrap().to_vec1().unwrap()).collect()
}

#[test]
fn a_resumed_run_gives_the_numbers_of_an_unbroken_one() {
    let data = dataset();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let mut unbroken = Gan::new(options(6), 2, &Device::Cpu).unwrap();
    let losses = steps(&mut unbroken, &data, 6, 2);

    let mut broken = Gan::new(options(6), 2, &Device::Cpu).unwrap();
    let mut pieces = steps(&mut broken, &data, 3, 1);
    broken.checkpoint().unwrap().write(&path).unwrap();
    drop(broken);
    let mut resumed = Gan::resume(&Checkpoint::read(&path, Gan::KIND).unwrap(), &Device::Cpu).unwrap();
    pieces.extend(steps(&mut resumed, &data, 3, 2));

    assert_eq!(pieces, losses);
    assert_eq!(average(&resumed), average(&unbroken));
    let mut other = Gan::new(GanOptions { seed: 6, ..options(6) }, 2, &Device::Cpu).unwrap();
    assert_ne!(steps(&mut other, &data, 1, 1)[0], losses[0]);
}

#[test]
fn the_discriminator_learns_and_the_generator_keeps_its_phrases() {
    let data = dataset();
    let mut gan = Gan::new(options(120), 2, &Device::Cpu).unwrap();
    let losses = steps(&mut gan, &data, 120, 2);
    let mean = |range: std::ops::Range<usize>, term: usize| {
        losses[range.clone()].iter().map(|l| l[term]).sum::<f32>() / range.len() as f32
    };
    // The hinge losses of a discriminator that knows nothing are 1 + 0.5 + 0.5.
    assert!(mean(0..5, 4) > 1.6, "{}", mean(0..5, 4));
    assert!(mean(100..120, 4) < 1.2, "{}", mean(100..120, 4));
    assert!(mean(100..120, 2) < mean(0..5, 2), "identity loss {} -> {}", mean(0..5, 2), mean(100..120, 2));
}

#[test]
fn a_checkpoint_that_is_none_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    for bytes in [&b""[..], b"{}", &[0xff; 200]] {
        std::fs::write(&path, bytes).unwrap();
        let error = Checkpoint::read(&path, Gan::KIND).unwrap_err().to_string();
        assert!(error.contains("checkpoint.safetensors") && error.contains("--anew"), "{error}");
    }
}

#[test]
fn the_dataset_file_is_a_round_trip() {
    let data = dataset();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.safetensors");
    data.write(&path).unwrap();
    let read = Dataset::read(&path).unwrap();
    assert_eq!(read.info, data.info);
    assert_eq!(read.items, data.items);
    assert_eq!(read.items[0][0][3].roll.sounding.len(), STEPS);
    std::fs::write(&path, b"nothing").unwrap();
    let error = format!("{:#}", Dataset::read(&path).unwrap_err());
    assert!(error.contains("data.safetensors") && error.contains("prepare"), "{error}");
}
