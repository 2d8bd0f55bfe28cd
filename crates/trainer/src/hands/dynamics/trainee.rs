//! Dynamics in training: what is saved, how it goes on, and what it learns from a step.

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use model::touch::{Sample, Touch, TouchConfig, batch};
use model::{Ops, Parts, Weights};
use phrase::STEPS;
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Preset;
use super::measure::scale;
use super::takes::{Take, takes};
use super::told::Told;
use crate::core::{Losses, NotFinite, Optimised, Schedule, clip, mask, opened};
use crate::dataset::{Dataset, Split};
use crate::families::Family;
use crate::random;
use crate::run::checkpoint::{Checkpoint, Header};
use crate::run::{Needs, Sight, Trainee, read_off};

/// What the family is called in checkpoints.
pub const NAME: &str = "dynamics";

/// How a run of `train-dynamics` is found again. It has a command of its own.
pub const FAMILY: Family =
    Family::of_a_command(NAME, |checkpoint, _| Ok(Box::new(DynamicsRun::resume(checkpoint)?)));

/// The papers' windows, in steps.
const WINDOW: usize = 200;
/// What their dropout takes away.
const DROPPED: f32 = 0.5;
/// What ours' dropout takes away, and by how many keys its phrases are moved at most.
const DROPPED_OURS: f32 = 0.2;
const MOVED: i32 = 6;

/// Every option that decides the numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recipe {
    /// Which network.
    pub preset: Preset,
    /// Training steps.
    pub steps: u64,
    /// Phrases, or windows, a step.
    pub batch: usize,
    /// Adam's learning rate.
    pub rate: f32,
    /// Seed of everything random.
    pub seed: u64,
    /// Whether the papers' networks are told velocities.
    pub hear_velocity: bool,
}

impl Recipe {
    fn config(&self, genres: usize) -> TouchConfig {
        match self.preset {
            Preset::Ours => TouchConfig::ours(genres),
            Preset::Stylenet => TouchConfig { hears: self.hear_velocity, ..TouchConfig::stylenet(genres) },
            Preset::Tonenet => TouchConfig { hears: self.hear_velocity, ..TouchConfig::tonenet(genres) },
        }
    }

    fn schedule(&self) -> Schedule {
        match self.preset {
            Preset::Ours => Schedule::new(self.steps, 0.5).rising(100),
            Preset::Stylenet | Preset::Tonenet => Schedule::new(self.steps, 0.0),
        }
    }
}

/// A network between two steps.
#[derive(Debug)]
pub struct DynamicsRun {
    options: Recipe,
    config: TouchConfig,
    step: u64,
    network: Optimised,
    /// What it learns from, once it was cut.
    music: Option<Music>,
}

impl DynamicsRun {
    /// A fresh one of so many genres.
    ///
    /// # Errors
    /// Where there is no room.
    pub fn new(options: Recipe, genres: usize) -> Result<Self> {
        let config = options.config(genres);
        let mut rng = random::stream(options.seed, u64::MAX);
        let network = Optimised::new(&config.parameters(), [0.9, 0.999], &mut rng, &Device::Cpu)?;
        let open = opened(&network.weights(), |name| name.ends_with(".bias") && name != "head.bias")?;
        let network = network.starting_at(&open)?;
        let network = if config.is_relative() { network.averaging()? } else { network };
        Ok(Self { options, config, step: 0, network, music: None })
    }

    /// With what [`music`] has cut already.
    pub(super) fn with(self, music: Music) -> Self {
        Self { music: Some(music), ..self }
    }

    /// Goes on from a checkpoint, with the options in its header.
    ///
    /// # Errors
    /// Where a tensor is missing or does not fit those options.
    pub fn resume(checkpoint: &Checkpoint) -> Result<Self> {
        let Header { options, step, genres } = checkpoint.header()?;
        let mut run = Self::new(options, genres)?;
        run.network.restore(checkpoint, step)?;
        run.step = step;
        Ok(run)
    }

    /// Ours: the notes whose velocity is not told, relative to those that are.
    fn relative(&self, touch: &Touch, music: &[(Vec<Take>, usize)], rng: &mut ChaCha8Rng) -> Result<Tensor> {
        let (genres, batch_size) = (music.len(), self.options.batch);
        let shares = identity(genres);
        let mut drawn = Vec::new();
        for index in 0..batch_size {
            let genre = (self.step as usize * batch_size + index) % genres;
            let Some(take) = music[genre].0.choose(rng) else { continue };
            let take = take.moved(rng.random_range(-MOVED..=MOVED));
            let told = Told::draw(&take, rng);
            drawn.push((take, genre, told));
        }
        let samples: Vec<Sample> = drawn
            .iter()
            .map(|(take, genre, told)| (&take.score, &take.notes[..], &told.known[..], &shares[*genre][..]))
            .collect();
        let read = batch(&self.config, &samples, &Device::Cpu)?;
        let out = touch.forward(&read, Some(&mut |shape: &[usize]| dropout(shape, DROPPED_OURS, rng)))?;
        let targets: Vec<f32> = drawn.iter().flat_map(|(_, _, told)| told.targets.clone()).collect();
        let hidden: Vec<f32> = drawn.iter().flat_map(|(_, _, told)| told.hidden.clone()).collect();
        let count = hidden.iter().sum::<f32>().max(1.0);
        let len = targets.len();
        let off = (out - Tensor::from_vec(targets, len, &Device::Cpu)?)?;
        let loss = (off.sqr()? * Tensor::from_vec(hidden, len, &Device::Cpu)?)?.sum_all()?;
        Ok((loss / f64::from(count))?)
    }

    /// The papers': all cells, silent ones too.
    fn absolute(&self, touch: &Touch, music: &[(Vec<Take>, usize)], rng: &mut ChaCha8Rng) -> Result<Tensor> {
        let genre = self.step as usize % music.len();
        let shares = identity(music.len());
        let drawn: Vec<&Take> = (0..self.options.batch).filter_map(|_| music[genre].0.choose(rng)).collect();
        let known: Vec<Vec<(usize, usize, f32)>> = drawn
            .iter()
            .map(|take| {
                take.notes.iter().zip(&take.velocities).map(|(note, v)| (note.0, note.1, *v)).collect()
            })
            .collect();
        let samples: Vec<Sample> = drawn
            .iter()
            .zip(&known)
            .map(|(take, known)| (&take.score, &take.notes[..], &known[..], &shares[genre][..]))
            .collect();
        let batch = batch(&self.config, &samples, &Device::Cpu)?;
        let out = touch.forward(&batch, Some(&mut |shape: &[usize]| dropout(shape, DROPPED, rng)))?;
        let targets: Vec<f32> = drawn.iter().flat_map(|take| take.cells()).collect();
        let targets = Tensor::from_vec(targets, out.dims(), &Device::Cpu)?;
        Ok((out - targets)?.sqr()?.mean_all()?)
    }
}

impl Trainee for DynamicsRun {
    fn family(&self) -> &'static str {
        NAME
    }

    read_off!(
        Needs { sight: Sight::Velocities, genres: 1..=model::SLOTS, classifier: false },
        ["loss"],
        steps
    );

    /// On this thread alone: a step is some milliseconds.
    fn train(&mut self, data: &Dataset, _: usize) -> Result<Losses> {
        if self.music.is_none() {
            self.music = Some(music(data, self.options.preset)?);
        }
        let music = self.music.as_deref().unwrap_or_default();
        let mut rng = random::stream(self.options.seed, self.step);
        let relative = self.config.is_relative();
        let weights = self.network.weights();
        let touch = Touch::new(self.config, &weights, Ops::KERNELS);
        let loss = if relative {
            self.relative(&touch, music, &mut rng)?
        } else {
            self.absolute(&touch, music, &mut rng)?
        };
        let mut gradients = self.network.gradients(&loss.backward()?)?;
        clip(&mut gradients, if relative { 1.0 } else { 10.0 });
        let loss = loss.to_scalar::<f32>()?;
        if !loss.is_finite() {
            return Err(NotFinite { step: self.step + 1, what: "the loss".to_string() }.into());
        }
        let rate = self.options.rate * self.options.schedule().scale(self.step);
        let values = self.network.descend(&gradients, rate)?;
        if relative {
            self.network.follow(&values, 0.002, self.step);
        }
        self.step += 1;
        Ok(Losses::new([("loss", loss)]))
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let header = Header { options: self.options.clone(), step: self.step, genres: self.config.genres };
        Checkpoint::of(NAME, header, [&self.network])
    }

    fn pack(&self, data: &Dataset) -> Result<(Parts, Weights)> {
        let mut weights = self.network.averaged()?;
        if self.config.is_relative() {
            let scale = scale(&self.config, &weights, data)?;
            weights.insert("scale", Tensor::from_vec(scale, (self.config.genres, 2), &Device::Cpu)?);
        }
        let mut all = Weights::new();
        weights.iter().for_each(|(name, tensor)| all.insert(format!("dynamics.{name}"), tensor.clone()));
        Ok((Parts { dynamics: Some(self.config), ..Parts::default() }, all))
    }

    fn recipe(&self) -> String {
        let Recipe { preset, batch, rate, seed, .. } = &self.options;
        format!("Dynamics ({preset:?}): {} steps of batch {batch}, Adam {rate:e}, seed {seed}.", self.step)
    }
}

/// The training takes of each genre, and how many songs of one velocity were left out.
pub(super) type Music = Vec<(Vec<Take>, usize)>;

/// Cuts them, as the preset's network reads them.
///
/// # Errors
/// Where a genre has none.
pub(super) fn music(data: &Dataset, preset: Preset) -> Result<Music> {
    let length = if preset == Preset::Ours { STEPS } else { WINDOW };
    let of = |(genre, name): (usize, &String)| {
        let (takes, flat) = takes(data, genre, Split::Train, length)?;
        ensure!(!takes.is_empty(), "{name}: it has no phrase of eight notes or more to train on");
        Ok((takes, flat))
    };
    data.genres().iter().enumerate().map(of).collect()
}

fn dropout(shape: &[usize], share: f32, rng: &mut ChaCha8Rng) -> candle_core::Result<Tensor> {
    mask(shape, share, rng, &Device::Cpu)
}

/// A vector for each genre alone.
pub fn identity(genres: usize) -> Vec<Vec<f32>> {
    (0..genres).map(|genre| (0..genres).map(|at| f32::from(u8::from(at == genre))).collect()).collect()
}
