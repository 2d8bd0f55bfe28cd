//! What phrases that nobody played look like, beside real ones.

use model::spaces::beats::BEATS;
use phrase::{PITCHES, Roll, STEPS_PER_BEAT};
use serde::Serialize;

use super::super::faults::{Interval, ratios};

/// Rows that count as one place of a picture's coarse grid.
const ROWS: usize = 3;
/// Places of a beat.
const PLACES: usize = PITCHES / ROWS;

/// What a set of phrases is like.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Looks {
    /// Notes that sound at once, where any does.
    pub at_once: Interval,
    /// Onsets a beat.
    pub onsets: Interval,
    /// How far two of them lie apart: 1 less the cosine of how long what sounds in each beat, by quarter
    /// octaves.
    pub diversity: Interval,
    /// Phrases without a note.
    pub silent: usize,
}

/// One phrase of them.
pub(super) struct Look {
    sounding: [f64; 2],
    onsets: f64,
    picture: Vec<f32>,
}

/// Looks at a phrase.
pub(super) fn look(roll: &Roll) -> Look {
    let mut picture = vec![0.0; BEATS * PLACES];
    let (mut cells, mut steps) = (0, 0);
    for (step, &bits) in roll.sounding.iter().enumerate() {
        cells += bits.count_ones();
        steps += u32::from(bits != 0);
        for row in (0..PITCHES).filter(|row| bits >> row & 1 == 1) {
            picture[step / STEPS_PER_BEAT * PLACES + row / ROWS] += 1.0;
        }
    }
    Look { sounding: [f64::from(cells), f64::from(steps)], onsets: f64::from(roll.onsets()), picture }
}

/// What they are together; each is set beside the next but one half of them further on.
pub(super) fn of(all: &[Look]) -> Looks {
    let half = all.len() / 2;
    let each = |(index, look): (usize, &Look)| {
        let other = &all[(index + half.max(1)) % all.len()];
        let far = 1.0 - f64::from(phrase::cosine(&look.picture, &other.picture));
        [look.sounding, [look.onsets, BEATS as f64], [far, 1.0]]
    };
    let [at_once, onsets, diversity] = ratios(&all.iter().enumerate().map(each).collect::<Vec<_>>());
    Looks { at_once, onsets, diversity, silent: all.iter().filter(|look| look.sounding[0] == 0.0).count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_that_are_all_alike_have_no_diversity() {
        let chord = look(&Roll::from_cells(|step, row| step < 32 && [40, 44, 47].contains(&row)));
        let same: Vec<Look> = (0..4)
            .map(|_| Look { sounding: chord.sounding, onsets: chord.onsets, picture: chord.picture.clone() })
            .collect();
        let looks = of(&same);
        assert_eq!((looks.at_once.value, looks.silent), (3.0, 0));
        assert!((looks.onsets.value - 3.0 / 16.0).abs() < 1e-9 && looks.diversity.value.abs() < 1e-6);
        let low = look(&Roll::from_cells(|step, row| step < 32 && row == 10));
        let apart = of(&[chord, low]);
        assert!((apart.diversity.value - 1.0).abs() < 1e-6 && apart.at_once.value == 2.0);
    }
}
