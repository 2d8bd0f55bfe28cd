//! Runs of the commands that train one thing and write it to one file: `classify`, `train-dynamics`.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Checkpoint, DeviceChoice, Interrupted, RunOptions, Trainee, drive, interruption, start};
use crate::dataset::Dataset;
use crate::families::Plan;

/// How such a run is kept: nothing here changes its numbers.
#[derive(Clone, Debug, clap::Args)]
pub struct SingleOptions {
    /// Folder of the run: its checkpoint, and its losses as metrics.csv, losses.svg and for TensorBoard.
    /// [default: the output's name with .run]
    #[arg(long, value_name = "FOLDER")]
    pub run: Option<PathBuf>,
    /// Go on from the run's checkpoint, with its options; those given on the command line replace them from
    /// there on.
    #[arg(long)]
    pub resume: bool,
    /// Replace a run that the folder holds and that is not at its end.
    #[arg(long, conflicts_with = "resume")]
    pub anew: bool,
    /// Steps between checkpoints.
    #[arg(long, default_value_t = 500)]
    pub every: u64,
    /// Names of the options that the command line gave.
    #[arg(skip)]
    pub given: Vec<String>,
}

/// Trains a plan to its end in the run's folder, or goes on there, and gives what was trained.
///
/// # Errors
/// When the folder holds a run that is not to be replaced, or a step fails; [`Interrupted`] where Ctrl-C
/// came.
pub fn trained(
    data: &Dataset,
    plan: Plan,
    options: &SingleOptions,
    output: &Path,
) -> Result<Box<dyn Trainee>> {
    let folder = options.run.clone().unwrap_or_else(|| output.with_extension("run"));
    let mut run = RunOptions {
        resume: options.resume,
        anew: options.anew,
        every: options.every,
        samples: 0,
        threads: 1,
        device: DeviceChoice::Cpu,
        given: options.given.clone(),
        ..RunOptions::in_folder(&folder)
    };
    // One that is done is no loss.
    run.anew |= !run.resume && finished(&run.checkpoint());
    let stop = interruption()?;
    let mut trainee = start(data, plan, &run)?;
    if !drive(&mut *trainee, data, &run, &stop)? {
        println!("{}: stopped; go on with --resume", folder.display());
        return Err(Interrupted.into());
    }
    Ok(trainee)
}

/// Whether the checkpoint is of a run that was trained to its end.
fn finished(path: &Path) -> bool {
    let header = Checkpoint::peek(path).map(|checkpoint| checkpoint.header);
    header.is_ok_and(|header| header["step"].as_u64() >= header["options"]["steps"].as_u64())
}
