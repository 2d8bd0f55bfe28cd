//! What the decoder is shown of what it wrote.

use phrase::{PITCHES, STEPS_PER_BAR};

/// Planes of it: what sounded and what started a step ago, onsets that fade in a beat, pitches that fade in a
/// bar, and what started a bar ago.
pub const VIEWS: usize = 5;

/// What is left of an onset after a step.
const FAST: f32 = 0.7;
/// What a step counts among the pitches of late.
const SLOW: f32 = 0.06;

/// The steps written so far, as the decoder sees them.
#[derive(Clone, Debug)]
pub struct History {
    sounding: u128,
    onset: u128,
    fast: [f32; PITCHES],
    slow: [f32; PITCHES],
    /// What started in the last bar, the oldest at `at`.
    bar: [u128; STEPS_PER_BAR],
    at: usize,
}

impl Default for History {
    fn default() -> Self {
        Self {
            sounding: 0,
            onset: 0,
            fast: [0.0; PITCHES],
            slow: [0.0; PITCHES],
            bar: [0; STEPS_PER_BAR],
            at: 0,
        }
    }
}

impl History {
    /// Goes on by a step: what sounds in it, and what starts.
    pub fn push(&mut self, sounding: u128, onset: u128) {
        for row in 0..PITCHES {
            let bit = |bits: u128| (bits >> row & 1) as f32;
            self.fast[row] = FAST * self.fast[row] + (1.0 - FAST) * bit(onset);
            self.slow[row] += SLOW * (bit(sounding) - self.slow[row]);
        }
        (self.sounding, self.onset) = (sounding, onset);
        self.bar[self.at] = onset;
        self.at = (self.at + 1) % STEPS_PER_BAR;
    }

    /// What sounded in the step before.
    pub(crate) fn sounding(&self) -> u128 {
        self.sounding
    }

    /// Writes the views, `[VIEWS][84]`.
    ///
    /// # Panics
    /// Where `views` is shorter.
    pub fn write(&self, views: &mut [f32]) {
        let views = &mut views[..VIEWS * PITCHES];
        let ago = self.bar[self.at];
        for row in 0..PITCHES {
            let bit = |bits: u128| (bits >> row & 1) as f32;
            views[row] = bit(self.sounding);
            views[PITCHES + row] = bit(self.onset);
            views[2 * PITCHES + row] = self.fast[row];
            views[3 * PITCHES + row] = self.slow[row];
            views[4 * PITCHES + row] = bit(ago);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_seen_for_a_step_and_again_after_a_bar() {
        let mut history = History::default();
        let mut views = vec![9.0; VIEWS * PITCHES];
        history.push(0b11, 0b10);
        history.write(&mut views);
        let of = |views: &[f32], view: usize| views[view * PITCHES..][..2].to_vec();
        assert_eq!(
            (of(&views, 0), of(&views, 1), of(&views, 4)),
            (vec![1.0; 2], vec![0.0, 1.0], vec![0.0; 2])
        );
        assert!((views[2 * PITCHES + 1] - 0.3).abs() < 1e-6 && views[2 * PITCHES] == 0.0);
        for _ in 0..STEPS_PER_BAR - 1 {
            history.push(0, 0);
        }
        history.write(&mut views);
        assert_eq!((of(&views, 0), of(&views, 4)), (vec![0.0; 2], vec![0.0, 1.0]));
        assert!(views[2 * PITCHES + 1] < 0.01 && views[3 * PITCHES] > 0.02);
        assert_eq!(history.sounding(), 0);
    }
}
