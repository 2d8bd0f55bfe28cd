//! What a step of a recurrent writer learns from, and how well the network does on other music.

use anyhow::{Context, Result};
use candle_core::Tensor;
use model::writers::lstm::{READ, Tutorial};
use model::{Ops, Weights};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::LstmRun;
use super::lines::{Line, Lines, Windows};
use super::network::{Network, Scored, surprise};
use crate::core::{self, Losses, Share, Sum};
use crate::dataset::{Dataset, Split};
use crate::families::writers::Target;
use crate::families::writers::lines::{Music, Stretch};

/// Stretches of each genre by which the weights are chosen.
const VALID: usize = 48;
/// How far the density that is told is off, in octaves.
const DENSITY_NOISE: f32 = 0.25;

impl LstmRun {
    fn line(&self, stretch: &Stretch, genre: usize) -> Line {
        Line::of(stretch, genre, &self.symbols, self.is_tutorial())
    }

    /// The stretches by which weights are chosen: evenly spread over the validation songs, or the training
    /// songs where there are none.
    fn checks(&self, data: &Dataset) -> &[Line] {
        self.checks.get_or_init(|| {
            let music = [Split::Valid, Split::Train].map(|split| Music::asked(data, split, &self.options));
            let mut lines = Vec::new();
            for genre in 0..data.items.len() {
                let all = |music: &Music| {
                    let one = music.genre(genre);
                    one.stretches(4).map(|(.., stretch)| self.line(&stretch, genre)).collect::<Vec<_>>()
                };
                let found = music.iter().map(all).find(|all| !all.is_empty()).unwrap_or_default();
                let count = VALID.min(found.len());
                lines.extend((0..count).map(|i| found[i * found.len() / count].clone()));
            }
            lines
        })
    }

    /// Nats an event of music that is not learned from: symbol and length together.
    pub(super) fn validate(&mut self, data: &Dataset) -> Result<()> {
        let averaged = self.network.averaged()?;
        let weights = averaged.to_device(&self.device)?;
        let network = self.asked(&weights);
        let scored: Vec<Scored> = if self.is_tutorial() {
            network.score_windows(self.checks(data))?.into_iter().flatten().flatten().collect()
        } else {
            network.score(self.checks(data))?.into_iter().flatten().collect()
        };
        let total: f32 = scored.iter().map(|s| s.symbol + s.length.unwrap_or(0.0)).sum();
        self.best.take(total / scored.len().max(1) as f32, averaged);
        Ok(())
    }

    fn asked<'a>(&'a self, weights: &'a Weights) -> Network<'a> {
        Network { sizes: self.sizes, weights, rows: self.rows.clone(), device: &self.device }
    }

    /// Gradients and losses of one part of a step's batch.
    pub(super) fn shard(&self, data: &Dataset, shard: usize) -> Result<Sum<1>> {
        let o = &self.options;
        let Share { size, turn, mut rng } = Share::of(o.seed, o.batch(), self.step, shard);
        let music = self.music.get_or_init(|| Music::asked(data, Split::Train, o));
        let weights = self.network.weights();
        let losses = if self.is_tutorial() {
            self.windows(music, turn, size, &weights, &mut rng)?
        } else {
            let mut lines = Vec::with_capacity(size);
            for index in 0..size {
                let genre = (turn + index) % self.sizes.genres;
                let stretch = music.draw(genre, o.rendered, &mut rng);
                let stretch = stretch.context("a genre has no music to learn from")?;
                let mut line = self.line(&stretch, genre);
                let off: f32 = StandardNormal.sample(&mut rng);
                line.density *= (DENSITY_NOISE * off).exp2();
                lines.push(line);
            }
            let lines = Lines::new(&lines, self.sizes.genres, &self.device)?;
            let mut mask = |shape: &[usize]| core::mask(shape, o.drop, &mut rng, &self.device);
            let masks = if o.drop > 0.0 { Some(&mut mask as &mut dyn FnMut(&[usize]) -> _) } else { None };
            self.asked(&weights).losses(&lines, masks)?
        };
        let gradients = [self.network.gradients(&losses.sum_all()?.backward()?)?];
        let [symbol, length, held] = losses.to_vec1::<f32>()?[..] else {
            anyhow::bail!("the losses are {:?} where 3 are needed", losses.shape())
        };
        let losses =
            Losses::new([("symbol", symbol), ("length", length), ("held", held), ("valid", self.best.valid)]);
        Ok(Sum { gradients, losses })
    }

    /// The tutorial's losses of windows by chance, `[3]`; nothing is held.
    fn windows(
        &self,
        music: &Music,
        turn: usize,
        size: usize,
        weights: &Weights,
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor> {
        let mut drawn: Vec<(Line, usize)> = Vec::new();
        let mut tries = 0;
        while drawn.len() < size {
            let genre = (turn + drawn.len() + tries) % self.sizes.genres;
            tries += 1;
            anyhow::ensure!(tries < 1000 * size, "no song has {} symbols one after another", READ + 1);
            let Some(stretch) = music.draw(genre, self.options.rendered, rng) else { continue };
            let line = self.line(&stretch, genre);
            let last = line.events.len() - usize::from(line.cut).min(line.events.len());
            if last > READ {
                let start = rng.random_range(0..last - READ);
                drawn.push((line, start));
            }
        }
        let ahead = if self.options.target == Target::Inside { 1 } else { READ };
        let windows =
            Windows::new(drawn.iter().map(|(line, start)| (line, *start, start + ahead)), &self.device)?;
        let tutorial = Tutorial::new(self.sizes, weights, Ops::on(&self.device));
        let (symbols, lengths) = tutorial.forward(&windows.symbols, &windows.lengths)?;
        let symbols = surprise(&symbols, &windows.told)?.mean_all()?;
        let lengths = surprise(&lengths, &windows.told_lengths)?.mean_all()?;
        Ok(Tensor::stack(&[&symbols, &lengths, &lengths.zeros_like()?], 0)?)
    }
}
