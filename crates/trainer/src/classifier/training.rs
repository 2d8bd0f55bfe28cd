//! Training the classifier as the papers do, with what trains it better as options.

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use model::Weights;
use phrase::{PITCHES, Roll, STEPS};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::accuracy::{accuracy, logits};
use super::file::held_out;
use super::{Build, BuiltClassifier, BuiltConfig, ClassifierFile};
use crate::batch;
use crate::core::Optimised;
use crate::data::damage;
use crate::dataset::{Dataset, Item, Split};
use crate::random;
use crate::run::Needs;

/// Which of the weights that training passed through are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The last step's, as the papers' code does.
    #[default]
    Latest,
    /// Those with the highest mean accuracy on the validation split.
    Best,
}

/// How a classifier is trained. The input has no noise, as in the papers, and is -1 or 1 a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
pub struct ClassifierOptions {
    /// The network.
    #[arg(long, value_enum, default_value = "papers")]
    #[serde(default)]
    pub build: Build,
    /// Training steps. The papers' code counts 100 epochs, of which its authors used 25 to 30, 35,000 steps
    /// of theirs.
    #[arg(long, default_value_t = 3000)]
    pub steps: u64,
    /// Phrases a step, genres in equal shares. Papers: 16.
    #[arg(long, default_value_t = 16)]
    pub batch: usize,
    /// Channels of the first layer; in the papers' network each of the next three doubles them. Papers: 64,
    /// 1,156,608 parameters for a pair.
    #[arg(long, default_value_t = 64)]
    pub width: usize,
    /// Learning rate of Adam (betas 0.5 and 0.999). Papers: 2e-4.
    #[arg(long, default_value_t = 2e-4)]
    pub rate: f32,
    /// Share of the steps after which the rate falls linearly to zero; 1: never. Papers' code: 0.1.
    #[arg(long, default_value_t = 0.1)]
    pub decay_from: f32,
    /// Share of the newest weights in a moving average that is kept instead of the weights; 0: none, as in
    /// the papers.
    #[arg(long, default_value_t = 0.005)]
    pub average: f32,
    /// Which weights are kept.
    #[arg(long, value_enum, default_value = "latest")]
    pub keep: Keep,
    /// Steps between two looks at the validation split with `--keep best`.
    #[arg(long, default_value_t = 250)]
    pub check_every: u64,
    /// Phrases are transposed at random by up to this many semitones. Papers: 0.
    #[arg(long, default_value_t = 5)]
    pub transpose: i32,
    /// Share of a phrase's notes that are left out at random, so that the classifier does not hang on single
    /// ones. Papers: 0.
    #[arg(long, default_value_t = 0.0)]
    #[serde(default)]
    pub drop_notes: f64,
    /// At most this many stray notes of one to four steps are added to a phrase, at any of its own pitches'
    /// distance. Papers: 0.
    #[arg(long, default_value_t = 0)]
    #[serde(default)]
    pub stray_notes: usize,
    /// Share of the phrases that are heard as somebody's hands leave them: pedalled, clipped, without a hand
    /// or some notes; half of those also in another octave, half or twice as fast. Papers: 0.
    #[arg(long, default_value_t = 0.0)]
    #[serde(default)]
    pub play: f64,
    /// Scales the logits so that the classifier is as sure as it is right: by the validation split (or what
    /// stands for it), damaged as training was. Papers: no.
    #[arg(long)]
    #[serde(default)]
    pub calibrate: bool,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// How the classifier is trained that goes into a pack: the few options that stand beside those of a run.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct PackClassifierOptions {
    /// Training steps of the classifier.
    #[arg(long, default_value_t = 3000, alias = "listener-steps")]
    pub classifier_steps: u64,
    /// Its batch.
    #[arg(long, default_value_t = 16, alias = "listener-batch")]
    pub classifier_batch: usize,
    /// Channels of its first layer; the paper has 64.
    #[arg(long, default_value_t = 64, alias = "listener-width")]
    pub classifier_width: usize,
}

impl PackClassifierOptions {
    /// All options, with the run's transposition and seed and our defaults for the rest.
    pub fn complete(&self, transpose: i32, seed: u64) -> ClassifierOptions {
        ClassifierOptions {
            build: Build::Papers,
            steps: self.classifier_steps,
            batch: self.classifier_batch,
            width: self.classifier_width,
            rate: 2e-4,
            decay_from: 0.1,
            average: 0.005,
            keep: Keep::Latest,
            check_every: 250,
            transpose,
            drop_notes: 0.05,
            stray_notes: 3,
            play: 0.6,
            calibrate: true,
            seed,
        }
    }
}

/// Trains a classifier of all genres of `data`. `tell` hears of each step and its loss.
///
/// # Errors
/// When the dataset has too few genres or a genre no phrases, or the loss stops being a number.
pub fn train(
    data: &Dataset,
    options: &ClassifierOptions,
    mut tell: impl FnMut(u64, f32),
) -> Result<ClassifierFile> {
    Needs::TRANSFER.check(data)?;
    ensure!(
        options.keep == Keep::Latest || held_out(data) == Split::Valid,
        "the best weights cannot be chosen: a genre has no validation phrases; use --keep latest"
    );
    let config = BuiltConfig::new(options.build, data.items.len(), options.width);
    // Streams of the classifier never meet those of a run, which count up from zero.
    let base = 1 << 40;
    let mut rng = random::stream(options.seed, base);
    let mut network =
        Optimised::new(&config.parameters(), [0.5, 0.999], &mut rng, &Device::Cpu)?.averaging()?;
    let mut best: Option<(f64, Weights)> = None;
    for step in 0..options.steps {
        let mut rng = random::stream(options.seed, base + 1 + step);
        let (rolls, labels) = draw(data, options, &mut rng);
        let classifier = BuiltClassifier::new(config, &network.weights())?;
        let cells = classifier.tensor(classifier.cells(&rolls), rolls.len())?;
        let logits = classifier.forward(&cells)?;
        let labels = Tensor::new(labels, &Device::Cpu)?;
        let loss = candle_nn::loss::cross_entropy(&logits, &labels)?;
        let gradients = network.gradients(&loss.backward()?)?;
        let values = network.descend(&gradients, options.rate_at(step))?;
        // The plain weights at first, then an average over about 1 / share steps.
        network.follow(&values, if options.average > 0.0 { options.average } else { 1.0 }, step);
        let loss = loss.to_scalar::<f32>()?;
        ensure!(loss.is_finite(), "the loss is not a number at step {}; lower --rate", step + 1);
        tell(step + 1, loss);
        let look = (step + 1) % options.check_every.max(1) == 0 || step + 1 == options.steps;
        if options.keep == Keep::Best && look {
            let weights = network.averaged()?;
            let classifier = BuiltClassifier::new(config, &weights)?;
            let shares = accuracy(&classifier, data, Split::Valid)?;
            let mean = shares.iter().sum::<f64>() / shares.len() as f64;
            if best.as_ref().is_none_or(|(before, _)| mean > *before) {
                best = Some((mean, weights));
            }
        }
    }
    let mut weights = best.map_or_else(|| network.averaged(), |(_, weights)| Ok(weights))?;
    if options.calibrate {
        calibrate(config, &mut weights, data, options)?;
    }
    let classifier = BuiltClassifier::new(config, &weights)?;
    let accuracy = accuracy(&classifier, data, held_out(data))?;
    Ok(ClassifierFile { genres: data.genres(), config, weights, accuracy })
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

impl ClassifierOptions {
    /// The learning rate of a step.
    fn rate_at(&self, step: u64) -> f32 {
        let done = step as f32 / self.steps.max(1) as f32;
        let falling = (1.0 - self.decay_from).max(f32::EPSILON);
        self.rate * ((1.0 - done) / falling).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_falls_from_a_tenth_of_the_steps_to_nothing() {
        let few = PackClassifierOptions { classifier_steps: 100, classifier_batch: 1, classifier_width: 1 };
        let options = few.complete(0, 1);
        let at = |step| options.rate_at(step) / options.rate;
        assert!((at(0) - 1.0).abs() < 1e-6 && (at(10) - 1.0).abs() < 1e-6);
        assert!((at(55) - 0.5).abs() < 1e-6 && at(100) == 0.0);
        let constant = ClassifierOptions { decay_from: 1.0, ..options };
        assert_eq!(constant.rate_at(99), constant.rate);
    }
}
