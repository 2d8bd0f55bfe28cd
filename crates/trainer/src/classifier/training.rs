//! Training the classifier as the papers do, with what trains it better as options.

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use model::Weights;
use phrase::{PITCHES, Roll, STEPS};
use rand::Rng;
use rand::seq::SliceRandom;

use super::accuracy::{accuracy, logits};
use super::file::held_out;
use super::options::epoch;
use super::{BuiltClassifier, BuiltConfig, ClassifierFile, ClassifierOptions, Keep, Order};
use crate::batch;
use crate::core::{NotFinite, Optimised};
use crate::data::damage;
use crate::dataset::{Dataset, Item, Split};
use crate::random;
use crate::run::Needs;

/// Streams of the classifier never meet those of a run, which count up from zero.
const STREAMS: u64 = 1 << 40;
/// Those of the orders of epochs.
const ORDERS: u64 = 1 << 42;

/// A classifier between two steps.
#[derive(Debug)]
pub(super) struct Training {
    pub(super) options: ClassifierOptions,
    pub(super) genres: Vec<String>,
    pub(super) config: BuiltConfig,
    /// Steps done.
    pub(super) step: u64,
    pub(super) network: Optimised,
    /// With [`Keep::Best`] the best weights so far and their mean accuracy.
    pub(super) best: Option<(f64, Weights)>,
    /// An epoch and its order, as places of genre and phrase.
    order: Option<(u64, Vec<(usize, usize)>)>,
}

impl Training {
    pub(super) fn new(options: ClassifierOptions, genres: Vec<String>) -> Result<Self> {
        let config = BuiltConfig::new(options.build, genres.len(), options.width);
        let mut rng = random::stream(options.seed, STREAMS);
        let network =
            Optimised::new(&config.parameters(), [0.5, 0.999], &mut rng, &Device::Cpu)?.averaging()?;
        Ok(Self { options, genres, config, step: 0, network, best: None, order: None })
    }

    /// One step; returns its loss. The numbers depend on data, options and step alone.
    pub(super) fn advance(&mut self, data: &Dataset) -> Result<f32> {
        ensure!(
            self.options.keep == Keep::Latest || held_out(data) == Split::Valid,
            "the best weights cannot be chosen: a genre has no validation phrases; use --keep latest"
        );
        let step = self.step;
        let mut rng = random::stream(self.options.seed, STREAMS + 1 + step);
        let places = (self.options.order == Order::Epochs).then(|| self.places(data));
        let options = &self.options;
        let (rolls, labels) = match places {
            Some(places) => listed(data, &places, options, &mut rng),
            None => draw(data, options, &mut rng),
        };
        let classifier = BuiltClassifier::new(self.config, &self.network.weights())?;
        let cells = classifier.tensor(classifier.cells(&rolls), rolls.len())?;
        let logits = classifier.forward(&cells)?;
        let labels = Tensor::new(labels, &Device::Cpu)?;
        let loss = candle_nn::loss::cross_entropy(&logits, &labels)?;
        let gradients = self.network.gradients(&loss.backward()?)?;
        let loss = loss.to_scalar::<f32>()?;
        if !loss.is_finite() {
            return Err(NotFinite { step: step + 1, what: "the loss".to_string() }.into());
        }
        let values = self.network.descend(&gradients, options.rate_at(step))?;
        // The plain weights at first, then an average over about 1 / share steps.
        self.network.follow(&values, if options.average > 0.0 { options.average } else { 1.0 }, step);
        self.step += 1;
        let look = self.step.is_multiple_of(options.check_every.max(1)) || self.step == options.steps;
        if options.keep == Keep::Best && look {
            let weights = self.network.averaged()?;
            let classifier = BuiltClassifier::new(self.config, &weights)?;
            let shares = accuracy(&classifier, data, Split::Valid)?;
            let mean = shares.iter().sum::<f64>() / shares.len() as f64;
            if self.best.as_ref().is_none_or(|(before, _)| mean > *before) {
                self.best = Some((mean, weights));
            }
        }
        Ok(loss)
    }

    /// What this step hears of its epoch's order.
    fn places(&mut self, data: &Dataset) -> Vec<(usize, usize)> {
        let all = || {
            let genres = 0..data.items.len();
            genres
                .flat_map(|genre| (0..data.split(genre, Split::Train).len()).map(move |place| (genre, place)))
        };
        let batch = self.options.batch;
        let steps = epoch(all().count(), batch);
        let (number, inside) = (self.step / steps, (self.step % steps) as usize);
        if self.order.as_ref().is_none_or(|(known, _)| *known != number) {
            let mut order: Vec<_> = all().collect();
            order.shuffle(&mut random::stream(self.options.seed, ORDERS + number));
            self.order = Some((number, order));
        }
        let order = self.order.as_ref().map(|(_, order)| order.as_slice()).unwrap_or_default();
        // Fewer phrases than a batch are heard again.
        order.iter().cycle().skip(inside * batch).take(batch).copied().collect()
    }

    /// What is kept of it now: calibrated where that is asked for, and measured.
    pub(super) fn finished(&self, data: &Dataset) -> Result<ClassifierFile> {
        let best = self.best.as_ref().map(|(_, weights)| weights.clone());
        let mut weights = best.map_or_else(|| self.network.averaged(), Ok)?;
        if self.options.calibrate {
            calibrate(self.config, &mut weights, data, &self.options)?;
        }
        let classifier = BuiltClassifier::new(self.config, &weights)?;
        let accuracy = accuracy(&classifier, data, held_out(data))?;
        Ok(ClassifierFile { genres: self.genres.clone(), config: self.config, weights, accuracy })
    }
}

/// Trains a classifier of all genres of `data`, in one go. `tell` hears of each step and its loss.
///
/// # Errors
/// When the dataset has too few genres or a genre no phrases, or the loss stops being a number.
pub fn train(
    data: &Dataset,
    options: &ClassifierOptions,
    mut tell: impl FnMut(u64, f32),
) -> Result<ClassifierFile> {
    Needs::TRANSFER.check(data)?;
    let mut training = Training::new(options.clone(), data.genres())?;
    while training.step < options.steps {
        let loss = training.advance(data)?;
        tell(training.step, loss);
    }
    training.finished(data)
}

/// The phrases at these places and their genres.
fn listed(
    data: &Dataset,
    places: &[(usize, usize)],
    options: &ClassifierOptions,
    rng: &mut rand_chacha::ChaCha8Rng,
) -> (Vec<Roll>, Vec<u32>) {
    let one = |&(genre, place): &(usize, usize)| {
        let by = rng.random_range(-options.transpose..=options.transpose);
        let roll = batch::transposed(&data.split(genre, Split::Train)[place].roll, by);
        (damaged(&roll, options, rng), genre as u32)
    };
    places.iter().map(one).unzip()
}

/// A batch: phrases and their genres.
fn draw(
    data: &Dataset,
    options: &ClassifierOptions,
    rng: &mut rand_chacha::ChaCha8Rng,
) -> (Vec<Roll>, Vec<u32>) {
    let one = |_| {
        let genre = rng.random_range(0..data.items.len());
        let roll = batch::draw(data, genre, options.transpose, rng);
        (damaged(&roll, options, rng), genre as u32)
    };
    (0..options.batch).map(one).unzip()
}

/// The roll as it is heard.
fn damaged(roll: &Roll, options: &ClassifierOptions, rng: &mut rand_chacha::ChaCha8Rng) -> Roll {
    let mut roll = *roll;
    if options.play > 0.0 && rng.random_bool(options.play.min(1.0)) {
        roll = damage::played(&roll, rng);
        if rng.random() {
            roll = damage::elsewhere(&roll, rng);
        }
    }
    noisy(&roll, options, rng)
}

/// Phrases a genre by which a classifier is calibrated, at most.
const CALIBRATED_BY: usize = 1_000;

/// Divides the logits by the temperature at which held-out phrases are the likeliest (Guo et al., *On
/// Calibration of Modern Neural Networks*, 2017): what is heard right stays so, but a classifier that hears
/// nothing clearly says so.
fn calibrate(
    config: BuiltConfig,
    weights: &mut Weights,
    data: &Dataset,
    options: &ClassifierOptions,
) -> Result<()> {
    let classifier = BuiltClassifier::new(config, weights)?;
    let mut heard = Vec::new();
    for genre in 0..data.items.len() {
        let mut rng = random::stream(options.seed, (1 << 41) + genre as u64);
        let all = data.split(genre, held_out(data));
        let some = all.iter().step_by(all.len().div_ceil(CALIBRATED_BY).max(1));
        let items: Vec<Item> =
            some.map(|item| Item { roll: damaged(&item.roll, options, &mut rng), ..*item }).collect();
        heard.extend(logits(&classifier, &items, None)?.into_iter().map(|logits| (genre, logits)));
    }
    let surprise = |temperature: f32| -> f32 {
        let of = |(genre, logits): &(usize, Vec<f32>)| {
            let sum: f32 = logits.iter().map(|l| ((l - logits[*genre]) / temperature).exp()).sum();
            sum.ln()
        };
        heard.iter().map(of).sum()
    };
    // From an eighth to eight, in steps of 4 %: finer than the measure is.
    let temperatures = (-53..=53).map(|i| 1.04f32.powi(i));
    let best = temperatures.min_by(|a, b| surprise(*a).total_cmp(&surprise(*b))).unwrap_or(1.0);
    if let Some(last) = config.parameters().pop() {
        let scaled = (weights.get(&last.name, &last.shape)? / f64::from(best))?;
        weights.insert(last.name, scaled);
    }
    Ok(())
}

/// The roll with notes left out and stray ones added.
fn noisy(roll: &Roll, options: &ClassifierOptions, rng: &mut rand_chacha::ChaCha8Rng) -> Roll {
    let mut noisy = *roll;
    if options.drop_notes > 0.0 {
        for note in roll.notes() {
            if rng.random_bool(options.drop_notes) {
                (note.start..note.end()).for_each(|step| noisy.set(step, note.row, false));
            }
        }
    }
    // A half of a phrase may be silent.
    if options.stray_notes > 0 && !roll.is_empty() {
        let used = roll.sounding.iter().fold(0, |all, bits| all | bits);
        let (low, high) = (used.trailing_zeros() as usize, 128 - used.leading_zeros() as usize);
        // Around what sounds: elsewhere no music of the set is.
        let rows = low.saturating_sub(6).min(PITCHES - 1)..(high + 6).min(PITCHES);
        for _ in 0..rng.random_range(0..=options.stray_notes) {
            let (row, start) = (rng.random_range(rows.clone()), rng.random_range(0..STEPS));
            let end = (start + rng.random_range(1..=4)).min(STEPS);
            noisy.onset[start] |= 1 << row;
            noisy.sounding[start..end].iter_mut().for_each(|bits| *bits |= 1 << row);
        }
    }
    noisy
}
