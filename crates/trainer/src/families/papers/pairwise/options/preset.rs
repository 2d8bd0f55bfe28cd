//! The recipes: what the papers, their code, a port of it and this project train with.

use super::{Adversarial, CycleKind, Model, NetworkKind, NoiseKind, Padding, PairOptions, SpectralNorm};

/// Which recipe the options that are not given come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// What the papers' public code does: full-size network, least squares, soft outputs, fake pool, 100
    /// epochs.
    Papers,
    /// The second paper on the same code: full, sigma 1. Its SN and SA are --spectral-norm and --attention.
    #[value(name = "papers-2019")]
    Papers2019,
    /// The public PyTorch port that a later report reproduced the papers with: full, cycles counted twice,
    /// AdamW at ten times the rate, batch 2, 30 epochs, no decay of the rate, zeros around convolutions,
    /// norms without scale and shift. Its faults are --crossed and --raw-output, and off.
    Pytorch,
    /// What trained best on two cores (docs/results.md).
    #[default]
    Ours,
}

impl Preset {
    /// Epochs that it trains; none where it counts steps.
    pub(super) fn epochs(self) -> Option<u64> {
        match self {
            Self::Papers | Self::Papers2019 => Some(100),
            Self::Pytorch => Some(30),
            Self::Ours => None,
        }
    }
}

impl PairOptions {
    /// A preset's recipe for a pair whose smaller genre has `phrases` training phrases.
    pub fn preset(preset: Preset, pair: [String; 2], phrases: usize) -> Self {
        let papers = Self {
            pair,
            model: Model::Base,
            network: NetworkKind::Papers,
            width: 64,
            blocks: 10,
            spectral_norm: SpectralNorm::Off,
            attention: false,
            spectral_transposed: false,
            padding: Padding::Papers,
            affine: true,
            weight_decay: 0.0,
            crossed: false,
            raw_output: false,
            sample_first: 16,
            sigma: 1.0,
            noise: NoiseKind::Absolute,
            shared_noise: true,
            pool: 50,
            pool_for_base: false,
            lambda: 10.0,
            gamma: 1.0,
            extra_gradient: false,
            cycle: CycleKind::Mae,
            positive: 1.5,
            binarise: false,
            adversarial: Adversarial::LeastSquares,
            identity: 0.0,
            transpose: 0,
            rate: 2e-4,
            critic_rate: 2e-4,
            beta1: 0.5,
            beta2: 0.999,
            decay_from: 0.1,
            batch: 16,
            steps: epochs(100, phrases, 16),
            seed: 1,
            average: 0.0,
            balance: true,
        };
        match preset {
            Preset::Papers => papers,
            Preset::Papers2019 => Self { model: Model::Full, ..papers },
            Preset::Pytorch => Self {
                model: Model::Full,
                sigma: 0.01,
                pool_for_base: true,
                lambda: 20.0,
                padding: Padding::Zero,
                affine: false,
                rate: 2e-3,
                critic_rate: 2e-3,
                weight_decay: 1e-2,
                decay_from: 1.0,
                batch: 2,
                steps: epochs(30, phrases, 2),
                ..papers
            },
            Preset::Ours => Self {
                sample_first: 0,
                network: NetworkKind::Compact,
                blocks: 6,
                sigma: 0.1,
                noise: NoiseKind::Signed,
                shared_noise: false,
                extra_gradient: true,
                cycle: CycleKind::CrossEntropy,
                binarise: true,
                adversarial: Adversarial::Hinge,
                identity: 5.0,
                transpose: 5,
                rate: 4e-4,
                critic_rate: 4e-4,
                decay_from: 0.75,
                steps: 6000,
                average: 0.005,
                balance: false,
                ..papers
            },
        }
    }
}

/// Steps of `epochs` epochs of `phrases` phrases in batches of `batch`, whole batches only.
pub(super) fn epochs(epochs: u64, phrases: usize, batch: usize) -> u64 {
    epochs * (phrases / batch.max(1)).max(1) as u64
}
