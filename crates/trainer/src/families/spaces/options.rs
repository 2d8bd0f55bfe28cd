//! The arguments of `train-space`. What is left out is the preset's.

use serde::{Deserialize, Serialize};

/// Which kind of network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An autoencoder: every phrase is a point, and nothing is known of what lies between.
    Ae,
    /// A variational autoencoder: every phrase is a cloud, and clouds overlap.
    Vae,
    /// A variational autoencoder whose pictures a discriminator judges.
    VaeGan,
}

/// Whose network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// The source's own.
    Seed,
    /// Ours.
    Ours,
}

/// What the two parts of a variational loss are counted over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// The sum over a phrase's cells and over its code: nats of one and nats of the other.
    Sum,
    /// The mean over the cells and the mean over the code, as in the tutorial: a nat of code then costs as
    /// much as thousands of nats of cells, and the code falls silent.
    Mean,
}

/// How a VAE-GAN's pictures tell notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Strokes {
    /// As published: every bright cell is a stroke of its own.
    Seed,
    /// A second plane says where notes start.
    Onsets,
}

/// Arguments of `train-space`.
#[derive(Clone, Debug, clap::Args)]
pub struct SpaceArguments {
    /// Which kind of network.
    #[arg(long, value_enum, default_value = "vae")]
    pub kind: Kind,
    /// Whose network and constants: the source's own, or ours.
    #[arg(long, value_enum, default_value = "ours")]
    pub preset: Preset,
    /// Training steps in all.
    #[arg(long, default_value_t = 8_000)]
    pub steps: u64,
    /// Phrases a step; the genres take turns [default: 64, seeds 32].
    #[arg(long)]
    pub batch: Option<usize>,
    /// Learning rate [default: Adam's 2e-3; the tutorial's RMSprop's 0.01; the VAE-GAN's 4e-4].
    #[arg(long)]
    pub rate: Option<f32>,
    /// Steps over which the rate rises from zero, and over which what the code costs rises four times as
    /// slowly.
    #[arg(long, default_value_t = 200)]
    pub warmup: u64,
    /// Share of the steps, at the end, over which the rate falls linearly to zero; the seed's VAE-GAN has a
    /// decay of its own.
    #[arg(long, default_value_t = 0.6)]
    pub decay: f32,
    /// The longest a step's gradient may be; a longer one is scaled down.
    #[arg(long, default_value_t = 1.0)]
    pub clip: f32,
    /// Share of the newest weights in the moving average that is exported.
    #[arg(long, default_value_t = 0.004)]
    pub average: f32,
    /// Phrases are transposed at random by up to this many semitones: 6 is every key.
    #[arg(long, default_value_t = 6)]
    pub transpose: i32,
    /// What the losses of a variational autoencoder are counted over.
    #[arg(long, value_enum, default_value = "sum")]
    pub scale: Scale,
    /// What a nat of code costs, counted in nats of cells [default: 0.1, of the VAE-GAN 0.03, seeds 1].
    #[arg(long)]
    pub beta: Option<f32>,
    /// Nats of each number of a code that cost nothing.
    #[arg(long, default_value_t = 0.05)]
    pub free: f32,
    /// Share of the phrases before whose steps the decoder is shown damaged music: it must listen to the
    /// code.
    #[arg(long, default_value_t = 0.5)]
    pub damage: f32,
    /// Numbers of a beat's code.
    #[arg(long, default_value_t = 32)]
    pub code: usize,
    /// Channels of a step in the encoder.
    #[arg(long, default_value_t = 96)]
    pub embed: usize,
    /// Units of a beat in the encoder and the decoder.
    #[arg(long, default_value_t = 320)]
    pub hidden: usize,
    /// Channels of a step in the decoder.
    #[arg(long, default_value_t = 128)]
    pub width: usize,
    /// Hidden units that tell the pitches of a step.
    #[arg(long, default_value_t = 64)]
    pub units: usize,
    /// Symbols of the tutorial's vocabulary, the commonest of the music.
    #[arg(long, default_value_t = 267)]
    pub symbols: usize,
    /// Numbers of a phrase's point [default: the tutorial's 2, the VAE-GAN's 256, its seed's
    /// 128].
    #[arg(long)]
    pub numbers: Option<usize>,
    /// Channels of the VAE-GAN's first convolution.
    #[arg(long, default_value_t = 16)]
    pub channels: usize,
    /// How the VAE-GAN's pictures tell notes [default: onsets, of the seed seed].
    #[arg(long, value_enum)]
    pub strokes: Option<Strokes>,
    /// What a VAE-GAN's pictures are compared cell by cell, beside the discriminator's features [default: 4,
    /// of the seed 0].
    #[arg(long)]
    pub cells: Option<f32>,
    /// Standard deviation of the noise that the VAE-GAN's discriminator hears pictures through [default: 0.3,
    /// of the seed 0].
    #[arg(long)]
    pub noise: Option<f32>,
    /// Where the generator's loss is more than so many times the VAE-GAN's discriminator's, the discriminator
    /// stands still; 0: never [default: 3, of the seed 0].
    #[arg(long)]
    pub ahead: Option<f32>,
    /// How far a number of a point goes at a distance of 1, in parts of the spread of real phrases.
    #[arg(long, default_value_t = 0.3)]
    pub spread: f32,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}
