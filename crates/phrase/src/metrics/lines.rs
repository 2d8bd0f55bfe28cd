//! The outer voices: melody and bass. Real-time safe.

use arrayvec::ArrayVec;

use crate::{Roll, RollNote, STEPS, STEPS_PER_BEAT};

/// The notes of one voice in order of step, at most one a step.
pub type Line = ArrayVec<RollNote, STEPS>;

/// The melody: the notes that start, or sound on from the phrase before, with nothing sounding above them
/// (the skyline).
pub fn skyline(roll: &Roll) -> Line {
    roll.notes().filter(|note| roll.sounding[note.start] >> note.row == 1).collect()
}

/// The bass line: the notes that start, or sound on from the phrase before, with nothing sounding below them.
pub fn bass(roll: &Roll) -> Line {
    roll.notes().filter(|note| roll.sounding[note.start].trailing_zeros() as usize == note.row).collect()
}

/// The share of the source's melody notes that the answer keeps: their pitch is the highest that sounds on at
/// least one step of the beat they start in. `None` where the source has no note.
pub fn melody_kept(source: &Roll, answer: &Roll) -> Option<f32> {
    let melody = skyline(source);
    let kept = |note: &&RollNote| {
        let beat = note.start / STEPS_PER_BEAT * STEPS_PER_BEAT;
        answer.sounding[beat..beat + STEPS_PER_BEAT].iter().any(|bits| bits >> note.row == 1)
    };
    (!melody.is_empty()).then(|| melody.iter().filter(kept).count() as f32 / melody.len() as f32)
}

/// The share of the source's melody notes that are the highest to sound on their very step of the answer: a
/// stricter [`melody_kept`]. `None` where the source has no note.
pub fn melody_on_top(source: &Roll, answer: &Roll) -> Option<f32> {
    let melody = skyline(source);
    let kept = melody.iter().filter(|note| answer.sounding[note.start] >> note.row == 1).count();
    (!melody.is_empty()).then(|| kept as f32 / melody.len() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A melody of a held note and two short ones, over a repeated bass note that also sounds alone.
    fn roll() -> Roll {
        Roll::from_cells(|step, row| match row {
            50 => step < 8,
            52 => step == 8,
            48 => step == 12,
            20 => step % 4 == 0 && step <= 16,
            _ => false,
        })
    }

    fn starts(line: &Line) -> Vec<(usize, usize)> {
        line.iter().map(|note| (note.start, note.row)).collect()
    }

    #[test]
    fn the_outer_voices() {
        assert_eq!(starts(&skyline(&roll())), [(0, 50), (8, 52), (12, 48), (16, 20)]);
        assert_eq!(starts(&bass(&roll())), [(0, 20), (4, 20), (8, 20), (12, 20), (16, 20)]);
        assert!(skyline(&Roll::EMPTY).is_empty() && bass(&Roll::EMPTY).is_empty());
    }

    #[test]
    fn a_melody_note_is_kept_on_top_of_its_beat() {
        let source = roll();
        assert_eq!(melody_kept(&source, &source), Some(1.0));
        assert_eq!(melody_kept(&Roll::EMPTY, &source), None);
        assert_eq!(melody_kept(&source, &Roll::EMPTY), Some(0.0));
        // Two steps late within the beat is kept, buried under a higher note is not.
        let late = Roll::from_cells(|step, row| row == 50 && (2..9).contains(&step));
        assert_eq!(melody_kept(&source, &late), Some(0.25));
        let buried = Roll::from_cells(|step, row| source.get(step, row) || row == 60 && step < 9);
        assert_eq!(melody_kept(&source, &buried), Some(0.5));
    }
}
