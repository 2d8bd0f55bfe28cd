//! The multi-genre GAN learns; files that are no checkpoints and no datasets.

mod common;

use candle_core::Device;
use common::{dataset, options};
use phrase::STEPS;
use trainer::dataset::Dataset;
use trainer::families::resnet::{NAME, ResnetRun};
use trainer::run::{Checkpoint, Trainee};

#[test]
fn the_discriminator_learns_and_the_generator_keeps_its_phrases() {
    let data = dataset();
    let mut gan = ResnetRun::new(options(120), 2, &Device::Cpu).unwrap();
    let losses: Vec<_> = (0..120).map(|_| gan.train(&data, 2).unwrap()).collect();
    let mean = |range: std::ops::Range<usize>, term: &str| {
        losses[range.clone()].iter().map(|l| l.get(term).unwrap()).sum::<f32>() / range.len() as f32
    };
    // The hinge losses of a discriminator that knows nothing are 1 + 0.5 + 0.5.
    assert!(mean(0..5, "discriminator") > 1.6, "{}", mean(0..5, "discriminator"));
    assert!(mean(100..120, "discriminator") < 1.2, "{}", mean(100..120, "discriminator"));
    assert!(
        mean(100..120, "identity") < mean(0..5, "identity"),
        "identity loss {} -> {}",
        mean(0..5, "identity"),
        mean(100..120, "identity")
    );
}

#[test]
fn a_checkpoint_that_is_none_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    for bytes in [&b""[..], b"{}", &[0xff; 200]] {
        std::fs::write(&path, bytes).unwrap();
        let error = Checkpoint::read(&path, NAME).unwrap_err().to_string();
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
