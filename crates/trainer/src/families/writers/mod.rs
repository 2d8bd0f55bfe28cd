//! Training of writers ([`model::writers`]): `train-writer --kind lstm | seqgan`.
//!
//! [`lines`] makes lines of symbols of a dataset's music, [`lstm`] and [`seqgan`] learn to go on from them,
//! and [`markov`] is the model that counts, which both must beat.

mod best;
pub mod bleu;
pub mod lines;
pub mod lstm;
pub mod markov;
mod options;
pub mod seqgan;

use anyhow::Result;
use clap::FromArgMatches;

use super::{Family, Plan, flags};
use crate::dataset::Dataset;
use crate::run::{Needs, Sight};
use best::Best;
pub use options::{Concat, Kind, Output, Preset, Target, WriterOptions};

/// What a writer needs of the music.
const NEEDS: Needs = Needs { sight: Sight::Rolls, genres: 1..=model::SLOTS, classifier: false };

/// The family of the recurrent writer; its command trains both.
pub const LSTM: Family = Family {
    name: lstm::NAME,
    former: &[],
    command: "train-writer",
    aliases: &[],
    about: "Trains what goes on from music by itself: an LSTM, or SeqGAN's generator",
    flags: flags::<WriterOptions>,
    plan: |matches, data, _| plan(WriterOptions::from_arg_matches(matches)?, data),
    resume: |checkpoint, device| Ok(Box::new(lstm::LstmRun::resume(checkpoint, device)?)),
    small: |_| {
        let small = ["--batch=4", "--symbols=40", "--units=8", "--width=6", "--validate=2"];
        Ok(small.map(String::from).to_vec())
    },
    bench: &[("LSTM writer", &[])],
};

/// The family of SeqGAN's generator.
pub const SEQGAN: Family = Family {
    name: seqgan::NAME,
    command: "",
    resume: |checkpoint, device| Ok(Box::new(seqgan::SeqganRun::resume(checkpoint, device)?)),
    small: |_| {
        let small = [
            "--kind=seqgan",
            "--batch=4",
            "--symbols=40",
            "--units=8",
            "--width=6",
            "--validate=2",
            "--pretrain=2",
            "--critic-pretrain=1",
            "--negatives=4",
            "--roll-outs=2",
            "--thinner=50",
        ];
        Ok(small.map(String::from).to_vec())
    },
    bench: &[],
    ..LSTM
};

/// A fresh run with these options.
///
/// # Errors
/// Where the dataset has not what it needs, or the options do not go together.
pub fn plan(options: WriterOptions, data: &Dataset) -> Result<Plan> {
    NEEDS.check(data)?;
    let options = options.complete()?;
    let genres = data.items.len();
    let symbols = lines::Symbols::of(data, &options)?;
    Ok(match options.kind {
        Kind::Lstm => Plan::of(lstm::NAME, options, move |options, device| {
            lstm::LstmRun::new(options, symbols, genres, device)
        }),
        Kind::Seqgan => Plan::of(seqgan::NAME, options, move |options, device| {
            seqgan::SeqganRun::new(options, symbols, genres, device)
        }),
    })
}
