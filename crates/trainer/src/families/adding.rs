//! `add-genre`: what adding a genre to a pack has in common, whatever the pack's transfer is.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use candle_core::{Device, Tensor};
use clap::{ArgMatches, FromArgMatches};
use model::{Card, Classifier, ClassifierConfig, Corpus, Family, Ops, Pack, Parts, Role, Weights};
use phrase::{PITCHES, STEPS};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::resnet::Terms;
use super::{Plan, arranger, papers};
use crate::classifier::accuracy::accuracy;
use crate::classifier::{BuiltConfig, ClassifierFile};
use crate::dataset::{Dataset, GenreInfo, Info, Split};
use crate::run::{RunOptions, Trainee};
use crate::{batch, random};

/// What the command line gives.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// The pack. Beside it comes a dataset with the new genre, and best with the pack's genres too.
    pub pack: PathBuf,
    /// The recipe.
    #[command(flatten)]
    pub options: AdditionOptions,
}

/// Everything that decides the numbers of a run that adds a genre.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
pub struct AdditionOptions {
    /// The genre of the dataset to add; by default the only one that the pack does not have.
    #[arg(long)]
    pub genre: Option<String>,
    /// Train the whole network and the whole classifier, not only what belongs to the new genre. It fits the
    /// new genre better and changes the old directions; have their music in the dataset then.
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
    #[arg(long, default_value_t = 1e-3, alias = "ear-rate")]
    #[serde(alias = "ear_rate")]
    pub classifier_rate: f32,
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

/// A fresh run of what the command line asks for.
///
/// # Errors
/// Where the pack cannot be read, or no genre can be added to it.
pub fn command(matches: &ArgMatches, data: &Dataset, _: &RunOptions) -> Result<Plan> {
    let Arguments { pack, options } = Arguments::from_arg_matches(matches)?;
    plan(Pack::read(&pack)?, options, data)
}

/// A fresh run that adds a genre of `data` to `pack`.
///
/// # Errors
/// In one sentence, where no genre can be added.
pub fn plan(pack: Pack, options: AdditionOptions, data: &Dataset) -> Result<Plan> {
    match pack.card.parts.transfer {
        Some(Family::Arranger(_)) => arranger::addition::plan(pack, options, data),
        _ => papers::addition::plan(pack, options, data),
    }
}

/// The genre that is to be added.
///
/// # Errors
/// Where the dataset has none that is new, or several and none is named.
pub fn new_genre(card: &Card, data: &Dataset, named: Option<&str>) -> Result<String> {
    let new: Vec<String> = data.genres().into_iter().filter(|name| !card.genres.contains(name)).collect();
    let (known, found) = (card.genres.join(", "), new.join(", "));
    match (named, new.as_slice()) {
        (Some(name), _) if new.iter().any(|genre| genre == name) => Ok(name.to_string()),
        (Some(name), _) => bail!(
            "{name} cannot be added: the pack has {known}, and new in the dataset is {}; name one of the \
             latter with --genre",
            if found.is_empty() { "nothing" } else { &found }
        ),
        (None, [genre]) => Ok(genre.clone()),
        (None, []) => bail!("the pack already has all genres of the dataset ({known}); prepare a new one"),
        (None, _) => bail!("the dataset has several new genres ({found}); name one with --genre"),
    }
}

/// What the checkpoint of a genre that is being added tells beside its tensors; part `pack` is what it
/// started from.
#[derive(Serialize, Deserialize)]
pub struct Header {
    /// The run's options.
    pub options: AdditionOptions,
    /// Steps done.
    pub step: u64,
    /// The new genre's name.
    pub genre: String,
    /// The pack's card.
    pub card: Card,
    /// Its hash, which is not part of the card's JSON.
    pub hash: String,
}

impl Header {
    /// Of a run that adds `genre` to the pack of this card.
    pub fn of(options: &AdditionOptions, step: u64, genre: &str, card: &Card) -> Self {
        let (options, genre, hash) = (options.clone(), genre.to_string(), card.hash.clone());
        Self { options, step, genre, card: card.clone(), hash }
    }
}

/// How unlikely a classifier of these weights finds the genres of `size` phrases of `music`, the mean. Genres
/// and phrases come by chance, each moved by up to `transpose` semitones.
///
/// # Errors
/// Where a weight is missing.
pub fn unheard(
    (config, weights): (ClassifierConfig, &Weights),
    music: &Dataset,
    (size, transpose): (usize, i32),
    rng: &mut ChaCha8Rng,
    device: &Device,
) -> Result<Tensor> {
    let (mut cells, mut labels) = (vec![0.0; size * STEPS * PITCHES], Vec::with_capacity(size));
    for cells in cells.chunks_exact_mut(STEPS * PITCHES) {
        let genre = rng.random_range(0..=config.genres - 1);
        labels.push(genre as u32);
        batch::draw(music, genre, transpose, rng).to_f32(cells);
    }
    let rolls = Tensor::from_vec(cells, (size, STEPS, PITCHES), device)?;
    let logits = Classifier::new(config, weights, Ops::on(device))?.forward(&rolls)?;
    Ok(candle_nn::loss::cross_entropy(&logits, &Tensor::from_vec(labels, size, device)?)?)
}

/// What of these weights is not the classifier's.
pub fn transfer(all: &Weights) -> Weights {
    let mut weights = Weights::new();
    let own = all.iter().filter(|(name, _)| !name.starts_with("classifier."));
    own.for_each(|(name, tensor)| weights.insert(name, tensor.clone()));
    weights
}

/// The classifier of these weights for the genres of `music`. Its accuracy is that on held-out songs.
///
/// # Errors
/// Where a weight is missing.
pub fn classifier(music: &Dataset, config: ClassifierConfig, all: &Weights) -> Result<ClassifierFile> {
    let mut weights = Weights::new();
    for parameter in config.parameters() {
        weights.insert(&parameter.name, all.get(&parameter.name, &parameter.shape)?);
    }
    let (genres, config) = (music.genres(), BuiltConfig::Papers(config));
    let mut file = ClassifierFile { genres, config, weights, accuracy: Vec::new() };
    let filled = |split: &Split| (0..music.items.len()).all(|genre| !music.split(genre, *split).is_empty());
    let split = [Split::Valid, Split::Test].into_iter().find(filled).unwrap_or(Split::Train);
    file.accuracy = accuracy(&file.classifier()?, music, split)?;
    Ok(file)
}

/// The corpora of a pack, and those of the genres of `data` that it has or that is added.
pub fn sources(pack: &Pack, data: &Dataset, added: &str) -> Vec<Corpus> {
    let used = |name: &String| name == added || pack.card.genres.contains(name);
    let new = data.info.genres.iter().filter(|genre| used(&genre.name));
    let mut all = pack.card.data.clone();
    for source in new.flat_map(|genre| genre.sources.iter()) {
        // The same music under the same licence may have trained the pack already.
        if !all.contains(source) {
            all.push(source.clone());
        }
    }
    all
}

/// The weights of both of a pack's parts, as these themselves call them.
pub fn bare(pack: &Pack) -> Weights {
    let mut all = pack.weights.part(Role::Transfer);
    let classifier = pack.weights.part(Role::Classifier);
    classifier.iter().for_each(|(name, tensor)| all.insert(name, tensor.clone()));
    all
}

/// Writes `file` into `folder`, a pack of random weights that a test can add a genre to: of two genres, with
/// the transfer that `fresh` trains with its family's small options. Gives the options of such a test.
///
/// # Errors
/// Where it cannot be written.
pub fn small(
    (folder, file): (&Path, &str),
    family: &super::Family,
    fresh: fn(&ArgMatches, usize) -> Result<Box<dyn Trainee>>,
) -> Result<Vec<String>> {
    let names = ["high", "low"].map(String::from);
    let flags = (family.small)(folder)?;
    let run = fresh(&family.options_command().try_get_matches_from(flags)?, names.len())?;
    let info = |name: &String| GenreInfo { name: name.clone(), ..GenreInfo::default() };
    let info = Info { genres: names.iter().map(info).collect(), options: serde_json::Value::Null };
    let data = Dataset::of_rolls(info, vec![Default::default(); names.len()]);
    let (parts, mut weights) = run.pack(&data)?;
    let classifier = ClassifierConfig { genres: names.len(), width: 4 };
    let mut rng = random::stream(1, 0);
    for parameter in classifier.parameters() {
        weights.insert(&parameter.name, random::start(&parameter, &mut rng)?);
    }
    let card = Card::new("small", names.to_vec(), Parts { classifier: Some(classifier), ..parts });
    let path = folder.join(file);
    Pack::new(card, &weights).write(&path)?;
    Ok(vec![path.display().to_string(), "--batch=4".to_string()])
}
