//! The state of a GAN run and one training step of it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use model::resnet::{Discriminator, DiscriminatorConfig, Generator, GeneratorConfig};
use model::spectral::{self, Spectral};
use model::{Family, Ops, Weights};
use serde::{Deserialize, Serialize};

use crate::batch::{self, Batch};
use crate::dataset::Dataset;
use crate::losses::{self, Terms};
use crate::random;
use crate::run::checkpoint::{Checkpoint, OPTIONS};
use crate::run::{NotFinite, Trainee};
use crate::shards::{self, SHARDS};
use crate::variables::{Adam, Gradients, Variables, accumulate};

/// Everything that decides the numbers of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
pub struct GanOptions {
    /// Training steps in all.
    #[arg(long, default_value_t = 6400)]
    pub steps: u64,
    /// Phrases a step.
    #[arg(long, default_value_t = 24)]
    pub batch: usize,
    /// Channels of the generator.
    #[arg(long, default_value_t = 64)]
    pub channels: usize,
    /// Residual blocks of the generator.
    #[arg(long, default_value_t = 6)]
    pub blocks: usize,
    /// Learning rate of the generator (Adam, betas 0.5 and 0.99).
    #[arg(long, default_value_t = 4e-4)]
    pub rate: f32,
    /// Learning rate of the discriminator.
    #[arg(long, default_value_t = 1e-3)]
    pub critic_rate: f32,
    /// Share of the steps, at the end, over which both rates fall linearly to zero.
    #[arg(long, default_value_t = 0.25)]
    pub decay: f32,
    /// Share of the newest weights in the moving average that is exported.
    #[arg(long, default_value_t = 0.005)]
    pub average: f32,
    /// Phrases are transposed at random by up to this many semitones.
    #[arg(long, default_value_t = 5)]
    pub transpose: i32,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The loss terms.
    #[command(flatten)]
    pub terms: Terms,
}

/// Losses of one step, in the order of [`LOSSES`].
pub type Losses = [f32; 5];

/// What the losses are called.
pub const LOSSES: [&str; 5] = ["adversarial", "cycle", "identity", "keep", "discriminator"];

/// A run: networks, optimisers, averages.
#[derive(Debug)]
pub struct Gan {
    /// The options it was started with.
    pub options: GanOptions,
    /// Steps done.
    pub step: u64,
    device: Device,
    ops: Ops,
    generator: GeneratorConfig,
    discriminator: DiscriminatorConfig,
    variables: [Variables; 2],
    optimisers: [Adam; 2],
    average: Gradients,
    spectra: BTreeMap<String, Spectral>,
}

impl Gan {
    /// A fresh run for `genres` genres on `device`.
    pub fn new(options: GanOptions, genres: usize, device: &Device) -> Result<Self> {
        ensure!(
            (2..=8).contains(&genres),
            "a transfer needs 2 to 8 genres, here are {genres}; give a folder for each"
        );
        ensure!(
            options.batch >= SHARDS && options.batch.is_multiple_of(SHARDS),
            "the batch must be an even number, 2 or more"
        );
        let generator = GeneratorConfig {
            channels: options.channels,
            blocks: options.blocks,
            ..GeneratorConfig::compact(genres)
        };
        let discriminator = DiscriminatorConfig::compact(genres);
        let mut rng = random::stream(options.seed, u64::MAX);
        let variables = [
            Variables::new(&generator.parameters(""), &mut rng, device)?,
            Variables::new(&discriminator.parameters(""), &mut rng, device)?,
        ];
        let values = [variables[0].values()?, variables[1].values()?];
        let names = discriminator.spectral_weights("");
        let spectra = spectral::start(&variables[1].weights(), &names, |len| random::normal(&mut rng, len))?;
        let optimisers = [&values[0], &values[1]].map(|values| Adam::new(values, 0.5, 0.99));
        let [average, _] = values;
        let (ops, device) = (Ops::on(device), device.clone());
        Ok(Self {
            options,
            step: 0,
            device,
            ops,
            generator,
            discriminator,
            variables,
            optimisers,
            average,
            spectra,
        })
    }

    /// Sizes of the generator.
    pub fn generator_config(&self) -> GeneratorConfig {
        self.generator
    }

    /// The averaged generator: what is evaluated and exported.
    pub fn averaged(&self) -> Result<Weights> {
        self.variables[0].dressed(&self.average)
    }

    /// One step on `data`: gradients of both networks from the same state, then both move.
    pub fn train(&mut self, data: &Dataset, threads: usize) -> Result<Losses> {
        self.spectra = spectral::followed(&self.variables[1].weights(), &self.spectra)?;
        let this = &*self;
        let shards = shards::each(threads, |shard| this.shard(data, shard))?;
        let mut losses = Losses::default();
        let mut sums: Option<[Gradients; 2]> = None;
        for (gradients, more) in shards {
            losses.iter_mut().zip(more).for_each(|(sum, loss)| *sum += loss / SHARDS as f32);
            match &mut sums {
                None => sums = Some(gradients),
                Some(sums) => sums.iter_mut().zip(&gradients).for_each(|(sum, more)| accumulate(sum, more)),
            }
        }
        let sums = sums.context("a training step needs at least one shard")?;
        NotFinite::check(self.step + 1, &LOSSES, &losses, &sums)?;
        let rates = [self.options.rate, self.options.critic_rate];
        let scale = self.schedule();
        for (i, gradients) in sums.iter().enumerate() {
            let mut values = self.variables[i].values()?;
            // The gradients are a sum over the shards, not a mean: Adam does not see their scale.
            self.optimisers[i].update(&mut values, gradients, rates[i] * scale);
            self.variables[i].set(&values)?;
            if i == 0 {
                let share = self.options.average.max(1.0 / (self.step + 1) as f32);
                for (average, value) in self.average.iter_mut().flatten().zip(values.iter().flatten()) {
                    *average += share * (value - *average);
                }
            }
        }
        self.step += 1;
        Ok(losses)
    }

    /// What the learning rates are multiplied by at this step.
    fn schedule(&self) -> f32 {
        let left = self.options.steps.saturating_sub(self.step) as f32;
        let falling = (self.options.decay * self.options.steps as f32).max(1.0);
        (left / falling).min(1.0)
    }

    /// Gradients and losses of one part of a step's batch.
    fn shard(&self, data: &Dataset, shard: usize) -> Result<([Gradients; 2], Losses)> {
        let options = &self.options;
        let counter = self.step * SHARDS as u64 + shard as u64;
        let size = options.batch / SHARDS;
        let mut rng = random::stream(options.seed, counter);
        let (directions, turn) = (batch::directions(data.items.len()), counter as usize * size);
        let batch = Batch::draw(data, &directions, size, turn, options.transpose, &mut rng, &self.device)?;

        let weights = spectral::normalised(&self.variables[1].weights(), &self.spectra)?;
        let network = Generator::new(self.generator, "", &self.variables[0].weights(), self.ops)?;
        let critic = Discriminator::new(self.discriminator, "", &weights.detached(), self.ops)?;
        let loss = losses::generator(&network, &critic, &batch, &options.terms)?;
        let generator = self.variables[0].gradients(&loss.total.backward()?)?;

        let judge = Discriminator::new(self.discriminator, "", &weights, self.ops)?;
        let judged = losses::discriminator(&judge, &batch, &loss.answers, &options.terms)?;
        let discriminator = self.variables[1].gradients(&judged.backward()?)?;
        let [adversarial, cycle, identity, keep] = loss.parts;
        Ok(([generator, discriminator], [adversarial, cycle, identity, keep, judged.to_scalar()?]))
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    options: GanOptions,
    step: u64,
    genres: usize,
}

/// Parts of the checkpoint: `weights`, `mean` and `square` of both networks, `average` of the generator, and
/// `spectral/<weight>/left|right`.
impl Trainee for Gan {
    const KIND: &'static str = "multi";

    fn step(&self) -> u64 {
        self.step
    }

    fn steps(&self) -> u64 {
        self.options.steps
    }

    fn losses(&self) -> Vec<&'static str> {
        LOSSES.to_vec()
    }

    fn train(&mut self, data: &Dataset, threads: usize) -> Result<Vec<f32>> {
        Ok(Gan::train(self, data, threads)?.to_vec())
    }

    fn configuration(&self) -> serde_json::Value {
        serde_json::json!(self.options)
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let header =
            serde_json::json!({ OPTIONS: self.options, "step": self.step, "genres": self.generator.genres });
        let mut checkpoint = Checkpoint::new(Self::KIND, header);
        for (variables, adam) in self.variables.iter().zip(&self.optimisers) {
            checkpoint.add("weights", &variables.weights());
            checkpoint.add("mean", &variables.dressed(&adam.mean)?);
            checkpoint.add("square", &variables.dressed(&adam.square)?);
        }
        checkpoint.add("average", &self.averaged()?);
        checkpoint.add_spectra(&self.spectra);
        Ok(checkpoint)
    }

    fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let header: Header = checkpoint.header()?;
        let mut gan = Gan::new(header.options, header.genres, device)?;
        let [weights, mean, square] = ["weights", "mean", "square"].map(|part| checkpoint.part(part));
        for (variables, adam) in gan.variables.iter().zip(&mut gan.optimisers) {
            variables.set(&variables.undressed(&weights)?)?;
            adam.mean = variables.undressed(&mean)?;
            adam.square = variables.undressed(&square)?;
            adam.step = i32::try_from(header.step)?;
        }
        gan.average = gan.variables[0].undressed(&checkpoint.part("average"))?;
        checkpoint.restore_spectra(&mut gan.spectra)?;
        gan.step = header.step;
        Ok(gan)
    }

    fn pack(&self) -> Result<(Family, Weights)> {
        Ok((self.generator.into(), self.averaged()?))
    }

    fn recipe(&self) -> String {
        let o = &self.options;
        format!(
            "Multi-genre cycle-consistent GAN, {} steps of batch {}, Adam {:e} / {:e}, betas 0.5 / 0.99, seed {}; loss = adversarial hinge + {} cycle + {} identity \
             + {} keep (binary cross-entropy, positive weight {}, new notes outside the half bar's harmony weighted {}), discriminator with spectral norm, transferred phrases weighted {}, real ones as a wrong genre {}; \
             straight-through binarised answers, transposition by up to {} semitones, weights averaged at {} a step.",
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
