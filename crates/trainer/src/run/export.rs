//! A run's networks with a classifier, as a pack.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::Device;
use model::{Card, ClassifierConfig, Pack, Parts};
use serde_json::Value;

use super::{CLASSIFIER, Checkpoint, Progress, RunOptions, Trainee, digest};
use crate::arrange::Arrange;
use crate::classifier::training::ListenerOptions;
use crate::classifier::{self, ClassifierFile, EarConfig};
use crate::dataset::Dataset;
use crate::from::Addition;
use crate::gan::Gan;
use crate::pairwise::Pair;

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

/// The run's weights and a classifier as a pack. The classifier is trained once and kept in the folder.
///
/// # Errors
/// Where the run has no checkpoint, or one of another dataset.
pub fn export(
    data: &Dataset,
    naming: &Naming,
    run: &RunOptions,
    listening: &ListenerOptions,
) -> Result<Pack> {
    let path = run.checkpoint();
    match Checkpoint::peek(&path)?.kind.as_str() {
        Arrange::KIND => of::<Arrange>(&path, data, naming, run, listening),
        Gan::KIND => of::<Gan>(&path, data, naming, run, listening),
        Pair::KIND => of::<Pair>(&path, data, naming, run, listening),
        Addition::KIND => of::<Addition>(&path, data, naming, run, listening),
        kind => bail!("{}: this program knows no {kind} runs", path.display()),
    }
}

fn of<T: Trainee>(
    path: &Path,
    data: &Dataset,
    naming: &Naming,
    run: &RunOptions,
    listening: &ListenerOptions,
) -> Result<Pack> {
    let checkpoint = Checkpoint::read(path, T::KIND)?;
    ensure!(
        checkpoint.data == digest(data),
        "{}: the run was on another dataset; give that one",
        path.display()
    );
    let mut trainee = T::resume(&checkpoint, &Device::Cpu)
        .with_context(|| format!("{}: this is no checkpoint of this version", path.display()))?;
    trainee.settle(data);
    let sources = trainee.sources(data);
    let own = trainee.ear(data)?;
    let data = &trainee.genres(data)?;
    let ClassifierFile { config, mut weights, accuracy, .. } = match own {
        Some(own) => own,
        None => ear(data, &trainee.configuration(), run, listening)?,
    };
    let classifier = config.papers().context("a pack's classifier is of the papers' build")?;
    let (transfer, generator) = trainee.pack()?;
    for (name, tensor) in generator.iter() {
        weights.insert(name, tensor.clone());
    }
    let genres = data.genres();
    let heard = genres.iter().zip(accuracy);
    let metrics = heard
        .map(|(genre, share)| {
            (format!("{genre}: classifier accuracy, validation split"), (share * 1e4).round() / 1e4)
        })
        .collect();
    let card = Card {
        version: naming.pack_version.clone(),
        data: sources,
        recipe: format!("{} {}", trainee.recipe(), naming.remark).trim_end().to_string(),
        metrics,
        ..Card::new(naming.name.clone(), genres, Parts::new(transfer, classifier))
    };
    Ok(Pack::new(card, &weights))
}

/// The classifier of a run: read from its folder, or trained now with the run's own seed and transposition.
fn ear(
    data: &Dataset,
    configuration: &Value,
    run: &RunOptions,
    listening: &ListenerOptions,
) -> Result<ClassifierFile> {
    let path = run.run.join(CLASSIFIER);
    let genres = data.genres();
    // One of another size or for other genres is no use here.
    let wanted =
        EarConfig::Papers(ClassifierConfig { genres: genres.len(), width: listening.listener_width });
    if let Ok(kept) = ClassifierFile::read(&path)
        && kept.config == wanted
        && kept.genres == genres
    {
        return Ok(kept);
    }
    let mut bar = Progress::new("classifier step", 0, listening.listener_steps);
    let transpose = configuration["transpose"].as_i64().unwrap_or(0) as i32;
    let seed = configuration["seed"].as_u64().unwrap_or(1);
    let tell = |step, loss| bar.set(step, || format!("loss {loss:.3}"));
    let ear = classifier::train(data, &listening.complete(transpose, seed), tell)?;
    bar.end();
    ear.write(&path)?;
    Ok(ear)
}
