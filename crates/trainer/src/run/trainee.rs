//! What a run trains.

use std::ops::RangeInclusive;

use anyhow::{Result, ensure};
use model::{Corpus, Parts, SLOTS, Weights};

use super::checkpoint::Checkpoint;
use crate::classifier::ClassifierFile;
use crate::core::Losses;
use crate::dataset::{Dataset, Split};

/// What a trainee sees of the music; see [`crate::data::view`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Cells: every dataset has them.
    Rolls,
    /// Notes with their velocities: not in datasets of format 1, nor in those of arrays.
    Velocities,
}

/// What a trainee needs of a dataset, and of a pack beside itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// What it sees.
    pub sight: Sight,
    /// How many genres with training phrases there must be.
    pub genres: RangeInclusive<usize>,
    /// Whether its pack has a classifier.
    pub classifier: bool,
}

impl Needs {
    /// Of a network that takes phrases from one genre to another.
    pub const TRANSFER: Self = Self { sight: Sight::Rolls, genres: 2..=SLOTS, classifier: true };

    /// Whether a dataset has what is needed.
    ///
    /// # Errors
    /// Says what is missing, and how to come by it.
    pub fn check(&self, data: &Dataset) -> Result<()> {
        let names = data.genres();
        ensure!(
            names.len() > 1 || *self.genres.start() < 2,
            "the dataset holds one genre only ({}); a transfer needs two: give `prepare` a folder for each",
            names.join(", ")
        );
        self.check_genres(names.len())?;
        for (genre, name) in names.iter().enumerate() {
            ensure!(
                !data.split(genre, Split::Train).is_empty(),
                "the dataset holds no training phrase of {name}; give `prepare` more songs of it or softer \
                 rules"
            );
        }
        let played = data.songs.iter().all(|songs| songs.iter().any(|song| !song.array));
        ensure!(
            self.sight == Sight::Rolls || data.has_notes() && played,
            "the dataset does not know how hard notes are struck: it is of an older version or made of \
             arrays; prepare it anew from MIDI files"
        );
        Ok(())
    }

    /// Whether so many genres can be trained.
    ///
    /// # Errors
    /// Says how many can.
    pub fn check_genres(&self, genres: usize) -> Result<()> {
        let (least, most) = (self.genres.start(), self.genres.end());
        ensure!(
            self.genres.contains(&genres),
            "this needs {least} to {most} genres, here are {genres}; give a folder for each"
        );
        Ok(())
    }
}

/// Networks in training, step by step. [`super::drive`] owns the loop, the files and the progress; this owns
/// the numbers, which depend on data, options, seed and step only: not on threads and not on interruptions.
pub trait Trainee: std::fmt::Debug {
    /// Its family's name, as checkpoints have it; see [`crate::families`].
    fn family(&self) -> &'static str;

    /// What it needs of the music that it trains on.
    fn needs(&self) -> Needs;

    /// Steps done.
    fn step(&self) -> u64;

    /// Steps in all.
    fn steps(&self) -> u64;

    /// Names of the losses, in the order in which they are logged. Letters and `_` only: they head CSV
    /// columns.
    fn losses(&self) -> Vec<&'static str>;

    /// One step on up to `threads` threads; returns its losses.
    ///
    /// # Errors
    /// [`crate::core::NotFinite`] where a loss or a gradient is not finite; weights and moments are then as
    /// before the step.
    fn train(&mut self, data: &Dataset, threads: usize) -> Result<Losses>;

    /// Every option that decides the numbers, by its name on the command line (`a_b` for `--a-b`), nested or
    /// flat.
    fn configuration(&self) -> serde_json::Value;

    /// The whole state. Its header holds [`Trainee::configuration`] under [`super::checkpoint::OPTIONS`].
    ///
    /// # Errors
    /// Where a tensor cannot be read.
    fn checkpoint(&self) -> Result<Checkpoint>;

    /// Its part of a pack: sizes, and the weights to play with (averaged where they are averaged) on the CPU,
    /// a transfer's by their bare names, another part's with [`model::Role::prefix`] before. `data` is what
    /// [`Trainee::genres`] makes of the run's dataset: for what a pack needs of the music beside weights.
    ///
    /// # Errors
    /// Where the weights cannot be read.
    fn pack(&self, data: &Dataset) -> Result<(Parts, Weights)>;

    /// The probability over which a cell of its pack's answers sounds.
    fn threshold(&self) -> f32 {
        0.5
    }

    /// Of how many training phrases samples are, the first of each genre; 0: four spread over what was held
    /// back.
    fn sample_first(&self) -> usize {
        0
    }

    /// The classifier of the pack, where the trainee has its own; else one is trained on [`Trainee::genres`].
    ///
    /// # Errors
    /// Where it cannot compute.
    fn classifier(&self, _data: &Dataset) -> Result<Option<ClassifierFile>> {
        Ok(None)
    }

    /// The genres of `data` that the pack has, in slot order: all of them, unless the trainee knows better.
    ///
    /// # Errors
    /// Where `data` lacks one.
    fn genres(&self, data: &Dataset) -> Result<Dataset> {
        Ok(data.clone())
    }

    /// The music of `data` that the weights have learned from.
    fn sources(&self, data: &Dataset) -> Vec<Corpus> {
        data.info.genres.iter().flat_map(|genre| genre.sources.clone()).collect()
    }

    /// How the weights came to be, in a sentence or two for the pack's card.
    fn recipe(&self) -> String;
}

/// What of a [`Trainee`] is read off: of constants, what it needs and the names of its losses; of its fields
/// `step` and `options`, the rest. `steps` is the field or the method of the options that says how many.
macro_rules! read_off {
    ($needs:expr, $losses:expr, $($steps:tt)+) => {
        fn needs(&self) -> $crate::run::Needs {
            $needs
        }

        fn step(&self) -> u64 {
            self.step
        }

        fn steps(&self) -> u64 {
            self.options.$($steps)+
        }

        fn losses(&self) -> Vec<&'static str> {
            $losses.to_vec()
        }

        fn configuration(&self) -> serde_json::Value {
            serde_json::json!(self.options)
        }
    };
}
pub(crate) use read_off;
