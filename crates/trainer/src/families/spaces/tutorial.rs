//! The tutorial's autoencoders in training: [`model::spaces::tutorial`].

use std::collections::HashMap;

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use model::spaces::tutorial::{Network, TutorialConfig, nearest, slots};
use model::{Ops, Parts, Role, SpaceFamily, Weights};
use phrase::PITCHES;
use serde::{Deserialize, Serialize};

use super::losses::{self, WARM};
use super::{Kind, LOSSES, NEEDS, Preset, Scale, SpaceArguments, phrases};
use crate::core::{self, Losses, Optimised, SHARDS, Share, Sum};
use crate::dataset::{Dataset, Split};
use crate::random;
use crate::run::{Checkpoint, Trainee, read_off};

/// Training phrases of each genre that the vocabulary is counted in.
const COUNTED: usize = 4096;
/// What RMSprop keeps of its mean squares.
const RHO: f32 = 0.9;

/// Everything that decides the numbers of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TutorialOptions {
    kind: Kind,
    preset: Preset,
    steps: u64,
    batch: usize,
    rate: f32,
    warmup: u64,
    transpose: i32,
    scale: Scale,
    beta: f32,
    free: f32,
    symbols: usize,
    numbers: usize,
    seed: u64,
}

impl TutorialOptions {
    /// The options of a command line.
    pub fn of(a: &SpaceArguments) -> Self {
        Self {
            kind: a.kind,
            preset: a.preset,
            steps: a.steps,
            batch: a.batch.unwrap_or(32),
            rate: a.rate.unwrap_or(0.01),
            warmup: a.warmup,
            transpose: a.transpose,
            scale: a.scale,
            beta: a.beta.unwrap_or(1.0),
            free: a.free,
            symbols: a.symbols,
            numbers: a.numbers.unwrap_or(2),
            seed: a.seed,
        }
    }
}

/// The commonest sets of pitches in a dataset's training phrases, the commonest first; silence is one of
/// them.
pub(super) fn vocabulary(data: &Dataset, symbols: usize) -> Vec<u128> {
    let mut counts: HashMap<u128, usize> = HashMap::from([(0, usize::MAX / 2)]);
    for genre in 0..data.items.len() {
        let items = data.split(genre, Split::Train);
        for item in items.iter().step_by((items.len() / COUNTED).max(1)) {
            slots(&item.roll).iter().for_each(|&set| *counts.entry(set).or_default() += 1);
        }
    }
    let mut all: Vec<(u128, usize)> = counts.into_iter().collect();
    all.sort_by_key(|&(set, count)| (std::cmp::Reverse(count), set));
    all.into_iter().take(symbols).map(|(set, _)| set).collect()
}

/// A run: network, optimiser, vocabulary.
#[derive(Debug)]
pub struct TutorialRun {
    options: TutorialOptions,
    step: u64,
    genres: usize,
    device: Device,
    config: TutorialConfig,
    network: Optimised,
    vocabulary: Vec<u128>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    options: TutorialOptions,
    step: u64,
    genres: usize,
    /// As hexadecimal numbers: JSON knows none of 128 bits.
    vocabulary: Vec<String>,
}

impl TutorialRun {
    /// A fresh run for `genres` genres with this vocabulary on `device`.
    ///
    /// # Errors
    /// When the options do not go together.
    pub fn new(
        options: TutorialOptions,
        genres: usize,
        vocabulary: Vec<u128>,
        device: &Device,
    ) -> Result<Self> {
        NEEDS.check_genres(genres)?;
        core::check_batch(options.batch)?;
        ensure!(
            (1..=256).contains(&options.numbers),
            "a point has 1 to 256 numbers, not {}",
            options.numbers
        );
        let bent = options.kind == Kind::Ae;
        let config = TutorialConfig { symbols: vocabulary.len(), code: options.numbers, bent };
        let mut rng = random::stream(options.seed, u64::MAX);
        let network = Optimised::rms(&config.trained(), RHO, &mut rng, device)?;
        Ok(Self { options, step: 0, genres, device: device.clone(), config, network, vocabulary })
    }

    /// Goes on from a checkpoint, with the options in its header.
    ///
    /// # Errors
    /// Where a tensor is missing or does not fit those options.
    pub fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let Header { options, step, genres, vocabulary } = checkpoint.header()?;
        let set = |text: &String| u128::from_str_radix(text, 16);
        let vocabulary = vocabulary.iter().map(set).collect::<Result<_, _>>()?;
        let mut run = Self::new(options, genres, vocabulary, device)?;
        run.network.restore(checkpoint, step)?;
        run.step = step;
        Ok(run)
    }

    fn shard(&self, data: &Dataset, shard: usize) -> Result<Sum<1>> {
        let o = &self.options;
        let Share { size, turn, mut rng } = Share::of(o.seed, o.batch, self.step, shard);
        let (symbols, cells) = (self.config.symbols, self.config.cells());
        let mut all = vec![0.0f32; size * cells];
        for (i, one_hot) in all.chunks_exact_mut(cells).enumerate() {
            let genre = (turn + i) % self.genres;
            let roll = phrases::draw(data, genre, o.transpose, &mut rng);
            for (slot, pitches) in slots(&roll).into_iter().enumerate() {
                one_hot[slot * symbols + nearest(&self.vocabulary, pitches)] = 1.0;
            }
        }
        let all = Tensor::from_vec(all, (size, cells), &self.device)?;
        let weights = self.network.weights();
        let network = Network::new(self.config, &weights, Ops::on(&self.device));
        let (mean, doubt) = network.encode(&all)?;
        let points = match &doubt {
            None => mean.clone(),
            Some(doubt) => losses::drawn(&mean, doubt, &mut rng)?,
        };
        let logits = network.decode(&points)?;
        let reconstruction = (losses::cross_entropy(&logits, &all)?.sum_all()? / size as f64)?;
        let (kl, total) = match doubt {
            None => (Tensor::zeros((), mean.dtype(), &self.device)?, reconstruction.clone()),
            Some(doubt) => {
                let numbers = losses::divergences(&mean, &doubt)?;
                let warm = WARM * o.warmup;
                let total = match o.scale {
                    Scale::Sum => losses::sums(&reconstruction, &numbers, o.free, o.beta, self.step, warm)?,
                    Scale::Mean => losses::means(&reconstruction, cells, &numbers)?,
                };
                (numbers.sum_all()?, total)
            }
        };
        let gradients = [self.network.gradients(&total.backward()?)?];
        let (reconstruction, kl) = (reconstruction.to_scalar()?, kl.to_scalar()?);
        Ok(Sum { gradients, losses: Losses::new([(LOSSES[0], reconstruction), (LOSSES[1], kl)]) })
    }
}

/// Parts of the checkpoint: `weights` and `square`; the vocabulary is in its header.
impl Trainee for TutorialRun {
    fn family(&self) -> &'static str {
        super::name(self.options.kind)
    }

    read_off!(NEEDS, LOSSES, steps);

    fn train(&mut self, data: &Dataset, threads: usize) -> Result<Losses> {
        let Sum { gradients: [mut gradients], losses } =
            core::summed(self.step, threads, |shard| self.shard(data, shard))?;
        // A mean over the shards: the optimiser's small constant sees the scale.
        gradients.iter_mut().flatten().for_each(|x| *x /= SHARDS as f32);
        self.network.descend(&gradients, self.options.rate)?;
        self.step += 1;
        Ok(losses)
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let vocabulary = self.vocabulary.iter().map(|set| format!("{set:x}")).collect();
        let header =
            Header { options: self.options.clone(), step: self.step, genres: self.genres, vocabulary };
        Checkpoint::of(self.family(), header, [&self.network])
    }

    fn pack(&self, _: &Dataset) -> Result<(Parts, Weights)> {
        let mut weights = super::played(&self.network.averaged()?);
        let sounds = |set: &u128| (0..PITCHES).map(|row| (set >> row & 1) as f32).collect::<Vec<_>>();
        let rows: Vec<f32> = self.vocabulary.iter().flat_map(sounds).collect();
        let rows = Tensor::from_vec(rows, (self.vocabulary.len(), PITCHES), &Device::Cpu)?;
        weights.insert(format!("{}vocabulary", Role::Space.prefix()), rows);
        Ok((SpaceFamily::from(self.config).into(), weights))
    }

    fn recipe(&self) -> String {
        let o = &self.options;
        let kind = match (o.kind, o.scale) {
            (Kind::Ae, _) => "autoencoder",
            (_, Scale::Sum) => "variational autoencoder",
            (_, Scale::Mean) => "variational autoencoder with means for losses",
        };
        format!(
            "The tutorial's {kind}: 32 of {} symbols to {} numbers and back; {} steps of batch {}, RMSprop \
             {:e}.",
            self.vocabulary.len(),
            o.numbers,
            self.step,
            o.batch,
            o.rate
        )
    }
}
