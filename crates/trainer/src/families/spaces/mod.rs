//! Training of spaces ([`model::spaces`]): networks in which phrases are points.
//!
//! Three kinds, a family each, and one command, `train-space`. `--preset` says whose network: the source's
//! own (`seed`) or ours. An autoencoder and a variational one are the same networks with and without noise.

pub mod beats;
pub mod losses;
mod options;
mod phrases;
pub mod pictures;
pub mod tutorial;

use anyhow::Result;
use candle_core::Device;
use clap::{ArgMatches, Command, FromArgMatches};
use model::{Role, Weights};

use super::{Family, Plan, flags, prefixed};
use crate::dataset::Dataset;
use crate::run::checkpoint::OPTIONS;
use crate::run::{Checkpoint, Needs, RunOptions, Sight, Trainee};
use beats::{BeatsOptions, BeatsRun};
pub use options::{Kind, Preset, Scale, SpaceArguments, Strokes};
use pictures::{PicturesOptions, PicturesRun};
use tutorial::{TutorialOptions, TutorialRun};

/// What the losses of an autoencoder are called.
pub(crate) const LOSSES: [&str; 2] = ["reconstruction", "kl"];

/// What spaces need of the music.
const NEEDS: Needs = Needs { sight: Sight::Rolls, genres: 1..=model::SLOTS, classifier: false };

const ABOUT: &str = "Trains a space: a network in which phrases are points, between which there are others. \
                     `export` makes a pack of it, `add-part` puts that into another";

/// A plain autoencoder.
pub const AE: Family = Family { name: "ae", command: "", small: |_| small("ae"), ..VAE };

/// A variational autoencoder; its command trains all three.
pub const VAE: Family = Family {
    name: "vae",
    former: &[],
    command: "train-space",
    aliases: &[],
    about: ABOUT,
    flags: flags::<SpaceArguments>,
    plan: command,
    resume,
    small: |_| small("vae"),
    bench: &[],
};

/// A variational autoencoder whose pictures a discriminator judges.
pub const VAE_GAN: Family = Family {
    name: "vae-gan",
    command: "",
    small: |_| {
        let flags = "--kind=vae-gan --batch=4 --channels=4 --numbers=8 --warmup=2";
        Ok(flags.split(' ').map(String::from).collect())
    },
    ..VAE
};

fn command(matches: &ArgMatches, data: &Dataset, _: &RunOptions) -> Result<Plan> {
    plan(&SpaceArguments::from_arg_matches(matches)?, data)
}

/// A fresh run with these arguments.
///
/// # Errors
/// Where the dataset has not what it needs, or the arguments do not go together.
pub fn plan(arguments: &SpaceArguments, data: &Dataset) -> Result<Plan> {
    NEEDS.check(data)?;
    let (name, genres) = (name(arguments.kind), data.items.len());
    Ok(match (arguments.kind, arguments.preset) {
        (Kind::VaeGan, _) => Plan::of(name, PicturesOptions::of(arguments), move |options, device| {
            PicturesRun::new(options, genres, device)
        }),
        (_, Preset::Seed) => {
            let words = tutorial::vocabulary(data, arguments.symbols);
            Plan::of(name, TutorialOptions::of(arguments), move |options, device| {
                TutorialRun::new(options, genres, words, device)
            })
        }
        (_, Preset::Ours) => Plan::of(name, BeatsOptions::of(arguments), move |options, device| {
            BeatsRun::new(options, genres, device)
        }),
    })
}

/// The family of a kind.
fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Ae => AE.name,
        Kind::Vae => VAE.name,
        Kind::VaeGan => VAE_GAN.name,
    }
}

fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Box<dyn Trainee>> {
    let options = &checkpoint.header[OPTIONS];
    let (kind, preset) = (&options["kind"], &options["preset"]);
    match (serde_json::from_value(kind.clone())?, serde_json::from_value(preset.clone())?) {
        (Kind::VaeGan, _) => Ok(Box::new(PicturesRun::resume(checkpoint, device)?)),
        (_, Preset::Seed) => Ok(Box::new(TutorialRun::resume(checkpoint, device)?)),
        (_, Preset::Ours) => Ok(Box::new(BeatsRun::resume(checkpoint, device)?)),
    }
}

/// What a pack has of a space's weights: all but how sure the encoder is.
fn played(trained: &Weights) -> Weights {
    prefixed(Role::Space, trained.iter().filter(|(name, _)| !name.starts_with("doubt")))
}

fn small(kind: &str) -> Result<Vec<String>> {
    let flags =
        format!("--kind={kind} --batch=4 --code=4 --embed=8 --hidden=16 --width=16 --units=8 --warmup=2");
    Ok(flags.split(' ').map(String::from).collect())
}

/// The command's own arguments, for tests.
pub fn arguments(flags: &[&str]) -> Result<SpaceArguments> {
    let command: Command = VAE.options_command();
    Ok(SpaceArguments::from_arg_matches(&command.try_get_matches_from(flags)?)?)
}
