//! A recurrent writer as a run sees it: what is saved, and what becomes of it.

use anyhow::Result;
use model::writers::lstm::READ;
use model::{Parts, Weights};
use serde::{Deserialize, Serialize};

use super::{LstmRun, NAME};
use crate::core::{self, Losses, Schedule, Sum, clip};
use crate::dataset::Dataset;
use crate::families::writers::{Concat, NEEDS, Target, WriterOptions};
use crate::run::{Checkpoint, Trainee, read_off};

/// What the losses are called: nats an event, and those of the last validation.
const LOSSES: [&str; 4] = ["symbol", "length", "held", "valid"];

#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) options: WriterOptions,
    pub(super) step: u64,
    pub(super) genres: usize,
    pub(super) valid: f32,
    pub(super) best: Option<f32>,
}

/// Parts of the checkpoint: `weights`, the optimiser's, `average`, `book`, and the `best` weights.
impl Trainee for LstmRun {
    fn family(&self) -> &'static str {
        NAME
    }

    read_off!(NEEDS, LOSSES, steps());

    fn train(&mut self, data: &Dataset, threads: usize) -> Result<Losses> {
        if self.step == 0 {
            self.validate(data)?;
        }
        let Sum { gradients: [mut gradients], losses } =
            core::summed(self.step, threads, |shard| self.shard(data, shard))?;
        clip(&mut gradients, 1.0);
        let tutorial = self.is_tutorial();
        let schedule = Schedule::new(self.options.steps(), if tutorial { 0.0 } else { self.options.decay });
        let schedule = if tutorial { schedule } else { schedule.rising(100) };
        let rate = self.options.rate() * schedule.scale(self.step);
        let values = self.network.descend(&gradients, rate)?;
        if !tutorial {
            self.network.follow(&values, 0.005, self.step);
        }
        self.step += 1;
        if self.step.is_multiple_of(self.options.validate) || self.step == self.steps() {
            self.validate(data)?;
        }
        Ok(losses)
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let header = Header {
            options: self.options.clone(),
            step: self.step,
            genres: self.sizes.genres,
            valid: self.best.valid,
            best: self.best.loss(),
        };
        let mut checkpoint = Checkpoint::of(NAME, header, [&self.network])?;
        checkpoint.add("book", &self.symbols.weights()?);
        self.best.save(&mut checkpoint);
        Ok(checkpoint)
    }

    fn pack(&self, _: &Dataset) -> Result<(Parts, Weights)> {
        self.best.pack(self.sizes, &self.network, &self.symbols)
    }

    fn recipe(&self) -> String {
        let o = &self.options;
        let best = self.best.loss().unwrap_or(f32::NAN);
        let (network, optimiser) = if self.is_tutorial() {
            let target = if o.target == Target::Inside { ", the target inside the window" } else { "" };
            let time = if o.concat == Concat::Time { ", embeddings one after another" } else { "" };
            (format!("the tutorial's LSTM writer (windows of {READ} symbols{target}{time})"), "RMSprop")
        } else {
            let told = "told genre, place in the bar, density and what sounds";
            (format!("LSTM writer ({told}), dropout {}", o.drop), "Adam, betas 0.9 / 0.98,")
        };
        format!(
            "Writer: {network}, {} units, {} symbols of up to {} notes in C major or A minor, {} steps of \
             batch {}, {optimiser} {:e}, seed {}; weights of the best validation ({best:.3} nats an event) \
             of one each {} steps.",
            self.sizes.units,
            self.sizes.symbols,
            self.sizes.notes,
            self.step,
            o.batch(),
            o.rate(),
            o.seed,
            o.validate
        )
    }
}
