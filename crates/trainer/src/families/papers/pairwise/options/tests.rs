//! Tests of the presets, and of what is given beside them.

use anyhow::Result;
use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    arguments: PairArguments,
}

fn parse(line: &str) -> Result<PairOptions> {
    let words = std::iter::once("train-pair").chain(line.split_whitespace());
    let Line { arguments } = Line::try_parse_from(words)?;
    let pair = arguments.pair.clone().try_into().unwrap_or(["a".to_string(), "b".to_string()]);
    arguments.resolve(pair, 1000)
}

#[test]
fn the_papers_preset_is_their_code() {
    let o = parse("--pair jazz,classic --preset papers").unwrap();
    assert_eq!(o.pair, ["jazz", "classic"]);
    assert_eq!((o.network, o.width, o.blocks, o.batch), (NetworkKind::Papers, 64, 10, 16));
    assert_eq!((o.lambda, o.gamma, o.sigma, o.identity), (10.0, 1.0, 1.0, 0.0));
    assert_eq!((o.rate, o.critic_rate, o.beta1, o.beta2), (2e-4, 2e-4, 0.5, 0.999));
    assert_eq!((o.noise, o.shared_noise), (NoiseKind::Absolute, true));
    assert_eq!((o.cycle, o.adversarial), (CycleKind::Mae, Adversarial::LeastSquares));
    assert_eq!((o.binarise, o.extra_gradient, o.average, o.transpose), (false, false, 0.0, 0));
    // 1000 phrases are 62 whole batches of 16.
    assert_eq!((o.steps, o.decay_from), (6200, 0.1));
    assert!(!o.pooled() && PairOptions { model: Model::Partial, ..o.clone() }.pooled());
    assert!(PairOptions { pool_for_base: true, ..o }.pooled());
}

#[test]
fn the_second_papers_preset_is_the_code_with_the_full_model() {
    let (second, first) = (parse("--preset papers-2019").unwrap(), parse("--preset papers --model full"));
    assert_eq!(second, first.unwrap());
    assert_eq!((second.sigma, second.spectral_norm, second.attention), (1.0, SpectralNorm::Off, false));
    let both = parse("--preset papers-2019 --spectral-norm --attention --spectral-transposed").unwrap();
    assert!(both.attention && both.spectral_transposed && both.spectral_norm == SpectralNorm::All);
    assert!(parse("--spectral-transposed").unwrap_err().to_string().contains("--spectral-norm"));
}

#[test]
fn the_pytorch_preset_is_the_port_without_its_faults() {
    let o = parse("--preset pytorch").unwrap();
    assert_eq!((o.model, o.network, o.lambda, o.sigma), (Model::Full, NetworkKind::Papers, 20.0, 0.01));
    assert_eq!((o.rate, o.critic_rate, o.weight_decay, o.batch), (2e-3, 2e-3, 1e-2, 2));
    assert_eq!((o.padding, o.affine, o.decay_from), (Padding::Zero, false, 1.0));
    // 30 epochs of 500 batches.
    assert_eq!((o.steps, o.sample_first), (15_000, 16));
    assert!(o.pooled() && PairOptions { model: Model::Base, ..o.clone() }.pooled());
    assert!(!o.crossed && !o.raw_output && !o.binarise);
    let faults = parse("--preset pytorch --crossed --raw-output --batch 4").unwrap();
    assert!(faults.crossed && faults.raw_output && faults.steps == 7_500);
}

/// As a run of before these options wrote them.
#[test]
fn checkpoints_of_before_mean_what_they_meant() {
    let options = parse("--preset ours").unwrap();
    let mut header = serde_json::to_value(&options).unwrap();
    let fields = header.as_object_mut().unwrap();
    for name in
        ["spectral_transposed", "padding", "affine", "weight_decay", "crossed", "raw_output", "sample_first"]
    {
        assert!(fields.remove(name).is_some(), "{name}");
    }
    assert_eq!(serde_json::from_value::<PairOptions>(header).unwrap(), options);
}

#[test]
fn what_is_given_wins_over_the_preset() {
    let o = parse(
        "--preset papers --network compact --sigma 0 --extra-gradient --binarise=true --epochs 2 \
         --spectral-norm",
    )
    .unwrap();
    assert_eq!((o.network, o.blocks, o.sigma), (NetworkKind::Compact, 6, 0.0));
    assert_eq!((o.extra_gradient, o.binarise, o.steps), (true, true, 124));
    assert_eq!(o.spectral_norm, SpectralNorm::All);
    assert_eq!(parse("--spectral-norm=discriminators").unwrap().spectral_norm, SpectralNorm::Discriminators);
    assert!(!parse("--binarise=false").unwrap().binarise);
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    for (line, name) in [
        ("--pair a,a", "--pair"),
        ("--batch 3", "--batch"),
        ("--steps 0", "--steps"),
        ("--rate 0", "--rate"),
        ("--sigma -1", "--sigma"),
        ("--beta2 1", "--beta2"),
        ("--transpose 12", "--transpose"),
    ] {
        let line = line.replace("-1", "=-1").replace(" =", "=");
        let error = parse(&line).unwrap_err().to_string();
        assert!(error.contains(name), "{line}: {error}");
    }
}
