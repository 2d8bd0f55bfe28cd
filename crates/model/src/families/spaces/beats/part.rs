//! The space as a part of a pack: phrases to points and back. Runs on the worker thread; uses no candle and
//! no other thread.

use phrase::{PITCHES, Roll, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT};

use super::pitches::{Step, pitches};
use super::{BEATS, BeatsConfig, CELLS, Frame, History, KINDS, VIEWS};
use crate::families::arranger::{Linear, add};
use crate::roles::{Answer, Ask, PartSizes, Space};
use crate::{ModelError, Weights};

/// What notes outside the key have against them, in logits: as much as keeps the middle of two phrases in it,
/// and little beside what a phrase is sure of.
const CHROMATIC: f32 = 2.5;
/// From this row on (C6) little is played, and a code that nobody played gives notes there that nobody wants:
/// what they have against them, in logits. Real ones are as sure as others: they come back all the same.
pub const HIGH: (usize, f32) = (60, 1.2);
/// What new notes have against them where more were written than wanted, in logits for each factor of e.
const CROWD: f32 = 1.0;
/// What a phrase of which a point has all has on its side in each cell, in logits. Half way between two
/// phrases only what they agree on is pulled; so 96 of 100 ways are steady where 85 were.
const PULL: f32 = 5.0;
/// Notes that are added to both counts before they are compared, so that the first few do not matter.
const FEW: f32 = 8.0;

/// The network, ready to encode and to write. Owned by the thread that runs it.
#[derive(Debug)]
pub struct Beats {
    config: BeatsConfig,
    frame: Option<Frame>,
    read: Vec<f32>,
    read_bias: Vec<f32>,
    gather: Linear,
    mean: Linear,
    plan: Linear,
    genre: Vec<f32>,
    plans: Linear,
    written: Linear,
    place: Vec<f32>,
    mix: Linear,
    direct: Linear,
    views: Linear,
    units: Linear,
    seen: Vec<f32>,
    hidden: Vec<f32>,
}

impl Beats {
    /// Of `weights` with the names of [`BeatsConfig`]'s parameters.
    ///
    /// # Errors
    /// When a parameter is missing or has another shape.
    pub fn new(config: BeatsConfig, weights: &Weights) -> Result<Self, ModelError> {
        for parameter in PartSizes::parameters(&config) {
            weights.get(&parameter.name, &parameter.shape)?;
        }
        let frame = Frame::new(weights, config.dims())?;
        Ok(Self { frame: Some(frame), ..Self::unframed(config, weights)? })
    }

    /// The same without a frame, while there is none yet: a point is the codes themselves.
    ///
    /// # Errors
    /// When a parameter is missing or has another shape.
    pub fn unframed(config: BeatsConfig, weights: &Weights) -> Result<Self, ModelError> {
        let flat = |name: &str| Ok::<_, ModelError>(weights.named(name)?.flatten_all()?.to_vec1::<f32>()?);
        let plain = |name: &str| Linear::new(&weights.named(name)?, None);
        let linear =
            |name: &str| Linear::new(&weights.named(name)?, Some(&weights.named(&format!("{name}_bias"))?));
        Ok(Self {
            config,
            frame: None,
            read: flat("read")?,
            read_bias: flat("read_bias")?,
            gather: linear("gather")?,
            mean: linear("mean")?,
            plan: linear("plan")?,
            genre: flat("genre")?,
            plans: plain("plans")?,
            written: plain("written")?,
            place: flat("place")?,
            mix: linear("mix")?,
            direct: linear("direct")?,
            views: linear("views")?,
            units: linear("units")?,
            seen: flat("seen")?,
            hidden: flat("hidden")?,
        })
    }

    /// A phrase's codes, `[16][code]`.
    pub fn codes(&self, input: &Roll, codes: &mut [f32]) {
        let BeatsConfig { embed, hidden, .. } = self.config;
        let mut x = vec![0.0; STEPS * embed];
        for (step, (x, [sounding, starts])) in x.chunks_exact_mut(embed).zip(cells(input)).enumerate() {
            debug_assert!(step < STEPS);
            x.copy_from_slice(&self.read_bias);
            for (plane, mut bits) in [(0, sounding), (PITCHES, starts)] {
                while bits != 0 {
                    let row = plane + bits.trailing_zeros() as usize;
                    add(1.0, &self.read[row * embed..][..embed], x);
                    bits &= bits - 1;
                }
            }
            x.iter_mut().for_each(|x| *x = x.max(0.0));
        }
        let mut gathered = vec![0.0; BEATS * hidden];
        self.gather.apply(&x, &mut gathered);
        gathered.iter_mut().for_each(|x| *x = x.max(0.0));
        self.mean.apply(&gathered, codes);
    }

    /// The phrase of these codes.
    pub fn write(&self, codes: &[f32], ask: &Ask, out: &mut Roll) {
        let BeatsConfig { code, hidden, width, units, .. } = self.config;
        let mut around = vec![0.0; BEATS * 3 * code];
        for (beat, around) in around.chunks_exact_mut(3 * code).enumerate() {
            for (place, around) in around.chunks_exact_mut(code).enumerate() {
                if let Some(from) = (beat + place).checked_sub(1).filter(|&beat| beat < BEATS) {
                    around.copy_from_slice(&codes[from * code..][..code]);
                }
            }
        }
        let mut plan = vec![0.0; BEATS * hidden];
        self.plan.apply(&around, &mut plan);
        for plan in plan.chunks_exact_mut(hidden) {
            for (share, genre) in ask.shares.iter().zip(self.genre.chunks_exact(hidden)) {
                add(*share, genre, plan);
            }
            plan.iter_mut().for_each(|x| *x = x.max(0.0));
        }
        let mut all = vec![0.0; STEPS * width];
        self.plans.apply(&plan, &mut all);

        let mut history = History::default();
        let mut views = vec![0.0; VIEWS * PITCHES];
        let (mut x, mut mixed) = (vec![0.0; width], vec![0.0; width]);
        let (mut direct, mut weights) = (vec![0.0; CELLS], vec![0.0; KINDS * VIEWS]);
        let mut own = vec![0.0; units];
        let mut notes = 0.0;
        for (step, plan) in all.chunks_exact(width).enumerate() {
            history.write(&mut views);
            self.written.apply(&views, &mut x);
            add(1.0, plan, &mut x);
            add(1.0, &self.place[step % STEPS_PER_BAR * width..][..width], &mut x);
            x.iter_mut().for_each(|x| *x = x.max(0.0));
            self.mix.apply(&x, &mut mixed);
            x.iter_mut().zip(&mixed).for_each(|(x, mixed)| *x += mixed.max(0.0));
            self.direct.apply(&x, &mut direct);
            self.views.apply(&x, &mut weights);
            self.units.apply(&x, &mut own);
            let lean = lean(ask, step, notes);
            let known = Step {
                direct: &direct,
                weights: &weights,
                views: &views,
                before: history.sounding(),
                lean: &lean,
                pull: &pull(ask, step),
            };
            let [cells, starts] = pitches(&known, &self.seen, &self.hidden, &mut own);
            (out.sounding[step], out.onset[step]) = (cells, starts);
            notes += starts.count_ones() as f32;
            history.push(cells, starts);
        }
    }
}

/// What the notes that may start in a step have on their side, by row: the key, and how many were written
/// before.
fn lean(ask: &Ask, step: usize, notes: f32) -> [f32; PITCHES] {
    let crowd = if ask.density > 0.0 {
        let wanted = ask.density * step as f32 / STEPS_PER_BEAT as f32;
        CROWD * ((notes + FEW) / (wanted + FEW)).ln()
    } else {
        0.0
    };
    std::array::from_fn(|row| {
        let outside = ask.key.is_some_and(|key| !key.contains((row % 12) as u8));
        let high = if row >= HIGH.0 { HIGH.1 } else { 0.0 };
        -crowd - high - if outside { CHROMATIC } else { 0.0 }
    })
}

/// What each cell has on its side of the phrases that the point lies between, by kind and row: whether it
/// sounds there, and, where it does, whether it starts.
fn pull(ask: &Ask, step: usize) -> [[f32; PITCHES]; KINDS] {
    let mut pull = [[0.0; PITCHES]; KINDS];
    for (share, roll) in ask.near {
        let [sounding, starts] = cells_at(roll, step);
        let everywhere = (1 << PITCHES) - 1;
        for (pull, (bits, of)) in pull.iter_mut().zip([(sounding, everywhere), (starts, sounding)]) {
            for (row, pull) in pull.iter_mut().enumerate().filter(|(row, _)| of >> row & 1 == 1) {
                *pull += if bits >> row & 1 == 1 { PULL * share } else { -PULL * share };
            }
        }
    }
    pull
}

/// What sounds and what starts in a step of a phrase that begins out of nothing.
fn cells_at(roll: &Roll, step: usize) -> [u128; KINDS] {
    let before = if step > 0 { roll.sounding[step - 1] } else { 0 };
    let sounding = roll.sounding[step];
    [sounding, sounding & (roll.onset[step] | !before)]
}

/// What sounds and what starts in each step of a phrase that begins out of nothing.
fn cells(roll: &Roll) -> impl Iterator<Item = [u128; KINDS]> + '_ {
    (0..STEPS).map(|step| cells_at(roll, step))
}

impl Space for Beats {
    fn dims(&self) -> usize {
        self.config.dims()
    }

    fn encode(&mut self, input: &Roll, point: &mut [f32]) -> Result<(), ModelError> {
        self.codes(input, point);
        if let Some(frame) = &self.frame {
            frame.point(point);
        }
        Ok(())
    }

    fn decode(&mut self, point: &[f32], ask: &Ask, out: &mut Answer) -> Result<(), ModelError> {
        match &self.frame {
            Some(frame) => self.write(&frame.codes(point), ask, &mut out.cells),
            None => self.write(point, ask, &mut out.cells),
        }
        Ok(())
    }

    fn spread(&self) -> f32 {
        self.config.spread
    }
}
