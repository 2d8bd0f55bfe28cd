//! The line on which an answer takes over: nothing sounds before it.

use crate::{Note, Phrase, nearest};

/// The least that is left of a note which begins before the line, in steps (or its own length).
const LEAST: f64 = 0.5;

/// Moves a note behind the line of the first played step; false where nothing of it is played. With `ties`
/// what began before is held over the line, for the answer tells there what was played.
pub(super) fn settle(note: &mut Note, input: &Phrase, first: usize, ties: bool) -> bool {
    let line = first as f64;
    let step = note.onset_step();
    if note.tied_in && first == 0 || note.onset >= line {
        return true;
    }
    let end = note.end();
    if step < first as i64 {
        // It began before. What the input held over the line is tied, all else that sounds on is struck
        // there.
        if end <= line {
            return false;
        }
        let held = ties
            || input
                .notes
                .iter()
                .any(|n| same_key(n, note) && n.onset_step() < first as i64 && n.end() > line);
        note.tied_in = held;
        if !held && nearest(end) <= first as i64 {
            return false;
        }
        note.onset = line;
        note.length = end - line;
        return true;
    }
    // It belongs to the first step but was early. Keep its end, and enough of it to be heard.
    let had_length = note.length > 0.0;
    let mut least = line + note.length.min(LEAST);
    for other in &input.notes {
        if same_key(other, note) && !other.tied_in && other.onset >= end && other.onset < least {
            least = other.onset.max(line);
        }
    }
    note.onset = line;
    note.length = end.max(least) - line;
    note.length > 0.0 || !had_length
}

fn same_key(a: &Note, b: &Note) -> bool {
    a.pitch == b.pitch && a.channel == b.channel
}
