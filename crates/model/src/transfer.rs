//! A loaded pack that answers phrases.

use candle_core::{Device, Tensor};
use phrase::{ContentChange, LOWEST, PITCHES, Phrase, Roll, STEPS, mix, realise};

use crate::arranger::{Decoder, Style};
use crate::noise::{logistic, unit};
use crate::papers::{DIRECTIONS, PairGenerator};
use crate::resnet::Generator;
use crate::{Architecture, Classifier, ModelError, Ops, Pack};

/// Genre slots that the plugin's parameters offer; a pack fills the first of them.
pub const SLOTS: usize = 8;

/// The logit (+ for a sounding cell, - for a silent one) that stands for the input when `amount` mixes it with the
/// network's answer. It sets the feel of the knob only: at amount a, a change happens where the network's own logit
/// exceeds this times (1 - a) / a.
pub const INPUT_LOGIT: f32 = 1.0;

/// Keeps the draw of which decisions vary apart from the draw of their noise.
const CHANCE: u64 = 0x5bd1_e995_9e37_79b9;

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

/// The generator, or the two, of a pack.
#[derive(Debug)]
enum Network {
    /// One for all directions.
    Conditional(Box<Generator>),
    /// By source slot.
    Pair(Box<[PairGenerator; 2]>),
    /// One for all directions, which writes instead of changing.
    Arranger(Box<Decoder>, Style),
}

/// A pack's networks, ready to compute. Owned by the thread that runs them.
#[derive(Debug)]
pub struct Transfer {
    device: Device,
    network: Network,
    classifier: Classifier,
    genres: usize,
    /// The logit of the pack's threshold.
    threshold: f32,
}

impl Transfer {
    /// Builds the networks of `pack` on the CPU with our kernels.
    pub fn new(pack: &Pack) -> Result<Self, ModelError> {
        Self::on(pack, &Device::Cpu)
    }

    /// Builds the networks of `pack` on `device`, with the operations that are fast there. A network on a GPU answers as
    /// one on the CPU does but for rounding: bounce and playback must use one device.
    pub fn on(pack: &Pack, device: &Device) -> Result<Self, ModelError> {
        Self::build(pack, device, Ops::on(device))
    }

    /// Builds the networks of `pack` on the CPU with either kind of layer operations.
    pub fn with_ops(pack: &Pack, ops: Ops) -> Result<Self, ModelError> {
        Self::build(pack, &Device::Cpu, ops)
    }

    fn build(pack: &Pack, device: &Device, ops: Ops) -> Result<Self, ModelError> {
        let weights = pack.weights.to_device(device)?;
        let network = match &pack.card.architecture {
            Architecture::PatchResnet { generator, .. } => {
                Network::Conditional(Box::new(Generator::new(*generator, "", &weights, ops)?))
            }
            Architecture::Pairwise { network, .. } => {
                let [there, back] =
                    DIRECTIONS.map(|prefix| PairGenerator::new(*network, prefix, &weights, ops));
                Network::Pair(Box::new([there?, back?]))
            }
            Architecture::Arranger { arranger, style, .. } => {
                Network::Arranger(Box::new(Decoder::new(*arranger, &weights)?), *style)
            }
        };
        Ok(Self {
            device: device.clone(),
            network,
            classifier: Classifier::new(pack.card.architecture.classifier(), &weights, ops)?,
            genres: pack.card.genres.len(),
            threshold: (pack.card.threshold / (1.0 - pack.card.threshold)).ln(),
        })
    }

    /// The pack's classifier.
    pub fn classifier(&self) -> &Classifier {
        &self.classifier
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

    /// The answer to `roll`, a phrase that begins at step `position` of the song: its cells, and where notes start in them
    /// as far as the network knows, as [`realise`] takes them.
    pub fn cells(
        &self,
        roll: &Roll,
        position: i64,
        settings: &Settings,
    ) -> Result<(Roll, Report), ModelError> {
        let amount = settings.amount.clamp(0.0, 1.0);
        if roll.is_empty() || amount == 0.0 || self.shares(&settings.target).is_none() {
            return Ok((*roll, Report::default()));
        }
        let cells = self.tensor(roll)?;
        let (source, probabilities) = match settings.source {
            Some(slot) if usize::from(slot) < self.genres => (slot, [0.0; SLOTS]),
            _ => self.hear(&cells)?,
        };
        let answer = match &self.network {
            Network::Arranger(decoder, style) => {
                self.arranged(decoder, style, roll, position, source, settings)
            }
            _ => self.thresholded(&cells, roll, position, source, settings)?,
        };
        let change = ContentChange::between(&roll.sounding, &answer.sounding);
        Ok((answer, Report { source, probabilities, change }))
    }

    /// What an arranger writes. At variation 0 the draw is a function of the phrase alone, wherever it stands; else that
    /// share of the decisions is drawn anew for seed and position.
    fn arranged(
        &self,
        decoder: &Decoder,
        style: &Style,
        roll: &Roll,
        position: i64,
        source: u8,
        settings: &Settings,
    ) -> Roll {
        let Some(shares) = self.shares(&settings.target) else { return *roll };
        // What of the target is the source's own genre is the input itself.
        let amount = settings.amount.clamp(0.0, 1.0) * (1.0 - shares[usize::from(source)]);
        if amount == 0.0 {
            return *roll;
        }
        let own = roll
            .sounding
            .iter()
            .chain(&roll.onset)
            .fold(0, |hash, &bits| mix(mix(hash ^ bits as u64) ^ (bits >> 64) as u64));
        let noise = |step: usize, row: usize, kind: usize| {
            let row = kind * PITCHES + row;
            if unit(own ^ CHANCE, position, step, row) < settings.variation {
                logistic(u64::from(settings.seed), position, step, row)
            } else {
                logistic(own, 0, step, row)
            }
        };
        decoder.write(roll, source.into(), &shares, &style.at(amount), noise)
    }

    /// The cells over the threshold, the input's own logits and chance mixed in.
    fn thresholded(
        &self,
        cells: &Tensor,
        roll: &Roll,
        position: i64,
        source: u8,
        settings: &Settings,
    ) -> Result<Roll, ModelError> {
        let amount = settings.amount.clamp(0.0, 1.0);
        let logits = self.logits(cells, source.into(), &settings.target)?.flatten_all()?.to_vec1::<f32>()?;
        // Of starts the network knows nothing: the input's own stay.
        let mut answer = Roll { sounding: [0; STEPS], onset: roll.onset };
        for (step, sounding) in answer.sounding.iter_mut().enumerate() {
            for row in 0..PITCHES {
                let own = if roll.get(step, row) { INPUT_LOGIT } else { -INPUT_LOGIT };
                let mut logit = logits[step * PITCHES + row] - self.threshold;
                if settings.variation > 0.0 {
                    logit += settings.variation * logistic(settings.seed.into(), position, step, row);
                }
                if (1.0 - amount) * own + amount * logit > 0.0 {
                    *sounding |= 1 << row;
                }
            }
        }
        answer.onset.iter_mut().zip(&answer.sounding).for_each(|(onset, sounding)| *onset &= sounding);
        Ok(answer)
    }

    /// The classifier's probabilities of each slot for `roll`.
    pub fn classify(&self, roll: &Roll) -> Result<[f32; SLOTS], ModelError> {
        Ok(self.hear(&self.tensor(roll)?)?.1)
    }

    /// The answer's logits `[B, 64, 84]` to `cells` `[B, 64, 84]` (0 to 1, so that an answer's probabilities can be sent
    /// back) from the genre slot `source` to the slots weighted by `target`. Weights are normalised over the pack's
    /// slots; where all are 0 the answer is the input.
    ///
    /// One network of a pairwise pack goes to the other genre: a target that is the source's own is the input itself, and
    /// a blend mixes the input's logits ([`INPUT_LOGIT`] around the threshold) with the network's.
    ///
    /// # Errors
    /// When the pack has no slot `source`, `cells` is no such tensor on the pack's device, or its network writes step by
    /// step ([`crate::arranger`]): what it says of a cell depends on the cells before.
    pub fn logits(&self, cells: &Tensor, source: usize, target: &[f32]) -> Result<Tensor, ModelError> {
        if source >= self.genres {
            return Err(ModelError::Genre { genre: source, known: self.genres });
        }
        let input = || {
            let logit = f64::from(INPUT_LOGIT);
            cells.affine(2.0 * logit, f64::from(self.threshold) - logit)
        };
        let Some(shares) = self.shares(target) else { return Ok(input()?) };
        match &self.network {
            Network::Conditional(generator) => {
                let mut genres = vec![0.0; self.genres];
                genres[source] = 1.0;
                genres.extend(shares);
                let genres = Tensor::from_vec(genres, (1, 2 * self.genres), &self.device)?;
                let every = genres.broadcast_as((cells.dim(0)?, 2 * self.genres))?.contiguous()?;
                Ok(generator.forward(cells, &every)?)
            }
            Network::Pair(generators) => {
                let own = f64::from(shares[source]);
                if own == 1.0 {
                    return Ok(input()?);
                }
                let answer = generators[source].forward(cells)?;
                if own == 0.0 {
                    return Ok(answer);
                }
                Ok((answer.affine(1.0 - own, 0.0)? + input()?.affine(own, 0.0)?)?)
            }
            Network::Arranger(..) => Err(ModelError::Stepwise),
        }
    }

    /// The weights of the pack's slots, normalised; `None` where they say nothing.
    fn shares(&self, target: &[f32]) -> Option<Vec<f32>> {
        let weight = |slot: usize| target.get(slot).copied().unwrap_or(0.0).max(0.0);
        let total: f32 = (0..self.genres).map(weight).sum();
        // Not a number is neither.
        (total > 0.0).then(|| (0..self.genres).map(|slot| weight(slot) / total).collect())
    }

    /// The *sounding* plane as `[1, 64, 84]`, row 0 being MIDI note [`LOWEST`].
    fn tensor(&self, roll: &Roll) -> Result<Tensor, ModelError> {
        const { assert!(LOWEST as usize + PITCHES <= 128) };
        let mut cells = vec![0.0; STEPS * PITCHES];
        roll.to_f32(&mut cells);
        Ok(Tensor::from_vec(cells, (1, STEPS, PITCHES), &self.device)?)
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
