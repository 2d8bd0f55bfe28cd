//! A loaded pack that answers phrases.

use candle_core::{Device, Tensor};
use phrase::{ContentChange, LOWEST, PITCHES, Phrase, Roll, STEPS, realise};

use crate::noise::logistic;
use crate::{Architecture, Classifier, Generator, ModelError, Ops, Pack};

/// Genre slots that the plugin's parameters offer; a pack fills the first of them.
pub const SLOTS: usize = 8;

/// The logit (+ for a sounding cell, - for a silent one) that stands for the input when `amount` mixes it with the
/// network's answer. It sets the feel of the knob only: at amount a, a change happens where the network's own logit
/// exceeds this times (1 - a) / a.
pub const INPUT_LOGIT: f32 = 1.0;

/// The *sounding* plane of an answer: bit r of a step is MIDI note 24 + r.
pub type Cells = [u128; STEPS];

/// What the user asks of a transfer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The genre slot of what is played (0-based), or `None` to let the classifier hear it.
    pub source: Option<u8>,
    /// Weights of the target slots; normalised over the pack's genres. One 1 and zeros for a single genre.
    pub target: [f32; SLOTS],
    /// 0 returns the input, 1 the network's answer.
    pub amount: f32,
    /// 0: the likeliest answer; 1: cells drawn from their own probabilities.
    pub variation: f32,
    /// Which draw, when `variation` is not 0.
    pub seed: u32,
    /// The first step that will be played: 0 at a latency of 4 bars.
    pub first: u8,
}

impl Settings {
    /// All the way to one slot (0-based), source heard by the classifier, no variation, the whole phrase played.
    pub fn to(slot: usize) -> Self {
        let target = std::array::from_fn(|i| if i == slot { 1.0 } else { 0.0 });
        Self { source: None, target, amount: 1.0, variation: 0.0, seed: 0, first: 0 }
    }
}

/// What a transfer did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// The source slot that was used.
    pub source: u8,
    /// The classifier's probabilities by slot; all zero when it was not asked.
    pub probabilities: [f32; SLOTS],
    /// Cells that were added and removed, relative to the input's.
    pub change: ContentChange,
}

/// A pack's networks, ready to compute. Owned by the thread that runs them.
#[derive(Debug)]
pub struct Transfer {
    generator: Generator,
    classifier: Classifier,
    genres: usize,
    threshold: f32,
}

impl Transfer {
    /// Builds the networks of `pack` with our kernels.
    pub fn new(pack: &Pack) -> Result<Self, ModelError> {
        Self::with_ops(pack, Ops::KERNELS)
    }

    /// Builds the networks of `pack` with either kind of layer operations.
    pub fn with_ops(pack: &Pack, ops: Ops) -> Result<Self, ModelError> {
        let Architecture::PatchResnet { generator, classifier } = &pack.card.architecture;
        Ok(Self {
            generator: Generator::new(*generator, &pack.weights, ops)?,
            classifier: Classifier::new(*classifier, &pack.weights, ops)?,
            genres: pack.card.genres.len(),
            threshold: (pack.card.threshold / (1.0 - pack.card.threshold)).ln(),
        })
    }

    /// Recasts `input` into `out`. The result depends on the arguments, the phrase's position and the pack, and on
    /// nothing else. A phrase without roll cells, an amount of 0, or a target the pack does not have returns the input.
    pub fn transfer(
        &self,
        input: &Phrase,
        settings: &Settings,
        out: &mut Phrase,
    ) -> Result<Report, ModelError> {
        let roll = input.roll();
        let (cells, report) = self.cells(&roll, input.position, settings)?;
        realise(input, &cells, settings.first.into(), out);
        Ok(report)
    }

    /// The answer's cells to `roll`, a phrase that begins at step `position` of the song.
    pub fn cells(
        &self,
        roll: &Roll,
        position: i64,
        settings: &Settings,
    ) -> Result<(Cells, Report), ModelError> {
        let total: f32 = settings.target[..self.genres].iter().map(|weight| weight.max(0.0)).sum();
        let amount = settings.amount.clamp(0.0, 1.0);
        if roll.is_empty() || amount == 0.0 || total.is_nan() || total <= 0.0 {
            return Ok((roll.sounding, Report::default()));
        }
        let cells = tensor(roll)?;
        let (source, probabilities) = match settings.source {
            Some(slot) if usize::from(slot) < self.genres => (slot, [0.0; SLOTS]),
            _ => self.hear(&cells)?,
        };
        let mut genres = vec![0.0; 2 * self.genres];
        genres[usize::from(source)] = 1.0;
        for (to, weight) in genres[self.genres..].iter_mut().zip(settings.target) {
            *to = weight.max(0.0) / total;
        }
        let genres = Tensor::from_vec(genres, (1, 2 * self.genres), &Device::Cpu)?;
        let logits = self.generator.forward(&cells, &genres)?.flatten_all()?.to_vec1::<f32>()?;

        let mut answer = [0u128; STEPS];
        for (step, sounding) in answer.iter_mut().enumerate() {
            for row in 0..PITCHES {
                let own = if roll.get(step, row) { INPUT_LOGIT } else { -INPUT_LOGIT };
                let mut logit = logits[step * PITCHES + row] - self.threshold;
                if settings.variation > 0.0 {
                    logit += settings.variation * logistic(settings.seed, position, step, row);
                }
                if (1.0 - amount) * own + amount * logit > 0.0 {
                    *sounding |= 1 << row;
                }
            }
        }
        Ok((
            answer,
            Report { source, probabilities, change: ContentChange::between(&roll.sounding, &answer) },
        ))
    }

    /// The classifier's probabilities of each slot for `roll`.
    pub fn classify(&self, roll: &Roll) -> Result<[f32; SLOTS], ModelError> {
        Ok(self.hear(&tensor(roll)?)?.1)
    }

    fn hear(&self, cells: &Tensor) -> Result<(u8, [f32; SLOTS]), ModelError> {
        let logits = self.classifier.forward(cells)?.flatten_all()?.to_vec1::<f32>()?;
        let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut probabilities = [0.0; SLOTS];
        for (probability, logit) in probabilities.iter_mut().zip(&logits) {
            *probability = (logit - highest).exp();
        }
        let sum: f32 = probabilities.iter().sum();
        probabilities.iter_mut().for_each(|p| *p /= sum);
        let best = logits.iter().position(|&logit| logit == highest).unwrap_or(0);
        Ok((best as u8, probabilities))
    }
}

/// The *sounding* plane as `[1, 64, 84]`, row 0 being MIDI note [`LOWEST`].
fn tensor(roll: &Roll) -> Result<Tensor, ModelError> {
    const { assert!(LOWEST as usize + PITCHES <= 128) };
    let mut cells = vec![0.0; STEPS * PITCHES];
    roll.to_f32(&mut cells);
    Ok(Tensor::from_vec(cells, (1, STEPS, PITCHES), &Device::Cpu)?)
}
