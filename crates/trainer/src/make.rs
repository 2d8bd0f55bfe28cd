//! Folders in, pack out: all steps with plain defaults, going on where an earlier call stopped.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use model::Pack;

use crate::classifier::PackClassifierOptions;
use crate::dataset::Dataset;
use crate::evaluate::{EvaluateOptions, evaluate, spaces, writer};
use crate::families::shipped;
use crate::prepare::{PrepareOptions, prepare};
use crate::run::{self, DeviceChoice, Naming, RunOptions};

/// Everything from MIDI to pack.
#[derive(Clone, Debug, clap::Args)]
pub struct MakeOptions {
    /// The music and how it is cut.
    #[command(flatten)]
    pub prepare: PrepareOptions,
    /// The pack to write. Its run folder, with the dataset and the checkpoint, lies beside it.
    #[arg(short, long)]
    pub output: PathBuf,
    /// The pack's name; by default that of its file.
    #[arg(long)]
    pub name: Option<String>,
    /// The recipe.
    #[command(flatten)]
    pub recipe: shipped::Options,
    /// The classifier.
    #[command(flatten)]
    pub classifier: PackClassifierOptions,
    /// Worker threads; the numbers do not depend on them.
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "auto")]
    pub device: DeviceChoice,
}

/// Prepares, trains, exports and evaluates. Interrupted with Ctrl-C and called again it goes on; called with
/// other music, rules or recipe it starts anew.
pub fn make(options: &MakeOptions) -> Result<()> {
    let stop = run::interruption()?;
    let output = &options.output;
    let folder = output.with_extension("run");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{}: the run's folder could not be made", folder.display()))?;
    let (data, report) = prepare(&options.prepare)?;
    print!("{report}");
    let file = folder.join("data.safetensors");
    let old = Dataset::read(&file).ok();
    let same_music = old.as_ref().is_some_and(|old| old.info == data.info && old.same_phrases(&data));
    if old.is_none_or(|old| !same_music || old.songs != data.songs) {
        data.write(&file)?;
    }
    if !same_music {
        // A classifier of other music would be taken for this one's.
        std::fs::remove_file(folder.join(run::CLASSIFIER)).ok();
    }
    let (threads, device) = (options.threads, options.device);
    let mut run = RunOptions { threads, device, ..RunOptions::in_folder(&folder) };
    let plan = shipped::plan(options.recipe.clone(), &data)?;
    run.resume = same_music && run::resumable(shipped::NAME, &data, &plan.options, &run);
    run.anew = !run.resume;
    run.given = vec!["steps".to_string()];
    if run.resume {
        println!("{}: going on", folder.display());
    }
    let mut trainee = run::start(&data, plan, &run)?;
    if !run::drive(&mut *trainee, &data, &run, &stop)? {
        println!("{}: stopped; the same command goes on", folder.display());
        return Ok(());
    }
    let stem = || output.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = options.name.clone().unwrap_or_else(stem);
    let naming = Naming::plain(&name);
    let pack = measured(run::export(&data, &naming, &run, &options.classifier)?, &data, output)?;
    print!("{}", evaluate(&pack, &data, &EvaluateOptions::card(&data))?.table());
    println!("{}: written", output.display());
    Ok(())
}

/// Measures the f16 weights that a file will hold, on songs that training never saw, and writes the pack with
/// those figures on its card. Returns the pack as read back.
pub fn measured(mut pack: Pack, data: &Dataset, output: &Path) -> Result<Pack> {
    let halved = Pack::from_bytes(&pack.card.name, &pack.to_bytes()?)?;
    let options = EvaluateOptions::card(data);
    if let Some(space) = spaces::of_pack(&halved, data, &options)? {
        pack.card.metrics.extend(space.metrics());
    }
    if halved.card.parts.transfer.is_some() {
        pack.card.metrics.extend(evaluate(&halved, data, &options)?.metrics());
    }
    match writer::measure(&halved, None, data, options.split, 0) {
        Ok(writer) => pack.card.metrics.extend(writer.iter().flat_map(writer::Measured::metrics)),
        // Of short songs alone there is nothing to say.
        Err(error) => eprintln!("the writer is not measured: {error:#}"),
    }
    written(&pack, output)
}

/// Writes the pack and reads it back.
pub fn written(pack: &Pack, output: &Path) -> Result<Pack> {
    pack.write(output)?;
    Ok(Pack::read(output)?)
}
