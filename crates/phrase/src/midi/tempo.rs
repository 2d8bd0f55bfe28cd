//! Steps to seconds and back.

use super::TempoChange;
use crate::STEPS_PER_BEAT;

/// MIDI's tempo where a file sets none.
const DEFAULT_BPM: f64 = 120.0;

/// A song's tempo changes, ready to convert times. Between changes the tempo is constant.
#[derive(Clone, Debug, PartialEq)]
pub struct TempoMap {
    /// Segments: first step, its time in seconds, tempo. The first starts at step 0.
    segments: Vec<(f64, f64, f64)>,
}

impl TempoMap {
    /// A map of changes in order of time; 120 BPM before the first. Changes that are no tempo (zero,
    /// negative, not finite) are passed over.
    pub fn new(changes: &[TempoChange]) -> Self {
        let mut segments = vec![(0.0, 0.0, DEFAULT_BPM)];
        for change in changes.iter().filter(|c| c.bpm > 0.0 && c.bpm.is_finite() && c.at >= 0.0) {
            let &(at, seconds, bpm) = &segments[segments.len() - 1];
            if change.at <= at {
                segments.pop();
                segments.push((at, seconds, change.bpm));
            } else {
                segments.push((change.at, seconds + (change.at - at) * step_seconds(bpm), change.bpm));
            }
        }
        Self { segments }
    }

    /// The tempo at a step, in BPM; before the start that of the start.
    pub fn bpm(&self, step: f64) -> f64 {
        self.segment(|s| s.0 <= step).2
    }

    /// The time of a step in seconds from step 0; negative before it.
    pub fn seconds(&self, step: f64) -> f64 {
        let (at, seconds, bpm) = self.segment(|s| s.0 <= step);
        seconds + (step - at) * step_seconds(bpm)
    }

    /// The step of a time in seconds: the inverse of [`TempoMap::seconds`].
    pub fn step(&self, seconds: f64) -> f64 {
        let (at, start, bpm) = self.segment(|s| s.1 <= seconds);
        at + (seconds - start) / step_seconds(bpm)
    }

    fn segment(&self, begun: impl Fn(&(f64, f64, f64)) -> bool) -> (f64, f64, f64) {
        self.segments[self.segments.partition_point(begun).max(1) - 1]
    }
}

/// Seconds that a step lasts.
fn step_seconds(bpm: f64) -> f64 {
    60.0 / bpm / STEPS_PER_BEAT as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_map_of_two_tempos() {
        let map = TempoMap::new(&[TempoChange { at: 0.0, bpm: 60.0 }, TempoChange { at: 8.0, bpm: 120.0 }]);
        assert_eq!([0.0, 8.0, 16.0].map(|step| map.seconds(step)), [0.0, 2.0, 3.0]);
        assert_eq!([-1.0, 7.9, 8.0].map(|step| map.bpm(step)), [60.0, 60.0, 120.0]);
        assert_eq!(map.seconds(-4.0), -1.0);
    }

    #[test]
    fn no_tempo_is_120_and_nonsense_is_passed_over() {
        let nonsense = [0.0, -3.0, f64::NAN, f64::INFINITY].map(|bpm| TempoChange { at: 4.0, bpm });
        assert_eq!(TempoMap::new(&nonsense), TempoMap::new(&[]));
        assert_eq!(TempoMap::new(&[]).seconds(8.0), 1.0);
    }

    proptest! {
        #[test]
        fn seconds_and_steps_are_inverse(
            changes in prop::collection::vec((0.0..500.0f64, 20.0..300.0f64), 0..8),
            step in -50.0..600.0f64,
        ) {
            let mut changes: Vec<_> = changes.into_iter().map(|(at, bpm)| TempoChange { at, bpm }).collect();
            changes.sort_by(|a, b| a.at.total_cmp(&b.at));
            let map = TempoMap::new(&changes);
            prop_assert!((map.step(map.seconds(step)) - step).abs() < 1e-6);
            prop_assert!(map.seconds(step + 0.1) > map.seconds(step));
        }
    }
}
