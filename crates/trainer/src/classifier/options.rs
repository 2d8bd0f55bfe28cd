//! What decides how a classifier comes out: two recipes, and every choice.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::Build;

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

/// In what order phrases are heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Each is drawn from a genre that is drawn: genres come in equal shares, however many phrases they have.
    #[default]
    Drawn,
    /// All once an epoch, shuffled, as in the papers' code.
    Epochs,
}

/// Which recipe the options that are not given come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// The papers' code: 100 epochs of all phrases as they are, the last weights.
    Papers,
    /// Transposed phrases in equal shares, weights averaged (docs/results.md compares them).
    #[default]
    Ours,
}

/// The command line's options: what is not given comes from the preset.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ClassifierArguments {
    /// Where the defaults of all other options come from. [default: ours]
    #[arg(long, value_enum, default_value = "ours", hide_default_value = true)]
    pub preset: Preset,
    /// The network. [both presets: papers]
    #[arg(long, value_enum)]
    pub build: Option<Build>,
    /// Training steps. The papers' code counts 100 epochs, of which its authors used 25 to 30, 35,000 steps
    /// of theirs. [papers: 100 epochs; ours: 3000]
    #[arg(long, conflicts_with = "epochs")]
    pub steps: Option<u64>,
    /// Training epochs instead of steps. An epoch is as many steps as all training phrases fill.
    #[arg(long)]
    pub epochs: Option<u64>,
    /// Phrases a step. [both presets: 16]
    #[arg(long)]
    pub batch: Option<usize>,
    /// Channels of the first layer; in the papers' network each of the next three doubles them. [both
    /// presets: 64, 1,156,608 parameters for a pair]
    #[arg(long)]
    pub width: Option<usize>,
    /// Learning rate of Adam (betas 0.5 and 0.999). [both presets: 2e-4]
    #[arg(long)]
    pub rate: Option<f32>,
    /// Share of the steps after which the rate falls linearly to zero; 1: never. [both presets: 0.1]
    #[arg(long)]
    pub decay_from: Option<f32>,
    /// Share of the newest weights in a moving average that is kept instead of the weights; 0: none. [papers:
    /// 0; ours: 0.005]
    #[arg(long)]
    pub average: Option<f32>,
    /// In what order phrases are heard. [papers: epochs; ours: drawn]
    #[arg(long, value_enum)]
    pub order: Option<Order>,
    /// Which weights are kept. [both presets: latest]
    #[arg(long, value_enum)]
    pub keep: Option<Keep>,
    /// Steps between two looks at the validation split with `--keep best`. [both presets: 250]
    #[arg(long)]
    pub check_every: Option<u64>,
    /// Phrases are transposed at random by up to this many semitones. [papers: 0; ours: 5]
    #[arg(long)]
    pub transpose: Option<i32>,
    /// Share of a phrase's notes that are left out at random, so that the classifier does not hang on single
    /// ones. [both presets: 0]
    #[arg(long)]
    pub drop_notes: Option<f64>,
    /// At most this many stray notes of one to four steps are added to a phrase, at any of its own pitches'
    /// distance. [both presets: 0]
    #[arg(long)]
    pub stray_notes: Option<usize>,
    /// Share of the phrases that are heard as somebody's hands leave them: pedalled, clipped, without a hand
    /// or some notes; half of those also in another octave, half or twice as fast. [both presets: 0]
    #[arg(long)]
    pub play: Option<f64>,
    /// Scales the logits so that the classifier is as sure as it is right: by the validation split (or what
    /// stands for it), damaged as training was. [both presets: no]
    #[arg(long)]
    pub calibrate: bool,
    /// Seed of everything random. [both presets: 1]
    #[arg(long)]
    pub seed: Option<u64>,
}

/// How a classifier is trained, nothing left open. The input has no noise, as in the papers, and is -1 or 1 a
/// cell. The fields are explained at [`ClassifierArguments`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ClassifierOptions {
    pub build: Build,
    pub steps: u64,
    pub batch: usize,
    pub width: usize,
    pub rate: f32,
    pub decay_from: f32,
    pub average: f32,
    pub order: Order,
    pub keep: Keep,
    pub check_every: u64,
    pub transpose: i32,
    pub drop_notes: f64,
    pub stray_notes: usize,
    pub play: f64,
    pub calibrate: bool,
    pub seed: u64,
}

/// Steps in which `phrases` phrases are heard once.
pub fn epoch(phrases: usize, batch: usize) -> u64 {
    (phrases / batch.max(1)).max(1) as u64
}

impl ClassifierOptions {
    /// A preset's recipe for a dataset of so many training phrases.
    pub fn preset(preset: Preset, phrases: usize) -> Self {
        let ours = Self {
            build: Build::Papers,
            steps: 3000,
            batch: 16,
            width: 64,
            rate: 2e-4,
            decay_from: 0.1,
            average: 0.005,
            order: Order::Drawn,
            keep: Keep::Latest,
            check_every: 250,
            transpose: 5,
            drop_notes: 0.0,
            stray_notes: 0,
            play: 0.0,
            calibrate: false,
            seed: 1,
        };
        match preset {
            Preset::Ours => ours,
            Preset::Papers => Self {
                steps: 100 * epoch(phrases, 16),
                average: 0.0,
                order: Order::Epochs,
                transpose: 0,
                ..ours
            },
        }
    }

    /// The learning rate of a step.
    pub fn rate_at(&self, step: u64) -> f32 {
        let done = step as f32 / self.steps.max(1) as f32;
        let falling = (1.0 - self.decay_from).max(f32::EPSILON);
        self.rate * ((1.0 - done) / falling).clamp(0.0, 1.0)
    }
}

impl ClassifierArguments {
    /// The recipe of the preset with what was given in its place, for so many training phrases.
    ///
    /// # Errors
    /// In one sentence, when an option is out of its range.
    pub fn resolve(&self, phrases: usize) -> Result<ClassifierOptions> {
        let preset = ClassifierOptions::preset(self.preset, phrases);
        let batch = self.batch.unwrap_or(preset.batch);
        let epochs = |count: u64| count * epoch(phrases, batch);
        let usual = if self.preset == Preset::Papers { epochs(100) } else { preset.steps };
        let options = ClassifierOptions {
            build: self.build.unwrap_or(preset.build),
            steps: self.steps.or(self.epochs.map(epochs)).unwrap_or(usual),
            batch,
            width: self.width.unwrap_or(preset.width),
            rate: self.rate.unwrap_or(preset.rate),
            decay_from: self.decay_from.unwrap_or(preset.decay_from),
            average: self.average.unwrap_or(preset.average),
            order: self.order.unwrap_or(preset.order),
            keep: self.keep.unwrap_or(preset.keep),
            check_every: self.check_every.unwrap_or(preset.check_every),
            transpose: self.transpose.unwrap_or(preset.transpose),
            drop_notes: self.drop_notes.unwrap_or(preset.drop_notes),
            stray_notes: self.stray_notes.unwrap_or(preset.stray_notes),
            play: self.play.unwrap_or(preset.play),
            calibrate: self.calibrate,
            seed: self.seed.unwrap_or(preset.seed),
        };
        ensure!(options.batch > 0 && options.width > 0, "--batch and --width must be 1 or more");
        ensure!(
            options.rate.is_finite() && options.rate > 0.0,
            "--rate is {}; give more than 0",
            options.rate
        );
        ensure!((0..=11).contains(&options.transpose), "--transpose is {}; give 0 to 11", options.transpose);
        let shares = [options.drop_notes, options.play, options.average.into(), options.decay_from.into()];
        ensure!(
            shares.iter().all(|share| (0.0..=1.0).contains(share)),
            "--drop-notes, --play, --average and --decay-from must lie between 0 and 1"
        );
        Ok(options)
    }
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
            steps: self.classifier_steps,
            batch: self.classifier_batch,
            width: self.classifier_width,
            transpose,
            drop_notes: 0.05,
            stray_notes: 3,
            play: 0.6,
            calibrate: true,
            seed,
            ..ClassifierOptions::preset(Preset::Ours, 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: ClassifierArguments,
    }

    fn parse(line: &str) -> Result<ClassifierOptions> {
        let words = std::iter::once("classify").chain(line.split_whitespace());
        Line::try_parse_from(words)?.arguments.resolve(22_432)
    }

    #[test]
    fn the_papers_preset_is_their_code_and_ours_what_it_was() {
        let papers = parse("--preset papers").unwrap();
        // 2 x 11,216 phrases are 1,402 batches of 16.
        assert_eq!((papers.steps, papers.batch, papers.rate, papers.decay_from), (140_200, 16, 2e-4, 0.1));
        assert_eq!((papers.average, papers.transpose, papers.order), (0.0, 0, Order::Epochs));
        assert_eq!((papers.width, papers.keep, papers.calibrate), (64, Keep::Latest, false));
        let ours = parse("").unwrap();
        assert_eq!((ours.steps, ours.average, ours.transpose, ours.order), (3000, 0.005, 5, Order::Drawn));
        assert_eq!(parse("--preset papers --epochs 25 --batch 32").unwrap().steps, 25 * 701);
        let given = parse("--preset papers --steps 7 --transpose 2 --order drawn").unwrap();
        assert_eq!((given.steps, given.transpose, given.order), (7, 2, Order::Drawn));
        for (line, name) in [("--batch 0", "--batch"), ("--rate 0", "--rate"), ("--play 2", "--play")] {
            assert!(parse(line).unwrap_err().to_string().contains(name), "{line}");
        }
    }

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
