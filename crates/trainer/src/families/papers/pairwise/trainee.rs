//! A pair as a run sees it: what is saved, how it goes on, and what becomes of it.

use anyhow::Result;
use model::{Corpus, Parts, Weights};
use serde::{Deserialize, Serialize};

use super::options::{CycleKind, Model, NetworkKind, NoiseKind, Padding, SpectralNorm};
use super::{LOSSES, NAME, PairOptions, PairRun};
use crate::core::Losses;
use crate::dataset::{Dataset, GenreInfo};
use crate::run::{Checkpoint, Needs, Trainee, read_off};

#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) options: PairOptions,
    pub(super) step: u64,
}

/// Parts of the checkpoint: `weights`, `mean` and `square` of all networks, `average` of the generators,
/// `spectral/<weight>/left|right`, and the pool's fakes by genre.
impl Trainee for PairRun {
    fn family(&self) -> &'static str {
        NAME
    }

    read_off!(Needs::TRANSFER, LOSSES, steps);

    fn train(&mut self, data: &Dataset, threads: usize) -> Result<Losses> {
        self.advance(data, threads)
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let header = Header { options: self.options.clone(), step: self.step };
        let mut checkpoint = Checkpoint::of(NAME, header, &self.optimised)?;
        self.spectra.iter().for_each(|spectra| checkpoint.add_spectra(spectra));
        if let Some([a, b]) = self.pool.tensors()? {
            checkpoint.tensors.insert("pool/a".to_string(), a);
            checkpoint.tensors.insert("pool/b".to_string(), b);
        }
        Ok(checkpoint)
    }

    fn pack(&self, _: &Dataset) -> Result<(Parts, Weights)> {
        Ok((self.networks.family().into(), self.generators()?))
    }

    fn threshold(&self) -> f32 {
        // All that a sigmoid gives is over it.
        if self.options.raw_output { f32::MIN_POSITIVE } else { 0.5 }
    }

    fn sample_first(&self) -> usize {
        self.options.sample_first
    }

    fn genres(&self, data: &Dataset) -> Result<Dataset> {
        let [a, b] = &self.options.pair;
        data.pair(a, b)
    }

    fn sources(&self, data: &Dataset) -> Vec<Corpus> {
        let learned =
            |genre: &&GenreInfo| self.options.model == Model::Full || self.options.pair.contains(&genre.name);
        data.info.genres.iter().filter(learned).flat_map(|genre| genre.sources.clone()).collect()
    }

    fn recipe(&self) -> String {
        let o = &self.options;
        let network = match o.network {
            NetworkKind::Compact => "compact networks",
            NetworkKind::Papers => "the papers' networks",
        };
        let model = match o.model {
            Model::Base => "base",
            Model::Partial => "partial",
            Model::Full => "full",
        };
        let mut more = String::new();
        if o.model != Model::Base {
            let reach = if o.extra_gradient { "reaching" } else { "not reaching" };
            more += &format!(", extra discriminators at {}, {reach} the generators", o.gamma);
        }
        more += match o.spectral_norm {
            SpectralNorm::Off => "",
            SpectralNorm::Discriminators => ", spectral norm in the discriminators",
            SpectralNorm::All if o.spectral_transposed => ", spectral norm, transposed convolutions too",
            SpectralNorm::All => ", spectral norm",
        };
        more += if o.attention { ", self-attention" } else { "" };
        more += &if o.pooled() { format!(", pool of {} steps", o.pool) } else { ", no pool".to_string() };
        more += match o.cycle {
            CycleKind::Mae => ", cycle by mean absolute error",
            CycleKind::CrossEntropy => ", cycle by cross-entropy",
        };
        if o.cycle == CycleKind::CrossEntropy {
            more += &format!(" (sounding cells weighted {})", o.positive);
        }
        more += if o.binarise { ", straight-through binarised fakes" } else { ", soft fakes" };
        if o.weight_decay > 0.0 {
            more += &format!(", weight decay {:e}", o.weight_decay);
        }
        if o.network == NetworkKind::Papers {
            more += if o.padding == Padding::Zero { ", zeros around convolutions" } else { "" };
            more += if o.affine { "" } else { ", norms without scale and shift" };
        }
        more += if o.crossed { ", crossed discriminators (a port's fault)" } else { "" };
        more += if o.raw_output { ", answers not binarised (a port's fault)" } else { "" };
        let sign = if o.noise == NoiseKind::Absolute { "absolute " } else { "" };
        format!(
            "Pairwise CycleGAN ({model}), {network} of width {} with {} blocks, {} steps of batch {}, Adam \
             {:e} / {:e}, betas {} / {}, rates falling from {} of {} steps, seed {}; {} adversarial loss + \
             {} cycle + {} identity{more}; {sign}noise of sigma {} on the discriminators' inputs, \
             transposition by up to {} semitones, weights averaged at {} a step.",
            o.width,
            o.blocks,
            self.step,
            o.batch,
            o.rate,
            o.critic_rate,
            o.beta1,
            o.beta2,
            o.decay_from,
            o.steps,
            o.seed,
            match o.adversarial {
                super::options::Adversarial::LeastSquares => "least-squares",
                super::options::Adversarial::Hinge => "hinge",
            },
            o.lambda,
            o.identity,
            o.sigma,
            o.transpose,
            o.average
        )
    }
}
