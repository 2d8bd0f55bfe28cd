//! `classify`: trains a classifier on a dataset, or takes a trained one, and says how well it hears.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::accuracy::accuracy;
use super::noise::{NoiseTable, SIGMAS};
use super::trainee::{ClassifierRun, NAME};
use super::{ClassifierArguments, ClassifierFile};
use crate::dataset::{Dataset, Split, write_whole};
use crate::families::Plan;
use crate::run::{Interrupted, SingleOptions, trained};

/// What is classified.
#[derive(Clone, Debug, clap::Args)]
pub struct ClassifyOptions {
    /// The dataset that `prepare` made: of the music itself, or of another folder for a judge of its own
    /// mind.
    pub dataset: PathBuf,
    /// A further dataset, whose phrases of the same genres are heard too: the same music with another track
    /// left out, for example. Can be repeated.
    #[arg(long, value_name = "DATASET")]
    pub also: Vec<PathBuf>,
    /// The classifier to write.
    #[arg(short, long, required_unless_present = "measure")]
    pub output: Option<PathBuf>,
    /// How the run is kept.
    #[command(flatten)]
    pub run: SingleOptions,
    /// Two genres of the dataset, as in the papers, which train one classifier a pair. All genres by default.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub pair: Option<Vec<String>>,
    /// Trains nothing: measures this classifier, on a dataset that has its genres.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "pair", "run", "resume", "anew"])]
    pub measure: Option<PathBuf>,
    /// Noise levels of the table: standard deviation of normal noise, added once to each test phrase's cells
    /// (-1 or 1).
    #[arg(long, value_delimiter = ',', default_values_t = SIGMAS)]
    pub sigma: Vec<f32>,
    /// Writes the table of noise to this CSV file too.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// The recipe.
    #[command(flatten)]
    pub training: ClassifierArguments,
}

/// Trains (or reads), writes, and prints accuracies and the table of noise.
///
/// # Errors
/// When a file cannot be read or written, or the dataset lacks a genre or its phrases; [`Interrupted`] where
/// Ctrl-C came.
pub fn classify(options: &ClassifyOptions) -> Result<()> {
    let mut data = Dataset::read(&options.dataset)?;
    for path in &options.also {
        let joined = data.with(&Dataset::read(path)?);
        data =
            joined.with_context(|| format!("{}: it does not go with the first dataset", path.display()))?;
    }
    if let Some([a, b]) = options.pair.as_deref() {
        data = data.pair(a, b)?;
    }
    let file = match &options.measure {
        Some(path) => ClassifierFile::read(path)?,
        None => match listened(&data, options) {
            Err(error) if !error.is::<Interrupted>() => {
                let shown = options.dataset.display();
                return Err(error.context(format!("{shown}: no classifier was trained")));
            }
            file => file?,
        },
    };
    if let Some(output) = &options.output {
        file.write(output)?;
        println!("{}: written", output.display());
    }
    let data = file.judged(&data)?;
    let filled = |split: Split| (0..data.items.len()).all(|genre| !data.split(genre, split).is_empty());
    for split in Split::ALL.into_iter().filter(|&split| filled(split)) {
        let shares = accuracy(&file.classifier()?, &data, split)?;
        let mean = 100.0 * shares.iter().sum::<f64>() / shares.len() as f64;
        let named =
            file.genres.iter().zip(&shares).map(|(name, share)| format!("{name} {:.2}", 100.0 * share));
        let named = named.collect::<Vec<_>>().join(", ");
        println!("accuracy in %, {:<6} {mean:>6.2} ({named})", split.name());
    }
    if !filled(Split::Test) {
        println!("no table of noise: a genre has no test phrases");
        return Ok(());
    }
    let table =
        NoiseTable::measure(&file, &data, Split::Test, &options.sigma, options.training.seed.unwrap_or(1))?;
    print!("{table}");
    options.csv.as_ref().map_or(Ok(()), |path| write_whole(path, table.csv().as_bytes()))
}

/// Trains in the run's folder, or goes on there.
fn listened(data: &Dataset, options: &ClassifyOptions) -> Result<ClassifierFile> {
    let output = options.output.as_ref().context("--output is missing")?;
    let mut run = options.run.clone();
    if run.given.iter().any(|name| name == "epochs") {
        run.given.push("steps".to_string());
    }
    let phrases = (0..data.items.len()).map(|genre| data.split(genre, Split::Train).len()).sum();
    let recipe = options.training.resolve(phrases)?;
    let (kept, genres) = (serde_json::json!(recipe), data.genres());
    let plan = Plan::new(NAME, kept, move |_| Ok(Box::new(ClassifierRun::new(recipe, genres)?)));
    trained(data, plan, &run, output)?.classifier(data)?.context("the run holds no classifier")
}
