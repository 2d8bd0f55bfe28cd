//! Adding a genre to a pack that has several, from a few dozen songs (`add-genre`).
//!
//! The pack's network stays as it is. What a genre is to it are two rows of one matrix, which scale and shift its
//! norms (Dumoulin et al., *A Learned Representation for Artistic Style*, 2017, add styles so): only those of the new
//! genre are trained, one as source and one as target, and one column of the classifier. So the old directions answer bit
//! by bit as before, and their music is not needed: where the dataset lacks an old genre, [`replay`] stands in for it.

mod replay;
mod trainee;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use model::resnet::{Discriminator, DiscriminatorConfig, Generator, GeneratorConfig};
use model::spectral::{self, Spectral};
use model::{Card, Classifier, ClassifierConfig, Family, Init, Ops, Pack, Parameter, Role, SLOTS, Weights};
use phrase::{PITCHES, STEPS};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::batch::{self, Batch};
use crate::dataset::Dataset;
use crate::losses::{self, Terms};
use crate::random;
use crate::run::{self, NotFinite, RunOptions};
use crate::shards::{self, SHARDS};
use crate::variables::{Adam, Gradients, Variables, accumulate};

const GENRE: &str = "generator.genre";
const COLUMNS: &str = "classifier.genres";
/// Names of the rows and of the column that are trained.
const ROWS: [&str; 2] = ["new.source", "new.target"];
const COLUMN: &str = "new.column";

const GENERATOR: usize = 0;
const CRITIC: usize = 1;
const EAR: usize = 2;

/// Everything that decides the numbers of a run that adds a genre.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
pub struct FromOptions {
    /// The genre of the dataset to add; by default the only one that the pack does not have.
    #[arg(long)]
    pub genre: Option<String>,
    /// Train the whole network and the whole classifier, not only what belongs to the new genre. It fits the new genre
    /// better and changes the old directions; have their music in the dataset then.
    #[arg(long)]
    pub unfreeze: bool,
    /// Training steps.
    #[arg(long, default_value_t = 1500)]
    pub steps: u64,
    /// Phrases a step, directions in turn.
    #[arg(long, default_value_t = 24)]
    pub batch: usize,
    /// Learning rate of the generator (Adam, betas 0.5 and 0.99).
    #[arg(long, default_value_t = 2e-3)]
    pub rate: f32,
    /// Learning rate of the discriminator.
    #[arg(long, default_value_t = 1e-3)]
    pub critic_rate: f32,
    /// Learning rate of the classifier.
    #[arg(long, default_value_t = 1e-3)]
    pub ear_rate: f32,
    /// Share of the steps, at the end, over which all rates fall linearly to zero.
    #[arg(long, default_value_t = 0.5)]
    pub decay: f32,
    /// Share of the newest weights in the moving average that is exported.
    #[arg(long, default_value_t = 0.01)]
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
pub type Losses = [f32; 6];

/// What the losses are called.
pub const LOSSES: [&str; 6] = ["adversarial", "cycle", "identity", "keep", "discriminator", "classifier"];

/// A genre being added to a pack.
#[derive(Debug)]
pub struct Addition {
    /// The options it was started with.
    pub options: FromOptions,
    /// Steps done.
    pub step: u64,
    /// The pack it was started from.
    pack: Pack,
    /// The new genre's name; its slot is the last.
    genre: String,
    device: Device,
    generator: GeneratorConfig,
    critic: DiscriminatorConfig,
    ear: ClassifierConfig,
    /// Generator, discriminator, classifier.
    variables: [Variables; 3],
    optimisers: [Adam; 3],
    /// Moving averages of generator and classifier.
    averages: [Gradients; 2],
    spectra: BTreeMap<String, Spectral>,
    /// The dataset with replays in place of the genres it lacks; made when it is first needed.
    music: OnceLock<Arc<Dataset>>,
}

/// `add-genre`: trains, or goes on with, the run in `run`'s folder.
///
/// # Errors
/// In one sentence, where the pack, the dataset or the run's folder does not fit.
pub fn command(pack: Pack, data: &Dataset, options: &FromOptions, run: &RunOptions) -> Result<()> {
    let genre = new_genre(&pack.card, data, options.genre.as_deref())?;
    run::train(data, options, run, |device| Addition::new(options.clone(), pack, genre, device))
}

/// The genre that is to be added.
fn new_genre(card: &Card, data: &Dataset, named: Option<&str>) -> Result<String> {
    let new: Vec<String> = data.genres().into_iter().filter(|name| !card.genres.contains(name)).collect();
    let (known, found) = (card.genres.join(", "), new.join(", "));
    match (named, new.as_slice()) {
        (Some(name), _) if new.iter().any(|genre| genre == name) => Ok(name.to_string()),
        (Some(name), _) => bail!(
            "{name} cannot be added: the pack has {known}, and new in the dataset is {}; name one of the latter with --genre",
            if found.is_empty() { "nothing" } else { &found }
        ),
        (None, [genre]) => Ok(genre.clone()),
        (None, []) => bail!("the pack already has all genres of the dataset ({known}); prepare a new one"),
        (None, _) => bail!("the dataset has several new genres ({found}); name one with --genre"),
    }
}

/// The weights of both of a pack's parts, as these themselves call them.
fn bare(pack: &Pack) -> Weights {
    let mut all = pack.weights.part(Role::Transfer);
    let classifier = pack.weights.part(Role::Classifier);
    classifier.iter().for_each(|(name, tensor)| all.insert(name, tensor.clone()));
    all
}

impl Addition {
    /// A fresh run that adds `genre` to `pack`. The new rows start as the mean of the old ones: between all genres.
    ///
    /// # Errors
    /// Where the pack is of another kind or full, or an option is out of its range.
    pub fn new(options: FromOptions, pack: Pack, genre: String, device: &Device) -> Result<Self> {
        let (Some(Family::Resnet(generator)), Some(classifier)) =
            (&pack.card.parts.transfer, pack.card.parts.classifier)
        else {
            let family = pack.card.parts.transfer.as_ref().map_or("no", Family::name);
            bail!(
                "{} holds {family} transfer; a genre can be added to packs of the family resnet with a classifier only, not to a pairwise pack",
                pack.card.name
            )
        };
        let weights = bare(&pack);
        let slot = pack.card.genres.len();
        ensure!(slot < SLOTS, "{} has {SLOTS} genres already; a pack cannot have more", pack.card.name);
        ensure!(pack.card.threshold == 0.5, "{} has an unusual threshold; take another pack", pack.card.name);
        ensure!(
            options.batch >= SHARDS && options.batch.is_multiple_of(SHARDS),
            "the batch must be an even number, 2 or more"
        );
        let generator = GeneratorConfig { genres: slot + 1, ..*generator };
        let ear = ClassifierConfig { genres: slot + 1, ..classifier };
        let critic = DiscriminatorConfig::compact(slot + 1);
        let start = extended(&weights, slot, &fresh(&weights, slot)?)?;
        let mut rng = random::stream(options.seed, u64::MAX);
        let trained = if options.unfreeze {
            [generator.parameters(""), critic.parameters(""), ear.parameters()]
        } else {
            let fresh = fresh(&weights, slot)?;
            let parameter = |name: &str| -> Result<Parameter> {
                let shape = fresh.iter().find(|(key, _)| *key == name).map(|(_, t)| t.dims().to_vec());
                Ok(Parameter { name: name.to_string(), shape: shape.unwrap_or_default(), init: Init::Zeros })
            };
            [
                ROWS.map(parameter).into_iter().collect::<Result<_>>()?,
                critic.parameters(""),
                vec![parameter(COLUMN)?],
            ]
        };
        let [generators, critics, ears] = trained;
        let variables = [
            Variables::new(&generators, &mut rng, device)?,
            Variables::new(&critics, &mut rng, device)?,
            Variables::new(&ears, &mut rng, device)?,
        ];
        let start = if options.unfreeze { start } else { fresh(&weights, slot)? };
        for which in [GENERATOR, EAR] {
            variables[which].set(&variables[which].undressed(&start)?)?;
        }
        let names = critic.spectral_weights("");
        let spectra =
            spectral::start(&variables[CRITIC].weights(), &names, |len| random::normal(&mut rng, len))?;
        let values = [variables[0].values()?, variables[1].values()?, variables[2].values()?];
        let optimisers = values.each_ref().map(|values| Adam::new(values, 0.5, 0.99));
        let [of_generator, _, of_ear] = values;
        Ok(Self {
            options,
            step: 0,
            pack,
            genre,
            device: device.clone(),
            generator,
            critic,
            ear,
            variables,
            optimisers,
            averages: [of_generator, of_ear],
            spectra,
            music: OnceLock::new(),
        })
    }

    /// All weights of generator and classifier, given those that are trained.
    fn whole(&self, generator: &Weights, ear: &Weights) -> Result<Weights> {
        let mut trained = generator.clone();
        ear.iter().for_each(|(name, tensor)| trained.insert(name, tensor.clone()));
        if self.options.unfreeze {
            return Ok(trained);
        }
        extended(&bare(&self.pack).to_device(&self.device)?, self.pack.card.genres.len(), &trained)
    }

    /// What is played and heard with after this step: averages, on the CPU.
    fn averaged(&self) -> Result<Weights> {
        let [generator, ear] = &self.averages;
        let (generator, ear) =
            (self.variables[GENERATOR].dressed(generator)?, self.variables[EAR].dressed(ear)?);
        let mut trained = generator;
        ear.iter().for_each(|(name, tensor)| trained.insert(name, tensor.clone()));
        if self.options.unfreeze {
            return Ok(trained);
        }
        extended(&bare(&self.pack), self.pack.card.genres.len(), &trained)
    }

    /// The dataset with the pack's genres in its order, then the new one, and with replays of those that it lacks.
    fn music(&self, data: &Dataset) -> Result<Arc<Dataset>> {
        if let Some(music) = self.music.get() {
            return Ok(music.clone());
        }
        let music = Arc::new(replay::complete(&self.pack, data, &self.genre)?);
        Ok(self.music.get_or_init(|| music).clone())
    }

    /// One step: gradients of all networks from the same state, then all move.
    ///
    /// # Errors
    /// [`NotFinite`] where a loss or a gradient is not finite; weights and moments are then as before the step.
    pub fn train(&mut self, data: &Dataset, threads: usize) -> Result<Losses> {
        let music = self.music(data)?;
        self.spectra = spectral::followed(&self.variables[CRITIC].weights(), &self.spectra)?;
        let this = &*self;
        let shards = shards::each(threads, |shard| this.shard(&music, shard))?;
        let mut losses = Losses::default();
        let mut sums: Option<[Gradients; 3]> = None;
        for (gradients, more) in shards {
            losses.iter_mut().zip(more).for_each(|(sum, loss)| *sum += loss / SHARDS as f32);
            match &mut sums {
                None => sums = Some(gradients),
                Some(sums) => sums.iter_mut().zip(&gradients).for_each(|(sum, more)| accumulate(sum, more)),
            }
        }
        let sums = sums.unwrap_or_default();
        NotFinite::check(self.step + 1, &LOSSES, &losses, &sums)?;
        let rates = [self.options.rate, self.options.critic_rate, self.options.ear_rate];
        let scale = self.schedule();
        let share = self.options.average.max(1.0 / (self.step + 1) as f32);
        for (i, gradients) in sums.iter().enumerate() {
            let mut values = self.variables[i].values()?;
            self.optimisers[i].update(&mut values, gradients, rates[i] * scale);
            self.variables[i].set(&values)?;
            let average = match i {
                GENERATOR => &mut self.averages[0],
                EAR => &mut self.averages[1],
                _ => continue,
            };
            for (average, value) in average.iter_mut().flatten().zip(values.iter().flatten()) {
                *average += share * (value - *average);
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
    fn shard(&self, music: &Dataset, shard: usize) -> Result<([Gradients; 3], Losses)> {
        let (options, device, ops) = (&self.options, &self.device, Ops::on(&self.device));
        let counter = self.step * SHARDS as u64 + shard as u64;
        let size = options.batch / SHARDS;
        let mut rng = random::stream(options.seed, counter);
        let new = self.pack.card.genres.len();
        let mut directions = batch::directions(new + 1);
        if !options.unfreeze {
            directions.retain(|&(from, to)| from == new || to == new);
        }
        let turn = counter as usize * size;
        let batch = Batch::draw(music, &directions, size, turn, options.transpose, &mut rng, device)?;
        let [of_generator, of_critic, of_ear] = self.variables.each_ref().map(Variables::weights);
        let weights = self.whole(&of_generator, &of_ear)?;

        let network = Generator::new(self.generator, "", &weights, ops)?;
        let judged = spectral::normalised(&of_critic, &self.spectra)?;
        let critic = Discriminator::new(self.critic, "", &judged.detached(), ops)?;
        let loss = losses::generator(&network, &critic, &batch, &options.terms)?;
        let generator = self.variables[GENERATOR].gradients(&loss.total.backward()?)?;

        let judge = Discriminator::new(self.critic, "", &judged, ops)?;
        let judging = losses::discriminator(&judge, &batch, &loss.answers, &options.terms)?;
        let critic = self.variables[CRITIC].gradients(&judging.backward()?)?;

        let mut cells = vec![0.0; size * STEPS * PITCHES];
        let mut labels = Vec::with_capacity(size);
        for cells in cells.chunks_exact_mut(STEPS * PITCHES) {
            let genre = rng.random_range(0..=new);
            labels.push(genre as u32);
            batch::draw(music, genre, options.transpose, &mut rng).to_f32(cells);
        }
        let rolls = Tensor::from_vec(cells, (size, STEPS, PITCHES), device)?;
        let labels = Tensor::from_vec(labels, size, device)?;
        let heard = Classifier::new(self.ear, &weights, ops)?.forward(&rolls)?;
        let hearing = candle_nn::loss::cross_entropy(&heard, &labels)?;
        let ear = self.variables[EAR].gradients(&hearing.backward()?)?;
        let [adversarial, cycle, identity, keep] = loss.parts;
        let losses = [adversarial, cycle, identity, keep, judging.to_scalar()?, hearing.to_scalar()?];
        Ok(([generator, critic, ear], losses))
    }
}

/// Where the new genre's rows and column start: as the mean of the old ones.
fn fresh(weights: &Weights, genres: usize) -> Result<Weights> {
    let (matrix, columns) = (find(weights, GENRE)?, find(weights, COLUMNS)?);
    let mut fresh = Weights::new();
    for (i, name) in ROWS.into_iter().enumerate() {
        fresh.insert(name, matrix.narrow(0, i * genres, genres)?.mean_keepdim(0)?);
    }
    fresh.insert(COLUMN, columns.mean_keepdim(1)?);
    Ok(fresh)
}

/// `weights` of a pack of `genres` genres with room for one more, whose rows and column are those in `new`.
fn extended(weights: &Weights, genres: usize, new: &Weights) -> Result<Weights> {
    let matrix = find(weights, GENRE)?;
    let [sources, targets] = [0, 1].map(|i| matrix.narrow(0, i * genres, genres));
    let rows = [sources?, find(new, ROWS[0])?, targets?, find(new, ROWS[1])?];
    let mut all = weights.clone();
    all.insert(GENRE, Tensor::cat(&rows, 0)?);
    all.insert(COLUMNS, Tensor::cat(&[find(weights, COLUMNS)?, find(new, COLUMN)?], 1)?);
    Ok(all)
}

fn find(weights: &Weights, name: &str) -> Result<Tensor> {
    let found = weights.iter().find(|(key, _)| *key == name).map(|(_, tensor)| tensor.clone());
    found.with_context(|| format!("there is no {name}"))
}
