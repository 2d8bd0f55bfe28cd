//! The families of networks that can be trained, a folder each. [`FAMILIES`] is the one list of them: the
//! command line, `export`, resuming, the contract test and the benchmark read it.
//!
//! A new family is a folder with a [`Family`], a [`Trainee`] and its losses, and a line in the list.

pub mod adding;
pub mod arranger;
pub mod papers;
pub mod resnet;
pub mod spaces;
pub mod writers;

use std::path::Path;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use clap::{ArgMatches, Args, Command};
use model::{Role, Weights};
use serde::Serialize;
use serde_json::Value;

use crate::dataset::Dataset;
use crate::run::{Checkpoint, RunOptions, Trainee};

/// The family of the pack that ships, which [`crate::make`] trains.
pub mod shipped {
    pub use super::arranger::{ArrangerOptions as Options, NAME, plan};
}

/// All families.
pub const FAMILIES: [&Family; 10] = [
    &arranger::FAMILY,
    &resnet::FAMILY,
    &papers::pairwise::FAMILY,
    &papers::addition::FAMILY,
    &arranger::addition::FAMILY,
    &spaces::AE,
    &spaces::VAE,
    &spaces::VAE_GAN,
    &writers::LSTM,
    &writers::SEQGAN,
];

/// What is trained by a command that is no family's.
const OTHERS: [&Family; 2] = [&crate::classifier::trainee::FAMILY, &crate::hands::dynamics::trainee::FAMILY];

/// A family of networks, as everything outside its folder knows it.
#[derive(Debug)]
pub struct Family {
    /// What it is called in checkpoints, cards and docs.
    pub name: &'static str,
    /// What checkpoints of earlier versions call it.
    pub former: &'static [&'static str],
    /// The command that trains it. Empty where another family's command does: `add-genre` looks at the pack.
    pub command: &'static str,
    /// Other names of that command.
    pub aliases: &'static [&'static str],
    /// What that command's help says.
    pub about: &'static str,
    /// Adds its own arguments to the command: see [`flags`].
    pub flags: fn(Command) -> Command,
    /// A fresh run of what the command line gave, on this dataset.
    pub plan: fn(&ArgMatches, &Dataset, &RunOptions) -> Result<Plan>,
    /// A run that goes on from a checkpoint, with the options in its header.
    pub resume: Resume,
    /// Arguments of a run on the genres `high`, `low` and `middle` that is small enough for a test and has
    /// all that must survive an interruption. What it needs beside the dataset goes into the folder.
    pub small: fn(&Path) -> Result<Vec<String>>,
    /// What `bench train` times: a name, and arguments.
    pub bench: &'static [(&'static str, &'static [&'static str])],
}

/// Makes a run that goes on from a checkpoint.
pub type Resume = fn(&Checkpoint, &Device) -> Result<Box<dyn Trainee>>;

/// A run that is about to begin.
pub struct Plan {
    /// The family that trains it.
    pub family: &'static str,
    /// Every option that decides its numbers, as [`Trainee::configuration`] has them.
    pub options: Value,
    /// Makes it.
    pub fresh: Fresh,
}

/// Makes a fresh run on a device.
pub type Fresh = Box<dyn FnOnce(&Device) -> Result<Box<dyn Trainee>>>;

impl Plan {
    /// A plan of these options.
    pub fn new(
        family: &'static str,
        options: Value,
        fresh: impl FnOnce(&Device) -> Result<Box<dyn Trainee>> + 'static,
    ) -> Self {
        Self { family, options, fresh: Box::new(fresh) }
    }

    /// A plan of a run that is made of nothing but its options and what `fresh` holds.
    fn of<O: Serialize + 'static, T: Trainee + 'static>(
        family: &'static str,
        options: O,
        fresh: impl FnOnce(O, &Device) -> Result<T> + 'static,
    ) -> Self {
        let kept = serde_json::json!(options);
        Self::new(family, kept, move |device| Ok(Box::new(fresh(options, device)?)))
    }
}

/// Adds the arguments of `A` to a command.
pub fn flags<A: Args>(command: Command) -> Command {
    A::augment_args(command)
}

impl Family {
    /// One that a command of its own trains: what `resume` needs to find its checkpoints again.
    pub const fn of_a_command(name: &'static str, resume: Resume) -> Self {
        Self {
            name,
            former: &[],
            command: "",
            aliases: &[],
            about: "",
            flags: |command| command,
            plan: |_, _, _| anyhow::bail!("this is trained by a command of its own"),
            resume,
            small: |_| Ok(Vec::new()),
            bench: &[],
        }
    }

    /// Its command with its own arguments only.
    pub fn options_command(&self) -> Command {
        (self.flags)(Command::new(self.command).no_binary_name(true))
    }

    /// The plan of these arguments, as the command line would have them.
    ///
    /// # Errors
    /// Where they do not fit.
    pub fn planned(&self, arguments: &[String], data: &Dataset, run: &RunOptions) -> Result<Plan> {
        let matches = self.options_command().try_get_matches_from(arguments)?;
        (self.plan)(&matches, data, run)
    }
}

/// The family of this name, or of this former name.
///
/// # Errors
/// Where there is none: says which there are.
pub fn named(name: &str) -> Result<&'static Family> {
    let known = |family: &&&Family| family.name == name || family.former.contains(&name);
    FAMILIES.iter().chain(&OTHERS).find(known).copied().with_context(|| {
        let all: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
        format!("this program knows no {name} runs, only {}", all.join(", "))
    })
}

/// What a family is called today that was once called `name`.
pub fn today(name: &str) -> &str {
    named(name).map_or(name, |family| family.name)
}

/// Weights by the names that a pack has for those of a part.
fn prefixed<'a>(role: Role, weights: impl Iterator<Item = (&'a String, &'a Tensor)>) -> Weights {
    let mut all = Weights::new();
    weights.for_each(|(name, tensor)| all.insert(format!("{}{name}", role.prefix()), tensor.clone()));
    all
}

/// A tensor that must be there.
fn find(weights: &Weights, name: &str) -> Result<Tensor> {
    let found = weights.iter().find(|(key, _)| *key == name).map(|(_, tensor)| tensor.clone());
    found.with_context(|| format!("there is no {name}"))
}
