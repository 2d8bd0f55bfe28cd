//! Pairwise training: the CycleGANs of *Symbolic Music Genre Transfer with CycleGAN* (Brunner et al., 2018) and of
//! *Neural Symbolic Music Genre Transfer Insights* (2019), with the papers' networks or this project's small ones.
//!
//! Two generators learn to take phrases of genre A to B and back; one discriminator a genre, and in the models
//! partial and full a second one, tells real phrases from made ones. [`options`] has every choice.

#[cfg(test)]
mod gradients;
pub mod losses;
mod music;
pub mod networks;
mod noise;
pub mod options;
mod pool;
mod schedule;
mod trainee;

use std::collections::BTreeMap;

use anyhow::Result;
use candle_core::{Device, Tensor};
use model::spectral::{self, Spectral, normalised};
use model::{Ops, Weights};
use rand_chacha::ChaCha8Rng;

pub use options::{PairArguments, PairOptions};

use crate::dataset::Dataset;
use crate::random;
use crate::run::{self, NotFinite, RunOptions};
use crate::shards::{self, SHARDS};
use crate::variables::{Adam, Gradients, Variables, accumulate};
use music::Music;
use networks::Networks;
use noise::Noise;
use options::Model;
use pool::Pool;
use schedule::{Order, rate};

/// `train-pair`: trains, or goes on with, the run in `run`'s folder.
///
/// # Errors
/// In one sentence, where an option, the dataset or the run's folder does not fit.
pub fn command(data: &Dataset, arguments: &PairArguments, run: &RunOptions) -> Result<()> {
    let named = match arguments.pair.as_slice() {
        // A resumed run knows its pair: any does here, as only what was given replaces what the run had.
        [] if run.resume => data.genres().into_iter().take(2).collect(),
        named => named.to_vec(),
    };
    let pair = music::pair(data, &named)?;
    let phrases = music::smaller(data, &pair)?;
    let options = arguments.resolve(pair, phrases)?;
    Music::new(data, &options)?;
    run::train(data, &options, run, |device| Pair::new(options.clone(), device))
}

/// Random streams a step: one for each part, and one for the pool.
const STREAMS: u64 = SHARDS as u64 + 1;
const GENERATORS: usize = 0;
const CRITICS: usize = 1;

/// Losses of one step, in the order of [`LOSSES`].
pub type Losses = [f32; 5];

/// What the losses are called. `cycle` is lambda times both directions, as in the papers' L_c; `generator` is both
/// adversarial terms; `discriminator` is D_A + D_B; `extra` is D_A,m + D_B,m; `identity` is weighted.
pub const LOSSES: [&str; 5] = ["cycle", "generator", "discriminator", "extra", "identity"];

/// A pair in training: networks, optimisers, pool, averages.
#[derive(Debug)]
pub struct Pair {
    /// The recipe.
    pub options: PairOptions,
    /// Steps done.
    pub step: u64,
    device: Device,
    networks: Networks,
    /// Of both generators, and of all discriminators.
    variables: [Variables; 2],
    optimisers: [Adam; 2],
    /// Moving average of the weights that the generators computed with, after spectral norm.
    average: Gradients,
    /// Singular directions of the normalised weights of generators and discriminators.
    spectra: [BTreeMap<String, Spectral>; 2],
    pool: Pool,
    orders: [Order; 3],
}

/// One part of a step's batch, between its generator phase and its discriminator phase.
struct Part {
    real: [Tensor; 2],
    mixed: Option<Tensor>,
    fakes: [Tensor; 2],
    noise: Noise,
    gradients: Gradients,
    losses: [f32; 3],
}

impl Pair {
    /// A fresh pair.
    ///
    /// # Errors
    /// Where an option is out of its range.
    pub fn new(options: PairOptions, device: &Device) -> Result<Self> {
        options.check()?;
        let networks = Networks::new(&options);
        let mut rng = random::stream(options.seed, u64::MAX);
        let variables = [
            Variables::new(&networks.generator_parameters(), &mut rng, device)?,
            Variables::new(&networks.critic_parameters(), &mut rng, device)?,
        ];
        let mut normal = |count| random::normal(&mut rng, count);
        let [of_generators, of_critics] = networks.spectral_names();
        let spectra = [
            spectral::start(&variables[GENERATORS].weights(), &of_generators, &mut normal)?,
            spectral::start(&variables[CRITICS].weights(), &of_critics, &mut normal)?,
        ];
        let adam = |variables: &Variables| -> Result<Adam> {
            Ok(Adam::new(&variables.values()?, options.beta1, options.beta2))
        };
        let optimisers = [adam(&variables[0])?, adam(&variables[1])?];
        let pool = Pool::new(if options.pooled() { options.pool } else { 0 });
        let orders = [0, 1, 2].map(|list| Order::new(&options, list));
        let device = device.clone();
        let mut pair = Self {
            options,
            step: 0,
            device,
            networks,
            variables,
            optimisers,
            average: Vec::new(),
            spectra,
            pool,
            orders,
        };
        pair.average = pair.variables[GENERATORS].undressed(&pair.effective()?)?;
        Ok(pair)
    }

    /// The weights that the generators compute with now, outside the graph.
    fn effective(&self) -> Result<Weights> {
        Ok(normalised(&self.variables[GENERATORS].weights().detached(), &self.spectra[GENERATORS])?)
    }

    /// The generators to play: averaged where they are averaged, spectral norm folded in; on the CPU.
    pub fn generators(&self) -> Result<Weights> {
        let values = match self.options.average {
            0.0 => self.variables[GENERATORS].undressed(&self.effective()?)?,
            _ => self.average.clone(),
        };
        self.variables[GENERATORS].dressed(&values)
    }

    /// One step on `data`: both generators, then all discriminators on the fakes from before the generators moved.
    ///
    /// # Errors
    /// [`NotFinite`] where a loss or a gradient is not finite; the state is then as before the step.
    pub fn train(&mut self, data: &Dataset, threads: usize) -> Result<Losses> {
        let music = Music::new(data, &self.options)?;
        let batch = self.options.batch;
        let mut places: [Vec<usize>; 3] = Default::default();
        for ((places, order), list) in places.iter_mut().zip(&mut self.orders).zip(&music.lists) {
            if !list.is_empty() {
                *places = order.places(self.step, music.epoch, batch, list.len());
            }
        }
        let follow = |i: usize| spectral::followed(&self.variables[i].weights(), &self.spectra[i]);
        let spectra = [follow(GENERATORS)?, follow(CRITICS)?];
        let this = &*self;
        let parts = shards::each(threads, |part| this.generator_phase(part, &spectra, &music, &places))?;

        let whole = |genre: usize| Tensor::cat(&parts.iter().map(|p| &p.fakes[genre]).collect::<Vec<_>>(), 0);
        let mut pool = self.pool.clone();
        let pooled = pool.draw([whole(0)?, whole(1)?], &mut self.stream(SHARDS));
        let judged = shards::each(threads, |part| this.critic_phase(&parts[part], part, &spectra, &pooled))?;

        let mut losses = Losses::default();
        let mut sums = [parts[0].gradients.clone(), judged[0].0.clone()];
        for (i, (part, (gradients, [own, extra]))) in parts.iter().zip(&judged).enumerate() {
            let [cycle, adversarial, identity] = part.losses;
            let of_part = [cycle, adversarial, *own, *extra, identity];
            losses.iter_mut().zip(of_part).for_each(|(sum, loss)| *sum += loss / SHARDS as f32);
            if i > 0 {
                accumulate(&mut sums[GENERATORS], &part.gradients);
                accumulate(&mut sums[CRITICS], gradients);
            }
        }
        NotFinite::check(self.step + 1, &LOSSES, &losses, &sums)?;
        self.apply(&sums)?;
        self.pool = pool;
        self.spectra = spectra;
        self.step += 1;
        self.follow_average()?;
        Ok(losses)
    }

    /// The random numbers of this step's purpose number `purpose`.
    fn stream(&self, purpose: usize) -> ChaCha8Rng {
        random::stream(self.options.seed, self.step * STREAMS + purpose as u64)
    }

    /// Gradients of the generators on one part of a step's batch.
    fn generator_phase(
        &self,
        part: usize,
        spectra: &[BTreeMap<String, Spectral>; 2],
        music: &Music,
        places: &[Vec<usize>; 3],
    ) -> Result<Part> {
        let (options, device) = (&self.options, &self.device);
        let size = options.batch / SHARDS;
        let mut rng = self.stream(part);
        let mut draw = |list: usize| {
            let places = &places[list][part * size..(part + 1) * size];
            music.rolls(list, places, options.transpose, &mut rng, device)
        };
        let real = [draw(0)?, draw(1)?];
        let mixed = if options.model == Model::Base { None } else { Some(draw(2)?) };
        let mut noise = Noise::new(options, size, device, rng)?;

        let ops = Ops::on(device);
        let [weights, judging] =
            [&self.variables[GENERATORS], &self.variables[CRITICS]].map(Variables::weights);
        let makers = self.networks.generators(&normalised(&weights, &spectra[GENERATORS])?, ops)?;
        let critics = self.networks.critics(&normalised(&judging.detached(), &spectra[CRITICS])?, ops)?;
        let loss = losses::generators(&makers, &critics, &real, &mut noise, options)?;
        let gradients = self.variables[GENERATORS].gradients(&loss.total.backward()?)?;
        Ok(Part { real, mixed, fakes: loss.fakes, noise, gradients, losses: loss.parts })
    }

    /// Gradients and losses of the discriminators on one part of a step's batch and of its pooled fakes.
    fn critic_phase(
        &self,
        part: &Part,
        index: usize,
        spectra: &[BTreeMap<String, Spectral>; 2],
        pooled: &[Tensor; 2],
    ) -> Result<(Gradients, [f32; 2])> {
        let size = self.options.batch / SHARDS;
        let mut noise = part.noise.clone();
        let [of_a, of_b] = pooled;
        let fakes = [of_a.narrow(0, index * size, size)?, of_b.narrow(0, index * size, size)?];
        let variables = &self.variables[CRITICS];
        let weights = normalised(&variables.weights(), &spectra[CRITICS])?;
        let critics = self.networks.critics(&weights, Ops::on(&self.device))?;
        let mixed = part.mixed.as_ref();
        let loss = losses::critics(&critics, &part.real, &fakes, mixed, &mut noise, &self.options)?;
        Ok((variables.gradients(&loss.total.backward()?)?, loss.parts))
    }

    /// Moves generators and discriminators against the gradients that the parts of a step sum up to.
    fn apply(&mut self, sums: &[Gradients; 2]) -> Result<()> {
        let options = &self.options;
        let scale = rate(self.step, options.steps, options.decay_from);
        let rates = [options.rate, options.critic_rate];
        for (i, sum) in sums.iter().enumerate() {
            let mut values = self.variables[i].values()?;
            // A sum over the parts, not a mean: Adam does not see the scale.
            self.optimisers[i].update(&mut values, sum, rates[i] * scale);
            self.variables[i].set(&values)?;
        }
        Ok(())
    }

    /// Takes the newest weights into the average.
    fn follow_average(&mut self) -> Result<()> {
        if self.options.average == 0.0 {
            return Ok(());
        }
        let share = self.options.average.max(1.0 / self.step as f32);
        let newest = self.variables[GENERATORS].undressed(&self.effective()?)?;
        for (average, value) in self.average.iter_mut().flatten().zip(newest.iter().flatten()) {
            *average += share * (value - *average);
        }
        Ok(())
    }
}
