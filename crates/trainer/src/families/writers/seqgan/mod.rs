//! SeqGAN in training: a generator of tokens that first learns by maximum likelihood, then by policy gradient
//! from what a discriminator says of its lines (Yu, Zhang, Wang and Yu, 2017).
//!
//! A run's steps are of three kinds, one after another: `pretrain` steps of the generator, `critic_pretrain`
//! rounds of the discriminator alone, then steps of both.

mod critic;
mod generator;
mod lines;
mod speaker;
mod trainee;

use std::sync::OnceLock;

use anyhow::Result;
use candle_core::Device;
use model::Weights;
use model::writers::seqgan::{DiscriminatorConfig, SeqganSizes};

use super::lines::Symbols;
use super::{Best, Output, Preset, WriterOptions};
use crate::core::Optimised;
use crate::random;
use crate::run::Checkpoint;
use lines::Line;
pub use lines::tokens;
use trainee::Header;

/// What the family is called in checkpoints, cards and docs.
pub const NAME: &str = "seqgan";

/// A run: generator, the copy of it that lags, discriminator, and the best weights so far.
#[derive(Debug)]
pub struct SeqganRun {
    options: WriterOptions,
    step: u64,
    device: Device,
    sizes: SeqganSizes,
    critic: DiscriminatorConfig,
    symbols: Symbols,
    generator: Optimised,
    /// The policy's own optimiser begins when it does.
    policy: Option<Optimised>,
    discriminator: Optimised,
    /// What makes roll-outs.
    lagging: Weights,
    best: Best,
    /// The generator as maximum likelihood left it.
    start: Option<Weights>,
    lines: OnceLock<[Vec<Vec<Line>>; 2]>,
}

impl SeqganRun {
    /// A fresh run for `genres` genres on `device`.
    ///
    /// # Errors
    /// When the options do not go together.
    pub fn new(options: WriterOptions, symbols: Symbols, genres: usize, device: &Device) -> Result<Self> {
        let seed = options.preset == Preset::Seed;
        let sizes = if seed { SeqganSizes::published } else { SeqganSizes::ours };
        let sizes = sizes(genres, symbols.len(), symbols.notes);
        let sizes = SeqganSizes {
            width: options.width.unwrap_or(sizes.width),
            units: options.units.unwrap_or(sizes.units),
            style: options.style(sizes.style),
            ..sizes
        };
        let outputs = if options.output == Output::Softmax { 2 } else { 1 };
        let critic = DiscriminatorConfig::published(symbols.len(), outputs, options.thinner.unwrap_or(1));
        let mut rng = random::stream(options.seed, u64::MAX);
        let generator = Optimised::new(&sizes.trained(), [0.9, 0.999], &mut rng, device)?;
        let discriminator = Optimised::new(&critic.parameters(), [0.9, 0.999], &mut rng, device)?;
        let lagging = generator.averaged()?;
        Ok(Self {
            options,
            step: 0,
            device: device.clone(),
            sizes,
            critic,
            symbols,
            generator,
            policy: None,
            discriminator,
            lagging,
            best: Best::default(),
            start: None,
            lines: OnceLock::new(),
        })
    }

    /// Goes on from a checkpoint, with the options in its header.
    ///
    /// # Errors
    /// Where a tensor is missing or does not fit those options.
    pub fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let Header { options, step, genres, valid, best, moved, rounds } = checkpoint.header()?;
        let symbols = Symbols::read(&checkpoint.part("book"))?;
        let mut run = Self::new(options, symbols, genres, device)?;
        run.generator.restore(checkpoint, step.min(run.pretrain()))?;
        run.discriminator.restore(checkpoint, rounds)?;
        run.lagging = checkpoint.part("lagging");
        if let Some(moved) = moved {
            let mut policy = run.fresh_policy(&checkpoint.part("policy/weights"))?;
            let mut own = checkpoint.clone();
            for part in ["weights", "mean", "square"] {
                own.add(part, &checkpoint.part(&format!("policy/{part}")));
            }
            policy.restore(&own, moved)?;
            run.policy = Some(policy);
            run.start = Some(checkpoint.part("start"));
        }
        (run.step, run.best) = (step, Best::read(checkpoint, valid, best));
        Ok(run)
    }

    /// Steps of maximum likelihood, which come first.
    fn pretrain(&self) -> u64 {
        self.options.pretrain.unwrap_or(0)
    }

    /// The step at which the policy begins: the discriminator's rounds alone are over.
    fn begins(&self) -> u64 {
        self.pretrain() + self.options.critic_pretrain
    }

    /// Steps that the discriminator's optimiser has taken.
    fn rounds(&self) -> u64 {
        let batches = (2 * self.options.negatives.max(1)).div_ceil(64) as u64;
        let rounds = self.step.saturating_sub(self.pretrain());
        rounds * batches * (self.options.critic_rounds * self.options.critic_epochs) as u64
    }

    /// A generator at these weights whose moments begin anew.
    fn fresh_policy(&self, weights: &Weights) -> Result<Optimised> {
        let mut rng = random::stream(self.options.seed, u64::MAX - 1);
        Optimised::new(&self.sizes.trained(), [0.9, 0.999], &mut rng, &self.device)?.starting_at(weights)
    }

    /// The generator as it is now.
    fn network(&self) -> &Optimised {
        self.policy.as_ref().unwrap_or(&self.generator)
    }
}
