//! Options of `train-writer`.

use anyhow::{Result, ensure};
use model::writers::Style;
use phrase::Mode;
use phrase::symbols::key_named;
use serde::{Deserialize, Serialize};

use crate::core;

/// Which writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A recurrent network that says symbol, length and what is held.
    Lstm,
    /// SeqGAN: a generator of tokens, first by maximum likelihood, then by policy gradient.
    Seqgan,
}

/// Whose sizes and constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// The tutorial's, or the article's.
    Seed,
    /// What ships: told genre, place, density and what sounds.
    Ours,
}

/// Which symbol the tutorial's network is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The one after the window.
    Next,
    /// The second of the window itself, as the tutorial's code has it: a network that learns to look.
    Inside,
}

/// How the tutorial's network joins its embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Concat {
    /// Side by side: a step is a chord with its duration.
    Features,
    /// One after another, as the tutorial's code has it: all chords, then all durations.
    Time,
}

/// What the discriminator says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// One number: how real.
    Sigmoid,
    /// Two: made up, and real.
    Softmax,
}

/// Everything that decides the numbers of a run. What is not given is the preset's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
pub struct WriterOptions {
    /// Which writer.
    #[arg(long, value_enum, default_value = "lstm")]
    pub kind: Kind,
    /// Whose sizes and constants.
    #[arg(long, value_enum, default_value = "ours")]
    pub preset: Preset,
    /// Training steps in all; of seqgan pretraining too. By default 9,000, and 3,000 of the seed's LSTM.
    #[arg(long)]
    pub steps: Option<u64>,
    /// Lines a step; by default 24, and 64 of the seeds'.
    #[arg(long)]
    pub batch: Option<usize>,
    /// Learning rate: Adam's, by default 2e-3 (0.01 of seqgan); of the seed's LSTM RMSprop's, 1e-3.
    #[arg(long)]
    pub rate: Option<f32>,
    /// Share of the steps, at the end, over which ours' rate falls to nothing.
    #[arg(long, default_value_t = 0.5)]
    pub decay: f32,
    /// How many different symbols (tokens of seqgan) are known, the most frequent ones; by default 3,000.
    #[arg(long)]
    pub symbols: Option<usize>,
    /// The most rows of a symbol; by default 5, and 12 of the seeds'.
    #[arg(long)]
    pub notes: Option<usize>,
    /// Numbers of a symbol's vector; by default 96 (seed 64), of seqgan 64 (seed 32).
    #[arg(long)]
    pub width: Option<usize>,
    /// Units of the recurrent layer; by default 256 (seed 512), of seqgan 128 (seed 32).
    #[arg(long)]
    pub units: Option<usize>,
    /// Share that dropout drops of ours.
    #[arg(long, default_value_t = 0.2)]
    pub drop: f32,
    /// Share of phrases that were rendered from another genre's songs, of a genre that has such.
    #[arg(long, default_value_t = 0.1)]
    pub rendered: f32,
    /// Only songs in this key, as "C major", where it is the key they are in: the tutorial's way. By default
    /// all songs, moved to C major or A minor.
    #[arg(long, value_name = "KEY", value_parser = key)]
    pub only_key: Option<String>,
    /// Which symbol the seed's LSTM is to say.
    #[arg(long, value_enum, default_value = "next")]
    pub target: Target,
    /// How the seed's LSTM joins its embeddings.
    #[arg(long, value_enum, default_value = "features")]
    pub concat: Concat,
    /// Steps between validations; the weights with the best one are kept.
    #[arg(long, default_value_t = 250)]
    pub validate: u64,
    /// What answers' logits are divided by; 0 takes the likeliest always. By default 0.95, and 1 of the
    /// seeds'.
    #[arg(long)]
    pub temperature: Option<f32>,
    /// Of the likeliest only those that together are so likely. By default 0.95, and 1 of the seeds'.
    #[arg(long)]
    pub top_p: Option<f32>,
    /// Seqgan's steps of maximum likelihood before all else; by default 6,000.
    #[arg(long)]
    pub pretrain: Option<u64>,
    /// Seqgan's steps of the discriminator alone that follow.
    #[arg(long, default_value_t = 10)]
    pub critic_pretrain: u64,
    /// Roll-outs by which each prefix of a line is judged; 0 judges the whole line alone.
    #[arg(long, default_value_t = 16)]
    pub roll_outs: usize,
    /// What the roll-outs' policy keeps of itself when the generator has moved.
    #[arg(long, default_value_t = 0.8)]
    pub lag: f32,
    /// Takes the mean reward of each place off the rewards.
    #[arg(long)]
    pub baseline: bool,
    /// What the discriminator says.
    #[arg(long, value_enum, default_value = "softmax")]
    pub output: Output,
    /// Lines that the generator makes up for each round of the discriminator; the article has 10,000.
    #[arg(long, default_value_t = 2000)]
    pub negatives: usize,
    /// Rounds of the discriminator a step, each with lines of its own; the article has 5 of 3 epochs.
    #[arg(long, default_value_t = 1)]
    pub critic_rounds: usize,
    /// Epochs of a round.
    #[arg(long, default_value_t = 1)]
    pub critic_epochs: usize,
    /// The discriminator's learning rate (Adam).
    #[arg(long, default_value_t = 1e-4)]
    pub critic_rate: f32,
    /// The policy gradient's learning rate (Adam); by default the article's 0.01 of the seed, 1e-3 of ours.
    #[arg(long)]
    pub policy_rate: Option<f32>,
    /// By what the discriminator's 1,720 channels are divided; by default 1, and 8 of ours.
    #[arg(long)]
    pub thinner: Option<usize>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

fn key(text: &str) -> Result<String, String> {
    match key_named(text) {
        Some(_) => Ok(text.to_string()),
        None => Err(format!("{text} is no key; write it as \"C major\" or \"F# minor\"")),
    }
}

impl WriterOptions {
    /// With the preset's in place of what was not given.
    ///
    /// # Errors
    /// When the options do not go together.
    pub fn complete(mut self) -> Result<Self> {
        let (seed, gan) = (self.preset == Preset::Seed, self.kind == Kind::Seqgan);
        let of = |ours, seeds| if seed { seeds } else { ours };
        self.steps.get_or_insert(if seed && !gan { 3000 } else { 9000 });
        self.batch.get_or_insert(of(24, 64));
        self.rate.get_or_insert(match (gan, seed) {
            (true, true) => 0.01,
            (true, false) => 3e-3,
            (false, true) => 1e-3,
            (false, false) => 2e-3,
        });
        self.symbols.get_or_insert(3000);
        self.notes.get_or_insert(of(5, 12));
        self.width.get_or_insert(if gan { of(64, 32) } else { of(96, 64) });
        self.units.get_or_insert(if gan { of(128, 32) } else { of(256, 512) });
        self.temperature.get_or_insert(if seed { 1.0 } else { 0.95 });
        self.top_p.get_or_insert(if seed { 1.0 } else { 0.95 });
        self.pretrain.get_or_insert(6000);
        self.policy_rate.get_or_insert(if seed { 0.01 } else { 1e-3 });
        self.thinner.get_or_insert(of(8, 1));
        core::check_batch(self.batch())?;
        ensure!((0.0..1.0).contains(&self.drop), "the share that is dropped must be under 1");
        ensure!(self.validate > 0, "there must be steps between validations, one at least");
        ensure!(
            seed && !gan || self.target == Target::Next && self.concat == Concat::Features,
            "--target and --concat are for --kind lstm --preset seed alone"
        );
        Ok(self)
    }

    /// Training steps in all.
    pub fn steps(&self) -> u64 {
        self.steps.unwrap_or(1)
    }

    /// Lines a step.
    pub fn batch(&self) -> usize {
        self.batch.unwrap_or(2)
    }

    /// Learning rate.
    pub fn rate(&self) -> f32 {
        self.rate.unwrap_or(1e-3)
    }

    /// How symbols are drawn, where the preset's network draws them as `usual`.
    pub fn style(&self, usual: Style) -> Style {
        Style {
            temperature: self.temperature.unwrap_or(usual.temperature),
            top_p: self.top_p.unwrap_or(usual.top_p),
        }
    }

    /// The key that songs must be in, if any.
    pub fn only(&self) -> Option<(u8, Mode)> {
        self.only_key.as_deref().and_then(key_named)
    }

    /// Whether all of a slice counts as struck: the tutorial's symbols.
    pub fn slices(&self) -> bool {
        self.kind == Kind::Lstm && self.preset == Preset::Seed
    }
}
