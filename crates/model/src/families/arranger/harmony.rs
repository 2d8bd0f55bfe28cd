//! The input's harmony, half bar by half bar: what new notes of each pitch class have for and against them.

use phrase::{Roll, chroma};

use super::content::{Detail, HALF, HALVES};

/// What was heard of each half bar, and what is written of the one that comes now.
#[derive(Clone, Debug)]
pub(super) struct Harmony {
    /// For how many cells each pitch class sounds in the input.
    heard: [[f32; 12]; HALVES],
    /// [`super::Style::foreign`] of the target genres.
    foreign: f32,
    /// [`super::Style::follow`] of the target genres; 0 where the genre recolours a half bar.
    follow: [f32; HALVES],
    /// For how many cells each pitch class is written in this half bar so far.
    written: [f32; 12],
}

impl Harmony {
    pub(super) fn new(input: &Roll, detail: [Detail; HALVES], foreign: f32, follow: f32) -> Self {
        let follow = detail.map(|detail| match detail {
            Detail::Classes => follow,
            Detail::Triad | Detail::Root => 0.0,
        });
        Self { heard: chroma(input), foreign, follow, written: [0.0; 12] }
    }

    /// What new notes of each pitch class have on their side at a step, in logits.
    pub(super) fn leans(&self, step: usize) -> [f32; 12] {
        let (heard, follow) = (&self.heard[step / HALF], self.follow[step / HALF]);
        // Two cells at least: a single 16th passes by.
        let is_heard = |class: usize| heard[class] > 1.0;
        if !(0..12).any(is_heard) {
            // Where nothing is played, nothing is foreign.
            return [0.0; 12];
        }
        let all: f32 = heard.iter().sum();
        // As if a voice had been written that is in no class: the first notes are led by the input alone.
        let written = self.written.iter().sum::<f32>() + HALF as f32;
        let lacks: [f32; 12] =
            std::array::from_fn(|class| heard[class] / all - self.written[class] / written);
        // What the input's notes would have on their side on average: nothing, or each half bar would begin
        // with a chord.
        let usual = heard.iter().zip(&lacks).map(|(cells, lacks)| cells / all * lacks).sum::<f32>();
        std::array::from_fn(|class| {
            follow * (lacks[class] - usual) - if is_heard(class) { 0.0 } else { self.foreign }
        })
    }

    /// Counts what was written of a step.
    pub(super) fn write(&mut self, step: usize, sounding: u128) {
        let mut left = sounding;
        while left != 0 {
            self.written[left.trailing_zeros() as usize % 12] += 1.0;
            left &= left - 1;
        }
        if step % HALF == HALF - 1 {
            self.written = [0.0; 12];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A C and an E through the first half bar, nothing in the second, a C and a G in the third.
    fn harmony(detail: Detail) -> Harmony {
        let input = Roll::from_cells(|step, row| match step / HALF {
            0 => row == 24 || row == 28,
            2 => row == 24 || row == 31,
            _ => false,
        });
        Harmony::new(&input, [detail; HALVES], 2.0, 8.0)
    }

    #[test]
    fn what_a_half_bar_lacks_is_wanted_and_what_it_has_too_much_of_is_not() {
        let mut harmony = harmony(Detail::Classes);
        let classes = |harmony: &Harmony, step| [0, 2, 4].map(|class| harmony.leans(step)[class]);
        assert_eq!(classes(&harmony, 0), [0.0, -6.0, 0.0]);
        // Four cells of a C, as if eight more were in no class.
        (0..4).for_each(|step| harmony.write(step, 1 << 24));
        let near =
            |found: [f32; 3], told: [f32; 3]| found.iter().zip(told).all(|(a, b)| (a - b).abs() < 1e-5);
        // C lacks 1/6, E 1/2, D nothing; the input's notes 1/3 on average.
        let leans = classes(&harmony, 4);
        assert!(near(leans, [-8.0 / 6.0, -2.0 - 8.0 / 3.0, 8.0 / 6.0]), "{leans:?}");
        (4..8).for_each(|step| harmony.write(step, 1 << 26 | 1 << 38));
        assert_eq!(harmony.leans(8), [0.0; 12], "where nothing is played, nothing is foreign");
        (8..16).for_each(|step| harmony.write(step, 1 << 24));
        assert_eq!(classes(&harmony, 16), [0.0, -6.0, -6.0], "each half bar begins anew");
    }

    #[test]
    fn half_bars_that_the_genre_recolours_are_not_followed() {
        for detail in [Detail::Triad, Detail::Root] {
            assert_eq!(harmony(detail).leans(0)[..5], [0.0, -2.0, -2.0, -2.0, 0.0], "{detail:?}");
        }
    }
}
