//! What happens to a held note at a phrase's border: the one rule, for the player, the file renderer and the
//! tests.

use crate::{Note, Phrase, nearest};

/// What a sounding note does at the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// It goes on: no note-off, no note-on. The piece of this index in the next phrase says for how long.
    Hold(usize),
    /// It ends on the line.
    End,
}

impl Tie {
    /// The rule as a decision; see [`tie`].
    pub fn of(sounding: &Note, next: &Phrase, first: usize) -> Self {
        tie(sounding, next, first).map_or(Tie::End, Tie::Hold)
    }
}

/// The index of the piece in `next` that continues the note `sounding`, or `None` where the note ends on the
/// line.
///
/// `next` is the answer that takes over and `first` its first played step. A note goes on where it was still
/// held when its phrase closed and the next answer has a piece of the same pitch and channel that is tied in
/// on the first played step. The piece's end is then the note's end; a piece that is tied out is asked again
/// at the next border. Real-time safe.
pub fn tie(sounding: &Note, next: &Phrase, first: usize) -> Option<usize> {
    tie_unclaimed(sounding, next, first, |_| false)
}

/// [`tie`] among the pieces that `claimed` does not refuse: for music that holds one key of one channel
/// twice.
///
/// Of several pieces the one of the same velocity is taken, else the first. Real-time safe.
pub fn tie_unclaimed(
    sounding: &Note,
    next: &Phrase,
    first: usize,
    claimed: impl Fn(usize) -> bool,
) -> Option<usize> {
    if !sounding.tied_out {
        return None;
    }
    let continues = |piece: &Note| {
        piece.tied_in
            && piece.pitch == sounding.pitch
            && piece.channel == sounding.channel
            && nearest(piece.onset) == first as i64
    };
    let mut found = None;
    for (index, piece) in next.notes.iter().enumerate() {
        if continues(piece) && !claimed(index) {
            if piece.velocity == sounding.velocity {
                return Some(index);
            }
            found = found.or(Some(index));
        }
    }
    found
}

/// Whether a piece of an answer that continues no sounding note is struck, on its own onset.
///
/// Untied notes always are. A piece whose beginning the answer before dropped is struck on the line; but a
/// tail (a held note that is let go before half a step) has nothing left to say.
pub fn struck_alone(piece: &Note, first: usize) -> bool {
    !piece.tied_in || nearest(piece.end()) > first as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(velocity: f32) -> Note {
        Note { tied_out: true, ..Note::new(60, 2, velocity, 10.0, 54.0) }
    }

    fn piece(velocity: f32, length: f64) -> Note {
        Note { tied_in: true, ..Note::new(60, 2, velocity, 0.0, length) }
    }

    fn next(notes: &[Note]) -> Phrase {
        let mut phrase = Phrase::new(64, 120.0);
        notes.iter().for_each(|&note| assert!(phrase.push(note)));
        phrase
    }

    #[test]
    fn a_held_note_goes_on_in_its_piece() {
        let next = next(&[Note::new(60, 2, 0.5, 0.0, 4.0), piece(0.5, 8.0)]);
        assert_eq!(Tie::of(&held(0.5), &next, 0), Tie::Hold(1));
    }

    #[test]
    fn it_ends_where_nothing_continues_it() {
        let struck = Note::new(60, 2, 0.5, 0.0, 4.0);
        let other_pitch = Note { pitch: 61, ..piece(0.5, 8.0) };
        let other_channel = Note { channel: 3, ..piece(0.5, 8.0) };
        let next = next(&[struck, other_pitch, other_channel]);
        assert_eq!(Tie::of(&held(0.5), &next, 0), Tie::End);
    }

    #[test]
    fn a_note_that_was_let_go_is_not_tied() {
        let released = Note { tied_out: false, ..held(0.5) };
        assert_eq!(tie(&released, &next(&[piece(0.5, 8.0)]), 0), None);
    }

    #[test]
    fn a_window_ties_on_its_first_played_step() {
        let at_32 = Note { onset: 32.0, ..piece(0.5, 8.0) };
        assert_eq!(tie(&held(0.5), &next(&[at_32]), 32), Some(0));
        assert_eq!(tie(&held(0.5), &next(&[at_32]), 0), None);
    }

    #[test]
    fn a_key_held_twice_finds_both_pieces() {
        let next = next(&[piece(0.5, 8.0), piece(0.9, 9.0)]);
        assert_eq!(tie(&held(0.9), &next, 0), Some(1));
        assert_eq!(tie_unclaimed(&held(0.9), &next, 0, |index| index == 1), Some(0));
        assert_eq!(tie_unclaimed(&held(0.9), &next, 0, |_| true), None);
    }

    #[test]
    fn only_tails_stay_silent_alone() {
        assert!(struck_alone(&piece(0.5, 0.6), 0));
        assert!(!struck_alone(&piece(0.5, 0.4), 0));
        assert!(struck_alone(&Note::new(60, 0, 0.5, 0.0, 0.1), 0));
        assert!(!struck_alone(&Note { onset: 32.0, ..piece(0.5, 0.4) }, 32));
    }
}
