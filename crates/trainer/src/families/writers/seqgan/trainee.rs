//! SeqGAN as a run sees it: what is saved, and what becomes of it.

use anyhow::Result;
use model::writers::seqgan::LINE;
use model::{Parts, Weights};
use serde::{Deserialize, Serialize};

use super::{NAME, SeqganRun};
use crate::core::{Losses, SHARDS};
use crate::dataset::Dataset;
use crate::families::writers::{NEEDS, WriterOptions};
use crate::random;
use crate::run::{Checkpoint, Trainee, read_off};

/// What the losses are called: the generator's likelihood in nats a token, the discriminator's loss, the mean
/// reward, and what the last validation was.
const LOSSES: [&str; 4] = ["likelihood", "discriminator", "reward", "valid"];

#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) options: WriterOptions,
    pub(super) step: u64,
    pub(super) genres: usize,
    pub(super) valid: f32,
    pub(super) best: Option<f32>,
    /// Steps of the policy's optimiser, once there is one.
    pub(super) moved: Option<u64>,
    /// Steps of the discriminator's.
    pub(super) rounds: u64,
}

/// Parts of the checkpoint: `weights`, `mean` and `square` of the generator by likelihood and of the
/// discriminator, the same of the policy as `policy/..`, `lagging`, `start`, `best` and `book`.
impl Trainee for SeqganRun {
    fn family(&self) -> &'static str {
        NAME
    }

    read_off!(NEEDS, LOSSES, steps());

    fn train(&mut self, data: &Dataset, threads: usize) -> Result<Losses> {
        if self.step == 0 {
            self.validate(data)?;
        }
        let mut rng = random::stream(self.options.seed, self.step * SHARDS as u64 + 7);
        let (mut likelihood, mut discriminator, mut reward) = (0.0, 0.0, 0.0);
        if self.step < self.pretrain() {
            likelihood = self.likelihood(data, threads)?;
        } else {
            // The best by likelihood is where the policy begins.
            if self.step == self.pretrain()
                && let Some((_, best)) = self.best.kept.take()
            {
                self.generator = self.fresh_policy(&best)?;
            }
            if self.step >= self.begins() {
                reward = self.improve(data, &mut rng)?;
            }
            discriminator = self.criticise(data, &mut rng)?;
        }
        self.step += 1;
        let first = self.step == self.begins() + 1;
        if first {
            // Likelihoods and BLEUs do not compare.
            self.best.kept = None;
        }
        if first || self.step.is_multiple_of(self.options.validate) || self.step == self.steps() {
            self.validate(data)?;
        }
        Ok(Losses::new([
            ("likelihood", likelihood),
            ("discriminator", discriminator),
            ("reward", reward),
            ("valid", self.best.valid),
        ]))
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let header = Header {
            options: self.options.clone(),
            step: self.step,
            genres: self.sizes.genres,
            valid: self.best.valid,
            best: self.best.loss(),
            moved: self.policy.as_ref().map(|_| self.step.saturating_sub(self.begins())),
            rounds: self.rounds(),
        };
        let mut checkpoint = Checkpoint::of(NAME, header, [&self.generator, &self.discriminator])?;
        if let Some(policy) = &self.policy {
            let own = Checkpoint::of(NAME, (), [policy])?;
            let named = own.tensors.into_iter().map(|(name, tensor)| (format!("policy/{name}"), tensor));
            checkpoint.tensors.extend(named);
        }
        checkpoint.add("lagging", &self.lagging);
        checkpoint.add("book", &self.symbols.weights()?);
        self.start.iter().for_each(|weights| checkpoint.add("start", weights));
        self.best.save(&mut checkpoint);
        Ok(checkpoint)
    }

    fn pack(&self, _: &Dataset) -> Result<(Parts, Weights)> {
        self.best.pack(self.sizes, self.network(), &self.symbols)
    }

    fn recipe(&self) -> String {
        let o = &self.options;
        format!(
            "Writer: SeqGAN's generator, {} units, {} tokens in C major or A minor, lines of \
             {LINE}; {} steps of maximum likelihood (batch {}, Adam {:e}), {} of policy gradient \
             (Adam {:e}, {} roll-outs, lag {}{}) against a discriminator of {} channels ({} \
             negatives a round), seed {}; weights of the best validation of one each {} steps.",
            self.sizes.units,
            self.sizes.tokens,
            self.step.min(self.pretrain()),
            o.batch(),
            o.rate(),
            self.step.saturating_sub(self.begins()),
            o.policy_rate.unwrap_or(1e-3),
            o.roll_outs,
            o.lag,
            if o.baseline { ", with a baseline" } else { "" },
            self.critic.channels(),
            o.negatives,
            o.seed,
            o.validate
        )
    }
}
