//! A training run in its folder: progress, metrics, checkpoints, and a stop that loses nothing.
//!
//! The folder holds `checkpoint.safetensors` (the newest), `metrics.csv` (losses), and at the end `classifier.safetensors`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use model::{Architecture, Card, ClassifierConfig, FORMAT, Pack};
use phrase::Grid;

use crate::classifier::training::ListenerOptions;
use crate::classifier::{self, ClassifierFile};
use crate::dataset::Dataset;
use crate::gan::{Gan, GanOptions, LOSSES, Losses};

/// The newest checkpoint in a run's folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// The classifier in a run's folder.
pub const CLASSIFIER: &str = "classifier.safetensors";

/// How a run is watched and kept.
#[derive(Clone, Debug, clap::Args)]
pub struct RunOptions {
    /// Folder of the run.
    #[arg(long, default_value = "runs/default")]
    pub run: PathBuf,
    /// Go on from the run's checkpoint; the other options are then the checkpoint's, but for --steps.
    #[arg(long)]
    pub resume: bool,
    /// Steps between checkpoints.
    #[arg(long, default_value_t = 250)]
    pub every: u64,
    /// Worker threads; the numbers do not depend on them.
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
}

/// A flag that Ctrl-C raises: the run saves and stops at the next step.
pub fn interruption() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = flag.clone();
    ctrlc::set_handler(move || raised.store(true, Ordering::Relaxed)).context("Ctrl-C cannot be caught")?;
    Ok(flag)
}

/// Trains until `options.steps` or until `stop` is raised. True when the run is complete.
pub fn train(data: &Dataset, options: &GanOptions, run: &RunOptions, stop: &AtomicBool) -> Result<bool> {
    data.check_trainable()?;
    let folder = &run.run;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: the run's folder could not be made", folder.display()))?;
    let checkpoint = folder.join(CHECKPOINT);
    let mut gan = if run.resume {
        let gan = Gan::resume(&checkpoint, options.steps)?;
        anyhow::ensure!(
            gan.generator_config().genres == data.items.len(),
            "{}: the checkpoint has {} genres, the dataset {}; train without --resume to start anew",
            checkpoint.display(),
            gan.generator_config().genres,
            data.items.len()
        );
        gan
    } else {
        Gan::new(options.clone(), data.items.len())?
    };
    let mut log = Log::open(&folder.join("metrics.csv"), gan.step)?;
    let bar = progress(gan.options.steps, "step");
    bar.set_position(gan.step);
    let mut mean = Losses::default();
    while gan.step < gan.options.steps && !stop.load(Ordering::Relaxed) {
        let losses = gan.train(data, run.threads)?;
        mean.iter_mut().zip(losses).for_each(|(mean, loss)| *mean += 0.05 * (loss - *mean));
        bar.set_message(
            LOSSES
                .iter()
                .zip(mean)
                .map(|(name, loss)| format!("{} {loss:.3}", &name[..3]))
                .collect::<Vec<_>>()
                .join("  "),
        );
        bar.inc(1);
        log.add(gan.step, &losses)?;
        if gan.step % run.every == 0 {
            gan.save(&checkpoint)?;
        }
    }
    gan.save(&checkpoint)?;
    bar.abandon();
    Ok(gan.step >= gan.options.steps)
}

/// Whether `folder` holds a checkpoint of a run with these options (but for the number of steps).
pub fn resumable(folder: &Path, options: &GanOptions) -> bool {
    Gan::resume(&folder.join(CHECKPOINT), options.steps).is_ok_and(|gan| gan.options == *options)
}

/// The run's averaged generator with a classifier, as a pack. The classifier is trained once and kept in the folder.
pub fn export(
    data: &Dataset,
    name: &str,
    version: &str,
    run: &RunOptions,
    listening: &ListenerOptions,
) -> Result<Pack> {
    let gan = Gan::resume(&run.run.join(CHECKPOINT), 0)?;
    let ClassifierFile { config: classifier, mut weights, accuracy, .. } =
        ear(data, &gan.options, run, listening)?;
    for (name, tensor) in gan.averaged()?.iter() {
        weights.insert(name, tensor.clone());
    }
    let o = &gan.options;
    let recipe = format!(
        "Multi-genre cycle-consistent GAN, {} steps of batch {}, Adam {:e} / {:e}, betas 0.5 / 0.99, seed {}; loss = adversarial hinge + {} cycle + {} identity \
         + {} keep (binary cross-entropy, positive weight {}, new notes outside the half bar's harmony weighted {}), discriminator with spectral norm, transferred phrases weighted {}, real ones as a wrong genre {}; \
         straight-through binarised answers, transposition by up to {} semitones, weights averaged at {} a step.",
        gan.step,
        o.batch,
        o.rate,
        o.critic_rate,
        o.seed,
        o.terms.cycle,
        o.terms.identity,
        o.terms.keep,
        o.terms.positive,
        o.terms.outside,
        o.terms.fake,
        o.terms.wrong,
        o.transpose,
        o.average
    );
    let genres = data.genres();
    let heard = genres.iter().zip(accuracy);
    let metrics = heard
        .map(|(genre, share)| {
            (format!("{genre}: classifier accuracy, validation split"), (share * 1e4).round() / 1e4)
        })
        .collect();
    let card = Card {
        format: FORMAT,
        name: name.to_string(),
        version: version.to_string(),
        genres,
        architecture: Architecture::PatchResnet { generator: gan.generator_config(), classifier },
        grid: Grid::Nearest,
        planes: vec!["sounding".to_string()],
        threshold: 0.5,
        data: data.info.genres.iter().flat_map(|genre| genre.sources.clone()).collect(),
        recipe,
        metrics,
        hash: String::new(),
    };
    Ok(Pack { card, weights })
}

/// The classifier of a run: read from its folder, or trained now.
fn ear(
    data: &Dataset,
    options: &GanOptions,
    run: &RunOptions,
    listening: &ListenerOptions,
) -> Result<ClassifierFile> {
    let path = run.run.join(CLASSIFIER);
    let genres = data.genres();
    // One of another size or for other genres is no use here.
    let wanted = ClassifierConfig { genres: genres.len(), width: listening.listener_width };
    if let Ok(kept) = ClassifierFile::read(&path)
        && kept.config == wanted
        && kept.genres == genres
    {
        return Ok(kept);
    }
    let bar = progress(listening.listener_steps, "classifier step");
    let tell = |step, loss| {
        bar.set_position(step);
        bar.set_message(format!("loss {loss:.3}"));
    };
    let ear = classifier::train(data, &listening.complete(options.transpose, options.seed), tell)?;
    bar.abandon();
    ear.write(&path)?;
    Ok(ear)
}

/// `metrics.csv`: one line a step.
struct Log(std::fs::File);

impl Log {
    fn open(path: &Path, step: u64) -> Result<Self> {
        let name = path.display();
        let mut kept = format!("step,{}\n", LOSSES.join(","));
        // A resumed run drops the lines of the steps it does again.
        if step > 0 {
            let old = std::fs::read_to_string(path).unwrap_or_default();
            let before = |line: &&str| {
                line.split(',').next().and_then(|s| s.parse::<u64>().ok()).is_some_and(|s| s <= step)
            };
            old.lines().filter(before).for_each(|line| kept += &format!("{line}\n"));
        }
        std::fs::write(path, kept).with_context(|| format!("{name}: the log could not be written"))?;
        let file = OpenOptions::new().append(true).open(path);
        Ok(Self(file.with_context(|| format!("{name}: the log could not be opened"))?))
    }

    fn add(&mut self, step: u64, losses: &Losses) -> Result<()> {
        let values: Vec<_> = losses.iter().map(|loss| format!("{loss:.5}")).collect();
        writeln!(self.0, "{step},{}", values.join(","))
            .context("metrics.csv: the log could not be written; is the disk full?")
    }
}

fn progress(steps: u64, what: &str) -> ProgressBar {
    let template = format!("{what} {{pos}}/{{len}} {{wide_bar}} {{per_sec}}  {{msg}}  {{eta}} left");
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps).with_style(style)
}
