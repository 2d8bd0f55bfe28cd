//! What a genre does and does not do, measured on its training phrases: answers keep to it.

use phrase::{HIGHEST, Key, LOWEST, out_of_key};

use crate::dataset::Item;
use crate::evaluate::faults::{Measure, Tally};
use crate::evaluate::figures::range_of_99_percent;

/// Phrases on which figures are counted.
const TALLIED: usize = 1000;

/// Habits of a genre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Habits {
    /// The MIDI pitches that 99 % of its notes have.
    pub range: (u8, u8),
    /// Mean share of a phrase's notes outside its key.
    pub out_of_key: f32,
    /// Share of the pairs of bars in a phrase in which the inner voices have one rhythm.
    pub same_rhythm: f32,
    /// Share of the basses on first beats that a step leads into.
    pub step_into: f32,
}

impl Default for Habits {
    fn default() -> Self {
        Self { range: (LOWEST, HIGHEST), out_of_key: 0.0, same_rhythm: 0.0, step_into: 0.0 }
    }
}

impl Habits {
    /// Of a genre's phrases.
    pub fn of(items: &[Item]) -> Self {
        let outside = |item: &Item| Some(out_of_key(&item.roll, &Key::of(&item.roll)?));
        let shares: Vec<f32> = items.iter().filter_map(outside).collect();
        let mut tally = Tally::default();
        let every = (items.len() / TALLIED).max(1);
        items.iter().step_by(every).for_each(|item| tally.hear(&item.roll, None));
        let share = |measure: Measure| {
            let [counted, all] = tally.shares[measure as usize];
            if all > 0.0 { (counted / all) as f32 } else { 0.0 }
        };
        Self {
            range: range_of_99_percent(items.iter().map(|item| &item.roll)),
            out_of_key: shares.iter().sum::<f32>() / shares.len().max(1) as f32,
            same_rhythm: share(Measure::SameInner),
            step_into: share(Measure::StepInto),
        }
    }
}

#[cfg(test)]
mod tests {
    use phrase::Roll;

    use super::*;

    #[test]
    fn a_scale_has_its_range_and_stays_in_its_key() {
        let scale = [0, 2, 4, 5, 7, 9, 11, 12];
        let item = Item::of(Roll::from_cells(|step, row| row == 24 + scale[step / 8]), 0);
        let habits = Habits::of(&[item]);
        assert_eq!((habits.range, habits.out_of_key), ((48, 60), 0.0));
        assert_eq!(Habits::of(&[]), Habits::default());
    }
}
