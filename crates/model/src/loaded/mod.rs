//! A pack that is ready to compute, asked by role.
//!
//! *Amount* mixes the network's logits with the input's own (± 1). With an arranger it is what the input's
//! cells have on their side when each is decided; the share of the source's own genre in the target counts
//! against it, so that a genre recast as itself is left alone. *Variation* adds logistic noise hashed from
//! seed, position, step and pitch: at 100 % a cell is drawn from the network's own probability. An arranger
//! always draws, at variation 0 by a hash of the phrase itself; variation is the share of its decisions that
//! are drawn by seed and position instead.

mod own;

use candle_core::{Device, Tensor};
use phrase::{ContentChange, Note, Phrase, Roll, Timing};

use crate::families::logits;
use crate::families::touch::Strikes;
use crate::feel::{Feel, SwingBy};
use crate::roles::{
    Answer, Context, Own, Question, Report, Role, SLOTS, Settings, Setup, Space, Transfer, Writer,
};
use crate::{Classifier, ModelError, Ops, Pack};

/// A pack's parts, ready to compute. Owned by the thread that runs them.
#[derive(Debug)]
pub struct LoadedPack {
    transfer: Option<Box<dyn Transfer>>,
    dynamics: Option<Strikes>,
    feel: Option<Feel>,
    writer: Option<Box<dyn Writer>>,
    space: Option<Box<dyn Space>>,
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

    /// Makes the parts of `pack` ready on `device`, with the operations that are fast there. A network on a
    /// GPU answers as one on the CPU does but for rounding: bounce and playback must use one device.
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
        // On the CPU wherever the transfer is: it takes less time there than the way to a GPU.
        let dynamics = card.parts.dynamics.map(|part| Strikes::new(part, pack.weights.part(Role::Dynamics)));
        let feel = card.parts.feel.as_ref().map(|part| Feel::new(part, &pack.weights.part(Role::Feel)));
        let writer = card.parts.writer.as_ref();
        let writer = writer.map(|part| part.sizes().build(&pack.weights.part(Role::Writer), genres));
        let space = card.parts.space.as_ref();
        let space = space.map(|part| part.sizes().build(&pack.weights.part(Role::Space), genres));
        Ok(Self {
            transfer: transfer.transpose()?,
            dynamics: dynamics.transpose()?,
            feel: feel.transpose()?,
            writer: writer.transpose()?,
            space: space.transpose()?,
            classifier: classifier.transpose()?,
            genres,
            threshold,
        })
    }

    /// Whether the pack can do what is asked of it: for those who would rather refuse it than find out at the
    /// first phrase.
    ///
    /// # Errors
    /// When it has no part of this role.
    pub fn check(&self, role: Role) -> Result<(), ModelError> {
        match role {
            Role::Transfer => self.transfer.as_ref().map(|_| ()).ok_or(ModelError::NoTransfer),
            Role::Dynamics => self.dynamics.as_ref().map(|_| ()).ok_or(ModelError::NoDynamics),
            Role::Feel => self.feel.as_ref().map(|_| ()).ok_or(ModelError::NoFeel),
            Role::Writer => self.writer.as_ref().map(|_| ()).ok_or(ModelError::NoWriter),
            Role::Space => self.space.as_ref().map(|_| ()).ok_or(ModelError::NoSpace),
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

    /// Recasts `input`. The answer depends on the arguments, the phrase's position and the pack, and on
    /// nothing else. A phrase without roll cells, an amount of 0, or a target the pack does not have returns
    /// the input.
    ///
    /// # Errors
    /// When the pack has no transfer, or is not told the genre that is played and has no classifier; when the
    /// network cannot compute.
    pub fn recast(
        &mut self,
        input: &Phrase,
        context: &Context,
        settings: &Settings,
        out: &mut Answer,
    ) -> Result<Report, ModelError> {
        let shares = self.shares(&settings.target);
        let mut timing = match (&self.feel, &shares) {
            (Some(feel), Some(shares)) => feel.timing(input, context.swing, shares, settings),
            _ => Timing::STRAIGHT,
        };
        let mut straight = Phrase::new(input.position, input.tempo);
        timing.straight(input, &mut straight);
        let report = match (&shares, own::corners(context, settings)) {
            // Corners are asked for in place of what is played: no transfer has a say.
            (Some(shares), Some(corners)) => {
                *out = Answer::default();
                self.morph(input.position, corners, settings, shares, out)?;
                Report { own: Own::Morphed, ..Report::default() }
            }
            _ => {
                let (roll, notes) = (straight.roll(), &straight.notes);
                let report = self.ask(&roll, notes, input.position, context, settings, out)?;
                // What is left alone keeps its time too.
                if out.cells == roll && settings.swing == SwingBy::Auto {
                    timing.kept = timing.heard;
                }
                let own = match &shares {
                    Some(shares) => self.play_on(&straight, context, settings, shares, out)?,
                    None => Own::None,
                };
                Report { own, ..report }
            }
        };
        out.timing = timing;
        if let Some(shares) = &shares {
            self.strike(&straight, shares, report.own, out)?;
        }
        Ok(report)
    }

    /// Whether answers depend on [`Context::before`]: who keeps answers, or asks for several phrases of a
    /// song, must bring it then.
    pub fn remembers(&self) -> bool {
        self.transfer.as_ref().is_some_and(|transfer| transfer.remembers())
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
        *out = Answer::of(*roll);
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
        // The classifier errs: by its word alone no phrase counts as being of the target already, unless the
        // user wants it so.
        let told = probabilities == [0.0; SLOTS];
        let (source, own) = match told || settings.leave_own {
            true => (slot, shares[slot]),
            false => (other(&probabilities, shares), 0.0),
        };
        let question = Question { roll, notes, position, context, source, own, shares, amount, settings };
        transfer.recast(&question, out)?;
        out.ties = transfer.remembers();
        let change = ContentChange::between(&roll.sounding, &out.cells.sounding);
        Ok(Report { source: slot as u8, probabilities, change, ..Report::default() })
    }

    /// The classifier's probabilities of each slot for `roll`.
    ///
    /// # Errors
    /// When the pack has no classifier, or it cannot compute.
    pub fn classify(&self, roll: &Roll) -> Result<[f32; SLOTS], ModelError> {
        Ok(self.classifier()?.classify(roll)?.1)
    }

    /// The answer's logits `[B, 64, 84]` to `cells` `[B, 64, 84]` (0 to 1, so that an answer's probabilities
    /// can be sent back) from the genre slot `source` to the slots weighted by `target`. Weights are
    /// normalised over the pack's slots; where all are 0 the answer is the input.
    ///
    /// # Errors
    /// When the pack has no transfer or no slot `source`, `cells` is no such tensor on the pack's device, or
    /// its network writes step by step ([`crate::arranger`]): what it says of a cell depends on the cells
    /// before.
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

/// The slot that a phrase with these probabilities is recast from, if the target is not to count as its own
/// genre: the likeliest, each weighed by what the target leaves of it.
fn other(probabilities: &[f32; SLOTS], shares: &[f32]) -> usize {
    let weight = |slot: usize| probabilities[slot] * (1.0 - shares[slot]);
    (0..shares.len()).max_by(|&a, &b| weight(a).total_cmp(&weight(b))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use phrase::{Key, Mode, PITCHES, STEPS};

    use super::*;

    /// A transfer that strikes every cell of row 40 on the beat, as hard as the step says, and remembers what
    /// it was asked.
    #[derive(Debug, Default)]
    struct Drum(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

    impl Transfer for Drum {
        fn recast(&mut self, question: &Question, out: &mut Answer) -> Result<(), ModelError> {
            assert_eq!((&out.cells, &out.velocities), (question.roll, &None));
            let Question { notes, position, context, source, own, shares, amount, .. } = question;
            let before = context.before.map(Roll::cells);
            let key = context.key.map(|key| key.tonic);
            let asked =
                format!("{} {position} {before:?} {key:?} {source} {own} {shares:?} {amount}", notes.len());
            self.0.lock().unwrap().push(asked);
            let mut velocities = Box::new([[0; PITCHES]; STEPS]);
            for step in (0..STEPS).step_by(4) {
                out.cells.sounding[step] |= 1 << 40;
                velocities[step][40] = 1 + step as u8;
            }
            out.velocities = Some(velocities);
            Ok(())
        }
    }

    fn loaded() -> (LoadedPack, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
        let drum = Drum::default();
        let asked = drum.0.clone();
        let transfer: Box<dyn Transfer> = Box::new(drum);
        (
            LoadedPack {
                transfer: Some(transfer),
                dynamics: None,
                feel: None,
                writer: None,
                space: None,
                classifier: None,
                genres: 2,
                threshold: 0.0,
            },
            asked,
        )
    }

    fn input() -> Phrase {
        let mut input = Phrase::new(64, 120.0);
        // In all bars: an answer rests where nobody plays.
        input.push(Note::new(60, 0, 0.25, 0.0, 64.0));
        input
    }

    #[test]
    fn a_family_is_asked_what_is_left_to_decide_and_its_velocities_become_notes() {
        let (mut loaded, asked) = loaded();
        let before = Roll::from_cells(|step, row| step < 3 && row == 5);
        let context = Context {
            before: Some(&before),
            key: Some(Key { tonic: 7, mode: Mode::Major, fit: 1.0 }),
            ..Context::default()
        };
        let settings = Settings {
            source: Some(1),
            target: [3.0, 1.0, 9.0, 0., 0., 0., 0., 0.],
            amount: 0.5,
            ..Settings::to(0)
        };
        let (mut answer, mut out) = (Answer::default(), Phrase::new(0, 1.0));
        let report = loaded.recast(&input(), &context, &settings, &mut answer).unwrap();
        assert_eq!(*asked.lock().unwrap(), ["1 64 Some(3) Some(7) 1 0.25 [0.75, 0.25] 0.5"]);
        assert_eq!((report.source, report.change.added > 0.0), (1, true));
        answer.realise(&input(), 0, &mut out);
        let velocity = |pitch: u8| out.notes.iter().filter(move |n| n.pitch == pitch).map(|n| n.velocity);
        let new = (0..STEPS).step_by(4).map(|step| (1 + step) as f32 / 127.0);
        assert!(velocity(64).eq(new));
        assert!(velocity(60).eq([0.25]), "what is kept keeps its own");
    }

    #[test]
    fn nothing_to_do_asks_no_family() {
        let (mut loaded, asked) = loaded();
        let told = Settings { source: Some(0), ..Settings::to(1) };
        let mut answer = Answer::default();
        for settings in [
            Settings { amount: 0.0, ..told },
            Settings { amount: f32::NAN, ..told },
            Settings { target: [0.0; SLOTS], ..told },
            Settings { target: [f32::NAN; SLOTS], ..told },
            Settings { target: Settings::to(2).target, ..told },
        ] {
            answer.velocities = Some(Box::new([[9; PITCHES]; STEPS]));
            loaded.recast(&input(), &Context::default(), &settings, &mut answer).unwrap();
            assert_eq!(answer, Answer::of(input().roll()), "{settings:?}");
        }
        loaded.recast(&Phrase::new(0, 120.0), &Context::default(), &told, &mut answer).unwrap();
        assert_eq!(answer.cells, Roll::EMPTY);
        assert!(asked.lock().unwrap().is_empty());
    }
}
