//! One run of a sweep: trained, exported and evaluated, each once, going on where an earlier call stopped.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, FromArgMatches};
use model::Pack;
use serde::{Deserialize, Serialize};

use super::file::{Point, SweepFile, flags};
use super::summary::Line;
use crate::dataset::{Dataset, write_whole};
use crate::evaluate::{EvaluateOptions, evaluate};
use crate::run::{CHECKPOINT, CLASSIFIER, Checkpoint, INTERRUPTED, Record};

const LEDGER: &str = "sweep.json";
const LOG: &str = "log.txt";
/// The pack in a run's folder.
pub const PACK: &str = "pack.safetensors";

/// What is done of a run, and with which options: done with others counts as not done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Ledger {
    trained: Option<Vec<String>>,
    exported: Option<Vec<String>>,
    evaluated: Option<Vec<String>>,
    /// The evaluation's lines in the summary.
    lines: Vec<Line>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing is there.
    New,
    /// Half trained, up to this step.
    Half(u64),
    /// Trained, not yet exported.
    Trained,
    /// Exported, not yet evaluated.
    Exported,
    /// All is done.
    Done,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::New => f.write_str("not begun"),
            Self::Half(step) => write!(f, "stopped at step {step}"),
            Self::Trained => f.write_str("trained"),
            Self::Exported => f.write_str("exported"),
            Self::Done => f.write_str("done"),
        }
    }
}

/// A run to work on.
#[derive(Debug)]
pub struct Work<'a> {
    /// The sweep.
    pub sweep: &'a SweepFile,
    /// Where in it.
    pub point: &'a Point,
    /// The trainer's program: its own file, but in tests.
    pub program: &'a Path,
}

/// What a child process came to.
enum Ended {
    Well,
    Interrupted,
}

impl Work<'_> {
    /// The run's folder.
    pub fn folder(&self) -> PathBuf {
        self.sweep.folder.join(&self.point.name)
    }

    /// How far it is.
    pub fn state(&self) -> State {
        let (ledger, wanted) = (self.ledger(), self.wanted());
        if ledger.trained != wanted.trained {
            let checkpoint = Checkpoint::peek(&self.folder().join(CHECKPOINT));
            return checkpoint.map_or(State::New, |checkpoint| {
                State::Half(checkpoint.header["step"].as_u64().unwrap_or_default())
            });
        }
        match () {
            () if ledger.exported != wanted.exported => State::Trained,
            () if ledger.evaluated != wanted.evaluated => State::Exported,
            () => State::Done,
        }
    }

    /// The lines for the summary; none before the run is done.
    pub fn lines(&self) -> Vec<Line> {
        if self.state() == State::Done { self.ledger().lines } else { Vec::new() }
    }

    /// Does what is left to do, each training and export in a process of its own, so that a crash harms no
    /// other run. False where `stop` came before the end.
    ///
    /// # Errors
    /// Where a process fails, with the end of its log.
    pub fn run(&self, stop: &AtomicBool, tell: impl Fn(&str)) -> Result<bool> {
        let folder = self.folder();
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("{}: the run's folder could not be made", folder.display()))?;
        let wanted = self.wanted();
        let state = self.state();
        if let State::New | State::Half(_) = state {
            tell("training");
            self.keep(&Ledger::default())?;
            let mut arguments = vec![self.sweep.command.clone()];
            arguments.extend(self.sweep.flags(self.point));
            if state != State::New {
                arguments.push("--resume".to_string());
            }
            if let Ended::Interrupted = self.child(arguments, stop)? {
                return Ok(false);
            }
            self.keep(&Ledger { trained: wanted.trained.clone(), ..Ledger::default() })?;
        }
        if self.state() == State::Trained {
            tell("exporting");
            self.borrow_classifier();
            let mut arguments = vec!["export".to_string(), format!("--name={}", self.point.name)];
            arguments.extend(flags(&self.sweep.export));
            arguments
                .extend(["--unmeasured".to_string(), format!("--output={}", folder.join(PACK).display())]);
            if let Ended::Interrupted = self.child(arguments, stop)? {
                return Ok(false);
            }
            self.keep(&Ledger { evaluated: None, lines: Vec::new(), ..wanted.clone() })?;
        }
        if self.state() == State::Exported {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            tell("evaluating");
            let pack = Pack::read(&folder.join(PACK))?;
            let evaluation = evaluate(&pack, &Dataset::read(&self.sweep.dataset)?, &self.judging()?)?;
            write_whole(&folder.join("evaluation.json"), &serde_json::to_vec(&evaluation)?)?;
            write_whole(&folder.join("evaluation.txt"), evaluation.table().as_bytes())?;
            self.keep(&Ledger { lines: Line::of(&evaluation), ..wanted })?;
        }
        Ok(true)
    }

    /// The ledger of a run that is done.
    fn wanted(&self) -> Ledger {
        let mut trained = vec![self.sweep.command.clone(), self.sweep.dataset.display().to_string()];
        trained.extend(self.sweep.flags(self.point));
        Ledger {
            trained: Some(trained),
            exported: Some(flags(&self.sweep.export)),
            evaluated: Some(flags(&self.sweep.evaluate)),
            lines: Vec::new(),
        }
    }

    fn ledger(&self) -> Ledger {
        let bytes = std::fs::read(self.folder().join(LEDGER)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    fn keep(&self, ledger: &Ledger) -> Result<()> {
        write_whole(&self.folder().join(LEDGER), &serde_json::to_vec_pretty(ledger)?)
    }

    /// The evaluation's options as the sweep file has them.
    fn judging(&self) -> Result<EvaluateOptions> {
        let command = EvaluateOptions::augment_args(clap::Command::new("evaluate").no_binary_name(true));
        let matches = command.try_get_matches_from(flags(&self.sweep.evaluate));
        let matches = matches.context("the sweep file's [evaluate] does not fit the command")?;
        Ok(EvaluateOptions::from_arg_matches(&matches)?)
    }

    /// Takes the classifier of another run of the same genres: it costs much time, and the runs of a sweep
    /// are better compared by one judge. `export` makes its own where this one does not fit.
    fn borrow_classifier(&self) {
        let folder = self.folder();
        let genres = |folder: &Path| Record::read(folder).map(|record| record.genres());
        let others = self.sweep.points().unwrap_or_default();
        let lender = others.iter().map(|point| self.sweep.folder.join(&point.name)).find(|other| {
            other.join(PACK).exists() && genres(other) == genres(&folder) && other.join(CLASSIFIER).exists()
        });
        if let (Some(lender), false) = (lender, folder.join(CLASSIFIER).exists()) {
            // Without it the export only takes longer.
            let _ = std::fs::copy(lender.join(CLASSIFIER), folder.join(CLASSIFIER));
        }
    }

    /// Runs the trainer with these arguments, the dataset and the run's folder, its words going to the run's
    /// log.
    fn child(&self, mut arguments: Vec<String>, stop: &AtomicBool) -> Result<Ended> {
        let folder = self.folder();
        let path = folder.join(LOG);
        let named = || format!("{}: the log could not be written", path.display());
        let log = OpenOptions::new().create(true).append(true).open(&path).with_context(named)?;
        arguments.insert(1, self.sweep.dataset.display().to_string());
        arguments.push(format!("--run={}", folder.display()));
        let mut command = Command::new(self.program);
        command
            .args(&arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().with_context(named)?)
            .stderr(log);
        // A group of its own: the terminal's Ctrl-C comes to us alone, and we pass it on once.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().context("the trainer could not be started")?;
        let mut told = false;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if stop.load(Ordering::Relaxed) && !told {
                interrupt(&child);
                told = true;
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        match status.code() {
            Some(0) => Ok(Ended::Well),
            Some(code) if code == i32::from(INTERRUPTED) => Ok(Ended::Interrupted),
            // Our signal came before the process could take it as a wish.
            None if told => Ok(Ended::Interrupted),
            _ => bail!("{status}: {} (more in {})", last_line(&path), path.display()),
        }
    }
}

/// Asks a process to save and end.
#[cfg(unix)]
fn interrupt(child: &Child) {
    // SAFETY: only sends a signal; the child has not been waited for, so that its number is still its own.
    unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGTERM) };
}

/// The console has told all processes already.
#[cfg(not(unix))]
fn interrupt(_: &Child) {}

/// The last line of a log that says something.
fn last_line(path: &Path) -> String {
    let tail = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(4096)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = tail().unwrap_or_default();
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_string()
}
