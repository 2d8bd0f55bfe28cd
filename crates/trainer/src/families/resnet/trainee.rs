//! The state of a run and one training step of it.

use std::collections::BTreeMap;

use anyhow::Result;
use candle_core::Device;
use model::resnet::{Discriminator, DiscriminatorConfig, Generator, GeneratorConfig};
use model::spectral::{self, Spectral};
use model::{Family, Ops, Parameter, Parts, Weights};

use super::{NAME, ResnetOptions, losses};
use crate::batch::{self, Batch};
use crate::core::{self, Losses, Optimised, Schedule, Share, Sum};
use crate::dataset::Dataset;
use crate::random;
use crate::run::checkpoint::{Checkpoint, Header};
use crate::run::{Needs, Trainee, read_off};

/// What the losses are called.
const LOSSES: [&str; 5] = ["adversarial", "cycle", "identity", "keep", "discriminator"];

/// A run: generator with its average, and discriminator.
#[derive(Debug)]
pub struct ResnetRun {
    /// The options it was started with.
    pub options: ResnetOptions,
    /// Steps done.
    pub step: u64,
    device: Device,
    configs: (GeneratorConfig, DiscriminatorConfig),
    generator: Optimised,
    discriminator: Optimised,
    spectra: BTreeMap<String, Spectral>,
}

impl ResnetRun {
    /// A fresh run for `genres` genres on `device`.
    ///
    /// # Errors
    /// When the options do not go together.
    pub fn new(options: ResnetOptions, genres: usize, device: &Device) -> Result<Self> {
        Needs::TRANSFER.check_genres(genres)?;
        core::check_batch(options.batch)?;
        let generator = GeneratorConfig {
            channels: options.channels,
            blocks: options.blocks,
            ..GeneratorConfig::compact(genres)
        };
        let discriminator = DiscriminatorConfig::compact(genres);
        let configs = (generator, discriminator);
        let mut rng = random::stream(options.seed, u64::MAX);
        let mut network =
            |parameters: &[Parameter]| Optimised::new(parameters, [0.5, 0.99], &mut rng, device);
        let generator = network(&generator.parameters(""))?.averaging()?;
        let discriminator = network(&discriminator.parameters(""))?;
        let names = configs.1.spectral_weights("");
        let spectra = spectral::start(&discriminator.weights(), &names, |len| random::normal(&mut rng, len))?;
        let device = device.clone();
        Ok(Self { options, step: 0, device, configs, generator, discriminator, spectra })
    }

    /// Goes on from a checkpoint, with the options in its header.
    ///
    /// # Errors
    /// Where a tensor is missing or does not fit those options.
    pub fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let Header { options, step, genres } = checkpoint.header()?;
        let mut run = Self::new(options, genres, device)?;
        run.generator.restore(checkpoint, step)?;
        run.discriminator.restore(checkpoint, step)?;
        checkpoint.restore_spectra(&mut run.spectra)?;
        run.step = step;
        Ok(run)
    }

    /// The averaged generator: what is evaluated and exported.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn averaged(&self) -> Result<Weights> {
        self.generator.averaged()
    }

    /// Gradients and losses of one part of a step's batch.
    fn shard(&self, data: &Dataset, spectra: &BTreeMap<String, Spectral>, shard: usize) -> Result<Sum<2>> {
        let (options, ops) = (&self.options, Ops::on(&self.device));
        let Share { size, turn, mut rng } = Share::of(options.seed, options.batch, self.step, shard);
        let directions = batch::directions(data.items.len());
        let batch = Batch::draw(data, &directions, size, turn, options.transpose, &mut rng, &self.device)?;

        let weights = spectral::normalised(&self.discriminator.weights(), spectra)?;
        let generator = Generator::new(self.configs.0, "", &self.generator.weights(), ops)?;
        let fixed = Discriminator::new(self.configs.1, "", &weights.detached(), ops)?;
        let loss = losses::generator(&generator, &fixed, &batch, &options.terms)?;
        let of_generator = self.generator.gradients(&loss.total.backward()?)?;

        let discriminator = Discriminator::new(self.configs.1, "", &weights, ops)?;
        let telling = losses::discriminator(&discriminator, &batch, &loss.answers, &options.terms)?;
        let of_discriminator = self.discriminator.gradients(&telling.backward()?)?;
        let mut losses = loss.parts;
        losses.add(&Losses::new([("discriminator", telling.to_scalar()?)]), 1.0);
        Ok(Sum { gradients: [of_generator, of_discriminator], losses })
    }
}

/// Parts of the checkpoint: `weights`, `mean` and `square` of both networks, `average` of the generator, and
/// `spectral/<weight>/left|right`.
impl Trainee for ResnetRun {
    fn family(&self) -> &'static str {
        NAME
    }

    read_off!(Needs::TRANSFER, LOSSES, steps);

    /// Gradients of both networks from the same state, then both move.
    fn train(&mut self, data: &Dataset, threads: usize) -> Result<Losses> {
        let spectra = spectral::followed(&self.discriminator.weights(), &self.spectra)?;
        let Sum { gradients: [of_generator, of_discriminator], losses } =
            core::summed(self.step, threads, |shard| self.shard(data, &spectra, shard))?;
        self.spectra = spectra;
        let o = &self.options;
        let scale = Schedule::new(o.steps, o.decay).scale(self.step);
        let values = self.generator.descend(&of_generator, o.rate * scale)?;
        self.generator.follow(&values, o.average, self.step);
        self.discriminator.descend(&of_discriminator, o.critic_rate * scale)?;
        self.step += 1;
        Ok(losses)
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let header = Header { options: &self.options, step: self.step, genres: self.configs.0.genres };
        let mut checkpoint = Checkpoint::of(NAME, header, [&self.generator, &self.discriminator])?;
        checkpoint.add_spectra(&self.spectra);
        Ok(checkpoint)
    }

    fn pack(&self, _: &Dataset) -> Result<(Parts, Weights)> {
        Ok((Family::from(self.configs.0).into(), self.averaged()?))
    }

    fn recipe(&self) -> String {
        let o = &self.options;
        format!(
            "Multi-genre cycle-consistent GAN, {} steps of batch {}, Adam {:e} / {:e}, betas 0.5 / 0.99, \
             seed {}; loss = adversarial hinge + {} cycle + {} identity + {} keep (binary cross-entropy, \
             positive weight {}, new notes outside the half bar's harmony weighted {}), discriminator with \
             spectral norm, transferred phrases weighted {}, real ones as a wrong genre {}; \
             straight-through binarised answers, transposition by up to {} semitones, weights averaged at \
             {} a step.",
            self.step,
            o.batch,
            o.rate,
            o.critic_rate,
            o.seed,
            o.terms.cycle,
            o.terms.identity,
            o.terms.keep,
            o.terms.positive,
            o.terms.outside,
            o.terms.fake,
            o.terms.wrong,
            o.transpose,
            o.average
        )
    }
}
