//! Music in the key that the writers know.

use phrase::symbols::KeyMove;
use phrase::{Key, PITCHES, Roll};

/// All rows of a roll.
const ROWS: u128 = (1 << PITCHES) - 1;

/// By how many rows music is moved to C major, or its relative minor, and back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved(i32);

impl Moved {
    /// Of music in this key; without one, of music in the key that `heard` is in.
    pub fn of(key: Option<Key>, heard: &Roll) -> Self {
        let key = key.or_else(|| Key::of(heard));
        Self(key.map_or(0, |key| KeyMove::Relative.by(key, 0)))
    }

    /// By so many rows.
    pub fn by(rows: i32) -> Self {
        Self(rows)
    }

    /// The rows as a writer knows them; those that leave the roll go.
    pub fn there(self, bits: u128) -> u128 {
        moved(bits, self.0)
    }

    /// The rows as they are played.
    pub fn back(self, bits: u128) -> u128 {
        moved(bits, -self.0)
    }

    /// Whether all these rows can be played.
    pub fn is_inside(self, bits: u128) -> bool {
        self.there(self.back(bits)) == bits
    }
}

fn moved(bits: u128, by: i32) -> u128 {
    if by < 0 { bits >> -by } else { bits << by & ROWS }
}

#[cfg(test)]
mod tests {
    use phrase::Mode;

    use super::*;

    #[test]
    fn rows_go_there_and_back() {
        let moved = Moved::of(Some(Key { tonic: 2, mode: Mode::Major, fit: 1.0 }), &Roll::EMPTY);
        assert_eq!(moved, Moved::by(-2));
        assert_eq!((moved.there(0b1100), moved.back(0b11)), (0b11, 0b1100));
        assert!(moved.is_inside(0b11) && !moved.is_inside(1 << 83));
        assert_eq!(Moved::of(None, &Roll::EMPTY), Moved::by(0));
    }
}
