//! The VAE-GAN in training: [`model::spaces::pictures`].
//!
//! Two optimisers: one moves the encoder and the generator, one the discriminator. Their rates follow the
//! article: whichever network is behind learns faster. Pictures are compared in the discriminator's features
//! (Larsen et al., 2016) and, where it is asked for, cell by cell.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use model::spaces::pictures::{Network, PicturesConfig, SIDE, UNKNOWN, picture};
use model::{Ops, Parts, Role, SpaceFamily, Weights};
use phrase::{PITCHES, STEPS};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Kind, NEEDS, Preset, SpaceArguments, Strokes, losses};
use crate::core::{self, Losses, Optimised, Schedule, Share, Sum, clip};
use crate::data::view::{KEYS, LOWEST_KEY, Velocities, View};
use crate::dataset::{Dataset, Split};
use crate::families::prefixed;
use crate::random;
use crate::run::checkpoint::{Checkpoint, Header};
use crate::run::{Trainee, read_off};

/// What the losses are called.
const NAMES: [&str; 5] = ["features", "cells", "kl", "generator", "discriminator"];
/// What is left of the rates after an epoch.
const EPOCH: f64 = 0.99;
/// How many times its rate the generator learns at most.
const FASTEST: f32 = 20.0;
/// What a step's means and variances count among those that the generator plays with.
const RUNNING: f32 = 0.05;
/// The most that the logarithm of a cloud's variance can be, either way.
const DOUBT: f64 = 6.0;
/// What fooling the discriminator counts beside a phrase's cells.
const FOOLING: f64 = 1.0;

/// Everything that decides the numbers of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PicturesOptions {
    kind: Kind,
    preset: Preset,
    steps: u64,
    batch: usize,
    rate: f32,
    warmup: u64,
    /// Runs of before had none.
    #[serde(default)]
    decay: f32,
    clip: f32,
    transpose: i32,
    beta: f32,
    free: f32,
    numbers: usize,
    channels: usize,
    strokes: Strokes,
    cells: f32,
    noise: f32,
    /// Nothing, and in runs of before: the discriminator never waits.
    #[serde(default)]
    ahead: f32,
    seed: u64,
}

impl PicturesOptions {
    /// The options of a command line.
    pub fn of(a: &SpaceArguments) -> Self {
        let seed = a.preset == Preset::Seed;
        Self {
            kind: a.kind,
            preset: a.preset,
            steps: a.steps,
            batch: a.batch.unwrap_or(32),
            rate: a.rate.unwrap_or(4e-4),
            warmup: a.warmup,
            decay: if seed { 0.0 } else { a.decay },
            clip: a.clip,
            transpose: a.transpose,
            beta: a.beta.unwrap_or(if seed { 1.0 } else { 0.03 }),
            free: a.free,
            numbers: a.numbers.unwrap_or(if seed { 128 } else { 256 }),
            channels: a.channels,
            strokes: a.strokes.unwrap_or(if seed { Strokes::Seed } else { Strokes::Onsets }),
            cells: a.cells.unwrap_or(if seed { 0.0 } else { 4.0 }),
            noise: a.noise.unwrap_or(if seed { 0.0 } else { 0.3 }),
            ahead: a.ahead.unwrap_or(if seed { 0.0 } else { 3.0 }),
            seed: a.seed,
        }
    }

    fn config(&self) -> PicturesConfig {
        let planes = if self.strokes == Strokes::Seed { 1 } else { 2 };
        PicturesConfig { planes, channels: self.channels, code: self.numbers }
    }
}

/// The rates of the generator and of the discriminator at base rate `rate`, where these are their losses:
/// the generator's between the base rate and 20 times it, the discriminator's at most the base rate.
pub fn rates(rate: f32, generator: f32, discriminator: f32) -> [f32; 2] {
    let ratio = generator / discriminator.max(1e-6);
    [rate.max((rate * ratio).min(FASTEST * rate)), rate.min(rate / ratio.max(1e-6))]
}

/// A run: the networks, their optimisers, and what the generator's norms have seen.
#[derive(Debug)]
pub struct PicturesRun {
    options: PicturesOptions,
    step: u64,
    genres: usize,
    device: Device,
    config: PicturesConfig,
    player: Optimised,
    judge: Optimised,
    /// Running means and variances by parameter name.
    norms: BTreeMap<String, Vec<f32>>,
}

/// What a shard gives: gradients and losses, and the norms' means and variances.
type Part = (Sum<2>, Vec<[Vec<f32>; 2]>);

impl PicturesRun {
    /// A fresh run for `genres` genres on `device`.
    ///
    /// # Errors
    /// When the options do not go together.
    pub fn new(options: PicturesOptions, genres: usize, device: &Device) -> Result<Self> {
        NEEDS.check_genres(genres)?;
        core::check_batch(options.batch)?;
        let config = options.config();
        ensure!((1..=128).contains(&config.channels), "1 to 128 channels, not {}", config.channels);
        ensure!((1..=4096).contains(&config.code), "a point has 1 to 4096 numbers, not {}", config.code);
        let mut rng = random::stream(options.seed, u64::MAX);
        let player = Optimised::new(&config.trained(), [0.5, 0.99], &mut rng, device)?;
        let judge = Optimised::new(&config.discriminator(), [0.5, 0.99], &mut rng, device)?;
        let mut norms = BTreeMap::new();
        for (name, channels) in config.norms() {
            norms.insert(format!("{name}_mean"), vec![0.0; channels]);
            norms.insert(format!("{name}_variance"), vec![1.0; channels]);
        }
        Ok(Self { options, step: 0, genres, device: device.clone(), config, player, judge, norms })
    }

    /// Goes on from a checkpoint, with the options in its header.
    ///
    /// # Errors
    /// Where a tensor is missing or does not fit those options.
    pub fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let Header { options, step, genres } = checkpoint.header()?;
        let mut run = Self::new(options, genres, device)?;
        run.player.restore(checkpoint, step)?;
        run.judge.restore(checkpoint, step)?;
        let kept = checkpoint.part("norms");
        for (name, values) in &mut run.norms {
            *values = kept.get(name, &[values.len()])?.to_vec1()?;
        }
        run.step = step;
        Ok(run)
    }

    /// What the generator's norms have seen, as tensors.
    fn seen(&self) -> Result<Weights> {
        let mut weights = Weights::new();
        for (name, values) in &self.norms {
            weights.insert(name, Tensor::from_slice(values, values.len(), &Device::Cpu)?);
        }
        Ok(weights)
    }

    /// Pictures of training phrases, as they were struck; where that is not known, and for our preset every
    /// second one, all notes are as loud: what is encoded later has no velocities.
    fn pictures(&self, data: &Dataset, size: usize, turn: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let o = &self.options;
        let mut all = Vec::with_capacity(size * SIDE * SIDE * self.config.planes);
        for i in 0..size {
            let genre = (turn + i) % self.genres;
            let items = data.split(genre, Split::Train);
            let item = &items[rng.random_range(0..items.len())];
            let by = rng.random_range(-o.transpose..=o.transpose);
            let flat = o.preset == Preset::Ours && rng.random();
            let mut heard = [[0.0f32; PITCHES]; STEPS];
            let excerpt = data.excerpt(genre, item).filter(|excerpt| !flat && !excerpt.song.array);
            if let Some(mut excerpt) = excerpt {
                excerpt.at.by += by as i8;
                let keys = Velocities::PHRASE.see(&excerpt);
                let first = usize::from(phrase::LOWEST - LOWEST_KEY);
                for (step, row) in (0..STEPS).flat_map(|step| (0..PITCHES).map(move |row| (step, row))) {
                    let cell = step * KEYS + first + row;
                    heard[step][row] = match keys.struck[cell] {
                        true => keys.velocity[cell],
                        false if step > 0 && keys.held[cell] => heard[step - 1][row],
                        false => 0.0,
                    };
                }
            }
            let roll = model::arranger::shifted(&item.roll, by);
            all.extend(picture(&roll, self.config.planes, |step, row| {
                Some(heard[step][row]).filter(|velocity| *velocity > 0.0).unwrap_or(UNKNOWN)
            }));
        }
        all
    }

    fn shard(&self, data: &Dataset, shard: usize) -> Result<Part> {
        let o = &self.options;
        let Share { size, turn, mut rng } = Share::of(o.seed, o.batch, self.step, shard);
        let real = self.pictures(data, size, turn, &mut rng);
        let real = Tensor::from_vec(real, (size, SIDE, SIDE, self.config.planes), &self.device)?;
        let ops = Ops::on(&self.device);
        let (player, judge) = (self.player.weights(), self.judge.weights());
        let network = Network::new(self.config, &player, ops);
        let (mean, doubt) = network.encode(&real)?;
        // One phrase of which nothing is known, and its cloud would be beyond all numbers.
        let doubt = if o.ahead > 0.0 { ((doubt / DOUBT)?.tanh()? * DOUBT)? } else { doubt };
        let points = losses::drawn(&mean, &doubt, &mut rng)?;
        let chance = random::normal(&mut rng, points.elem_count());
        let chance = Tensor::from_vec(chance, points.shape(), &self.device)?;
        let generated = network.generate(&Tensor::cat(&[&points, &chance], 0)?)?;
        let pictures = sigmoid(&generated.logits)?;

        // The discriminator: real pictures, and generated ones of both origins, through noise: else it tells
        // them by grey cells alone, which no music has.
        let haze = Tensor::from_vec(random::normal(&mut rng, real.elem_count()), real.shape(), &self.device)?;
        let haze = (haze * f64::from(o.noise))?;
        let twice = Tensor::cat(&[&haze, &haze], 0)?;
        let judged = Network::new(self.config, &judge, ops);
        let (seen, on_real) = judged.judge(&(&real + &haze)?)?;
        let (_, on_generated) = judged.judge(&(&pictures.detach() + &twice)?)?;
        let nothing = on_generated.zeros_like()?;
        let told = losses::cross_entropy(&on_real, &on_real.ones_like()?)?.mean_all()?;
        let fooled = losses::cross_entropy(&on_generated, &nothing)?.mean_all()?;
        let discriminator = ((told + fooled)? * 0.5)?;
        let for_judge = self.judge.gradients(&discriminator.backward()?)?;

        // The encoder and the generator, judged by weights that stand still.
        let still = judge.detached();
        let judged = Network::new(self.config, &still, ops);
        let (features, on_generated) = judged.judge(&(&pictures + &twice)?)?;
        let features = features.narrow(0, 0, size)?;
        let features = (((features - seen.detach())?.sqr()?.sum_all()? * 0.5)? / size as f64)?;
        let generator = losses::cross_entropy(&on_generated, &nothing.ones_like()?)?.mean_all()?;
        let logits = generated.logits.narrow(0, 0, size)?;
        let cells = (losses::cross_entropy(&logits, &real)?.sum_all()? / size as f64)?;
        let numbers = losses::divergences(&mean, &doubt)?;
        let compared = (&features + (&cells * f64::from(o.cells))?)?;
        let warm = losses::WARM * o.warmup;
        let total = losses::sums(&compared, &numbers, o.free, o.beta, self.step, warm)?;
        let total = (total + (&generator * FOOLING)?)?;
        let for_player = self.player.gradients(&total.backward()?)?;

        let [features, cells, kl, generator, discriminator] =
            [features, cells, numbers.sum_all()?, generator, discriminator]
                .map(|loss| loss.to_scalar::<f32>());
        let losses = Losses::new([
            (NAMES[0], features?),
            (NAMES[1], cells?),
            (NAMES[2], kl?),
            (NAMES[3], generator?),
            (NAMES[4], discriminator?),
        ]);
        Ok((Sum { gradients: [for_player, for_judge], losses }, generated.norms))
    }
}

/// By way of the tangent: `exp` of a sure cell would be infinite, and its gradient no number.
fn sigmoid(x: &Tensor) -> candle_core::Result<Tensor> {
    ((x * 0.5)?.tanh()? * 0.5)? + 0.5
}

/// Parts of the checkpoint: `weights`, `mean` and `square` of all networks, and `norms`.
impl Trainee for PicturesRun {
    fn family(&self) -> &'static str {
        super::name(self.options.kind)
    }

    read_off!(NEEDS, NAMES, steps);

    fn train(&mut self, data: &Dataset, threads: usize) -> Result<Losses> {
        let (sums, norms): (Vec<_>, Vec<_>) =
            core::shards(threads, |shard| self.shard(data, shard))?.into_iter().unzip();
        let Sum { gradients: [mut player, mut judge], losses } = core::sum(self.step + 1, sums)?;
        // A phrase's nats, not a mean over its cells: longer gradients are in order.
        clip(&mut player, self.options.clip * 100.0);
        clip(&mut judge, self.options.clip);
        let phrases: usize = (0..self.genres).map(|genre| data.split(genre, Split::Train).len()).sum();
        let epochs = (self.step as f64 * self.options.batch as f64 / phrases as f64).floor();
        let o = &self.options;
        let falling = Schedule::new(o.steps, o.decay).scale(self.step);
        let rate = o.rate * EPOCH.powf(epochs) as f32 * falling;
        let of = |name: &str| losses.get(name).unwrap_or(f32::NAN);
        let [fast, slow] = rates(rate, of(NAMES[3]), of(NAMES[4]));
        self.player.descend(&player, fast)?;
        if o.ahead <= 0.0 || of(NAMES[3]) <= o.ahead * of(NAMES[4]) {
            self.judge.descend(&judge, slow)?;
        }
        for (index, (name, _)) in self.config.norms().into_iter().enumerate() {
            for (part, which) in ["mean", "variance"].into_iter().zip(0..) {
                let Some(kept) = self.norms.get_mut(&format!("{name}_{part}")) else { continue };
                for shard in &norms {
                    let seen = kept.iter_mut().zip(&shard[index][which]);
                    seen.for_each(|(kept, seen)| *kept += RUNNING * (seen - *kept));
                }
            }
        }
        self.step += 1;
        Ok(losses)
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let header = Header { options: &self.options, step: self.step, genres: self.genres };
        let mut checkpoint = Checkpoint::of(self.family(), header, [&self.player, &self.judge])?;
        checkpoint.add("norms", &self.seen()?);
        Ok(checkpoint)
    }

    fn pack(&self, _: &Dataset) -> Result<(Parts, Weights)> {
        let mut weights = super::played(&self.player.averaged()?);
        let seen = prefixed(Role::Space, self.seen()?.iter());
        seen.iter().for_each(|(name, tensor)| weights.insert(name, tensor.clone()));
        Ok((SpaceFamily::from(self.config).into(), weights))
    }

    fn recipe(&self) -> String {
        let o = &self.options;
        format!(
            "VAE-GAN of pictures of {SIDE} x {SIDE}, {} numbers, {} channels, {} planes; {} steps of batch \
             {}, Adam {:e} x 0.99 an epoch, balanced by the losses' ratio, compared in the discriminator's \
             features and {} times cell by cell, KL times {}.",
            o.numbers, o.channels, self.config.planes, self.step, o.batch, o.rate, o.cells, o.beta
        )
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::{rates, sigmoid};

    #[test]
    fn a_cell_that_is_sure_has_a_gradient() -> candle_core::Result<()> {
        let x = Var::new(&[-300.0f32, -1.0, 0.0, 300.0], &Device::Cpu)?;
        let y = sigmoid(&x)?;
        let slope = y.sum_all()?.backward()?.get(&x).expect("it is a variable").to_vec1::<f32>()?;
        let near = |a: &[f32], b: [f32; 4]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(near(&y.to_vec1()?, [0.0, 0.268_941, 0.5, 1.0]) && near(&slope, [0.0, 0.196_612, 0.25, 0.0]));
        Ok(())
    }

    #[test]
    fn whoever_is_behind_learns_faster() {
        let near = |found: [f32; 2], wanted: [f32; 2]| {
            found.iter().zip(wanted).all(|(a, b)| (a / b - 1.0).abs() < 1e-5)
        };
        assert!(near(rates(4e-4, 1.0, 1.0), [4e-4, 4e-4]));
        // The generator is behind: it learns faster, the discriminator slower.
        assert!(near(rates(4e-4, 3.0, 1.0), [12e-4, 4e-4 / 3.0]));
        assert!(near(rates(4e-4, 100.0, 1.0), [80e-4, 4e-6]));
        // The discriminator is behind: neither leaves the base rate.
        assert!(near(rates(4e-4, 0.5, 1.0), [4e-4, 4e-4]));
        assert!(rates(4e-4, 1.0, 0.0).iter().all(|rate| rate.is_finite() && *rate > 0.0));
    }
}
