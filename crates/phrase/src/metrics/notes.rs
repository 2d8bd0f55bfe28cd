//! Notes of a roll: lengths, repetitions, crowds. Real-time safe.

use crate::{Roll, STEPS};

/// The share of the notes that last a single step, 0..=1; 0 for an empty roll.
///
/// A note that the phrase's last step cuts off counts only where it starts before it.
pub fn one_step_notes(roll: &Roll) -> f32 {
    let whole = || roll.notes().filter(|note| note.start + 1 < STEPS);
    whole().filter(|note| note.length == 1).count() as f32 / whole().count().max(1) as f32
}

/// The share of the notes that follow a note of their own pitch after a single silent step, 0..=1: notes cut
/// in pieces look so. Music has some of its own; compare with the genre's. 0 for an empty roll.
pub fn stutters(roll: &Roll) -> f32 {
    let cut = |note: &crate::RollNote| {
        note.start >= 2 && !roll.get(note.start - 1, note.row) && roll.get(note.start - 2, note.row)
    };
    roll.notes().filter(cut).count() as f32 / roll.notes().count().max(1) as f32
}

/// The most pitches that sound at once.
pub fn most_at_once(roll: &Roll) -> u32 {
    roll.sounding.iter().map(|bits| bits.count_ones()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_notes_and_pieces() {
        // Row 5: 0-2, a hole, 4, a hole of two, 7; row 6: struck on the last step.
        let roll = Roll::from_cells(|step, row| {
            row == 5 && [0, 1, 2, 4, 7].contains(&step) || row == 6 && step == 63
        });
        assert_eq!(one_step_notes(&roll), 2.0 / 3.0);
        assert_eq!(stutters(&roll), 0.25);
        assert_eq!(most_at_once(&Roll::from_cells(|step, row| row <= step)), 64);
        assert_eq!(
            (one_step_notes(&Roll::EMPTY), stutters(&Roll::EMPTY), most_at_once(&Roll::EMPTY)),
            (0.0, 0.0, 0)
        );
    }
}
