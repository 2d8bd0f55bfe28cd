//! `sweep`: a grid of runs from one file, here or as a job array, skipping what is done.
//!
//! Options are passed on as flags, unread: a sweep works with every command that trains. [`mod@file`] expands
//! the grid, [`work`] does one run, [`slurm`] hands them to a scheduler, [`summary`] gathers what came out.
//!
//! Each run's folder notes what was done with which flags: that is how a sweep skips, resumes and does again.

pub mod file;
mod losses;
mod picture;
pub mod slurm;
pub mod summary;
pub mod work;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context, Result, bail, ensure};

pub use file::{Point, SweepFile};
pub use work::{State, Work};

use crate::run::{Interrupted, interruption};

/// What is done of a sweep, and how.
#[derive(Clone, Debug, clap::Args)]
pub struct SweepOptions {
    /// The sweep: TOML, or JSON (see examples/sweep-papers.toml).
    pub file: PathBuf,
    /// Runs at a time, each a process of its own. [default: 1; a job array without a limit]
    #[arg(long)]
    pub jobs: Option<usize>,
    /// Only the run with this index, as `--list` shows it.
    #[arg(long, value_name = "INDEX")]
    pub only: Option<usize>,
    /// Show all runs with their states, and write the summary; train nothing.
    #[arg(long, conflicts_with_all = ["only", "slurm"])]
    pub list: bool,
    /// Print a job array for SLURM with the runs that are not done, to be given to `sbatch`; train nothing.
    #[arg(long, conflicts_with = "only")]
    pub slurm: bool,
    /// With --slurm: a further option of sbatch, like --sbatch=--partition=gpu. Can be repeated.
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true, requires = "slurm")]
    pub sbatch: Vec<String>,
}

/// The command.
///
/// # Errors
/// Where the file is none, or a run failed: the others are done all the same.
pub fn sweep(options: &SweepOptions) -> Result<()> {
    let sweep = SweepFile::read(&options.file)?;
    let program = std::env::current_exe().context("this program cannot be found")?;
    let points = sweep.points()?;
    let works = works(&sweep, &points, &program);
    let summary = sweep.folder.join("summary.csv");
    if options.list {
        for work in &works {
            println!("{:4}  {:<24}  {}", work.point.index, work.state().to_string(), work.point.name);
        }
        return finish(&works, &summary);
    }
    if options.slurm {
        let left: Vec<usize> =
            works.iter().filter(|work| work.state() != State::Done).map(|work| work.point.index).collect();
        ensure!(!left.is_empty(), "all {} runs are done", works.len());
        let folder = std::env::current_dir().context("the current folder cannot be found")?;
        let log = &sweep.folder;
        std::fs::create_dir_all(log)
            .with_context(|| format!("{}: the folder could not be made", log.display()))?;
        let paths = [&folder, &program, &options.file].map(PathBuf::as_path);
        print!("{}", slurm::script(&sweep, &left, paths, options.jobs, &options.sbatch));
        return Ok(());
    }
    let stop = interruption()?;
    if let Some(index) = options.only {
        let Some(work) = works.get(index) else {
            bail!("there is no run {index}: the sweep has {}, counted from 0", works.len());
        };
        let tell = |what: &str| eprintln!("{}: {what}", work.point.name);
        return if work.run(&stop, tell)? { Ok(()) } else { Err(Interrupted.into()) };
    }
    let failed = all(&works, options.jobs.unwrap_or(1), &stop);
    finish(&works, &summary)?;
    ensure!(failed.is_empty(), "{} of {} runs failed: {}", failed.len(), works.len(), failed.join("; "));
    if stop.load(Ordering::Relaxed) { Err(Interrupted.into()) } else { Ok(()) }
}

/// The runs of a sweep.
pub fn works<'a>(sweep: &'a SweepFile, points: &'a [Point], program: &'a Path) -> Vec<Work<'a>> {
    points.iter().map(|point| Work { sweep, point, program }).collect()
}

/// Does all that is not done, `jobs` at a time. Returns what failed.
pub fn all(works: &[Work], jobs: usize, stop: &AtomicBool) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let job = || {
        while let Some(work) = works.get(next.fetch_add(1, Ordering::Relaxed)) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            if work.state() == State::Done {
                continue;
            }
            let name = &work.point.name;
            let tell = |what: &str| eprintln!("[{}/{}] {name}: {what}", work.point.index + 1, works.len());
            match work.run(stop, tell) {
                Ok(true) => tell("done"),
                Ok(false) => tell("stopped; the same command goes on"),
                Err(error) => {
                    tell(&format!("failed: {error:#}"));
                    failed
                        .lock()
                        .unwrap_or_else(|poison| poison.into_inner())
                        .push(format!("{name}: {error:#}"));
                }
            }
        }
    };
    std::thread::scope(|scope| (0..jobs.max(1)).for_each(|_| drop(scope.spawn(job))));
    failed.into_inner().unwrap_or_else(|poison| poison.into_inner())
}

fn finish(works: &[Work], path: &Path) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{}: the folder could not be made", folder.display()))?;
    }
    summary::write(works, path)?;
    println!("{}; {}", summary::count(works), path.display());
    Ok(())
}
