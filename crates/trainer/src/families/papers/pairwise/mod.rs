//! Pairwise training: the CycleGANs of *Symbolic Music Genre Transfer with CycleGAN* (Brunner et al., 2018)
//! and of *Neural Symbolic Music Genre Transfer Insights* (2019), with the papers' networks or this project's
//! small ones.
//!
//! Two generators learn to take phrases of genre A to B and back; one discriminator a genre, and in the
//! models partial and full a second one, tells real phrases from made ones. [`options`] has every choice.

#[cfg(test)]
mod gradients;
pub mod losses;
mod music;
pub mod networks;
mod noise;
pub mod options;
mod order;
mod pool;
mod trainee;

use std::collections::BTreeMap;

use anyhow::Result;
use candle_core::{Device, Tensor};
use clap::FromArgMatches;
use model::spectral::{self, Spectral, normalised};
use model::{Ops, Parameter, Weights};
use rand_chacha::ChaCha8Rng;

pub use options::{PairArguments, PairOptions};

use crate::core::{self, Gradients, Losses, Optimised, SHARDS, Schedule, Sum};
use crate::dataset::Dataset;
use crate::families::{Family, Plan, flags};
use crate::random;
use crate::run::{Checkpoint, RunOptions};
use music::Music;
use networks::Networks;
use noise::Noise;
use options::Model;
use order::Order;
use pool::Pool;
use trainee::Header;

/// What the family is called in checkpoints, cards and docs.
pub const NAME: &str = "pairwise";

/// The family.
pub const FAMILY: Family = Family {
    name: NAME,
    former: &[],
    command: "train-pair",
    aliases: &[],
    about: "Trains the two generators of one pair of genres, as the CycleGAN papers do",
    flags: flags::<PairArguments>,
    plan: |matches, data, run| plan(&PairArguments::from_arg_matches(matches)?, data, run),
    resume: |checkpoint, device| Ok(Box::new(PairRun::resume(checkpoint, device)?)),
    // All that must survive an interruption: a pool that is full after two steps, extra discriminators,
    // noise, singular directions, an average.
    small: |_| {
        let flags = "--pair=high,low --model=partial --width=8 --blocks=1 --spectral-norm=all --batch=4 \
                     --pool=2 --sigma=0.3 --average=0.1";
        Ok(flags.split(' ').map(String::from).collect())
    },
    bench: &[
        ("pairwise base, compact", &["--network=compact"]),
        ("pairwise base, compact, SA", &["--network=compact", "--attention"]),
        ("pairwise base, the papers'", &["--network=papers"]),
        ("pairwise base, the papers', SA", &["--network=papers", "--attention"]),
    ],
};

/// A fresh run of what the command line asks for.
///
/// # Errors
/// In one sentence, where an option or the dataset does not fit.
pub fn plan(arguments: &PairArguments, data: &Dataset, run: &RunOptions) -> Result<Plan> {
    let named = match arguments.pair.as_slice() {
        // A resumed run knows its pair: any does here, as only what was given replaces what the run had.
        [] if run.resume => data.genres().into_iter().take(2).collect(),
        named => named.to_vec(),
    };
    let pair = music::pair(data, &named)?;
    let phrases = music::smaller(data, &pair)?;
    let options = arguments.resolve(pair, phrases)?;
    Music::new(data, &options)?;
    Ok(Plan::of(NAME, options, PairRun::new))
}

/// Random streams a step: one for each part, and one for the pool.
const STREAMS: u64 = SHARDS as u64 + 1;
const GENERATORS: usize = 0;
const CRITICS: usize = 1;

/// What the losses are called. `cycle` is lambda times both directions, as in the papers' L_c; `generator` is
/// both adversarial terms; `discriminator` is D_A + D_B; `extra` is D_A,m + D_B,m; `identity` is weighted.
const LOSSES: [&str; 5] = ["cycle", "generator", "discriminator", "extra", "identity"];

/// A pair in training: networks, optimisers, pool, averages.
#[derive(Debug)]
pub struct PairRun {
    /// The recipe.
    pub options: PairOptions,
    /// Steps done.
    pub step: u64,
    device: Device,
    networks: Networks,
    /// Both generators, and all discriminators. The generators' average is of the weights that they computed
    /// with, after spectral norm.
    optimised: [Optimised; 2],
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
    losses: Losses,
}

impl PairRun {
    /// A fresh pair.
    ///
    /// # Errors
    /// Where an option is out of its range.
    pub fn new(options: PairOptions, device: &Device) -> Result<Self> {
        options.check()?;
        let networks = Networks::new(&options);
        let mut rng = random::stream(options.seed, u64::MAX);
        let mut network = |parameters: &[Parameter]| {
            let network = Optimised::new(parameters, [options.beta1, options.beta2], &mut rng, device)?;
            anyhow::Ok(network.decaying(options.weight_decay))
        };
        let (generators, critics) =
            (network(&networks.generator_parameters())?, network(&networks.critic_parameters())?);
        let mut normal = |count| random::normal(&mut rng, count);
        let [of_generators, of_critics] = networks.spectral_names();
        let spectra = [
            spectral::start(&generators.weights(), &of_generators, &mut normal)?,
            spectral::start(&critics.weights(), &of_critics, &mut normal)?,
        ];
        let pool = Pool::new(if options.pooled() { options.pool } else { 0 });
        let orders = [0, 1, 2].map(|list| Order::new(&options, list));
        let device = device.clone();
        let first = effective(&generators, &spectra[GENERATORS])?;
        let mut optimised = [generators.averaging()?, critics];
        optimised[GENERATORS].average_from(&first)?;
        Ok(Self { options, step: 0, device, networks, optimised, spectra, pool, orders })
    }

    /// Goes on from a checkpoint, with the options in its header.
    ///
    /// # Errors
    /// Where a tensor is missing or does not fit those options.
    pub fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let Header { options, step } = checkpoint.header()?;
        let mut run = Self::new(options, device)?;
        run.optimised.iter_mut().try_for_each(|network| network.restore(checkpoint, step))?;
        run.spectra.iter_mut().try_for_each(|spectra| checkpoint.restore_spectra(spectra))?;
        if let [Ok(a), Ok(b)] = ["pool/a", "pool/b"].map(|name| checkpoint.tensor(name)) {
            run.pool.restore([&a.to_device(device)?, &b.to_device(device)?])?;
        }
        run.step = step;
        Ok(run)
    }

    /// The generators to play: averaged where they are averaged, spectral norm folded in; on the CPU.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn generators(&self) -> Result<Weights> {
        match self.options.average {
            0.0 => {
                Ok(effective(&self.optimised[GENERATORS], &self.spectra[GENERATORS])?
                    .to_device(&Device::Cpu)?)
            }
            _ => self.optimised[GENERATORS].averaged(),
        }
    }

    /// One step: both generators, then all discriminators on the fakes from before the generators moved.
    fn advance(&mut self, data: &Dataset, threads: usize) -> Result<Losses> {
        let music = Music::new(data, &self.options)?;
        let batch = self.options.batch;
        let mut places: [Vec<usize>; 3] = Default::default();
        for ((places, order), list) in places.iter_mut().zip(&mut self.orders).zip(&music.lists) {
            if !list.is_empty() {
                *places = order.places(self.step, music.epoch, batch, list.len());
            }
        }
        let follow = |i: usize| spectral::followed(&self.optimised[i].weights(), &self.spectra[i]);
        let spectra = [follow(GENERATORS)?, follow(CRITICS)?];
        let this = &*self;
        let parts = core::shards(threads, |part| this.generator_phase(part, &spectra, &music, &places))?;

        let whole = |genre: usize| Tensor::cat(&parts.iter().map(|p| &p.fakes[genre]).collect::<Vec<_>>(), 0);
        let mut pool = self.pool.clone();
        let pooled = pool.draw([whole(0)?, whole(1)?], &mut self.stream(SHARDS));
        let judged = core::shards(threads, |part| this.critic_phase(&parts[part], part, &spectra, &pooled))?;

        let both = parts.into_iter().zip(judged).map(|(part, (gradients, of_critics))| {
            let mut losses = part.losses;
            losses.add(&of_critics, 1.0);
            Sum { gradients: [part.gradients, gradients], losses }
        });
        let Sum { gradients, losses } = core::sum(self.step + 1, both)?;
        let scale = Schedule::falling_from(self.options.steps, self.options.decay_from).scale(self.step);
        let rates = [self.options.rate, self.options.critic_rate];
        for ((network, gradients), rate) in self.optimised.iter_mut().zip(&gradients).zip(rates) {
            network.descend(gradients, rate * scale)?;
        }
        self.pool = pool;
        self.spectra = spectra;
        if self.options.average != 0.0 {
            let newest = effective(&self.optimised[GENERATORS], &self.spectra[GENERATORS])?;
            let newest = self.optimised[GENERATORS].undressed(&newest)?;
            self.optimised[GENERATORS].follow(&newest, self.options.average, self.step);
        }
        self.step += 1;
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
            [&self.optimised[GENERATORS], &self.optimised[CRITICS]].map(Optimised::weights);
        let makers = self.networks.generators(&normalised(&weights, &spectra[GENERATORS])?, ops)?;
        let critics = self.networks.critics(&normalised(&judging.detached(), &spectra[CRITICS])?, ops)?;
        let loss = losses::generators(&makers, &critics, &real, &mut noise, options)?;
        let gradients = self.optimised[GENERATORS].gradients(&loss.total.backward()?)?;
        Ok(Part { real, mixed, fakes: loss.fakes, noise, gradients, losses: loss.parts })
    }

    /// Gradients and losses of the discriminators on one part of a step's batch and of its pooled fakes.
    fn critic_phase(
        &self,
        part: &Part,
        index: usize,
        spectra: &[BTreeMap<String, Spectral>; 2],
        pooled: &[Tensor; 2],
    ) -> Result<(Gradients, Losses)> {
        let size = self.options.batch / SHARDS;
        let mut noise = part.noise.clone();
        let [of_a, of_b] = pooled;
        let fakes = [of_a.narrow(0, index * size, size)?, of_b.narrow(0, index * size, size)?];
        let network = &self.optimised[CRITICS];
        let weights = normalised(&network.weights(), &spectra[CRITICS])?;
        let critics = self.networks.critics(&weights, Ops::on(&self.device))?;
        let mixed = part.mixed.as_ref();
        let loss = losses::critics(&critics, &part.real, &fakes, mixed, &mut noise, &self.options)?;
        Ok((network.gradients(&loss.total.backward()?)?, loss.parts))
    }
}

/// The weights that generators compute with now, outside the graph.
fn effective(generators: &Optimised, spectra: &BTreeMap<String, Spectral>) -> Result<Weights> {
    Ok(normalised(&generators.weights().detached(), spectra)?)
}
