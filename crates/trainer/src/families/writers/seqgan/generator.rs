//! The generator's steps: by maximum likelihood, then by policy gradient; and how well it does.
//!
//! A prefix's reward is what the discriminator says of lines that a lagging copy of the generator makes of
//! it, on the mean; a whole line's what it says of that.

use anyhow::Result;
use candle_core::Tensor;
use model::writers::kernels;
use model::writers::seqgan::{Generator, LINE};
use model::{Ops, Weights};
use rand_chacha::ChaCha8Rng;

use super::SeqganRun;
use super::lines::Line;
use super::speaker::Speaker;
use crate::core::{self, Losses, SHARDS, Share, Sum, check_finite, clip};
use crate::dataset::Dataset;
use crate::families::writers::bleu::Bleu;
use crate::random;

/// Lines by which the weights are chosen.
const VALID: usize = 512;
/// The longest gradient of the generator.
const LONGEST_GRADIENT: f32 = 5.0;

impl SeqganRun {
    /// The generator's surprise at each token of lines, `[B LINE]`.
    fn surprise(&self, weights: &Weights, lines: &[Line]) -> Result<Tensor> {
        let (read, told) = self.shifted(lines)?;
        let genres = self.shares(lines)?;
        let logits = Generator::new(self.sizes, weights, Ops::on(&self.device)).forward(&read, &genres)?;
        Ok(kernels::surprise(&logits, &told.flatten_all()?)?)
    }

    /// A step of maximum likelihood.
    pub(super) fn likelihood(&mut self, data: &Dataset, threads: usize) -> Result<f32> {
        let shard = |shard: usize| -> Result<Sum<1>> {
            let o = &self.options;
            let Share { size, mut rng, .. } = Share::of(o.seed, o.batch(), self.step, shard);
            let lines = self.real(data, size, &mut rng)?;
            let loss = self.surprise(&self.generator.weights(), &lines)?.mean_all()?;
            let gradients = [self.generator.gradients(&loss.backward()?)?];
            Ok(Sum { gradients, losses: Losses::new([("likelihood", loss.to_scalar()?)]) })
        };
        let Sum { gradients: [mut gradients], losses } = core::summed(self.step, threads, shard)?;
        clip(&mut gradients, LONGEST_GRADIENT);
        self.generator.descend(&gradients, self.options.rate())?;
        Ok(losses.get("likelihood").unwrap_or(f32::NAN))
    }

    /// What each token of some lines is worth, by line.
    fn rewards(&self, lines: &[Line], rng: &mut ChaCha8Rng) -> Result<Vec<Vec<f32>>> {
        let whole = self.judged(lines)?;
        let mut rewards: Vec<Vec<f32>> = whole.iter().map(|reward| vec![*reward; LINE]).collect();
        if self.options.roll_outs > 0 {
            let speaker = Speaker::new(self.sizes, &self.lagging)?;
            let told = speaker.told(lines, rng)?;
            for place in 1..LINE {
                let mut sums = vec![0.0; lines.len()];
                for _ in 0..self.options.roll_outs {
                    let made = speaker.go_on(lines, place, told[place].clone(), rng)?;
                    sums.iter_mut().zip(self.judged(&made)?).for_each(|(sum, reward)| *sum += reward);
                }
                for (rewards, sum) in rewards.iter_mut().zip(sums) {
                    rewards[place - 1] = sum / self.options.roll_outs as f32;
                }
            }
        }
        if self.options.baseline {
            for place in 0..LINE {
                let mean = rewards.iter().map(|rewards| rewards[place]).sum::<f32>() / lines.len() as f32;
                rewards.iter_mut().for_each(|rewards| rewards[place] -= mean);
            }
        }
        Ok(rewards)
    }

    /// A step of policy gradient; the mean of the rewards.
    pub(super) fn improve(&mut self, data: &Dataset, rng: &mut ChaCha8Rng) -> Result<f32> {
        if self.policy.is_none() {
            let weights = self.generator.averaged()?;
            self.policy = Some(self.fresh_policy(&weights)?);
            (self.lagging, self.start) = (weights.clone(), Some(weights));
        }
        let speaker = Speaker::new(self.sizes, &self.network().averaged()?)?;
        let genres = self.real(data, self.options.batch(), rng)?;
        let lines = speaker.go_on(&genres, 0, speaker.start(genres.len()), rng)?;
        let rewards = self.rewards(&lines, rng)?;
        let all: Vec<f32> = rewards.iter().flatten().copied().collect();
        let mean = all.iter().sum::<f32>() / all.len() as f32;
        let len = all.len();
        let surprise = self.surprise(&self.network().weights(), &lines)?;
        let loss = ((surprise * Tensor::from_vec(all, len, &self.device)?)?.sum_all()? / lines.len() as f64)?;
        let mut gradients = [self.network().gradients(&loss.backward()?)?];
        check_finite(self.step + 1, &Losses::new([("generator", loss.to_scalar()?)]), &gradients)?;
        let [gradients] = &mut gradients;
        // `clip` takes a sum over shards; here is one alone.
        gradients.iter_mut().flatten().for_each(|x| *x *= SHARDS as f32);
        clip(gradients, LONGEST_GRADIENT);
        let rate = self.options.policy_rate.unwrap_or(1e-3);
        if let Some(policy) = &mut self.policy {
            policy.descend(gradients, rate)?;
        }
        // The copy keeps `lag` of itself.
        let now = self.network().averaged()?;
        let mut lagging = Weights::new();
        let lag = f64::from(self.options.lag);
        for (name, old) in self.lagging.iter() {
            let new = now.get(name, old.dims())?;
            lagging.insert(name.clone(), ((old * lag)? + (new * (1.0 - lag))?)?);
        }
        self.lagging = lagging;
        Ok(mean)
    }

    /// How well the weights do on music that is not learned from: by likelihood in nats a token, and once the
    /// policy learns by BLEU-4 of what it makes up, less than nothing: the smaller the better.
    pub(super) fn validate(&mut self, data: &Dataset) -> Result<()> {
        let lines = self.lines(data);
        let found = lines.iter().map(|of| of.concat()).find(|all| !all.is_empty()).unwrap_or_default();
        let count = VALID.min(found.len());
        let chosen: Vec<Line> = (0..count).map(|i| found[i * found.len() / count].clone()).collect();
        let weights = self.network().averaged()?;
        let valid = if self.policy.is_some() {
            let mut rng = random::stream(self.options.seed, u64::MAX - 2);
            let speaker = Speaker::new(self.sizes, &weights)?;
            let made = speaker.go_on(&chosen, 0, speaker.start(chosen.len()), &mut rng)?;
            let bleu = Bleu::new(found.iter().map(|line| &line.0[..]), 4);
            -(made.iter().map(|line| bleu.of(&line.0, 4)).sum::<f64>() / made.len().max(1) as f64) as f32
        } else if chosen.is_empty() {
            0.0
        } else {
            let mut sum = 0.0;
            for lines in chosen.chunks(64) {
                sum += self.surprise(&weights, lines)?.sum_all()?.to_scalar::<f32>()?;
            }
            sum / (chosen.len() * LINE) as f32
        };
        self.best.take(valid, weights);
        Ok(())
    }
}
