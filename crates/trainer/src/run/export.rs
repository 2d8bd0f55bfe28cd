//! A run's networks with a classifier, as a pack.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use model::{Card, ClassifierConfig, Corpus, Pack};
use serde_json::Value;

use super::{CLASSIFIER, Checkpoint, Progress, RunOptions, Trainee, digest};
use crate::classifier::PackClassifierOptions;
use crate::classifier::{self, BuiltConfig, ClassifierFile};
use crate::dataset::Dataset;
use crate::families;

/// What a pack's card says beside what the run knows.
#[derive(Clone, Debug, clap::Args)]
pub struct Naming {
    /// The pack's name.
    #[arg(long)]
    pub name: String,
    /// The pack's version.
    #[arg(long, default_value = "1")]
    pub pack_version: String,
    /// A sentence to add to the card's recipe: what its options do not say.
    #[arg(long, default_value = "")]
    pub remark: String,
}

impl Naming {
    /// A name and nothing else.
    pub fn plain(name: &str) -> Self {
        Self { name: name.to_string(), pack_version: "1".to_string(), remark: String::new() }
    }
}

/// The run's weights and a classifier as a pack. The classifier is trained once and kept in the folder.
///
/// # Errors
/// Where the run has no checkpoint, or one of another dataset.
pub fn export(
    data: &Dataset,
    naming: &Naming,
    run: &RunOptions,
    options: &PackClassifierOptions,
) -> Result<Pack> {
    let path = run.checkpoint();
    let named = || path.display().to_string();
    let family = families::named(&Checkpoint::peek(&path)?.kind).with_context(named)?;
    let checkpoint = Checkpoint::read(&path, family.name)?;
    ensure!(checkpoint.data == digest(data), "{}: the run was on another dataset; give that one", named());
    let trainee = (family.resume)(&checkpoint, &Device::Cpu)
        .with_context(|| format!("{}: this is no checkpoint of this version", named()))?;
    let sources = trainee.sources(data);
    let own = trainee.classifier(data)?;
    let data = &trainee.genres(data)?;
    let file = match own {
        None if trainee.needs().classifier => Some(of_run(data, &trainee.configuration(), run, options)?),
        own => own,
    };
    assembled(&*trainee, data, naming, sources, file.as_ref())
}

/// The trainee's network as a pack, as it would be exported now, but for its classifier, which is left out,
/// and for what its card says of the music.
///
/// # Errors
/// Where the weights cannot be read.
pub fn blank(trainee: &dyn Trainee, data: &Dataset, naming: &Naming) -> Result<Pack> {
    assembled(trainee, data, naming, Vec::new(), None)
}

/// A trainee's network and a classifier as a pack.
fn assembled(
    trainee: &dyn Trainee,
    data: &Dataset,
    naming: &Naming,
    sources: Vec<Corpus>,
    classifier: Option<&ClassifierFile>,
) -> Result<Pack> {
    let (mut parts, mut weights) = trainee.pack(data)?;
    let mut metrics = BTreeMap::new();
    let genres = data.genres();
    if let Some(file) = classifier {
        let config = file.config.papers().context("a pack's classifier is of the papers' build")?;
        parts.classifier = Some(config);
        file.weights.iter().for_each(|(name, tensor)| weights.insert(name, tensor.clone()));
        for (genre, share) in genres.iter().zip(&file.accuracy) {
            let name = format!("{genre}: classifier accuracy, validation split");
            metrics.insert(name, (share * 1e4).round() / 1e4);
        }
    }
    let card = Card {
        version: naming.pack_version.clone(),
        data: sources,
        recipe: format!("{} {}", trainee.recipe(), naming.remark).trim_end().to_string(),
        metrics,
        threshold: trainee.threshold(),
        ..Card::new(naming.name.clone(), genres, parts)
    };
    Ok(Pack::new(card, &weights))
}

/// The classifier of a run: read from its folder, or trained now with the run's own seed and transposition.
fn of_run(
    data: &Dataset,
    configuration: &Value,
    run: &RunOptions,
    options: &PackClassifierOptions,
) -> Result<ClassifierFile> {
    let path = run.run.join(CLASSIFIER);
    let genres = data.genres();
    // One of another size or for other genres is no use here.
    let wanted =
        BuiltConfig::Papers(ClassifierConfig { genres: genres.len(), width: options.classifier_width });
    if let Ok(kept) = ClassifierFile::read(&path)
        && kept.config == wanted
        && kept.genres == genres
    {
        return Ok(kept);
    }
    let mut bar = Progress::new("classifier step", 0, options.classifier_steps);
    let transpose = configuration["transpose"].as_i64().unwrap_or(0) as i32;
    let seed = configuration["seed"].as_u64().unwrap_or(1);
    let tell = |step, loss| bar.set(step, || format!("loss {loss:.3}"));
    let file = classifier::train(data, &options.complete(transpose, seed), tell)?;
    bar.end();
    file.write(&path)?;
    Ok(file)
}
