//! Our space in training: [`model::spaces::beats`].

use std::sync::OnceLock;

use anyhow::{Result, ensure};
use candle_core::Device;
use model::spaces::beats::{BEATS, Beats, BeatsConfig, Frame, Network};
use model::{Ops, Parts, Role, SpaceFamily, Weights};
use phrase::STEPS;
use serde::{Deserialize, Serialize};

use super::losses::{self, WARM};
use super::phrases;
use super::{Kind, LOSSES, NEEDS, Preset, Scale, SpaceArguments};
use crate::core::{self, Losses, Optimised, Schedule, Share, Sum, clip};
use crate::dataset::{Dataset, Split};
use crate::random;
use crate::run::checkpoint::{Checkpoint, Header};
use crate::run::{Trainee, read_off};

/// Training phrases that the frame is measured on.
const FRAMED: usize = 4096;

/// Everything that decides the numbers of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BeatsOptions {
    kind: Kind,
    preset: Preset,
    steps: u64,
    batch: usize,
    rate: f32,
    warmup: u64,
    decay: f32,
    clip: f32,
    average: f32,
    transpose: i32,
    scale: Scale,
    beta: f32,
    free: f32,
    damage: f32,
    code: usize,
    embed: usize,
    hidden: usize,
    width: usize,
    units: usize,
    spread: f32,
    seed: u64,
}

impl BeatsOptions {
    /// The options of a command line.
    pub fn of(a: &SpaceArguments) -> Self {
        Self {
            kind: a.kind,
            preset: a.preset,
            steps: a.steps,
            batch: a.batch.unwrap_or(64),
            rate: a.rate.unwrap_or(2e-3),
            warmup: a.warmup,
            decay: a.decay,
            clip: a.clip,
            average: a.average,
            transpose: a.transpose,
            scale: a.scale,
            beta: a.beta.unwrap_or(0.1),
            free: a.free,
            damage: a.damage,
            code: a.code,
            embed: a.embed,
            hidden: a.hidden,
            width: a.width,
            units: a.units,
            spread: a.spread,
            seed: a.seed,
        }
    }

    fn config(&self, genres: usize) -> BeatsConfig {
        let Self { code, embed, hidden, width, units, spread, .. } = *self;
        BeatsConfig { genres, code, embed, hidden, width, units, spread }
    }
}

/// A run: network, optimiser, average.
#[derive(Debug)]
pub struct BeatsRun {
    options: BeatsOptions,
    step: u64,
    device: Device,
    config: BeatsConfig,
    network: Optimised,
    /// Numbers of the training phrases that the frame is measured on; the same for every pack of the run.
    framed: OnceLock<Vec<(usize, usize)>>,
}

impl BeatsRun {
    /// A fresh run for `genres` genres on `device`.
    ///
    /// # Errors
    /// When the options do not go together.
    pub fn new(options: BeatsOptions, genres: usize, device: &Device) -> Result<Self> {
        NEEDS.check_genres(genres)?;
        core::check_batch(options.batch)?;
        ensure!((1..=64).contains(&options.code), "a beat's code has 1 to 64 numbers, not {}", options.code);
        ensure!((0..=6).contains(&options.transpose), "phrases are transposed by 0 to 6 semitones");
        let config = options.config(genres);
        let mut rng = random::stream(options.seed, u64::MAX);
        let network = Optimised::new(&config.trained(), [0.9, 0.99], &mut rng, device)?.averaging()?;
        Ok(Self { options, step: 0, device: device.clone(), config, network, framed: OnceLock::new() })
    }

    /// Goes on from a checkpoint, with the options in its header.
    ///
    /// # Errors
    /// Where a tensor is missing or does not fit those options.
    pub fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let Header { options, step, genres } = checkpoint.header()?;
        let mut run = Self::new(options, genres, device)?;
        run.network.restore(checkpoint, step)?;
        run.step = step;
        Ok(run)
    }

    fn shard(&self, data: &Dataset, shard: usize) -> Result<Sum<1>> {
        let o = &self.options;
        let Share { size, turn, mut rng } = Share::of(o.seed, o.batch, self.step, shard);
        let batch = phrases::batch(data, (size, turn), o.transpose, o.damage, &mut rng, &self.device)?;
        let weights = self.network.weights();
        let network = Network::new(self.config, &weights, "", Ops::on(&self.device));
        let coded = network.encode(&batch.cells)?;
        let codes = match o.kind {
            Kind::Ae => coded.mean.clone(),
            _ => losses::drawn(&coded.mean, &coded.doubt, &mut rng)?,
        };
        let logits = network.decode(&codes, &batch.genres, &batch.views, &batch.cells)?;
        let each = (losses::cross_entropy(&logits, &batch.cells)? * &batch.decided)?;
        let reconstruction = (each.sum_all()? / size as f64)?;
        // Of all beats' numbers, nats a phrase.
        let numbers = (losses::divergences(&coded.mean, &coded.doubt)? * BEATS as f64)?;
        let total = match (o.kind, o.scale) {
            (Kind::Ae, _) => (&reconstruction / STEPS as f64)?,
            (_, Scale::Sum) => {
                let free = o.free * BEATS as f32;
                let warm = WARM * o.warmup;
                (losses::sums(&reconstruction, &numbers, free, o.beta, self.step, warm)? / STEPS as f64)?
            }
            (_, Scale::Mean) => {
                losses::means(&reconstruction, batch.cells.elem_count() / size, &(&numbers / BEATS as f64)?)?
            }
        };
        let kl = numbers.sum_all()?;
        let gradients = [self.network.gradients(&total.backward()?)?];
        let losses = [reconstruction, kl].map(|loss| loss.to_scalar::<f32>());
        let [reconstruction, kl] = losses;
        Ok(Sum { gradients, losses: Losses::new([(LOSSES[0], reconstruction?), (LOSSES[1], kl?)]) })
    }

    /// Points of so many training phrases, evenly spread over each genre.
    fn framed(&self, data: &Dataset) -> &[(usize, usize)] {
        self.framed.get_or_init(|| {
            let each = FRAMED / data.items.len();
            let genre = |genre: usize| {
                let all = data.split(genre, Split::Train).len();
                let count = each.min(all);
                (0..count).map(move |i| (genre, i * all / count))
            };
            (0..data.items.len()).flat_map(genre).collect()
        })
    }
}

/// Parts of the checkpoint: `weights`, `mean`, `square` and `average`.
impl Trainee for BeatsRun {
    fn family(&self) -> &'static str {
        super::name(self.options.kind)
    }

    read_off!(NEEDS, LOSSES, steps);

    fn train(&mut self, data: &Dataset, threads: usize) -> Result<Losses> {
        let Sum { gradients: [mut gradients], losses } =
            core::summed(self.step, threads, |shard| self.shard(data, shard))?;
        let o = &self.options;
        clip(&mut gradients, o.clip);
        let scale = Schedule::new(o.steps, o.decay).rising(o.warmup).scale(self.step);
        let values = self.network.descend(&gradients, o.rate * scale)?;
        self.network.follow(&values, o.average, self.step);
        self.step += 1;
        Ok(losses)
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let header = Header { options: &self.options, step: self.step, genres: self.config.genres };
        Checkpoint::of(self.family(), header, [&self.network])
    }

    fn pack(&self, data: &Dataset) -> Result<(Parts, Weights)> {
        let trained = self.network.averaged()?;
        let encoder = Beats::unframed(self.config, &trained)?;
        let codes = |&(genre, index): &(usize, usize)| {
            let mut codes = vec![0.0; self.config.dims()];
            encoder.codes(&data.split(genre, Split::Train)[index].roll, &mut codes);
            codes
        };
        let codes: Vec<Vec<f32>> = self.framed(data).iter().map(codes).collect();
        let mut weights = super::played(&trained);
        Frame::of(&codes).save(Role::Space.prefix(), &mut weights)?;
        Ok((SpaceFamily::from(self.config).into(), weights))
    }

    fn recipe(&self) -> String {
        let o = &self.options;
        let kind = match o.kind {
            Kind::Ae => "Autoencoder".to_string(),
            _ => format!("Variational autoencoder (KL times {}, {} nats a number free)", o.beta, o.free),
        };
        format!(
            "{kind} of phrases, a code of {} numbers a beat, a decoder that knows what it wrote; {} steps of \
             batch {}, Adam {:e}, betas 0.9 / 0.99, {} warm-up steps, gradient at most {}, in every key up \
             to {} semitones off, decoder shown damaged music in {} % of the phrases.",
            o.code,
            self.step,
            o.batch,
            o.rate,
            o.warmup,
            o.clip,
            o.transpose,
            (o.damage * 100.0).round(),
        )
    }
}
