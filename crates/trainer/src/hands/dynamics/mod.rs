//! `train-dynamics`: learns how hard a genre's players strike, and makes a pack of that alone, to be added to
//! others. Three presets: see [`model::touch`].

pub mod measure;
pub mod rivals;
pub mod takes;

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use candle_core::{Device, Tensor};
use model::touch::{Sample, Touch, TouchConfig, UNIT, batch};
use model::{Card, Ops, Pack, Parts, Weights};
use phrase::STEPS;
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::{check, corpora};
use crate::core::{Gradients, Optimised, Schedule, clip};
use crate::dataset::{Dataset, Split};
use crate::random;
use takes::{Take, mean, takes};

/// Which network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// Small, relative to the phrase, told some of the velocities.
    Ours,
    /// Malik and Ek's: 176 units, a stack of three for each genre.
    Stylenet,
    /// The same with attention.
    Tonenet,
}

/// Options of `train-dynamics`.
#[derive(Debug, clap::Args)]
pub struct DynamicsOptions {
    /// The dataset, of performances; songs of one velocity are left out.
    pub dataset: PathBuf,
    /// The pack to write, of dynamics alone.
    #[arg(short, long)]
    pub output: PathBuf,
    /// Which network.
    #[arg(long, value_enum, default_value = "ours")]
    pub preset: Preset,
    /// Training steps; by default 6,000 of ours, 600 of the others.
    #[arg(long)]
    pub steps: Option<u64>,
    /// Phrases a step, of genres in turn (windows of 200 steps of one genre with the papers' networks); by
    /// default 32, and 8.
    #[arg(long)]
    pub batch: Option<usize>,
    /// Learning rate (Adam), which falls to nothing over the last half; the papers' stays.
    #[arg(long)]
    pub rate: Option<f32>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Tells the papers' networks the velocities too, so that their loop-back means something.
    #[arg(long)]
    pub hear_velocity: bool,
}

/// The papers' windows, in steps.
const WINDOW: usize = 200;
/// What their dropout keeps.
const KEPT: f32 = 0.5;
/// What ours' dropout keeps, and by how many keys its phrases are moved at most.
const KEPT_OURS: f32 = 0.8;
const MOVED: i32 = 6;
/// Share of ours' samples of which nothing is told.
const BLIND: f32 = 0.35;

/// Does it; gives the pack and what was measured of it.
///
/// # Errors
/// When the dataset has nothing to learn from, in a sentence.
pub fn train(options: &DynamicsOptions) -> Result<(Pack, measure::Measured)> {
    let data = Dataset::read(&options.dataset)?;
    check(&data, true)?;
    let genres = data.items.len();
    let papers = options.preset != Preset::Ours;
    ensure!(
        papers || !options.hear_velocity,
        "--hear-velocity is for stylenet and tonenet; ours hears some anyway"
    );
    let config = match options.preset {
        Preset::Ours => TouchConfig::ours(genres),
        Preset::Stylenet => TouchConfig { hears: options.hear_velocity, ..TouchConfig::stylenet(genres) },
        Preset::Tonenet => TouchConfig { hears: options.hear_velocity, ..TouchConfig::tonenet(genres) },
    };
    let length = if papers { WINDOW } else { STEPS };
    let mut music = Vec::new();
    for genre in 0..genres {
        let (takes, flat) = takes(&data, genre, Split::Train, length)?;
        let name = &data.info.genres[genre].name;
        ensure!(!takes.is_empty(), "{name}: it has no phrase of eight notes or more to train on");
        println!("{name}: {} phrases; {flat} songs of one velocity left out", takes.len());
        music.push(takes);
    }
    let steps = options.steps.unwrap_or(if papers { 600 } else { 6000 });
    let mut run = Run::new(config, options, steps)?;
    for step in 0..steps {
        let loss = run.step(step, &music)?;
        if !loss.is_finite() {
            bail!("step {step}: the loss is not finite; try a smaller --rate");
        }
        if (step + 1) % (steps / 20).max(1) == 0 {
            println!("step {:>6}  loss {loss:.4}", step + 1);
        }
    }
    let mut weights = run.network.averaged()?;
    if config.is_relative() {
        let scale = measure::scale(&config, &weights, &data)?;
        weights.insert("scale", Tensor::from_vec(scale, (genres, 2), &Device::Cpu)?);
    }
    let measured = measure::measure(&config, &weights, &data)?;
    let mut all = Weights::new();
    weights.iter().for_each(|(name, tensor)| all.insert(format!("dynamics.{name}"), tensor.clone()));
    let parts = Parts { dynamics: Some(config), ..Parts::default() };
    let card = Card {
        data: corpora(&data),
        recipe: format!(
            "Dynamics ({:?}): {steps} steps of batch {}, Adam {:e}, seed {}.",
            options.preset, run.batch, run.rate, options.seed
        ),
        metrics: measured.metrics(),
        ..Card::new("Dynamics", data.genres().into_iter().collect(), parts)
    };
    let pack = Pack::new(card, &all);
    pack.write(&options.output)?;
    Ok((Pack::read(&options.output)?, measured))
}

/// A network being trained.
struct Run {
    config: TouchConfig,
    network: Optimised,
    batch: usize,
    rate: f32,
    seed: u64,
    schedule: Schedule,
}

impl Run {
    fn new(config: TouchConfig, options: &DynamicsOptions, steps: u64) -> Result<Self> {
        let papers = !config.is_relative();
        let mut rng = random::stream(options.seed, u64::MAX);
        let parameters = config.parameters();
        let network = Optimised::new(&parameters, [0.9, 0.999], &mut rng, &Device::Cpu)?;
        // Memory is kept at first: the forget gates begin open.
        let mut open = Weights::new();
        for (name, tensor) in network.weights().iter() {
            let tensor = if name.ends_with(".bias") && tensor.dims1()? % 4 == 0 && name != "head.bias" {
                let units = tensor.dims1()? / 4;
                let bias = (0..4 * units).map(|gate| f32::from(u8::from(gate / units == 1)));
                Tensor::from_iter(bias, &Device::Cpu)?
            } else {
                tensor.detach()
            };
            open.insert(name.clone(), tensor);
        }
        let network = network.starting_at(&open)?;
        Ok(Self {
            config,
            network: if papers { network } else { network.averaging()? },
            batch: options.batch.unwrap_or(if papers { 8 } else { 32 }).max(1),
            rate: options.rate.unwrap_or(if papers { 1e-3 } else { 2e-3 }),
            seed: options.seed,
            schedule: if papers { Schedule::new(steps, 0.0) } else { Schedule::new(steps, 0.5).rising(100) },
        })
    }

    fn step(&mut self, step: u64, music: &[Vec<Take>]) -> Result<f32> {
        let mut rng = random::stream(self.seed, step);
        let weights = self.network.weights();
        let touch = Touch::new(self.config, &weights, Ops::KERNELS);
        let loss = if self.config.is_relative() {
            self.relative(&touch, step, music, &mut rng)?
        } else {
            self.absolute(&touch, step, music, &mut rng)?
        };
        let mut gradients: Gradients = self.network.gradients(&loss.backward()?)?;
        clip(&mut gradients, if self.config.is_relative() { 1.0 } else { 10.0 });
        let values = self.network.descend(&gradients, self.rate * self.schedule.scale(step))?;
        if self.config.is_relative() {
            self.network.follow(&values, 0.002, step);
        }
        Ok(loss.to_scalar::<f32>()?)
    }

    /// Ours: the notes whose velocity is not told, relative to those that are.
    fn relative(
        &self,
        touch: &Touch,
        step: u64,
        music: &[Vec<Take>],
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor> {
        let genres = music.len();
        let shares = identity(genres);
        let mut drawn = Vec::new();
        for index in 0..self.batch {
            let genre = (step as usize * self.batch + index) % genres;
            let Some(take) = music[genre].choose(rng) else { continue };
            let take = take.moved(rng.random_range(-MOVED..=MOVED));
            let told = Told::draw(&take, rng);
            drawn.push((take, genre, told));
        }
        let samples: Vec<Sample> = drawn
            .iter()
            .map(|(take, genre, told)| (&take.score, &take.notes[..], &told.known[..], &shares[*genre][..]))
            .collect();
        let read = batch(&self.config, &samples, &Device::Cpu)?;
        let out = touch.forward(&read, Some(&mut |shape: &[usize]| mask(shape, KEPT_OURS, rng)))?;
        let targets: Vec<f32> = drawn.iter().flat_map(|(_, _, told)| told.targets.clone()).collect();
        let hidden: Vec<f32> = drawn.iter().flat_map(|(_, _, told)| told.hidden.clone()).collect();
        let count = hidden.iter().sum::<f32>().max(1.0);
        let len = targets.len();
        let off = (out - Tensor::from_vec(targets, len, &Device::Cpu)?)?;
        let loss = (off.sqr()? * Tensor::from_vec(hidden, len, &Device::Cpu)?)?.sum_all()?;
        Ok((loss / f64::from(count))?)
    }

    /// The papers': all cells, silent ones too.
    fn absolute(
        &self,
        touch: &Touch,
        step: u64,
        music: &[Vec<Take>],
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor> {
        let genre = step as usize % music.len();
        let shares = identity(music.len());
        let drawn: Vec<&Take> = (0..self.batch).filter_map(|_| music[genre].choose(rng)).collect();
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
        let out = touch.forward(&batch, Some(&mut |shape: &[usize]| mask(shape, KEPT, rng)))?;
        let targets: Vec<f32> = drawn.iter().flat_map(|take| take.cells()).collect();
        let targets = Tensor::from_vec(targets, out.dims(), &Device::Cpu)?;
        Ok((out - targets)?.sqr()?.mean_all()?)
    }
}

/// Drops numbers, and makes up for it: `kept` of them stay.
fn mask(shape: &[usize], kept: f32, rng: &mut ChaCha8Rng) -> candle_core::Result<Tensor> {
    let len = shape.iter().product::<usize>();
    let draws = (0..len).map(|_| if rng.random::<f32>() < kept { 1.0 / kept } else { 0.0 });
    Tensor::from_iter(draws, &Device::Cpu)?.reshape(shape)
}

/// A vector for each genre alone.
pub fn identity(genres: usize) -> Vec<Vec<f32>> {
    (0..genres).map(|genre| (0..genres).map(|at| f32::from(u8::from(at == genre))).collect()).collect()
}

/// What ours is told of a take, and what it is to say.
#[derive(Clone, Debug)]
pub struct Told {
    /// Relative velocities of the notes that are told.
    pub known: Vec<(usize, usize, f32)>,
    /// Those of all, in units.
    pub targets: Vec<f32>,
    /// 1 for the notes that are not told, else 0.
    pub hidden: Vec<f32>,
    /// What they are relative to: the mean of what is told, or of all where nothing is.
    pub base: f32,
}

impl Told {
    /// With the notes told that are marked.
    pub fn of(take: &Take, told: &[bool]) -> Self {
        let of_told: Vec<f32> =
            take.velocities.iter().zip(told).filter(|(_, told)| **told).map(|(v, _)| *v).collect();
        let base = if of_told.is_empty() { take.level() } else { mean(&of_told) };
        let targets: Vec<f32> = take.velocities.iter().map(|velocity| (velocity - base) / UNIT).collect();
        let all = take.notes.iter().zip(&targets).zip(told);
        let known = all.filter(|(_, told)| **told).map(|((note, target), _)| (note.0, note.1, *target));
        Self {
            known: known.collect(),
            hidden: told.iter().map(|told| f32::from(u8::from(!told))).collect(),
            targets,
            base,
        }
    }

    /// Nothing, some notes, the top line, or all but that.
    fn draw(take: &Take, rng: &mut ChaCha8Rng) -> Self {
        let kind: f32 = rng.random();
        let share: f32 = rng.random_range(0.05..0.95);
        let line: bool = rng.random();
        let is_top = |&(step, key): &(usize, usize)| take.score.held[step] >> key == 1;
        let told: Vec<bool> = match kind {
            _ if kind < BLIND => vec![false; take.notes.len()],
            _ if kind < 0.65 => take.notes.iter().map(|_| rng.random::<f32>() < share).collect(),
            _ => take.notes.iter().map(|note| is_top(note) == line).collect(),
        };
        // A phrase that is told whole teaches nothing.
        let told = if told.iter().all(|told| *told) { vec![false; told.len()] } else { told };
        Self::of(take, &told)
    }
}
