//! `trainer`: prepare, train, evaluate, export. Each command's options and work are in the module it names.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand, parser::ValueSource};
use model::Pack;
use trainer::arrange::{Arrange, ArrangeOptions};
use trainer::attribute::{AttributeOptions, attribute};
use trainer::classifier::{ClassifyOptions, classify};
use trainer::data::export::{ExportNpyOptions, export_npy};
use trainer::dataset::Dataset;
use trainer::evaluate::{EvaluateOptions, OutputOptions, TargetOptions, check, evaluate};
use trainer::from::{self, FromOptions};
use trainer::gan::{Gan, GanOptions};
use trainer::listener::ListenerOptions;
use trainer::make::{measured, written};
use trainer::pairwise::{self, PairArguments};
use trainer::prepare::{PrepareOptions, prepare};
use trainer::run::{self, INTERRUPTED, Interrupted, Naming, RunOptions};
use trainer::sweep::{SweepOptions, sweep};

/// With [`keep_memory`], a step of the compact networks takes 4 % (batch 16) to 11 % (batch 24) less processor time than
/// with glibc's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(version, about = "Trains packs for Contrafact from folders of MIDI files")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Cuts folders of MIDI, one a genre, into a dataset of phrases.
    Prepare {
        #[command(flatten)]
        options: PrepareOptions,
        /// The dataset to write.
        #[arg(short, long)]
        output: PathBuf,
        /// Writes the report to this file too: as JSON where its name ends in .json, otherwise as text.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
    /// Writes a dataset as the papers' .npy arrays, in their folders.
    ExportNpy(ExportNpyOptions),
    /// Trains the genre classifier on a dataset and says how well it hears, also through noise.
    Classify(Box<ClassifyOptions>),
    /// Trains the multi-genre generator on a dataset.
    Train {
        /// The dataset that `prepare` made.
        dataset: PathBuf,
        #[command(flatten)]
        options: GanOptions,
        #[command(flatten)]
        run: RunOptions,
    },
    /// Trains the two generators of one pair of genres, as the CycleGAN papers do.
    TrainPair {
        /// The dataset that `prepare` made.
        dataset: PathBuf,
        #[command(flatten)]
        options: Box<PairArguments>,
        #[command(flatten)]
        run: RunOptions,
    },
    /// Trains the arranger: one network for all directions that writes phrases anew from their melody and harmony.
    TrainArranger {
        /// The dataset that `prepare` made; best with `--hop-bars 1`.
        dataset: PathBuf,
        #[command(flatten)]
        options: ArrangeOptions,
        #[command(flatten)]
        run: RunOptions,
    },
    /// Adds a genre to a pack that has several, from a few dozen songs. `export` makes the new pack.
    AddGenre {
        /// The pack.
        pack: PathBuf,
        /// A dataset with the new genre, and best with the pack's genres too.
        dataset: PathBuf,
        #[command(flatten)]
        options: FromOptions,
        #[command(flatten)]
        run: RunOptions,
    },
    /// Trains, exports and evaluates every run of a grid, skipping what is done.
    Sweep(SweepOptions),
    /// Measures a pack on a dataset.
    Evaluate {
        /// The pack.
        pack: PathBuf,
        /// The dataset that `prepare` made; it has all the pack's genres by name.
        dataset: PathBuf,
        #[command(flatten)]
        options: EvaluateOptions,
        #[command(flatten)]
        targets: TargetOptions,
        #[command(flatten)]
        output: OutputOptions,
    },
    /// Shows which notes make phrases sound like a genre to a classifier.
    Attribute(AttributeOptions),
    /// Makes a pack of a run's averaged generator and a classifier, which is trained now if the run has none yet.
    Export {
        /// The dataset that the run was trained on.
        dataset: PathBuf,
        /// The pack to write.
        #[arg(short, long)]
        output: PathBuf,
        #[command(flatten)]
        naming: Naming,
        /// Leave the evaluation out of the card: quick, for a look at a run that goes on.
        #[arg(long)]
        unmeasured: bool,
        #[command(flatten)]
        run: RunOptions,
        #[command(flatten)]
        listening: ListenerOptions,
    },
}

fn main() -> ExitCode {
    // SAFETY: nothing has started a thread yet.
    unsafe { trainer::one_thread_an_operation() };
    keep_memory();
    let matches = Arguments::command().get_matches();
    let given = matches.subcommand().map(|(_, matches)| given(matches)).unwrap_or_default();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match work(arguments.command, given) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Interrupted>() => ExitCode::from(INTERRUPTED),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Lets the allocator keep what it has: every step takes and frees the same hundreds of megabytes, and clearing fresh pages
/// was a fifth of its time.
fn keep_memory() {
    // `mi_option_purge_delay`, -1: never.
    // SAFETY: sets a number inside the allocator, which may be done at any time.
    unsafe { libmimalloc_sys::mi_option_set(15, -1) };
}

/// The options that the command line gave, as against defaults.
fn given(matches: &ArgMatches) -> Vec<String> {
    let names = matches.ids().map(|id| id.to_string());
    names.filter(|id| matches.value_source(id) == Some(ValueSource::CommandLine)).collect()
}

fn work(command: Command, given: Vec<String>) -> Result<()> {
    match command {
        Command::Prepare { options, output, report: file } => {
            let (dataset, report) = prepare(&options)?;
            dataset.write(&output)?;
            print!("{report}");
            file.map_or(Ok(()), |file| report.write(&file))?;
        }
        Command::ExportNpy(options) => {
            println!("{}: {} files written", options.output.display(), export_npy(&options)?);
        }
        Command::Classify(options) => classify(&options)?,
        Command::Train { dataset, options, run } => {
            let data = Dataset::read(&dataset)?;
            data.check_trainable()?;
            let fresh = |device: &_| Gan::new(options.clone(), data.items.len(), device);
            run::train(&data, &options, &RunOptions { given, ..run }, fresh)?;
        }
        Command::TrainArranger { dataset, options, run } => {
            let data = Dataset::read(&dataset)?;
            data.check_trainable()?;
            let fresh = |device: &_| Arrange::new(options.clone(), data.items.len(), device);
            run::train(&data, &options, &RunOptions { given, ..run }, fresh)?;
        }
        Command::TrainPair { dataset, options, run } => {
            pairwise::command(&Dataset::read(&dataset)?, &options, &RunOptions { given, ..run })?;
        }
        Command::AddGenre { pack, dataset, options, run } => {
            let data = Dataset::read(&dataset)?;
            from::command(Pack::read(&pack)?, &data, &options, &RunOptions { given, ..run })?;
        }
        Command::Sweep(options) => sweep(&options)?,
        Command::Evaluate { pack: path, dataset, options, targets, output } => {
            let dataset = Dataset::read(&dataset)?;
            let pack = Pack::read(&path)?;
            if targets.targets {
                let bytes = std::fs::metadata(&path)?.len();
                let (checked, evaluation) = check::check(&pack, bytes, &dataset, &options, &targets)?;
                output.json(&checked)?;
                output.write(&evaluation, &dataset)?;
                print!("{checked}{}", evaluation.faults_table());
            } else {
                let evaluation = evaluate(&pack, &dataset, &options)?;
                output.json(&evaluation)?;
                output.write(&evaluation, &dataset)?;
                print!("{}", evaluation.table());
                if options.faults {
                    print!("{}", evaluation.faults_table());
                }
            }
        }
        Command::Attribute(options) => {
            let count = attribute(&options)?.len();
            println!("{}: {count} phrases", options.output.display());
        }
        Command::Export { dataset, output, naming, unmeasured, run, listening } => {
            let dataset = Dataset::read(&dataset)?;
            let pack = run::export(&dataset, &naming, &run, &listening)?;
            // A genre that was added may have come without the music of the pack's others.
            let genres = dataset.genres();
            let complete = pack.card.genres.iter().all(|genre| genres.contains(genre));
            if !unmeasured && !complete {
                eprintln!("not measured: the dataset lacks a genre of the pack");
            }
            let unmeasured = unmeasured || !complete;
            let pack = if unmeasured { written(&pack, &output)? } else { measured(pack, &dataset, &output)? };
            println!("{}: {}", output.display(), pack.card.hash);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_options_of_a_command_share_a_name() {
        Arguments::command().debug_assert();
    }
}
