//! `trainer`: prepare, train, evaluate, export.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use model::Pack;
use trainer::classifier::{ClassifyOptions, classify};
use trainer::data::export::{ExportNpyOptions, export_npy};
use trainer::dataset::Dataset;
use trainer::evaluate::{EvaluateOptions, evaluate};
use trainer::gan::GanOptions;
use trainer::listener::ListenerOptions;
use trainer::make::{measured, written};
use trainer::prepare::{PrepareOptions, prepare};
use trainer::run::{self, RunOptions};

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
    /// Measures a pack on a dataset.
    Evaluate {
        /// The pack.
        pack: PathBuf,
        /// The dataset that `prepare` made, genres in the pack's order.
        dataset: PathBuf,
        #[command(flatten)]
        options: EvaluateOptions,
    },
    /// Makes a pack of a run's averaged generator and a classifier, which is trained now if the run has none yet.
    Export {
        /// The dataset that the run was trained on.
        dataset: PathBuf,
        /// The pack to write.
        #[arg(short, long)]
        output: PathBuf,
        /// The pack's name.
        #[arg(long)]
        name: String,
        /// The pack's version.
        #[arg(long, default_value = "1")]
        pack_version: String,
        /// A sentence to add to the card's recipe: what its options do not say.
        #[arg(long, default_value = "")]
        remark: String,
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
    match work(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn work(command: Command) -> Result<()> {
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
            let stop = run::interruption()?;
            let complete = run::train(&Dataset::read(&dataset)?, &options, &run, &stop)?;
            let folder = run.run.display();
            println!("{folder}: {}", if complete { "trained" } else { "stopped; go on with --resume" });
        }
        Command::Evaluate { pack, dataset, options } => {
            let evaluation = evaluate(&Pack::read(&pack)?, &Dataset::read(&dataset)?, &options)?;
            print!("{}", evaluation.table());
        }
        Command::Export { dataset, output, name, pack_version, remark, unmeasured, run, listening } => {
            let dataset = Dataset::read(&dataset)?;
            let mut pack = run::export(&dataset, &name, &pack_version, &run, &listening)?;
            pack.card.recipe = format!("{} {remark}", pack.card.recipe).trim_end().to_string();
            let pack = if unmeasured { written(&pack, &output)? } else { measured(pack, &dataset, &output)? };
            println!("{}: {}", output.display(), pack.card.hash);
        }
    }
    Ok(())
}
