//! A pack that is ready to compute, asked by role.

use candle_core::{Device, Tensor};
use phrase::{ContentChange, Note, Phrase, Roll};

use crate::families::logits;
use crate::roles::{Answer, Context, Question, Report, Role, SLOTS, Settings, Setup, Transfer};
use crate::{Classifier, ModelError, Ops, Pack};

/// A pack's parts, ready to compute. Owned by the thread that runs them.
#[derive(Debug)]
pub struct LoadedPack {
    transfer: Option<Box<dyn Transfer>>,
    classifier: Option<Classifier>,
    genres: usize,
    /// The logit of the pack's threshold.
    threshold: f32,
}

impl LoadedPack {
    /// Makes the parts of `pack` ready on the CPU with our kernels.
    pub fn new(pack: &Pack) -> Result<Self, ModelError> {
        Self::on(pack, &Device::Cpu)
    }

    /// Makes the parts of `pack` ready on `device`, with the operations that are fast there. A network on a GPU answers as
    /// one on the CPU does but for rounding: bounce and playback must use one device.
    pub fn on(pack: &Pack, device: &Device) -> Result<Self, ModelError> {
        Self::build(pack, device, Ops::on(device))
    }

    /// Makes the parts of `pack` ready on the CPU with either kind of layer operations.
    pub fn with_ops(pack: &Pack, ops: Ops) -> Result<Self, ModelError> {
        Self::build(pack, &Device::Cpu, ops)
    }

    fn build(pack: &Pack, device: &Device, ops: Ops) -> Result<Self, ModelError> {
        let (card, weights) = (&pack.card, pack.weights.to_device(device)?);
        let (genres, threshold) = (card.genres.len(), (card.threshold / (1.0 - card.threshold)).ln());
        let setup = Setup { ops, device, genres, threshold };
        let transfer = card.parts.transfer.as_ref();
        let transfer = transfer.map(|part| part.sizes().build(&weights.part(Role::Transfer), setup));
        let classifier = card.parts.classifier.map(|part| Classifier::new(part, &weights, ops));
        Ok(Self { transfer: transfer.transpose()?, classifier: classifier.transpose()?, genres, threshold })
    }

    /// Whether the pack can do what is asked of it: for those who would rather refuse it than find out at the first phrase.
    ///
    /// # Errors
    /// When it has no part of this role.
    pub fn check(&self, role: Role) -> Result<(), ModelError> {
        match role {
            Role::Transfer => self.transfer.as_ref().map(|_| ()).ok_or(ModelError::NoTransfer),
            Role::Classifier => self.classifier().map(|_| ()),
        }
    }

    /// The pack's classifier.
    ///
    /// # Errors
    /// When it has none.
    pub fn classifier(&self) -> Result<&Classifier, ModelError> {
        self.classifier.as_ref().ok_or(ModelError::NoClassifier)
    }

    /// Recasts `input`. The answer depends on the arguments, the phrase's position and the pack, and on nothing else. A phrase
    /// without roll cells, an amount of 0, or a target the pack does not have returns the input.
    ///
    /// # Errors
    /// When the pack has no transfer, or is not told the genre that is played and has no classifier; when the network cannot
    /// compute.
    pub fn recast(
        &mut self,
        input: &Phrase,
        context: &Context,
        settings: &Settings,
        out: &mut Answer,
    ) -> Result<Report, ModelError> {
        self.ask(&input.roll(), &input.notes, input.position, context, settings, out)
    }

    /// The same, with the answer as notes in `out`, and nothing known around the phrase.
    pub fn transfer(
        &mut self,
        input: &Phrase,
        settings: &Settings,
        out: &mut Phrase,
    ) -> Result<Report, ModelError> {
        let mut answer = Answer::default();
        let report = self.recast(input, &Context::default(), settings, &mut answer)?;
        answer.realise(input, settings.first.into(), out);
        Ok(report)
    }

    /// The same of cells alone: the answer to `roll`, a phrase that begins at step `position` of the song.
    pub fn cells(
        &mut self,
        roll: &Roll,
        position: i64,
        settings: &Settings,
    ) -> Result<(Roll, Report), ModelError> {
        let mut answer = Answer::default();
        let report = self.ask(roll, &[], position, &Context::default(), settings, &mut answer)?;
        Ok((answer.cells, report))
    }

    /// What all transfers have in common, around the one of this pack.
    fn ask(
        &mut self,
        roll: &Roll,
        notes: &[Note],
        position: i64,
        context: &Context,
        settings: &Settings,
        out: &mut Answer,
    ) -> Result<Report, ModelError> {
        self.check(Role::Transfer)?;
        (out.cells, out.velocities) = (*roll, None);
        let amount = settings.amount.clamp(0.0, 1.0);
        let shares = self.shares(&settings.target);
        // Not a number is no amount either.
        let (false, true, Some(shares)) = (roll.is_empty(), amount > 0.0, shares) else {
            return Ok(Report::default());
        };
        let (source, probabilities) = match settings.source {
            Some(slot) if usize::from(slot) < self.genres => (slot, [0.0; SLOTS]),
            _ => self.classifier()?.classify(roll)?,
        };
        let transfer = self.transfer.as_mut().ok_or(ModelError::NoTransfer)?;
        let (context, shares, slot) = (*context, &shares[..], usize::from(source));
        // The classifier errs: by its word alone no phrase counts as being of the target already, unless the user wants it so.
        let told = probabilities == [0.0; SLOTS];
        let (source, own) = match told || settings.leave_own {
            true => (slot, shares[slot]),
            false => (other(&probabilities, shares), 0.0),
        };
        let question = Question { roll, notes, position, context, source, own, shares, amount, settings };
        transfer.recast(&question, out)?;
        let change = ContentChange::between(&roll.sounding, &out.cells.sounding);
        Ok(Report { source: slot as u8, probabilities, change })
    }

    /// The classifier's probabilities of each slot for `roll`.
    ///
    /// # Errors
    /// When the pack has no classifier, or it cannot compute.
    pub fn classify(&self, roll: &Roll) -> Result<[f32; SLOTS], ModelError> {
        Ok(self.classifier()?.classify(roll)?.1)
    }

    /// The answer's logits `[B, 64, 84]` to `cells` `[B, 64, 84]` (0 to 1, so that an answer's probabilities can be sent
    /// back) from the genre slot `source` to the slots weighted by `target`. Weights are normalised over the pack's
    /// slots; where all are 0 the answer is the input.
    ///
    /// # Errors
    /// When the pack has no transfer or no slot `source`, `cells` is no such tensor on the pack's device, or its network
    /// writes step by step ([`crate::arranger`]): what it says of a cell depends on the cells before.
    pub fn logits(&self, cells: &Tensor, source: usize, target: &[f32]) -> Result<Tensor, ModelError> {
        if source >= self.genres {
            return Err(ModelError::Genre { genre: source, known: self.genres });
        }
        let transfer = self.transfer.as_ref().ok_or(ModelError::NoTransfer)?;
        match self.shares(target) {
            Some(shares) => transfer.logits(cells, source, &shares),
            None => Ok(logits::of_input(cells, self.threshold)?),
        }
    }

    /// The weights of the pack's slots, normalised; `None` where they say nothing.
    fn shares(&self, target: &[f32]) -> Option<Vec<f32>> {
        let weight = |slot: usize| target.get(slot).copied().unwrap_or(0.0).max(0.0);
        let total: f32 = (0..self.genres).map(weight).sum();
        // Not a number is neither.
        (total > 0.0).then(|| (0..self.genres).map(|slot| weight(slot) / total).collect())
    }
}

/// The slot that a phrase with these probabilities is recast from, if the target is not to count as its own genre: the
/// likeliest, each weighed by what the target leaves of it.
fn other(probabilities: &[f32; SLOTS], shares: &[f32]) -> usize {
    let weight = |slot: usize| probabilities[slot] * (1.0 - shares[slot]);
    (0..shares.len()).max_by(|&a, &b| weight(a).total_cmp(&weight(b))).unwrap_or(0)
}
