//! What ours is told of a take's velocities, and what it is to say.

use model::touch::UNIT;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::takes::{Take, mean};

/// Share of ours' samples of which nothing is told.
const BLIND: f32 = 0.35;

/// What ours is told of a take, and what it is to say.
#[derive(Clone, Debug)]
pub struct Told {
    /// Relative velocities of the notes that are told.
    pub known: Vec<(usize, usize, f32)>,
    /// Those of all, in units.
    pub targets: Vec<f32>,
    /// 1 for the notes that are not told, else 0.
    pub hidden: Vec<f32>,
    /// What they are relative to: the mean of what is told, or of all where nothing is.
    pub base: f32,
}

impl Told {
    /// With the notes told that are marked.
    pub fn of(take: &Take, told: &[bool]) -> Self {
        let of_told: Vec<f32> =
            take.velocities.iter().zip(told).filter(|(_, told)| **told).map(|(v, _)| *v).collect();
        let base = if of_told.is_empty() { take.level() } else { mean(&of_told) };
        let targets: Vec<f32> = take.velocities.iter().map(|velocity| (velocity - base) / UNIT).collect();
        let all = take.notes.iter().zip(&targets).zip(told);
        let known = all.filter(|(_, told)| **told).map(|((note, target), _)| (note.0, note.1, *target));
        Self {
            known: known.collect(),
            hidden: told.iter().map(|told| f32::from(u8::from(!told))).collect(),
            targets,
            base,
        }
    }

    /// Nothing, some notes, the top line, or all but that.
    pub(super) fn draw(take: &Take, rng: &mut ChaCha8Rng) -> Self {
        let kind: f32 = rng.random();
        let share: f32 = rng.random_range(0.05..0.95);
        let line: bool = rng.random();
        let is_top = |&(step, key): &(usize, usize)| take.score.held[step] >> key == 1;
        let told: Vec<bool> = match kind {
            _ if kind < BLIND => vec![false; take.notes.len()],
            _ if kind < 0.65 => take.notes.iter().map(|_| rng.random::<f32>() < share).collect(),
            _ => take.notes.iter().map(|note| is_top(note) == line).collect(),
        };
        // A phrase that is told whole teaches nothing.
        let told = if told.iter().all(|told| *told) { vec![false; told.len()] } else { told };
        Self::of(take, &told)
    }
}
