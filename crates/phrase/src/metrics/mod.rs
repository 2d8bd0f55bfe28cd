//! Measures of what a transfer did and of the music itself. Real-time safe.

mod beats;
mod change;
mod figures;
mod lines;
mod notes;
mod strikes;
mod tonal;

pub use beats::{beat_chroma, content_kept, cosine};
pub use change::ContentChange;
pub use figures::{Motion, Rhythm, alike, bass_rhythm, inner_rhythm, inner_strikes, low_bass};
pub use lines::{Line, bass, melody_kept, melody_on_top, skyline};
pub use notes::{most_at_once, one_step_notes, stutters};
pub use strikes::{Keys, downbeats, is_clash, is_cluster, is_muddy, is_playable, rows, strikes, under_c3};
pub use tonal::{chroma, harmony_kept, has_second_or_tritone, has_seventh, out_of_key, pitch_classes};

use crate::{LOWEST, Roll};

/// The share of a roll's cells that sound, 0..=1.
pub fn density(roll: &Roll) -> f32 {
    roll.density()
}

/// The lowest and the highest MIDI pitch that sound; `None` for an empty roll.
pub fn range(roll: &Roll) -> Option<(u8, u8)> {
    let all = roll.sounding.iter().fold(0, |all, bits| all | bits);
    let row = |row: u32| LOWEST + row as u8;
    (all != 0).then(|| (row(all.trailing_zeros()), row(127 - all.leading_zeros())))
}

/// How many pitches sound at once, on average over the steps on which any does; 0 for an empty roll.
pub fn polyphony(roll: &Roll) -> f32 {
    let steps = roll.sounding.iter().filter(|&&bits| bits != 0).count();
    roll.cells() as f32 / steps.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_has_neither_range_nor_polyphony() {
        assert_eq!((range(&Roll::EMPTY), polyphony(&Roll::EMPTY), density(&Roll::EMPTY)), (None, 0.0, 0.0));
    }

    #[test]
    fn a_chord_then_a_note() {
        let roll =
            Roll::from_cells(|step, row| step == 0 && [0, 83].contains(&row) || step == 1 && row == 40);
        assert_eq!((range(&roll), polyphony(&roll)), (Some((24, 107)), 1.5));
    }
}
