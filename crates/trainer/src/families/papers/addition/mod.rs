//! Adding a genre to a pack that has several, from a few dozen songs (`add-genre`).
//!
//! The pack's network stays as it is. What a genre is to it are two rows of one matrix, which scale and shift
//! its norms (Dumoulin et al., *A Learned Representation for Artistic Style*, 2017, add styles so): only
//! those of the new genre are trained, one as source and one as target, and one column of the classifier. So
//! the old directions answer bit by bit as before, and their music is not needed: where the dataset lacks an
//! old genre, `replay` stands in for it.

mod replay;
mod trainee;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use anyhow::{Result, bail, ensure};
use candle_core::{Device, Tensor};
use clap::FromArgMatches;
use model::resnet::{Discriminator, DiscriminatorConfig, Generator, GeneratorConfig};
use model::spectral::{self, Spectral};
use model::{Card, ClassifierConfig, Family as ModelFamily, Init, Ops, Pack, Parameter, SLOTS, Weights};

use crate::batch::{self, Batch};
use crate::core::{self, Losses, Optimised, Schedule, Share, Sum};
use crate::dataset::Dataset;
pub use crate::families::adding::AdditionOptions;
use crate::families::adding::{self, Header, bare, new_genre};
use crate::families::resnet::{self, ResnetOptions, ResnetRun, losses};
use crate::families::{Family, Plan, find, flags};
use crate::random;
use crate::run::Checkpoint;

const GENRE: &str = "generator.genre";
const COLUMNS: &str = "classifier.genres";
/// Names of the rows and of the column that are trained.
const ROWS: [&str; 2] = ["new.source", "new.target"];
const COLUMN: &str = "new.column";

/// What the family is called in checkpoints, cards and docs.
pub const NAME: &str = "addition";

/// The family.
pub const FAMILY: Family = Family {
    name: NAME,
    former: &["from"],
    command: "add-genre",
    aliases: &[],
    about: "Adds a genre to a pack that has several, from a few dozen songs. `export` makes the new pack",
    flags: flags::<adding::Arguments>,
    plan: adding::command,
    resume: |checkpoint, device| Ok(Box::new(AdditionRun::resume(checkpoint, device)?)),
    small: |folder| {
        adding::small((folder, "pack.safetensors"), &resnet::FAMILY, |matches, genres| {
            let options = ResnetOptions::from_arg_matches(matches)?;
            Ok(Box::new(ResnetRun::new(options, genres, &Device::Cpu)?))
        })
    },
    bench: &[],
};

const GENERATOR: usize = 0;
const CRITIC: usize = 1;
const CLASSIFIER: usize = 2;

/// What the losses are called.
const LOSSES: [&str; 6] = ["adversarial", "cycle", "identity", "keep", "discriminator", "classifier"];

/// A genre being added to a pack.
#[derive(Debug)]
pub struct AdditionRun {
    /// The options it was started with.
    pub options: AdditionOptions,
    /// Steps done.
    pub step: u64,
    /// The pack it was started from.
    pack: Pack,
    /// The new genre's name; its slot is the last.
    genre: String,
    device: Device,
    generator: GeneratorConfig,
    critic: DiscriminatorConfig,
    classifier: ClassifierConfig,
    /// Generator, discriminator, classifier; what is trained of them. The discriminator has no average.
    optimised: [Optimised; 3],
    spectra: BTreeMap<String, Spectral>,
    /// The dataset with replays in place of the genres it lacks; made when it is first needed.
    music: OnceLock<Arc<Dataset>>,
}

/// A fresh run that adds a genre of `data` to `pack`.
///
/// # Errors
/// In one sentence, where the dataset has no genre that can be added.
pub fn plan(pack: Pack, options: AdditionOptions, data: &Dataset) -> Result<Plan> {
    let genre = new_genre(&pack.card, data, options.genre.as_deref())?;
    Ok(Plan::of(NAME, options, move |options, device| AdditionRun::new(options, pack, genre, device)))
}

impl AdditionRun {
    /// A fresh run that adds `genre` to `pack`. The new rows start as the mean of the old ones: between all
    /// genres.
    ///
    /// # Errors
    /// Where the pack is of another kind or full, or an option is out of its range.
    pub fn new(options: AdditionOptions, pack: Pack, genre: String, device: &Device) -> Result<Self> {
        let (Some(ModelFamily::Resnet(generator)), Some(classifier)) =
            (&pack.card.parts.transfer, pack.card.parts.classifier)
        else {
            let transfer = pack.card.parts.transfer.as_ref();
            bail!(
                "{}: its transfer is {}; a genre can be added to packs with one GAN's network for all \
                 genres (resnet) and a classifier only",
                pack.card.name,
                transfer.map_or("missing", |family| match family {
                    ModelFamily::Papers(_) => "pairwise, with a network a direction",
                    other => other.name(),
                })
            )
        };
        let weights = bare(&pack);
        let slot = pack.card.genres.len();
        ensure!(slot < SLOTS, "{} has {SLOTS} genres already; a pack cannot have more", pack.card.name);
        ensure!(pack.card.threshold == 0.5, "{} has an unusual threshold; take another pack", pack.card.name);
        core::check_batch(options.batch)?;
        let generator = GeneratorConfig { genres: slot + 1, ..*generator };
        let classifier = ClassifierConfig { genres: slot + 1, ..classifier };
        let critic = DiscriminatorConfig::compact(slot + 1);
        let start = extended(&weights, slot, &fresh(&weights, slot)?)?;
        let mut rng = random::stream(options.seed, u64::MAX);
        let trained = if options.unfreeze {
            [generator.parameters(""), critic.parameters(""), classifier.parameters()]
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
        let mut network =
            |parameters: &[Parameter]| Optimised::new(parameters, [0.5, 0.99], &mut rng, device);
        let [of_generator, of_critic, of_classifier] = trained;
        let (of_generator, of_critic, of_classifier) =
            (network(&of_generator)?, network(&of_critic)?, network(&of_classifier)?);
        let start = if options.unfreeze { start } else { fresh(&weights, slot)? };
        let names = critic.spectral_weights("");
        let spectra = spectral::start(&of_critic.weights(), &names, |len| random::normal(&mut rng, len))?;
        let optimised = [
            of_generator.averaging()?.starting_at(&start)?,
            of_critic,
            of_classifier.averaging()?.starting_at(&start)?,
        ];
        Ok(Self {
            options,
            step: 0,
            pack,
            genre,
            device: device.clone(),
            generator,
            critic,
            classifier,
            optimised,
            spectra,
            music: OnceLock::new(),
        })
    }

    /// Goes on from a checkpoint, with the options in its header.
    ///
    /// # Errors
    /// Where a tensor is missing or does not fit those options.
    pub fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let Header { options, step, genre, card, hash } = checkpoint.header()?;
        let pack = Pack::new(Card { hash, ..card }, &checkpoint.part("pack"));
        let mut run = Self::new(options, pack, genre, device)?;
        run.optimised.iter_mut().try_for_each(|network| network.restore(checkpoint, step))?;
        checkpoint.restore_spectra(&mut run.spectra)?;
        run.step = step;
        Ok(run)
    }

    /// All weights of generator and classifier, given those that are trained.
    fn whole(&self, generator: &Weights, classifier: &Weights) -> Result<Weights> {
        let mut trained = generator.clone();
        classifier.iter().for_each(|(name, tensor)| trained.insert(name, tensor.clone()));
        if self.options.unfreeze {
            return Ok(trained);
        }
        extended(&bare(&self.pack).to_device(&self.device)?, self.pack.card.genres.len(), &trained)
    }

    /// What is played and heard with after this step: averages, on the CPU.
    fn averaged(&self) -> Result<Weights> {
        let mut trained = self.optimised[GENERATOR].averaged()?;
        let classifier = self.optimised[CLASSIFIER].averaged()?;
        classifier.iter().for_each(|(name, tensor)| trained.insert(name, tensor.clone()));
        if self.options.unfreeze {
            return Ok(trained);
        }
        extended(&bare(&self.pack), self.pack.card.genres.len(), &trained)
    }

    /// The dataset with the pack's genres in its order, then the new one, and with replays of those that it
    /// lacks.
    fn music(&self, data: &Dataset) -> Result<Arc<Dataset>> {
        if let Some(music) = self.music.get() {
            return Ok(music.clone());
        }
        let music = Arc::new(replay::complete(&self.pack, data, &self.genre)?);
        Ok(self.music.get_or_init(|| music).clone())
    }

    /// One step: gradients of all networks from the same state, then all move.
    fn advance(&mut self, data: &Dataset, threads: usize) -> Result<Losses> {
        let music = self.music(data)?;
        let spectra = spectral::followed(&self.optimised[CRITIC].weights(), &self.spectra)?;
        let Sum { gradients, losses } =
            core::summed(self.step, threads, |shard| self.shard(&music, &spectra, shard))?;
        self.spectra = spectra;
        let o = &self.options;
        let scale = Schedule::new(o.steps, o.decay).scale(self.step);
        let rates = [o.rate, o.critic_rate, o.classifier_rate];
        for ((network, gradients), rate) in self.optimised.iter_mut().zip(&gradients).zip(rates) {
            let values = network.descend(gradients, rate * scale)?;
            network.follow(&values, o.average, self.step);
        }
        self.step += 1;
        Ok(losses)
    }

    /// Gradients and losses of one part of a step's batch.
    fn shard(&self, music: &Dataset, spectra: &BTreeMap<String, Spectral>, shard: usize) -> Result<Sum<3>> {
        let (options, device, ops) = (&self.options, &self.device, Ops::on(&self.device));
        let Share { size, turn, mut rng } = Share::of(options.seed, options.batch, self.step, shard);
        let new = self.pack.card.genres.len();
        let mut directions = batch::directions(new + 1);
        if !options.unfreeze {
            directions.retain(|&(from, to)| from == new || to == new);
        }
        let batch = Batch::draw(music, &directions, size, turn, options.transpose, &mut rng, device)?;
        let [of_generator, of_critic, of_classifier] = self.optimised.each_ref().map(Optimised::weights);
        let weights = self.whole(&of_generator, &of_classifier)?;

        let network = Generator::new(self.generator, "", &weights, ops)?;
        let normalised = spectral::normalised(&of_critic, spectra)?;
        let critic = Discriminator::new(self.critic, "", &normalised.detached(), ops)?;
        let loss = losses::generator(&network, &critic, &batch, &options.terms)?;
        let generator = self.optimised[GENERATOR].gradients(&loss.total.backward()?)?;

        let critic = Discriminator::new(self.critic, "", &normalised, ops)?;
        let telling = losses::discriminator(&critic, &batch, &loss.answers, &options.terms)?;
        let critic = self.optimised[CRITIC].gradients(&telling.backward()?)?;

        let asked = (size, options.transpose);
        let told = adding::unheard((self.classifier, &weights), music, asked, &mut rng, device)?;
        let classifier = self.optimised[CLASSIFIER].gradients(&told.backward()?)?;
        let mut losses = loss.parts;
        let more = [("discriminator", telling.to_scalar()?), ("classifier", told.to_scalar()?)];
        losses.add(&Losses::new(more), 1.0);
        Ok(Sum { gradients: [generator, critic, classifier], losses })
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
