//! A training run in its folder: progress, metrics, checkpoints, and a stop that loses nothing.
//!
//! The folder holds `checkpoint.safetensors` (the newest), kept ones (`step-001000.safetensors`), `metrics.csv` (losses),
//! and at the end `classifier.safetensors`.

pub mod checkpoint;
mod device;
mod export;
mod log;
mod progress;
mod record;
mod trainee;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use serde::Serialize;

pub use checkpoint::Checkpoint;
pub use device::DeviceChoice;
pub use export::{Naming, export};
pub use log::Log;
pub use progress::Progress;
pub use record::digest;
pub use trainee::Trainee;

use crate::dataset::Dataset;

/// The newest checkpoint in a run's folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// The classifier in a run's folder.
pub const CLASSIFIER: &str = "classifier.safetensors";

/// How a run is watched and kept: nothing here changes its numbers.
#[derive(Clone, Debug, clap::Args)]
pub struct RunOptions {
    /// Folder of the run.
    #[arg(long, default_value = "runs/default")]
    pub run: PathBuf,
    /// Go on from the run's checkpoint, with its options; those given on the command line replace them from there on.
    #[arg(long)]
    pub resume: bool,
    /// Go on from, or export, the checkpoint that was kept at this step instead of the newest.
    #[arg(long, value_name = "STEP")]
    pub at: Option<u64>,
    /// Steps between checkpoints; each replaces the one before.
    #[arg(long, default_value_t = RunOptions::EVERY)]
    pub every: u64,
    /// Steps between checkpoints that are kept; 0 keeps none but the newest.
    #[arg(long, default_value_t = 0)]
    pub keep: u64,
    /// Worker threads; the numbers do not depend on them.
    #[arg(long, default_value_t = RunOptions::THREADS)]
    pub threads: usize,
    /// Where to compute. On another device than the CPU the numbers differ in their last digits.
    #[arg(long, value_enum, default_value = "auto")]
    pub device: DeviceChoice,
    /// Names of the options that the command line gave, as [`Trainee::configuration`] names them.
    #[arg(skip)]
    pub given: Vec<String>,
}

impl RunOptions {
    const EVERY: u64 = 250;
    const THREADS: usize = 2;

    /// The defaults, in this folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            run: folder.to_path_buf(),
            resume: false,
            at: None,
            every: Self::EVERY,
            keep: 0,
            threads: Self::THREADS,
            device: DeviceChoice::default(),
            given: Vec::new(),
        }
    }

    /// The file of the newest checkpoint, or of the one that `at` names.
    pub fn checkpoint(&self) -> PathBuf {
        match self.at {
            Some(step) => self.run.join(kept(step)),
            None => self.run.join(CHECKPOINT),
        }
    }
}

fn kept(step: u64) -> String {
    format!("step-{step:06}.safetensors")
}

/// A flag that Ctrl-C raises: the run saves and stops at the next step.
pub fn interruption() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = flag.clone();
    ctrlc::set_handler(move || raised.store(true, Ordering::Relaxed)).context("Ctrl-C cannot be caught")?;
    Ok(flag)
}

/// What a run trains: fresh, or with `run.resume` from its checkpoint. `options` are the command line's, of which those
/// named in `run.given` replace the checkpoint's.
///
/// # Errors
/// Where the device is not there, the checkpoint cannot be read, or it is of another kind, dataset or size.
pub fn start<T: Trainee>(
    data: &Dataset,
    options: &impl Serialize,
    run: &RunOptions,
    fresh: impl FnOnce(&Device) -> Result<T>,
) -> Result<T> {
    let device = run.device.open()?;
    if !run.resume {
        return fresh(&device);
    }
    let path = run.checkpoint();
    let name = path.display();
    let mut checkpoint = Checkpoint::read(&path, T::KIND)?;
    let digest = digest(data);
    ensure!(
        checkpoint.data.is_empty() || checkpoint.data == digest,
        "{name}: the checkpoint is of a run on another dataset ({:.12}, this one is {digest:.12}); give that one, or train without --resume to start anew",
        checkpoint.data
    );
    let options = serde_json::to_value(options)?;
    let changed = record::replace(&mut checkpoint.header[checkpoint::OPTIONS], &options, &run.given);
    let changed = changed.join(", ");
    if !changed.is_empty() {
        eprintln!("from here on: {changed}");
    }
    T::resume(&checkpoint, &device).with_context(|| match changed.as_str() {
        "" => format!("{name}: this is no checkpoint of this version; train without --resume to start anew"),
        _ => format!("{name}: the checkpoint does not fit what was changed ({changed}); leave that out, or train without --resume to start anew"),
    })
}

/// Whether `run`'s folder holds a checkpoint of this kind on this dataset with these options (but for the number of steps).
pub fn resumable<T: Trainee>(data: &Dataset, options: &impl Serialize, run: &RunOptions) -> bool {
    let Ok(mut options) = serde_json::to_value(options) else { return false };
    Checkpoint::read(&run.checkpoint(), T::KIND).is_ok_and(|checkpoint| {
        options["steps"] = checkpoint.header[checkpoint::OPTIONS]["steps"].clone();
        checkpoint.data == digest(data) && checkpoint.header[checkpoint::OPTIONS] == options
    })
}

/// A command's whole run, with Ctrl-C: [`start`], [`drive`], and a line about how it ended.
///
/// # Errors
/// As those two.
pub fn train<T: Trainee>(
    data: &Dataset,
    options: &impl Serialize,
    run: &RunOptions,
    fresh: impl FnOnce(&Device) -> Result<T>,
) -> Result<()> {
    let stop = interruption()?;
    let complete = drive(&mut start(data, options, run, fresh)?, data, run, &stop)?;
    let folder = run.run.display();
    println!("{folder}: {}", if complete { "trained" } else { "stopped; go on with --resume" });
    Ok(())
}

/// Trains until all steps are done or `stop` is raised. True when the run is complete.
///
/// # Errors
/// Where a step's numbers are not finite, or a checkpoint cannot be written. The last good checkpoint then stays.
pub fn drive<T: Trainee>(
    trainee: &mut T,
    data: &Dataset,
    run: &RunOptions,
    stop: &AtomicBool,
) -> Result<bool> {
    let folder = &run.run;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: the run's folder could not be made", folder.display()))?;
    let names = trainee.losses();
    let digest = digest(data);
    let mut log = Log::open(&folder.join("metrics.csv"), &names, trainee.step())?;
    let mut bar = Progress::new("step", trainee.step(), trainee.steps());
    let mut mean = vec![0.0; names.len()];
    while trainee.step() < trainee.steps() && !stop.load(Ordering::Relaxed) {
        let losses = trainee.train(data, run.threads)?;
        mean.iter_mut().zip(&losses).for_each(|(mean, loss)| *mean += 0.05 * (loss - *mean));
        bar.set(trainee.step(), || told(&names, &mean));
        log.add(trainee.step(), &losses)?;
        if trainee.step() % run.every.max(1) == 0 {
            save(trainee, &digest, run)?;
        }
    }
    save(trainee, &digest, run)?;
    bar.end();
    Ok(trainee.step() >= trainee.steps())
}

fn told(names: &[&str], losses: &[f32]) -> String {
    let short = |name: &str| name.chars().take(3).collect::<String>();
    names
        .iter()
        .zip(losses)
        .map(|(name, loss)| format!("{} {loss:.3}", short(name)))
        .collect::<Vec<_>>()
        .join("  ")
}

fn save<T: Trainee>(trainee: &T, digest: &str, run: &RunOptions) -> Result<()> {
    let checkpoint = Checkpoint { data: digest.to_string(), ..trainee.checkpoint()? };
    if let Some(name) = checkpoint.fault()? {
        anyhow::bail!("step {}: {name} holds values that are not finite", trainee.step());
    }
    checkpoint.write(&run.run.join(CHECKPOINT))?;
    if run.keep > 0 && trainee.step() % run.keep == 0 {
        checkpoint.write(&run.run.join(kept(trainee.step())))?;
    }
    Ok(())
}
