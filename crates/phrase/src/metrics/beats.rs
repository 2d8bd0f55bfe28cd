//! Pitch classes beat by beat, and how alike two phrases are in them. Real-time safe.

use super::tonal::classes;
use crate::{Roll, STEPS, STEPS_PER_BEAT};

/// Beats of a phrase.
const BEATS: usize = STEPS / STEPS_PER_BEAT;

/// For how many cells each pitch class (0 is C) sounds in each beat.
pub fn beat_chroma(roll: &Roll) -> [[f32; 12]; BEATS] {
    std::array::from_fn(|beat| classes(roll, beat * STEPS_PER_BEAT..(beat + 1) * STEPS_PER_BEAT))
}

/// Cosine of the angle between two vectors that are not negative; 1 where both are zero, 0 where one is.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let (aa, bb) = (dot(a, a), dot(b, b));
    if aa == 0.0 || bb == 0.0 {
        return if aa == bb { 1.0 } else { 0.0 };
    }
    (dot(a, b) / (aa * bb).sqrt()).min(1.0)
}

/// How alike source and answer are in pitch classes: the cosine of two beats at a time, from each beat on, on
/// average over those in which either sounds; 0..=1. `None` where neither ever does.
///
/// The content metric of Cifka et al. 2019 but for the grid: they have twelve frames a beat, a roll has four
/// steps.
pub fn content_kept(source: &Roll, answer: &Roll) -> Option<f32> {
    let (source, answer) = (beat_chroma(source), beat_chroma(answer));
    let two =
        |pair: &[[f32; 12]]| -> [f32; 12] { std::array::from_fn(|class| pair[0][class] + pair[1][class]) };
    let (mut sum, mut count) = (0.0, 0);
    for (a, b) in source.windows(2).zip(answer.windows(2)) {
        let (a, b) = (two(a), two(b));
        if a.iter().chain(&b).any(|cells| *cells > 0.0) {
            sum += cosine(&a, &b);
            count += 1;
        }
    }
    (count > 0).then(|| sum / count as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_kept_across_octaves_and_lost_by_other_notes() {
        let roll = |row: usize, steps: usize| Roll::from_cells(move |step, r| r == row && step < steps);
        assert_eq!(content_kept(&roll(12, 64), &roll(36, 64)), Some(1.0));
        assert_eq!(content_kept(&roll(12, 64), &roll(13, 64)), Some(0.0));
        assert_eq!(content_kept(&Roll::EMPTY, &Roll::EMPTY), None);
        // Two beats of the sixteen stay: both windows of them, and the one that is half of them.
        let kept = content_kept(&roll(12, 64), &roll(12, 8)).unwrap();
        assert!((kept - 2.0 / 15.0).abs() < 1e-6, "{kept}");
        let halved =
            content_kept(&roll(12, 8), &Roll::from_cells(|step, r| step < 8 && (r == 12 || r == 16)))
                .unwrap();
        assert!((halved - 0.5f32.sqrt()).abs() < 1e-6, "{halved}");
    }

    #[test]
    fn cosines_by_hand() {
        assert_eq!(cosine(&[3.0, 4.0], &[6.0, 8.0]), 1.0);
        assert!((cosine(&[1.0, 0.0], &[3.0, 4.0]) - 0.6).abs() < 1e-6);
        assert_eq!((cosine(&[0.0], &[0.0]), cosine(&[0.0], &[1.0])), (1.0, 0.0));
    }
}
