//! Rounding times to steps. There is one rounding, so that the plugin, the file renderer and the trainer
//! agree.

use serde::{Deserialize, Serialize};

use crate::STEPS;

/// Slack of every rounding, in units of what is rounded (steps, or samples where the plugin rounds those).
///
/// Times that are halves on paper come out a hair under or over after a few floating-point operations; the
/// slack makes both land on the same side, whatever the block size.
pub const TOLERANCE: f64 = 1e-3;

/// The nearest whole number, halves (and what is within [`TOLERANCE`] under them) upwards.
///
/// Not-a-number gives 0 and what is out of range the nearest `i64`: never a panic. Real-time safe.
pub fn nearest(x: f64) -> i64 {
    (x + 0.5 + TOLERANCE).floor() as i64
}

/// The number of the phrase on the unshifted phrase grid that an onset at `step` (song steps) belongs to.
///
/// A note within half a step before a bar line belongs to the phrase after it, so a phrase closes half a step
/// early.
pub fn phrase_index(step: f64) -> i64 {
    nearest(step).div_euclid(STEPS as i64)
}

/// How a time becomes a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grid {
    /// To the nearest step: a player is early as often as late. What the plugin does.
    #[default]
    Nearest,
    /// Down to the step that has begun: what the CycleGAN papers' data preparation does (pypianoroll 0.1).
    Floor,
}

impl Grid {
    /// The step of a time in steps.
    pub fn step(self, time: f64) -> i64 {
        match self {
            Grid::Nearest => nearest(time),
            Grid::Floor => (time + TOLERANCE).floor() as i64,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_go_up_and_so_do_near_halves() {
        assert_eq!(nearest(0.5), 1);
        assert_eq!(nearest(0.499_5), 1);
        assert_eq!(nearest(0.498), 0);
        assert_eq!(nearest(-0.5), 0);
        assert_eq!(nearest(-0.502), -1);
    }

    #[test]
    fn absurd_times_do_not_panic() {
        assert_eq!(nearest(f64::NAN), 0);
        assert_eq!(nearest(f64::INFINITY), i64::MAX);
        assert_eq!(Grid::Floor.step(f64::NEG_INFINITY), i64::MIN);
    }

    #[test]
    fn the_papers_grid_floors() {
        assert_eq!(Grid::Floor.step(3.9), 3);
        assert_eq!(Grid::Nearest.step(3.9), 4);
        assert_eq!(Grid::Floor.step(2.999_999_999), 3);
    }

    #[test]
    fn a_note_just_before_the_line_belongs_to_the_next_phrase() {
        assert_eq!(phrase_index(63.4), 0);
        assert_eq!(phrase_index(63.5), 1);
        assert_eq!(phrase_index(-0.5), 0);
        assert_eq!(phrase_index(-0.6), -1);
    }

    proptest! {
        #[test]
        fn nearest_is_at_most_half_a_step_away(x in -1e6..1e6f64) {
            let away = nearest(x) as f64 - x;
            prop_assert!(away <= 0.5 + TOLERANCE + 1e-9 && away > -0.5);
        }
    }
}
