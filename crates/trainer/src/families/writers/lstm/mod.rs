//! The recurrent writer in training: [`model::writers::lstm`]. Two networks learn here: ours, and that of the
//! tutorial that it began as, whose windows of chords and durations `--preset seed` has.

mod lines;
mod network;
mod steps;
mod trainee;

use std::sync::OnceLock;

use anyhow::Result;
use candle_core::{Device, Tensor};
use model::writers::lstm::LstmSizes;
use phrase::PITCHES;

use super::lines::{Music, Symbols};
use super::{Best, Concat, Preset, WriterOptions};
use crate::core::{Optimised, opened};
use crate::random;
use crate::run::Checkpoint;
pub use lines::Line;
pub use network::{Network, Scored};
use trainee::Header;

/// What the family is called in checkpoints, cards and docs.
pub const NAME: &str = "lstm";

/// A run: network, optimiser, average, and the best weights so far.
#[derive(Debug)]
pub struct LstmRun {
    options: WriterOptions,
    step: u64,
    device: Device,
    sizes: LstmSizes,
    symbols: Symbols,
    rows: Tensor,
    network: Optimised,
    best: Best,
    /// The run's own music; put together when it is first drawn from.
    music: OnceLock<Music>,
    checks: OnceLock<Vec<Line>>,
}

impl LstmRun {
    /// A fresh run for `genres` genres on `device`.
    ///
    /// # Errors
    /// When the options do not go together.
    pub fn new(options: WriterOptions, symbols: Symbols, genres: usize, device: &Device) -> Result<Self> {
        let seed = options.preset == Preset::Seed;
        let sizes = if seed { LstmSizes::tutorial } else { LstmSizes::ours };
        let sizes = sizes(genres, symbols.len(), symbols.notes);
        let mut sizes = LstmSizes {
            width: options.width.unwrap_or(sizes.width),
            units: options.units.unwrap_or(sizes.units),
            across_time: options.concat == Concat::Time,
            style: options.style(sizes.style),
            ..sizes
        };
        sizes.hidden = if seed { sizes.units / 2 } else { sizes.width }.max(1);
        let mut rng = random::stream(options.seed, u64::MAX);
        let parameters = sizes.trained();
        let network = if seed {
            Optimised::rms(&parameters, 0.9, &mut rng, device)?
        } else {
            Optimised::new(&parameters, [0.9, 0.98], &mut rng, device)?.averaging()?
        };
        let start = opened(&network.weights(), |name| name == "lstm.bias")?;
        let network = network.starting_at(&start)?;
        let rows = Tensor::from_vec(symbols.book.many_hot(), (symbols.len(), PITCHES), device)?;
        Ok(Self {
            options,
            step: 0,
            device: device.clone(),
            sizes,
            symbols,
            rows,
            network,
            best: Best::default(),
            music: OnceLock::new(),
            checks: OnceLock::new(),
        })
    }

    /// Goes on from a checkpoint, with the options in its header.
    ///
    /// # Errors
    /// Where a tensor is missing or does not fit those options.
    pub fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let Header { options, step, genres, valid, best } = checkpoint.header()?;
        let symbols = Symbols::read(&checkpoint.part("book"))?;
        let mut run = Self::new(options, symbols, genres, device)?;
        run.network.restore(checkpoint, step)?;
        (run.step, run.best) = (step, Best::read(checkpoint, valid, best));
        Ok(run)
    }

    /// Whether it is the tutorial's network that learns.
    fn is_tutorial(&self) -> bool {
        self.options.preset == Preset::Seed
    }
}
