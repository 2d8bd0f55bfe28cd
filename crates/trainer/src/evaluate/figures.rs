//! What is measured of phrases, and means of it.

use phrase::{
    ContentChange, Key, LOWEST, Roll, density, harmony_kept, melody_kept, most_at_once, one_step_notes,
    out_of_key, polyphony, stutters,
};
use serde::Serialize;

/// Mean and standard deviation (of the population: divided by the count). Phrases of which a figure is not
/// defined are left out of it; not a number where all are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub sd: f64,
}

impl Spread {
    /// Of the values that are numbers.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        Self { mean, sd: (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt() }
    }
}

/// What is measured of a phrase by itself; of many with `T` = [`Spread`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Music<T> {
    /// Notes.
    pub notes: T,
    /// Share of the cells that sound.
    pub density: T,
    /// Pitches at once, mean over the steps on which any sounds.
    pub polyphony: T,
    /// The most pitches at once.
    pub most_at_once: T,
    /// Share of the notes outside the key, which is that of the source phrase.
    pub out_of_key: T,
    /// Share of the notes that last one step.
    pub one_step: T,
    /// Share of the notes that follow one of their own pitch after a single silent step.
    pub stutters: T,
}

impl Music<f64> {
    /// Measures `roll`, its notes against `key`.
    pub fn of(roll: &Roll, key: Option<&Key>) -> Self {
        Self {
            notes: roll.notes().count() as f64,
            density: density(roll).into(),
            polyphony: polyphony(roll).into(),
            most_at_once: most_at_once(roll).into(),
            out_of_key: key.map_or(f64::NAN, |key| out_of_key(roll, key).into()),
            one_step: one_step_notes(roll).into(),
            stutters: stutters(roll).into(),
        }
    }
}

impl Music<Spread> {
    /// Over phrases.
    pub fn over(all: &[Music<f64>]) -> Self {
        let spread = |figure: fn(&Music<f64>) -> f64| Spread::of(all.iter().map(figure));
        Self {
            notes: spread(|m| m.notes),
            density: spread(|m| m.density),
            polyphony: spread(|m| m.polyphony),
            most_at_once: spread(|m| m.most_at_once),
            out_of_key: spread(|m| m.out_of_key),
            one_step: spread(|m| m.one_step),
            stutters: spread(|m| m.stutters),
        }
    }
}

/// What a transfer did to a phrase; of many with `T` = [`Spread`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Effect<T> {
    /// Cells added, relative to the source's.
    pub added: T,
    /// Cells removed, relative to the source's.
    pub removed: T,
    /// Both.
    pub total: T,
    /// Cells of the answer over cells of the source.
    pub density_ratio: T,
    /// Notes of the answer over notes of the source.
    pub notes_ratio: T,
    /// Share of the source's melody notes that are kept, see [`phrase::melody_kept`].
    pub melody_kept: T,
    /// Half-bar chroma correlation with the source, see [`phrase::harmony_kept`].
    pub harmony_kept: T,
    /// Share of the answer's notes outside the range of 99 % of the target genre's notes.
    pub out_of_range: T,
}

impl Effect<f64> {
    /// Of the transfer from `source` to `answer`, whose genre has 99 % of its notes within `range` (MIDI
    /// pitches).
    pub fn of(source: &Roll, answer: &Roll, range: (u8, u8)) -> Self {
        let change = ContentChange::between(&source.sounding, &answer.sounding);
        let notes = answer.notes().count();
        let outside = answer.notes().filter(|note| !(range.0..=range.1).contains(&note.pitch())).count();
        let kept = |share: Option<f32>| share.map_or(f64::NAN, f64::from);
        Self {
            added: change.added.into(),
            removed: change.removed.into(),
            total: change.total.into(),
            density_ratio: f64::from(answer.cells()) / f64::from(source.cells().max(1)),
            notes_ratio: notes as f64 / source.notes().count().max(1) as f64,
            melody_kept: kept(melody_kept(source, answer)),
            harmony_kept: kept(harmony_kept(source, answer)),
            out_of_range: outside as f64 / notes.max(1) as f64,
        }
    }
}

impl Effect<Spread> {
    /// Over phrases.
    pub fn over(all: &[Effect<f64>]) -> Self {
        let spread = |figure: fn(&Effect<f64>) -> f64| Spread::of(all.iter().map(figure));
        Self {
            added: spread(|e| e.added),
            removed: spread(|e| e.removed),
            total: spread(|e| e.total),
            density_ratio: spread(|e| e.density_ratio),
            notes_ratio: spread(|e| e.notes_ratio),
            melody_kept: spread(|e| e.melody_kept),
            harmony_kept: spread(|e| e.harmony_kept),
            out_of_range: spread(|e| e.out_of_range),
        }
    }
}

/// The MIDI pitches between which all but half a per cent of the notes at either end lie; the whole roll for
/// none.
pub fn range_of_99_percent<'a>(rolls: impl Iterator<Item = &'a Roll>) -> (u8, u8) {
    let mut pitches: Vec<u8> = rolls.flat_map(|roll| roll.notes().map(|note| note.pitch())).collect();
    pitches.sort_unstable();
    let cut = pitches.len() / 200;
    match pitches.len() {
        0 => (LOWEST, phrase::HIGHEST),
        count => (pitches[cut], pitches[count - 1 - cut]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_of_the_population_and_skip_what_is_undefined() {
        let spread = Spread::of([1.0, f64::NAN, 3.0].into_iter());
        assert_eq!(spread, Spread { mean: 2.0, sd: 1.0 });
        assert!(Spread::of([f64::NAN].into_iter()).mean.is_nan());
    }

    #[test]
    fn an_effect_by_hand() {
        // The melody of two notes loses its second; a low note of four cells is added.
        let source =
            Roll::from_cells(|step, row| row == 40 && step < 4 || row == 42 && (8..12).contains(&step));
        let answer = Roll::from_cells(|step, row| step < 4 && (row == 40 || row == 3));
        let effect = Effect::of(&source, &answer, (30, 90));
        assert_eq!((effect.added, effect.removed, effect.total), (0.5, 0.5, 1.0));
        assert_eq!((effect.density_ratio, effect.notes_ratio), (1.0, 1.0));
        assert_eq!((effect.melody_kept, effect.out_of_range), (0.5, 0.5));
    }

    #[test]
    fn the_range_leaves_half_a_percent_out_at_either_end() {
        // 400 notes: two each of the lowest and the highest go.
        let roll = |row: usize| Roll::from_cells(move |step, r| r == row && step % 2 == 0);
        let mut rolls = vec![roll(40); 12];
        rolls.push(Roll::from_cells(|step, r| step < 4 && step % 2 == 0 && (r == 0 || r == 83)));
        rolls.push(Roll::from_cells(|step, r| step < 24 && step % 2 == 0 && r == 41));
        assert_eq!(rolls.iter().map(|r| r.notes().count()).sum::<usize>(), 400);
        assert_eq!(range_of_99_percent(rolls.iter()), (64, 65));
        assert_eq!(range_of_99_percent([].iter()), (24, 107));
    }
}
