//! What is struck at once, and whether it sounds well and can be played. Real-time safe.
//!
//! Sets of keys are bits: bit `r` is row `r` of a roll.

use crate::{BARS, PITCHES, Roll, STEPS, STEPS_PER_BAR};

/// A set of keys: bit `r` is row `r`, MIDI pitch `r + 24`.
pub type Keys = u128;

/// The row of C3 (MIDI 48): below it, close intervals are mud.
const LOW: usize = 24;
/// The semitones of a major third.
const THIRD: usize = 4;
/// The semitones of a tritone.
const TRITONE: usize = 6;
/// What a hand reaches: the semitones of a major tenth.
const TENTH: usize = 16;
/// The fingers of a hand.
const FINGERS: usize = 5;

/// The keys struck on each step. What sounds on from the phrase before is not struck on the first.
pub fn strikes(roll: &Roll) -> [Keys; STEPS] {
    std::array::from_fn(|step| {
        let held = step.checked_sub(1).map_or(roll.sounding[0], |before| roll.sounding[before]);
        roll.sounding[step] & (roll.onset[step] | !held)
    })
}

/// How many notes are struck on the first step of each bar.
pub fn downbeats(roll: &Roll) -> [u32; BARS] {
    let strikes = strikes(roll);
    std::array::from_fn(|bar| strikes[bar * STEPS_PER_BAR].count_ones())
}

/// The rows of a set, from the lowest up.
pub fn rows(mut keys: Keys) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let row = (keys != 0).then(|| keys.trailing_zeros() as usize)?;
        keys &= keys - 1;
        Some(row)
    })
}

/// A dissonant cluster: four keys or more within a tritone, two of them a semitone apart.
pub fn is_cluster(keys: Keys) -> bool {
    rows(keys).any(|low| {
        let near = keys >> low & ((1 << (TRITONE + 1)) - 1);
        near.count_ones() >= 4 && near & near >> 1 != 0
    })
}

/// Mud: two keys that sound a third or less apart, the lower of them under C3, one of them among the
/// `struck`.
pub fn is_muddy(sounding: Keys, struck: Keys) -> bool {
    rows(sounding).take_while(|low| *low < LOW).any(|low| {
        let near = |keys: Keys| keys >> (low + 1) & ((1 << THIRD) - 1) != 0;
        near(if struck >> low & 1 == 1 { sounding } else { struck })
    })
}

/// Those of the keys that lie under C3.
pub fn under_c3(keys: Keys) -> Keys {
    keys & ((1 << LOW) - 1)
}

/// A clash: two keys that sound a semitone apart, one of them among the `struck`.
pub fn is_clash(sounding: Keys, struck: Keys) -> bool {
    struck & (sounding >> 1 | sounding << 1) != 0
}

/// Whether two hands can play the keys: each at most five, within a tenth.
pub fn is_playable(keys: Keys) -> bool {
    // What the left hand can take it takes: that leaves the right hand the fewest and the nearest.
    let hand = |keys: Keys| {
        let Some(low) = rows(keys).next() else { return 0 };
        let within = keys & ((1u128 << (low + TENTH + 1).min(PITCHES)) - 1);
        rows(within).take(FINGERS).fold(0, |hand, row| hand | 1 << row)
    };
    let right = keys & !hand(keys);
    right & !hand(right) == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// MIDI pitches as keys.
    fn keys(pitches: &[u8]) -> Keys {
        pitches.iter().fold(0, |keys, pitch| keys | 1 << (pitch - 24))
    }

    #[test]
    fn what_sounds_on_is_not_struck() {
        let mut roll = Roll::from_cells(|step, row| row == 30 && step < 20 || row == 35 && step == 16);
        roll.onset[0] = 0;
        roll.onset[8] |= 1 << 30;
        let strikes = strikes(&roll);
        let struck: Vec<_> = (0..STEPS).filter(|&step| strikes[step] != 0).collect();
        assert_eq!(struck, [8, 16]);
        assert_eq!(strikes[16], 1 << 35);
        assert_eq!(downbeats(&roll), [0, 1, 0, 0]);
    }

    #[test]
    fn clusters_have_four_notes_within_a_tritone_and_a_semitone() {
        assert!(is_cluster(keys(&[60, 62, 64, 65])));
        assert!(is_cluster(keys(&[48, 60, 61, 63, 66])));
        // Whole tones; three notes; a seventh chord in close position; the fourth note a fifth away.
        for chord in [&[60, 62, 64, 66][..], &[60, 61, 62], &[60, 64, 67, 71], &[60, 61, 63, 67]] {
            assert!(!is_cluster(keys(chord)), "{chord:?}");
        }
    }

    #[test]
    fn thirds_are_mud_below_c3_alone() {
        let muddy = |sounding: &[u8], struck: &[u8]| is_muddy(keys(sounding), keys(struck));
        assert!(muddy(&[47, 51], &[51]) && muddy(&[47, 51], &[47]) && muddy(&[36, 37, 60], &[36, 37, 60]));
        for chord in [&[48, 51][..], &[36, 41, 48, 52], &[]] {
            assert!(!muddy(chord, chord), "{chord:?}");
        }
        // What was struck before is not struck again.
        assert!(!muddy(&[40, 43, 60], &[60]));
    }

    #[test]
    fn semitones_clash_and_ninths_do_not() {
        let clash = |sounding: &[u8], struck: &[u8]| is_clash(keys(sounding), keys(struck));
        assert!(
            clash(&[60, 64, 65], &[64])
                && !clash(&[60, 64, 65], &[60])
                && !clash(&[60, 64, 73], &[60, 64, 73])
        );
    }

    #[test]
    fn two_hands_have_ten_fingers_and_reach_two_tenths() {
        assert!(is_playable(0) && is_playable(keys(&[36, 40, 43, 48, 52, 60, 64, 67, 72, 76])));
        // Eleven notes; three that lie too far apart; six notes on the left, of which the right cannot reach
        // one.
        assert!(!is_playable(keys(&[36, 38, 40, 43, 48, 52, 60, 64, 67, 72, 76])));
        assert!(!is_playable(keys(&[36, 60, 84])));
        assert!(!is_playable(keys(&[36, 38, 40, 42, 44, 46, 72])));
        assert!(is_playable(keys(&[36, 38, 40, 42, 44, 60])));
    }

    proptest! {
        #[test]
        fn hands_are_found_where_there_are_any(bits in any::<u128>(), thin in any::<u128>(),
            more in any::<u128>()) {
            let keys = bits & thin & more & ((1 << PITCHES) - 1);
            let all: Vec<_> = rows(keys).collect();
            let hand = |rows: &[usize]| rows.len() <= 5
                && rows.last().is_none_or(|last| last - rows[0] <= 16);
            let split = (0..=all.len()).any(|at| hand(&all[..at]) && hand(&all[at..]));
            prop_assert_eq!(is_playable(keys), split);
        }
    }
}
