//! The state of an arranger's run and one training step of it.

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use model::arranger::{Arranger, ArrangerConfig, Content, FEATURES, Sizes, shifted, tonic_shift};
use model::{Family, Ops, Weights};
use phrase::{PITCHES, Roll, STEPS};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{ArrangeOptions, Habits};
use crate::dataset::{Dataset, Split};
use crate::random;
use crate::run::checkpoint::{Checkpoint, OPTIONS};
use crate::run::{NotFinite, Trainee};
use crate::shards::{self, SHARDS};
use crate::variables::{Adam, Gradients, Variables, accumulate};

/// Losses in nats a phrase: which cells sound, and which of those that sound on are struck anew.
const LOSSES: [&str; 2] = ["sounding", "onset"];

/// A run: network, optimiser, average.
#[derive(Debug)]
pub struct Arrange {
    options: ArrangeOptions,
    step: u64,
    device: Device,
    config: ArrangerConfig,
    variables: Variables,
    optimiser: Adam,
    average: Gradients,
    /// By genre; none before [`Trainee::settle`].
    habits: Vec<Habits>,
}

/// Phrases as tensors.
struct Batch {
    /// `[B, 64, FEATURES]`.
    content: Tensor,
    /// One-hot, `[B, G]`.
    genres: Tensor,
    /// Sounding and onset, `[B, 64, 2, 84]`.
    cells: Tensor,
    /// 1 for what is decided: every cell's sounding; its onset where it sounds and did a step before. `[B, 64, 2, 84]`.
    decided: Tensor,
}

impl Arrange {
    /// A fresh run for `genres` genres on `device`.
    ///
    /// # Errors
    /// When the options do not go together.
    pub fn new(options: ArrangeOptions, genres: usize, device: &Device) -> Result<Self> {
        ensure!(
            (2..=8).contains(&genres),
            "a transfer needs 2 to 8 genres, here are {genres}; give a folder for each"
        );
        ensure!(
            options.batch >= SHARDS && options.batch.is_multiple_of(SHARDS),
            "the batch must be an even number, 2 or more"
        );
        ensure!(
            options.heads > 0 && options.width.is_multiple_of(options.heads),
            "{} channels cannot be shared by {} heads; choose a multiple",
            options.width,
            options.heads
        );
        ensure!((0.0..1.0).contains(&options.drop), "the share that is dropped must be under 1");
        let config = options.config(genres);
        let mut rng = random::stream(options.seed, u64::MAX);
        let variables = Variables::new(&config.parameters(), &mut rng, device)?;
        let average = variables.values()?;
        let optimiser = Adam::new(&average, 0.9, 0.98);
        Ok(Self {
            options,
            step: 0,
            device: device.clone(),
            config,
            variables,
            optimiser,
            average,
            habits: Vec::new(),
        })
    }

    /// What the learning rate is multiplied by at this step.
    fn schedule(&self) -> f32 {
        let (steps, done) = (self.options.steps, self.step);
        let rising = (done + 1) as f32 / self.options.warmup.max(1) as f32;
        let falling = steps.saturating_sub(done) as f32 / (self.options.decay * steps as f32).max(1.0);
        rising.min(falling).min(1.0)
    }

    /// Gradients and losses of one part of a step's batch.
    fn shard(&self, data: &Dataset, shard: usize) -> Result<(Gradients, [f32; 2])> {
        let counter = self.step * SHARDS as u64 + shard as u64;
        let size = self.options.batch / SHARDS;
        let mut rng = random::stream(self.options.seed, counter);
        let batch = self.draw(data, size, counter as usize * size, &mut rng)?;
        let weights = self.variables.weights();
        let network = Arranger::new(self.config, &weights, Ops::on(&self.device));
        let (drop, device) = (self.options.drop, &self.device);
        let mut mask = |shape: &[usize]| {
            let kept = 1.0 / (1.0 - drop);
            let len = shape.iter().product::<usize>();
            let draws = (0..len).map(|_| if rng.random::<f32>() < drop { 0.0 } else { kept });
            Tensor::from_iter(draws, device)?.reshape(shape)
        };
        let masks = if drop > 0.0 { Some(&mut mask as &mut dyn FnMut(&[usize]) -> _) } else { None };
        let logits = network.forward(&batch.content, &batch.genres, &batch.cells, masks)?;
        let losses = losses(&logits, &batch)?;
        let total = (losses.sum_all()? / STEPS as f64)?;
        let gradients = self.variables.gradients(&total.backward()?)?;
        let [sounding, onset] = losses.to_vec1::<f32>()?[..] else {
            anyhow::bail!("the losses are {:?} where 2 are needed", losses.shape())
        };
        Ok((gradients, [sounding, onset]))
    }

    /// Training phrases with damaged content; the genres take turns, beginning with number `turn`.
    fn draw(&self, data: &Dataset, size: usize, turn: usize, rng: &mut ChaCha8Rng) -> Result<Batch> {
        let genres = self.config.genres;
        let mut content = vec![0.0; size * STEPS * FEATURES];
        let mut one_hot = vec![0f32; size * genres];
        let (mut cells, mut decided) = (Vec::new(), Vec::new());
        for (i, features) in content.chunks_exact_mut(STEPS * FEATURES).enumerate() {
            let genre = (turn + i) % genres;
            one_hot[i * genres + genre] = 1.0;
            let items = data.split(genre, Split::Train);
            let roll = items[rng.random_range(0..items.len())].roll;
            let reach = if rng.random() { self.options.transpose } else { 0 };
            let roll = shifted(&roll, tonic_shift(&roll) + rng.random_range(-reach..=reach));
            let mut told = Content::of(&roll);
            self.options.corruption.apply(&mut told, rng);
            told.write(features);
            write(&roll, &mut cells, &mut decided);
        }
        let planes = (size, STEPS, 2, PITCHES);
        Ok(Batch {
            content: Tensor::from_vec(content, (size, STEPS, FEATURES), &self.device)?,
            genres: Tensor::from_vec(one_hot, (size, genres), &self.device)?,
            cells: Tensor::from_vec(cells, planes, &self.device)?,
            decided: Tensor::from_vec(decided, planes, &self.device)?,
        })
    }
}

/// Appends a roll's planes, `[64][2][84]`, and which of them are decided.
fn write(roll: &Roll, cells: &mut Vec<f32>, decided: &mut Vec<f32>) {
    let mut before = 0;
    for (&sounding, &onset) in roll.sounding.iter().zip(&roll.onset) {
        let starts = sounding & (onset | !before);
        for (bits, asked) in [(sounding, u128::MAX), (starts, sounding & before)] {
            let bit = |bits: u128, row: usize| f32::from((bits >> row & 1) as u8);
            cells.extend((0..PITCHES).map(|row| bit(bits, row)));
            decided.extend((0..PITCHES).map(|row| bit(asked, row)));
        }
        before = sounding;
    }
}

/// Cross-entropies in nats a phrase, `[2]`, in the order of [`LOSSES`].
fn losses(logits: &Tensor, batch: &Batch) -> candle_core::Result<Tensor> {
    // softplus(x) - x y, without overflow.
    let softplus = (logits.relu()? + (logits.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
    let each = ((softplus - (logits * &batch.cells)?)? * &batch.decided)?;
    each.sum((0, 1, 3))? / batch.cells.dim(0)? as f64
}

#[derive(Serialize, Deserialize)]
struct Header {
    options: ArrangeOptions,
    step: u64,
    genres: usize,
}

/// Parts of the checkpoint: `weights`, `mean`, `square` and `average`.
impl Trainee for Arrange {
    const KIND: &'static str = "arranger";

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
        let this = &*self;
        let shards = shards::each(threads, |shard| this.shard(data, shard))?;
        let mut losses = [0.0; LOSSES.len()];
        let mut sum: Option<Gradients> = None;
        for (gradients, more) in shards {
            losses.iter_mut().zip(more).for_each(|(sum, loss)| *sum += loss / SHARDS as f32);
            match &mut sum {
                None => sum = Some(gradients),
                Some(sum) => accumulate(sum, &gradients),
            }
        }
        let mut gradients = sum.context("a training step needs at least one shard")?;
        NotFinite::check(self.step + 1, &LOSSES, &losses, std::slice::from_ref(&gradients))?;
        let square: f64 = gradients.iter().flatten().map(|&x| f64::from(x) * f64::from(x)).sum();
        // The gradients are a sum over the shards, not a mean.
        let length = (square.sqrt() / SHARDS as f64) as f32;
        let scale = (self.options.clip / length.max(1e-12)).min(1.0) / SHARDS as f32;
        gradients.iter_mut().flatten().for_each(|x| *x *= scale);
        let mut values = self.variables.values()?;
        self.optimiser.update(&mut values, &gradients, self.options.rate * self.schedule());
        self.variables.set(&values)?;
        let share = self.options.average.max(1.0 / (self.step + 1) as f32);
        for (average, value) in self.average.iter_mut().flatten().zip(values.iter().flatten()) {
            *average += share * (value - *average);
        }
        self.step += 1;
        Ok(losses.to_vec())
    }

    fn configuration(&self) -> serde_json::Value {
        serde_json::json!(self.options)
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let header =
            serde_json::json!({ OPTIONS: self.options, "step": self.step, "genres": self.config.genres });
        let mut checkpoint = Checkpoint::new(Self::KIND, header);
        checkpoint.add("weights", &self.variables.weights());
        checkpoint.add("mean", &self.variables.dressed(&self.optimiser.mean)?);
        checkpoint.add("square", &self.variables.dressed(&self.optimiser.square)?);
        checkpoint.add("average", &self.variables.dressed(&self.average)?);
        Ok(checkpoint)
    }

    fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let header: Header = checkpoint.header()?;
        let mut run = Self::new(header.options, header.genres, device)?;
        let part = |part: &str| run.variables.undressed(&checkpoint.part(part));
        let (weights, average) = (part("weights")?, part("average")?);
        (run.optimiser.mean, run.optimiser.square) = (part("mean")?, part("square")?);
        run.optimiser.step = i32::try_from(header.step)?;
        run.variables.set(&weights)?;
        run.average = average;
        run.step = header.step;
        Ok(run)
    }

    fn pack(&self) -> Result<(Family, Weights)> {
        let style = self.options.style(&self.habits);
        let transfer = Sizes { network: self.config, style }.into();
        Ok((transfer, self.variables.dressed(&self.average)?))
    }

    fn settle(&mut self, data: &Dataset) {
        self.habits =
            (0..data.items.len()).map(|genre| Habits::of(data.split(genre, Split::Train))).collect();
    }

    fn recipe(&self) -> String {
        let (o, c) = (&self.options, &self.options.corruption);
        format!(
            "Arranger (reads melody, harmony, bass and density, writes the phrase a step at a time), {} steps of batch {}, Adam {:e}, betas 0.9 / 0.98, {} warm-up \
             steps, gradient at most {}, dropout {}, seed {}; maximum likelihood of each genre's own phrases, content damaged (melody notes re-timed in their beat {}, left out {}, \
             inserted {}, detuned {}; pitch classes left out {}, inserted {}; bass not told {}; density off by {} octaves), every second phrase up to {} semitones out of C major or A minor, \
             weights averaged at {} a step. Answers drawn with pull {}, change {}, contrast {}, temperature {}, melody {}, density {}, chromatic {}.",
            self.step,
            o.batch,
            o.rate,
            o.warmup,
            o.clip,
            o.drop,
            o.seed,
            c.retime,
            c.omit,
            c.insert,
            c.detune,
            c.omit_class,
            c.insert_class,
            c.omit_bass,
            c.density_noise,
            o.transpose,
            o.average,
            o.pull,
            o.change,
            o.contrast,
            o.temperature,
            o.melody,
            o.density,
            o.chromatic
        )
    }
}
