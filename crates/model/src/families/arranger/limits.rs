//! What arrangers keep to, whatever the genre: the bass is clear, voicings are no clusters, two hands reach
//! everything.
//!
//! The limits bind new notes only: what the input plays passes. General knowledge of arranging, no paper's.

use phrase::{PITCHES, is_playable};

/// A step while its pitches are decided, the lowest first. Bit r is row r of the roll.
#[derive(Clone, Copy, Debug)]
pub(super) struct Voicing {
    /// The MIDI pitch of row 0.
    pub(super) bottom: i32,
    /// What sounds of the rows below, and the melody's note above.
    pub(super) sounding: u128,
    /// What is struck of them.
    pub(super) struck: u128,
    /// The melody's note.
    pub(super) melody: u128,
    /// See [`super::Style::fourths`].
    pub(super) fourths: u8,
}

impl Voicing {
    /// Whether a note may start at `row`.
    pub(super) fn takes(&self, row: usize) -> bool {
        let new = 1 << row;
        let clashes = new << 1 & self.melody != 0;
        !clashes
            && self.is_clear(row)
            && !is_cluster(self.struck | new, row)
            && !is_crowded(self.sounding | new, row)
            && is_playable(self.sounding | new)
    }

    /// Whether a note may be struck again at `row`, where it sounds.
    pub(super) fn strikes(&self, row: usize) -> bool {
        !is_cluster(self.struck | 1 << row, row)
    }

    /// Whether a note at `row` is far enough from its neighbours below and above: low notes close together
    /// are mud.
    pub(super) fn is_clear(&self, row: usize) -> bool {
        let below = self.sounding & ((1 << row) - 1);
        let above = self.sounding >> row >> 1;
        let far = |low: i32, interval: i32| interval >= closest(self.bottom + low, self.fourths.into());
        let row = row as i32;
        let lower = 127 - below.leading_zeros() as i32;
        (below == 0 || far(lower, row - lower)) && (above == 0 || far(row, above.trailing_zeros() as i32 + 1))
    }
}

/// The smallest interval over a low MIDI pitch, in semitones: a fifth below `fourths`, a fourth below C3, a
/// third below E3, a tone below F3.
fn closest(pitch: i32, fourths: i32) -> i32 {
    match pitch {
        ..48 if pitch < fourths => 7,
        ..48 => 5,
        48..52 => 3,
        52..53 => 2,
        _ => 1,
    }
}

/// Whether `struck` has four notes within a tritone around `row`, two of them a semitone apart.
fn is_cluster(struck: u128, row: usize) -> bool {
    (row.saturating_sub(6)..=row).any(|low| {
        let tritone = struck >> low & 0x7f;
        tritone.count_ones() > 3 && tritone & tritone >> 1 != 0
    })
}

/// Whether `sounding` has more than one semitone within an octave below `row`: seconds stacked, not one
/// inside a voicing.
fn is_crowded(sounding: u128, row: usize) -> bool {
    let new = 1u128 << row;
    let octave = sounding & (new | (new - 1)) & !((new >> 11).saturating_sub(1));
    sounding & (new >> 1) != 0 && (octave & octave >> 1).count_ones() > 1
}

/// A step's cells and starts without the new notes that two hands cannot strike with the rest: which those
/// are shows only when all are there. Of those whose loss leaves what can be played the highest goes; where
/// there is none, the highest of all, and then the next. What is `kept`, and what sounded `before`, sounds
/// on.
pub(super) fn for_hands([mut cells, mut starts]: [u128; 2], before: u128, kept: u128) -> [u128; 2] {
    while !is_playable(starts) {
        let new = starts & !kept;
        let highest_first = || (0..PITCHES).rev().map(|row| 1u128 << row).filter(|note| new & note != 0);
        let Some(note) = highest_first().find(|note| is_playable(starts & !note)).or(highest_first().next())
        else {
            break;
        };
        starts &= !note;
        cells &= !note | before;
    }
    [cells, starts]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes that sound and are struck together, as MIDI pitches, and a melody over them.
    fn chord(pitches: &[u32], melody: Option<u32>) -> Voicing {
        let bits = |pitches: &[u32]| pitches.iter().fold(0u128, |bits, pitch| bits | 1 << (pitch - 24));
        let melody = bits(melody.as_slice());
        let sounding = bits(pitches) | melody;
        Voicing { bottom: 24, sounding, struck: sounding, melody, fourths: 0 }
    }

    #[test]
    fn low_notes_keep_their_distance() {
        let takes = |below: &[u32], pitch: usize| chord(below, None).takes(pitch - 24);
        assert!(!takes(&[36], 40) && takes(&[36], 43) && takes(&[36], 48));
        assert!(
            !takes(&[47], 51)
                && takes(&[48], 51)
                && !takes(&[50], 52)
                && takes(&[52], 54)
                && takes(&[53], 54)
        );
        // Where fourths begin at B flat 2.
        let open = |low: u32| Voicing { fourths: 46, ..chord(&[low], None) };
        assert!(!open(45).takes(50 - 24) && open(45).takes(52 - 24) && open(46).takes(51 - 24));
        // The melody above counts too.
        assert!(!chord(&[], Some(43)).takes(40 - 24) && chord(&[], Some(64)).takes(40 - 24));
    }

    #[test]
    fn a_second_inside_a_voicing_passes_and_a_stack_of_them_does_not() {
        // F A B E: a dominant's rootless voicing would end on E; its B and C would be a second one.
        assert!(chord(&[57, 59], None).takes(60 - 24));
        assert!(!chord(&[58, 59], None).takes(60 - 24));
        assert!(!chord(&[55, 57, 59], None).takes(60 - 24));
        assert!(chord(&[53, 57, 59], None).takes(64 - 24));
        // Right under the tune nothing may rub.
        assert!(!chord(&[48, 55], Some(72)).takes(71 - 24) && chord(&[48, 55], Some(72)).takes(70 - 24));
    }

    #[test]
    fn two_hands_reach_what_is_taken() {
        let wide = chord(&[36, 43, 52], Some(84));
        assert!(wide.takes(72 - 24) && wide.takes(68 - 24) && !wide.takes(60 - 24));
        let full = chord(&[40, 47, 52, 54, 56], Some(79));
        assert!(full.takes(64 - 24) && !full.takes(59 - 24));
    }

    #[test]
    fn what_no_hand_is_left_for_is_taken_back() {
        let bits = |pitches: &[u32]| pitches.iter().fold(0u128, |bits, pitch| bits | 1 << (pitch - 24));
        let left = |struck: &[u32], kept: &[u32]| for_hands([bits(struck); 2], 0, bits(kept))[1];
        // A new bass and a new chord in two hands' reach; the input's own notes lie too far from the chord.
        let all = [36, 43, 55, 60, 84];
        assert_eq!(left(&all, &[84]), bits(&[36, 43, 84]), "the chord goes, note by note");
        assert_eq!(left(&all, &[60, 84]), bits(&[60, 84]), "and the bass, where nothing else helps");
        assert_eq!(left(&all, &all), bits(&all), "what the input plays passes");
        assert_eq!(left(&[36, 52, 60], &[]), bits(&[36, 52, 60]), "what can be played stays");
        // A note that sounded before sounds on; it is not struck again.
        let [cells, starts] = for_hands([bits(&[36, 60, 84]); 2], bits(&[60]), bits(&[84]));
        assert_eq!((cells, starts), (bits(&[36, 60, 84]), bits(&[36, 84])));
    }
}
