//! The discriminator: what it says of lines, and how it learns.

use anyhow::Result;
use candle_core::{D, Tensor};
use candle_nn::ops::{log_softmax, sigmoid, softmax};
use model::Ops;
use model::writers::seqgan::Discriminator;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::SeqganRun;
use super::lines::Line;
use super::speaker::Speaker;
use crate::core::{Losses, check_finite, cross_entropy, mask};
use crate::dataset::Dataset;
use crate::families::find;
use crate::families::writers::Output;

/// The share of the discriminator's channels that dropout drops.
const DROP: f32 = 0.25;
/// How much the squares of its last weights cost.
const DECAY: f64 = 0.2;

impl SeqganRun {
    /// What the discriminator says of lines: how real, 0 to 1.
    pub(super) fn judged(&self, lines: &[Line]) -> Result<Vec<f32>> {
        let weights = self.discriminator.averaged()?;
        let mut all = Vec::with_capacity(lines.len());
        for lines in lines.chunks(256) {
            let network = Discriminator::new(&self.critic, &weights, Ops::on(&self.device));
            let logits = network.forward(&self.tensor(lines)?, None)?;
            let real = match self.options.output {
                Output::Softmax => softmax(&logits, D::Minus1)?.narrow(1, 1, 1)?,
                Output::Sigmoid => sigmoid(&logits)?,
            };
            all.extend(real.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(all)
    }

    /// Rounds of the discriminator against lines that the generator makes up for each; the mean loss.
    pub(super) fn criticise(&mut self, data: &Dataset, rng: &mut ChaCha8Rng) -> Result<f32> {
        let (mut sum, mut count) = (0.0, 0.0f32);
        for _ in 0..self.options.critic_rounds {
            let speaker = Speaker::new(self.sizes, &self.network().averaged()?)?;
            let real = self.real(data, self.options.negatives.max(1), rng)?;
            let made = speaker.go_on(&real, 0, speaker.start(real.len()), rng)?;
            let mut all: Vec<(Line, u32)> = real.into_iter().map(|line| (line, 1)).collect();
            all.extend(made.into_iter().map(|line| (line, 0)));
            for _ in 0..self.options.critic_epochs {
                for at in (1..all.len()).rev() {
                    all.swap(at, rng.random_range(0..=at));
                }
                for lines in all.chunks(64) {
                    sum += self.critic_step(lines, rng)?;
                    count += 1.0;
                }
            }
        }
        Ok(sum / count.max(1.0))
    }

    /// A step of the discriminator on lines, each with whether it is real; the loss.
    fn critic_step(&mut self, lines: &[(Line, u32)], rng: &mut ChaCha8Rng) -> Result<f32> {
        let weights = self.discriminator.weights();
        let (tokens, real): (Vec<Line>, Vec<u32>) = lines.iter().cloned().unzip();
        let mask = mask(&[lines.len(), self.critic.channels()], DROP, rng, &self.device)?;
        let network = Discriminator::new(&self.critic, &weights, Ops::on(&self.device));
        let logits = network.forward(&self.tensor(&tokens)?, Some(&mask))?;
        let loss = match self.options.output {
            Output::Softmax => {
                let real = Tensor::from_vec(real, (lines.len(), 1), &self.device)?;
                log_softmax(&logits, D::Minus1)?.gather(&real, 1)?.neg()?.mean_all()?
            }
            Output::Sigmoid => {
                let real = real.into_iter().map(|real| real as f32);
                let real = Tensor::from_iter(real, &self.device)?.unsqueeze(1)?;
                cross_entropy(&logits, &real)?.mean_all()?
            }
        };
        let squares = |name: &str| anyhow::Ok(find(&weights, name)?.sqr()?.sum_all()?);
        let squares = (squares("d.out")? + squares("d.out_bias")?)?;
        // Half the squares, as TensorFlow has it.
        let total = (&loss + (squares * (0.5 * DECAY))?)?;
        let gradients = [self.discriminator.gradients(&total.backward()?)?];
        let value = loss.to_scalar::<f32>()?;
        check_finite(self.step + 1, &Losses::new([("discriminator", value)]), &gradients)?;
        self.discriminator.descend(&gradients[0], self.options.critic_rate)?;
        Ok(value)
    }
}
