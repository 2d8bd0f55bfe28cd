//! A training run in its folder: progress, metrics, checkpoints, and a stop that loses nothing.
//!
//! | in the folder | what it is |
//! |---|---|
//! | `run.json` | options, dataset and sessions |
//! | `checkpoint.safetensors` | the newest state; `step-001000.safetensors`: kept ones (`--keep-every`) |
//! | `metrics.csv`, `losses.svg`, `events.out.tfevents.*` | the losses as a table, as charts, and for TensorBoard |
//! | `samples/step-001000/` | a few phrases of each direction as MIDI and as pictures |
//! | `classifier.safetensors` | the classifier, once it was exported |
//!
//! Everything random is drawn from (seed, step), each batch is cut into two shards whose gradients are added
//! in order, and checkpoints hold the optimisers: a resumed run, on any number of threads, gives the same
//! numbers. A failing checkpoint, or a number that is not finite, ends a run with the last good checkpoint; a
//! failing table, chart or sample is said once and does not.

pub mod checkpoint;
mod device;
mod export;
mod log;
mod plots;
mod progress;
mod record;
mod samples;
mod single;
pub mod tensorboard;
mod trainee;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use serde_json::Value;

pub use checkpoint::Checkpoint;
pub use device::DeviceChoice;
pub use export::{Naming, blank, export};
pub use log::{Log, lines as log_lines};
pub use progress::Progress;
pub use record::{Data, Record, Session, digest};
pub use samples::{Sample, played_by, samples};
pub use single::{SingleOptions, trained};
pub(crate) use trainee::read_off;
pub use trainee::{Needs, Sight, Trainee};

use crate::core::NotFinite;
use crate::dataset::Dataset;
use crate::families::{self, Plan};
use watch::Watch;

/// The newest checkpoint in a run's folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// The classifier in a run's folder.
pub const CLASSIFIER: &str = "classifier.safetensors";
/// The losses in a run's folder.
pub const METRICS: &str = "metrics.csv";
const PLOT: &str = "losses.svg";
const SAMPLES: &str = "samples";

/// How a run is watched and kept: nothing here changes its numbers.
#[derive(Clone, Debug, clap::Args)]
pub struct RunOptions {
    /// Folder of the run.
    #[arg(long, default_value = "runs/default")]
    pub run: PathBuf,
    /// Go on from the run's checkpoint, with its options; those given on the command line replace them from
    /// there on.
    #[arg(long)]
    pub resume: bool,
    /// Replace the run that the folder holds.
    #[arg(long, conflicts_with = "resume")]
    pub anew: bool,
    /// Go on from, or export, the checkpoint that was kept at this step instead of the newest.
    #[arg(long, value_name = "STEP")]
    pub at: Option<u64>,
    /// Steps between checkpoints; each replaces the one before.
    #[arg(long, default_value_t = RunOptions::EVERY)]
    pub every: u64,
    /// Steps between checkpoints that are kept; 0 keeps none but the newest.
    #[arg(long, default_value_t = 0)]
    pub keep_every: u64,
    /// Steps between samples: a few phrases of each direction as MIDI and as pictures; 0 for none.
    #[arg(long, default_value_t = RunOptions::SAMPLES)]
    pub samples: u64,
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
    const SAMPLES: u64 = 500;
    const THREADS: usize = 2;

    /// The defaults, in this folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            run: folder.to_path_buf(),
            resume: false,
            anew: false,
            at: None,
            every: Self::EVERY,
            keep_every: 0,
            samples: Self::SAMPLES,
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

/// A flag that Ctrl-C raises: the run saves and stops at the next step. A second Ctrl-C ends the program at
/// once.
pub fn interruption() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = flag.clone();
    let raise = move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(raise).context("Ctrl-C cannot be caught")?;
    Ok(flag)
}

/// What a run trains: fresh, or with `run.resume` from its checkpoint. The plan's options are the command
/// line's, of which those named in `run.given` replace the checkpoint's.
///
/// # Errors
/// Where the device is not there, the checkpoint cannot be read, or it is of another family, dataset or size.
pub fn start(data: &Dataset, plan: Plan, run: &RunOptions) -> Result<Box<dyn Trainee>> {
    let device = run.device.open()?;
    let (folder, family) = (&run.run, plan.family);
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: the run's folder could not be made", folder.display()))?;
    let (trainee, changed) = match run.resume {
        true => resume(&plan, data, run, &device)?,
        false => {
            let trainee = (plan.fresh)(&device)?;
            clear(run)?;
            (trainee, Vec::new())
        }
    };
    let session = Session::now(trainee.step(), &changed, run.threads);
    let sessions = Record::read(folder).filter(|_| run.resume).map(|record| record.sessions);
    let sessions = sessions.into_iter().flatten().chain([session]).collect();
    let (kind, options) = (family.to_string(), record::tidy(&trainee.configuration()));
    Record { kind, options, data: Data::of(data), sessions }.write(folder)?;
    Ok(trainee)
}

/// The trainee of a run's checkpoint, and what of its options was changed.
fn resume(
    Plan { family, options, .. }: &Plan,
    data: &Dataset,
    run: &RunOptions,
    device: &Device,
) -> Result<(Box<dyn Trainee>, Vec<String>)> {
    let path = run.checkpoint();
    let name = path.display();
    let mut checkpoint = Checkpoint::read(&path, family)?;
    let digest = digest(data);
    ensure!(
        checkpoint.data == digest,
        "{name}: the checkpoint is of a run on another dataset ({:.12}, this one is {digest:.12}); give \
         that one, or start over with --anew",
        checkpoint.data
    );
    let changed = record::replace(&mut checkpoint.header[checkpoint::OPTIONS], options, &run.given);
    if !changed.is_empty() {
        eprintln!("from here on: {}", changed.join(", "));
    }
    let trainee = (families::named(family)?.resume)(&checkpoint, device).with_context(|| {
        let fault = match changed.join(", ").as_str() {
            "" => "this is no checkpoint of this version".to_string(),
            changed => {
                format!("the checkpoint does not fit another configuration ({changed}); leave that out")
            }
        };
        format!("{name}: {fault}, or start over with --anew")
    })?;
    Ok((trainee, changed))
}

/// Makes way for a new run in the folder.
fn clear(run: &RunOptions) -> Result<()> {
    let folder = run.run.display();
    if !run.run.join(CHECKPOINT).exists() {
        return Ok(());
    }
    ensure!(
        run.anew,
        "{folder}: this folder holds a run; go on with --resume, replace it with --anew, or give another \
         --run folder"
    );
    let entries =
        std::fs::read_dir(&run.run).with_context(|| format!("{folder}: the folder could not be read"))?;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ours = name == CHECKPOINT
            || name.starts_with("step-") && name.ends_with(".safetensors")
            || name.starts_with(tensorboard::PREFIX);
        let removed = match () {
            () if ours => std::fs::remove_file(&path),
            () if name == SAMPLES => std::fs::remove_dir_all(&path),
            () => Ok(()),
        };
        removed.with_context(|| format!("{}: the old run could not be removed", path.display()))?;
    }
    Ok(())
}

/// Whether `run`'s folder holds a checkpoint of this family on this dataset with these options (but for the
/// number of steps).
pub fn resumable(family: &str, data: &Dataset, options: &Value, run: &RunOptions) -> bool {
    let mut options = options.clone();
    Checkpoint::read(&run.checkpoint(), family).is_ok_and(|checkpoint| {
        options["steps"] = checkpoint.header[checkpoint::OPTIONS]["steps"].clone();
        checkpoint.data == digest(data) && checkpoint.header[checkpoint::OPTIONS] == options
    })
}

/// The exit code of a command that Ctrl-C ended, as shells have it.
pub const INTERRUPTED: u8 = 130;

/// Ctrl-C came, and what was done is saved: no fault, but not the end either.
#[derive(Clone, Copy, Debug)]
pub struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped before the end")
    }
}

impl std::error::Error for Interrupted {}

/// A command's whole run, with Ctrl-C: [`start`], [`drive`], and a line about how it ended.
///
/// # Errors
/// As those two; [`Interrupted`] where Ctrl-C came.
pub fn train(data: &Dataset, plan: Plan, run: &RunOptions) -> Result<()> {
    let stop = interruption()?;
    let complete = drive(&mut *start(data, plan, run)?, data, run, &stop)?;
    let folder = run.run.display();
    println!("{folder}: {}", if complete { "trained" } else { "stopped; go on with --resume" });
    if complete { Ok(()) } else { Err(Interrupted.into()) }
}

/// Trains until all steps are done or `stop` is raised. True when the run is complete.
///
/// # Errors
/// Where a step's numbers are not finite, or a checkpoint cannot be written. The last good checkpoint then
/// stays.
pub fn drive(trainee: &mut dyn Trainee, data: &Dataset, run: &RunOptions, stop: &AtomicBool) -> Result<bool> {
    // What the pack will have: a genre that is added to a pack may come alone.
    trainee.needs().check(&trainee.genres(data)?)?;
    let folder = &run.run;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: the run's folder could not be made", folder.display()))?;
    let digest = digest(data);
    // A full disk or a folder without permission shows before the work.
    let mut saved = save(trainee, &digest, run, None)?;
    let mut watch = Watch::open(trainee, folder);
    let due = |step: u64, every: u64| every > 0 && step.is_multiple_of(every);
    while trainee.step() < trainee.steps() && !stop.load(Ordering::Relaxed) {
        let losses = trainee.train(data, run.threads).and_then(|losses| match losses.fault() {
            Some(name) => Err(NotFinite { step: trainee.step(), what: format!("the {name} loss") }.into()),
            None => Ok(losses),
        });
        let losses = losses.map_err(|error| stopped(error, run, saved))?;
        let step = trainee.step();
        watch.step(step, &losses);
        if due(step, run.every) || due(step, run.keep_every) {
            saved = save(trainee, &digest, run, Some(saved))?;
            watch.plot();
        }
        if due(step, run.samples) {
            watch.samples(trainee, data);
        }
    }
    if saved < trainee.step() {
        save(trainee, &digest, run, Some(saved))?;
    }
    watch.plot();
    watch.end();
    Ok(trainee.step() >= trainee.steps())
}

/// What ended a run, with what to do now.
fn stopped(error: anyhow::Error, run: &RunOptions, saved: u64) -> anyhow::Error {
    let checkpoint = run.run.join(CHECKPOINT);
    let name = checkpoint.display();
    match error.downcast_ref::<NotFinite>() {
        Some(fault) => anyhow::anyhow!(
            "{fault}; the run has stopped and {name} is still that of step {saved}: go on from it with \
             --resume and lower learning rates"
        ),
        None => error.context(format!("{name}: the run has stopped, its checkpoint is that of step {saved}")),
    }
}

/// Writes the newest checkpoint, and the kept one where it is due. Returns its step; `last` is that of the
/// one before.
fn save(trainee: &dyn Trainee, digest: &str, run: &RunOptions, last: Option<u64>) -> Result<u64> {
    let step = trainee.step();
    let checkpoint = Checkpoint { data: digest.to_string(), ..trainee.checkpoint()? };
    if let Some(name) = checkpoint.fault()? {
        return Err(stopped(NotFinite { step, what: name.to_string() }.into(), run, last.unwrap_or(step)));
    }
    let kept = (run.keep_every > 0 && step > 0 && step.is_multiple_of(run.keep_every))
        .then(|| run.run.join(kept(step)));
    for path in [Some(run.run.join(CHECKPOINT)), kept].into_iter().flatten() {
        checkpoint.write(&path).with_context(|| match last {
            Some(last) => format!(
                "the run has stopped at step {step}; its last checkpoint, of step {last}, is whole: make \
                 room and go on with --resume"
            ),
            None => "the run cannot begin".to_string(),
        })?;
    }
    Ok(step)
}
