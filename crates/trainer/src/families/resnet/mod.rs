//! Training of the one-network GAN ([`model::resnet`]): a generator that every genre's embedding drives,
//! against a discriminator with a map a genre.

pub mod losses;
mod trainee;

use anyhow::Result;
use clap::FromArgMatches;
use serde::{Deserialize, Serialize};

use super::{Family, Plan, flags};
use crate::dataset::Dataset;
use crate::run::Needs;
pub use losses::Terms;
pub use trainee::ResnetRun;

/// What the family is called in checkpoints, cards and docs.
pub const NAME: &str = "resnet";

/// The family.
pub const FAMILY: Family = Family {
    name: NAME,
    former: &["multi"],
    command: "train-resnet",
    aliases: &[],
    about: "Trains the multi-genre GAN: one generator for all directions, against a discriminator",
    flags: flags::<ResnetOptions>,
    plan: |matches, data, _| plan(ResnetOptions::from_arg_matches(matches)?, data),
    resume: |checkpoint, device| Ok(Box::new(ResnetRun::resume(checkpoint, device)?)),
    small: |_| Ok(["--batch=4", "--channels=8", "--blocks=1"].map(String::from).to_vec()),
    bench: &[("multi-genre, compact", &[])],
};

/// A fresh run with these options.
///
/// # Errors
/// Where the dataset has not what it needs.
pub fn plan(options: ResnetOptions, data: &Dataset) -> Result<Plan> {
    Needs::TRANSFER.check(data)?;
    let genres = data.items.len();
    Ok(Plan::of(NAME, options, move |options, device| ResnetRun::new(options, genres, device)))
}

/// Everything that decides the numbers of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
pub struct ResnetOptions {
    /// Training steps in all.
    #[arg(long, default_value_t = 6400)]
    pub steps: u64,
    /// Phrases a step.
    #[arg(long, default_value_t = 24)]
    pub batch: usize,
    /// Channels of the generator.
    #[arg(long, default_value_t = 64)]
    pub channels: usize,
    /// Residual blocks of the generator.
    #[arg(long, default_value_t = 6)]
    pub blocks: usize,
    /// Learning rate of the generator (Adam, betas 0.5 and 0.99).
    #[arg(long, default_value_t = 4e-4)]
    pub rate: f32,
    /// Learning rate of the discriminator.
    #[arg(long, default_value_t = 1e-3)]
    pub critic_rate: f32,
    /// Share of the steps, at the end, over which both rates fall linearly to zero.
    #[arg(long, default_value_t = 0.25)]
    pub decay: f32,
    /// Share of the newest weights in the moving average that is exported.
    #[arg(long, default_value_t = 0.005)]
    pub average: f32,
    /// Phrases are transposed at random by up to this many semitones.
    #[arg(long, default_value_t = 5)]
    pub transpose: i32,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The loss terms.
    #[command(flatten)]
    pub terms: Terms,
}
