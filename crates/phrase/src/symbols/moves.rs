//! Bringing songs to one key and one octave.

use crate::{Key, Mode};

/// Semitones in an octave.
const OCTAVE: i32 = 12;

/// Where a song in minor goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyMove {
    /// To the relative minor of the wanted major key, so that all songs share one scale.
    #[default]
    Relative,
    /// Tonic to tonic, whatever the mode: a song in A minor that is brought to C is in C minor then.
    Tonic,
}

impl KeyMove {
    /// By how many semitones music in `key` is moved so that its tonic becomes `tonic` (0 is C): at most half
    /// an octave, -5 to 6.
    pub fn by(self, key: Key, tonic: u8) -> i32 {
        // The relative major of a minor key is three semitones up.
        let relative = self == Self::Relative && key.mode == Mode::Minor;
        let from = i32::from(key.tonic) + if relative { 3 } else { 0 };
        let by = (i32::from(tonic) - from).rem_euclid(OCTAVE);
        if by > OCTAVE / 2 { by - OCTAVE } else { by }
    }

    /// By how many whole octaves music is moved whose mean pitch (MIDI) is `mean` so that it lies in `octave`
    /// (4 begins with middle C): with [`KeyMove::Relative`] that mean, with [`KeyMove::Tonic`] the `tonic`
    /// nearest to it.
    pub fn octaves(self, mean: f32, tonic: u8, octave: i32) -> i32 {
        let from = match self {
            Self::Relative => mean,
            Self::Tonic => {
                let over = (mean - f32::from(tonic)) / OCTAVE as f32;
                return octave + 1 - over.round() as i32;
            }
        };
        let middle = (OCTAVE * (octave + 1)) as f32 + 5.5;
        ((middle - from) / OCTAVE as f32).round() as i32
    }
}

/// Whether music in `key` is in the key that [`key_named`] told.
pub fn in_key(key: Option<Key>, (tonic, mode): (u8, Mode)) -> bool {
    key.is_some_and(|key| (key.tonic, key.mode) == (tonic, mode))
}

/// A key by its name: `C major`, `F# minor`, `Bb major`.
pub fn key_named(text: &str) -> Option<(u8, Mode)> {
    let mut words = text.split_whitespace();
    let (tonic, mode, None) = (words.next()?, words.next()?, words.next()) else { return None };
    let mode = match mode.to_ascii_lowercase().as_str() {
        "major" => Mode::Major,
        "minor" => Mode::Minor,
        _ => return None,
    };
    let letter = tonic.chars().next()?.to_ascii_uppercase();
    let natural = "C.D.EF.G.A.B".find(letter).filter(|_| letter != '.')?;
    let by = match &tonic[letter.len_utf8()..] {
        "" => 0,
        "#" => 1,
        "b" | "-" => 11,
        _ => return None,
    };
    Some((((natural + by) % 12) as u8, mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_to_its_relative_or_to_the_same_tonic() {
        for tonic in 0..12u8 {
            for mode in [Mode::Major, Mode::Minor] {
                let key = Key { tonic, mode, fit: 1.0 };
                for wanted in 0..12u8 {
                    for how in [KeyMove::Relative, KeyMove::Tonic] {
                        let by = how.by(key, wanted);
                        let relative = how == KeyMove::Relative && mode == Mode::Minor;
                        let expected = (i32::from(wanted) + if relative { 9 } else { 0 }) % 12;
                        assert!((-5..=6).contains(&by));
                        assert_eq!((i32::from(tonic) + by).rem_euclid(12), expected);
                    }
                }
            }
        }
    }

    #[test]
    fn octaves_by_the_mean_or_by_the_tonic() {
        assert_eq!(KeyMove::Relative.octaves(50.0, 0, 4), 1);
        assert_eq!(KeyMove::Relative.octaves(65.0, 0, 4), 0);
        // The F nearest to 70 is F4 (65), the B nearest to it B4 (71).
        assert_eq!((KeyMove::Tonic.octaves(70.0, 5, 3), KeyMove::Tonic.octaves(70.0, 11, 3)), (-1, -1));
        assert_eq!(KeyMove::Tonic.octaves(60.0, 0, 4), 0);
    }

    #[test]
    fn keys_are_named() {
        assert_eq!(key_named("C major"), Some((0, Mode::Major)));
        assert_eq!(key_named("f# minor"), Some((6, Mode::Minor)));
        assert_eq!(key_named("Bb  major"), Some((10, Mode::Major)));
        for wrong in ["", "C", "H major", "C dur", "C major x", ". minor", "é major"] {
            assert_eq!(key_named(wrong), None, "{wrong}");
        }
        let key = Key { tonic: 10, mode: Mode::Major, fit: 0.8 };
        assert!(in_key(Some(key), (10, Mode::Major)) && !in_key(Some(key), (10, Mode::Minor)));
        assert!(!in_key(None, (10, Mode::Major)));
    }
}
