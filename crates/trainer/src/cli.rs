//! The program's commands. Each one's options and work are in the module it names; those that train are the
//! families'.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Arg, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, parser::ValueSource};
use model::Pack;

use crate::attribute::{AttributeOptions, attribute};
use crate::average::{AverageOptions, average};
use crate::classifier::PackClassifierOptions;
use crate::classifier::{ClassifyOptions, classify};
use crate::data::export::{ExportNpyOptions, export_npy};
use crate::dataset::Dataset;
use crate::evaluate::report::Told;
use crate::evaluate::{EvaluateOptions, OutputOptions, TargetOptions, check, evaluate, spaces, writer};
use crate::families::{FAMILIES, Family};
use crate::hands::add::{self, AddOptions};
use crate::hands::dynamics::{self, DynamicsOptions};
use crate::hands::feel::{self, FeelOptions};
use crate::make::{measured, written};
use crate::practice::textures::{ChoiceOptions, choose};
use crate::practice::{PracticeOptions, practise};
use crate::prepare::{PrepareOptions, prepare};
use crate::rank::{self, Rank};
use crate::run::{self, Naming, RunOptions};
use crate::sweep::{SweepOptions, sweep};

/// The dataset among a training command's arguments.
const DATASET: &str = "dataset";

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
    /// Lets a pack play its training songs in the other genres, and keeps the best of several tries, to learn
    /// from.
    Practise(PracticeOptions),
    /// Chooses the textures that a pack plays in: of those alike in density the one with the best answers to
    /// the training songs of the other genres.
    ChooseTextures(ChoiceOptions),
    /// Shows which notes make phrases sound like a genre to a classifier.
    Attribute(AttributeOptions),
    /// Lets people rank several packs' answers without knowing whose they are.
    #[command(subcommand)]
    Rank(Rank),
    /// Trains how hard players strike, on performances.
    TrainDynamics(DynamicsOptions),
    /// Counts in performances when genres' players play: swing by tempo, and how they leave the beat.
    LearnFeel(FeelOptions),
    /// Averages a pack's transfer with that of a pack that was trained on from it.
    Average(AverageOptions),
    /// Adds feel, dynamics and a space to a pack, or replaces them; its other parts stay as they are.
    AddPart(AddOptions),
    /// Makes a pack of a run's averaged generator and a classifier, which is trained now if the run has none
    /// yet.
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
        classifier: PackClassifierOptions,
    },
}

/// The whole command line: the commands above, and one for each family that can be trained.
pub fn command() -> clap::Command {
    let all = FAMILIES.iter().filter(|family| !family.command.is_empty());
    all.fold(Arguments::command(), |command, family| command.subcommand(training(family)))
}

/// The command that trains a family: its own arguments, then the dataset, then how the run is kept.
fn training(family: &Family) -> clap::Command {
    let dataset = Arg::new(DATASET)
        .value_name("DATASET")
        .help("The dataset that `prepare` made")
        .required(true)
        .value_parser(clap::value_parser!(PathBuf));
    let command = clap::Command::new(family.command);
    let command = (family.flags)(command.visible_aliases(family.aliases.iter().copied())).arg(dataset);
    // Arguments bring what they are about along, which is not what the command is.
    RunOptions::augment_args(command).about(family.about).long_about(None)
}

/// Does what the program's arguments say.
///
/// # Errors
/// In one sentence; [`run::Interrupted`] where Ctrl-C came.
pub fn main() -> Result<()> {
    let matches = command().get_matches();
    let (name, matches_of) = matches.subcommand().expect("clap demands a command");
    if let Some(family) = FAMILIES.iter().find(|family| family.command == name) {
        return train(family, matches_of);
    }
    let mut command = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).command;
    match &mut command {
        Command::Classify(options) => options.run.given = given(matches_of),
        Command::TrainDynamics(options) => options.run.given = given(matches_of),
        _ => {}
    }
    work(command)
}

fn train(family: &Family, matches: &ArgMatches) -> Result<()> {
    let run = RunOptions { given: given(matches), ..RunOptions::from_arg_matches(matches)? };
    let path: &PathBuf = matches.get_one(DATASET).expect("clap demands a dataset");
    let data = Dataset::read(path)?;
    let plan = (family.plan)(matches, &data, &run)?;
    run::train(&data, plan, &run)
}

/// The options that the command line gave, as against defaults.
fn given(matches: &ArgMatches) -> Vec<String> {
    let names = matches.ids().map(|id| id.to_string());
    names.filter(|id| matches.value_source(id) == Some(ValueSource::CommandLine)).collect()
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
        Command::Sweep(options) => sweep(&options)?,
        Command::Evaluate { pack: path, dataset, options, targets, output } => {
            let dataset = Dataset::read(&dataset)?;
            let pack = Pack::read(&path)?;
            let name = format!("{} {}", pack.card.name, pack.card.version);
            let beside = options.writer_beside.as_deref().map(Pack::read).transpose()?;
            let writer = writer::measure(&pack, beside.as_ref(), &dataset, options.split, options.limit)?;
            if targets.targets {
                let bytes = std::fs::metadata(&path)?.len();
                let (checked, evaluation) = check::check(&pack, bytes, &dataset, &options, &targets)?;
                output.json(&checked)?;
                let space = match output.report {
                    Some(_) => spaces::of_pack(&pack, &dataset, &options)?,
                    None => None,
                };
                let (transfer, writer, space) = (Some(&evaluation), writer.as_ref(), space.as_ref());
                let told = Told { transfer, writer, space };
                output.write(&name, &told, &dataset)?;
                print!("{checked}{}", evaluation.faults_table());
            } else {
                // A pack of other parts alone recasts nothing.
                let parts = &pack.card.parts;
                let recasts = parts.transfer.is_some() || parts.space.is_none() && writer.is_none();
                let evaluation = recasts.then(|| evaluate(&pack, &dataset, &options)).transpose()?;
                let space = spaces::of_pack(&pack, &dataset, &options)?;
                let mut figures = serde_json::to_value(&evaluation)?;
                if let Some(space) = &space {
                    figures["space"] = serde_json::to_value(space)?;
                }
                if let Some(writer) = &writer {
                    figures["writer"] = serde_json::to_value(writer)?;
                }
                output.json(&figures)?;
                let (transfer, writer, space) = (evaluation.as_ref(), writer.as_ref(), space.as_ref());
                output.write(&name, &Told { transfer, writer, space }, &dataset)?;
                if let Some(evaluation) = transfer {
                    print!("{}", evaluation.table());
                    if options.faults {
                        print!("{}", evaluation.faults_table());
                    }
                }
                writer.into_iter().for_each(|writer| print!("{}", writer.table()));
                space.into_iter().for_each(|space| print!("{}", space.table()));
                if let Some(measured) = dynamics::measure::of_pack(&pack, &dataset)? {
                    print!("{}", measured.table());
                }
            }
        }
        Command::Practise(options) => {
            print!("{}", practise(&options)?);
            println!("{}", options.output.display());
        }
        Command::ChooseTextures(options) => {
            print!("{}", choose(&options)?);
            println!("{}", options.output.display());
        }
        Command::Attribute(options) => {
            let count = attribute(&options)?.len();
            println!("{}: {count} phrases", options.output.display());
        }
        Command::Rank(Rank::Make(options)) => {
            let key = rank::make(&options)?;
            let (folder, form) = (options.output.display(), rank::FORM);
            let answers = key.answers.len();
            println!("{folder}: {answers} answers; fill {form} in, then `rank read {folder} FORM`");
        }
        Command::Rank(Rank::Read(options)) => print!("{}", rank::read(&options)?),
        Command::TrainDynamics(options) => {
            let (pack, measured) = dynamics::train(&options)?;
            println!("{}{}: {}", measured.table(), options.output.display(), pack.card.hash);
        }
        Command::LearnFeel(options) => {
            print!("{}", feel::table(&feel::learn(&options)?));
            println!("{}", options.output.display());
        }
        Command::Average(options) => {
            let pack = average(&options)?;
            println!("{}: {}", options.output.display(), pack.card.hash);
        }
        Command::AddPart(options) => {
            let (pack, added) = add::add(&options)?;
            println!("{}: {} with {}", options.output.display(), pack.card.hash, added.join(" and "));
        }
        Command::Export { dataset, output, naming, unmeasured, run, classifier } => {
            let dataset = Dataset::read(&dataset)?;
            let pack = run::export(&dataset, &naming, &run, &classifier)?;
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
        command().debug_assert();
    }
}
