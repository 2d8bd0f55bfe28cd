//! How an accompaniment is made: where in the bar it strikes, how many voices, how long, how high. What an
//! arranger chooses once and holds for a phrase.

use phrase::{BASS_BELOW, Roll, STEPS_PER_BAR, STEPS_PER_BEAT, bass, skyline};
use serde::{Deserialize, Serialize};

use crate::SLOTS;

/// Numbers of a [`Texture`].
pub const TEXTURE: usize = 2 * STEPS_PER_BAR + 7;

/// Textures that a pack knows of each genre.
pub const TEXTURES: usize = 128;

/// The texture of a phrase: for each 16th of the bar the share of bars in which an inner voice, and in which
/// the bass is struck; voices a stroke; lengths and pitches of both; bars that have them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Texture(pub [f32; TEXTURE]);

/// Where the mean pitches stand, inner voices and bass.
const PITCH: [usize; 2] = [2 * STEPS_PER_BAR + 3, 2 * STEPS_PER_BAR + 4];

/// The row of C3, from which mean pitches are counted.
const C3: i32 = 24;

impl Texture {
    /// The texture of what accompanies a roll's melody.
    pub fn of(roll: &Roll) -> Self {
        let (melody, low) = (skyline(roll), bass(roll));
        let mut all = [Voice::default(), Voice::default()];
        for note in roll.notes().filter(|note| !melody.contains(note)) {
            let is_bass = note.pitch() < BASS_BELOW && low.contains(&note);
            all[usize::from(is_bass)].add(note.start, note.row, note.length, note.tied_in);
        }
        let mut numbers = [0.0; TEXTURE];
        for (voice, profile) in all.iter().zip(numbers.chunks_exact_mut(STEPS_PER_BAR)) {
            for (step, share) in profile.iter_mut().enumerate() {
                *share = voice.struck.iter().filter(|bar| **bar >> step & 1 == 1).count() as f32 / 4.0;
            }
        }
        let [inner, bass] = &all;
        let strokes: u32 = inner.struck.iter().map(|bar| bar.count_ones()).sum();
        let per = |sum: f32, count: f32| if count > 0.0 { sum / count } else { 0.0 };
        let rest = [
            per(inner.count, strokes as f32) / 4.0,
            per(inner.lengths, inner.count) / 4.0,
            per(bass.lengths, bass.count) / 4.0,
            per(inner.rows, inner.count),
            per(bass.rows, bass.count),
            inner.bars(),
            bass.bars(),
        ];
        numbers[2 * STEPS_PER_BAR..].copy_from_slice(&rest);
        Self(numbers)
    }

    /// How often inner voices and the bass are struck on a 16th of the bar, as a share of the bars.
    pub(super) fn strikes(&self, step: usize) -> [f32; 2] {
        [self.0[step], self.0[STEPS_PER_BAR + step]]
    }

    /// The mean rows of inner voices and bass.
    pub(super) fn rows(&self) -> [i32; 2] {
        PITCH.map(|pitch| C3 + (12.0 * self.0[pitch]).round() as i32)
    }

    /// The same in a roll that was moved `by` rows down.
    pub fn shifted(mut self, by: i32) -> Self {
        let bars = [TEXTURE - 2, TEXTURE - 1];
        for (pitch, bars) in PITCH.into_iter().zip(bars) {
            self.0[pitch] -= if self.0[bars] > 0.0 { by as f32 / 12.0 } else { 0.0 };
        }
        self
    }
}

/// Which textures answers are given, by target genre. All, in packs that were made without it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Drawn {
    /// The least share of beats on which the bass is struck, from 0 to 1: a jazz bass walks.
    pub walks: [f32; SLOTS],
    /// The least strokes a bar of the inner voices, at most 16.
    pub strokes: [f32; SLOTS],
}

impl Drawn {
    /// Whether `genre` is played in a texture.
    pub fn takes(&self, texture: &Texture, genre: usize) -> bool {
        let beats: f32 =
            (0..STEPS_PER_BAR).step_by(STEPS_PER_BEAT).map(|beat| texture.strikes(beat)[1]).sum();
        let strokes: f32 = texture.0[..STEPS_PER_BAR].iter().sum();
        let walks = beats / (STEPS_PER_BAR / STEPS_PER_BEAT) as f32;
        // Not asked, every texture is one: `strikes` of a pack may be any number.
        let asked = |found: f32, least: f32| least == 0.0 || found >= least;
        asked(walks, self.walks[genre]) && asked(strokes, self.strokes[genre])
    }

    pub(super) fn is_usable(&self) -> bool {
        self.walks.iter().all(|share| (0.0..=1.0).contains(share))
            && self.strokes.iter().all(|strokes| (0.0..=STEPS_PER_BAR as f32).contains(strokes))
    }
}

/// Inner voices, or the bass, added up.
#[derive(Clone, Debug, Default)]
struct Voice {
    /// Steps on which a note is struck, by bar.
    struck: [u16; 4],
    count: f32,
    /// Logarithms of lengths in steps.
    lengths: f32,
    /// Octaves over C3.
    rows: f32,
}

impl Voice {
    fn add(&mut self, start: usize, row: usize, length: usize, tied_in: bool) {
        if !tied_in {
            self.struck[start / STEPS_PER_BAR] |= 1 << (start % STEPS_PER_BAR);
        }
        self.count += 1.0;
        self.lengths += (length as f32).log2();
        self.rows += (row as f32 - C3 as f32) / 12.0;
    }

    fn bars(&self) -> f32 {
        self.struck.iter().filter(|bar| **bar != 0).count() as f32 / 4.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A held tune over chords on the off-beats and a bass on one and three.
    fn pop() -> Roll {
        Roll::from_cells(|step, row| match row {
            55 => true,
            46 | 42 => step % 4 == 2,
            12 => step % 8 < 4,
            _ => false,
        })
    }

    #[test]
    fn a_texture_says_where_and_how_is_struck() {
        let Texture(numbers) = Texture::of(&pop());
        for step in 0..16 {
            assert_eq!(numbers[step], f32::from(u8::from(step % 4 == 2)), "chords on step {step}");
            assert_eq!(numbers[16 + step], f32::from(u8::from(step % 8 == 0)), "bass on step {step}");
        }
        let rest = &numbers[32..];
        assert_eq!(
            (rest[0], rest[1], rest[2]),
            (0.5, 0.0, 0.5),
            "two voices a stroke, a step and four steps long"
        );
        assert!((rest[3] - 20.0 / 12.0).abs() < 1e-6 && (rest[4] + 1.0).abs() < 1e-6);
        assert_eq!((rest[5], rest[6]), (1.0, 1.0));
        let texture = Texture(numbers);
        assert_eq!((texture.strikes(2), texture.strikes(8)), ([1.0, 0.0], [0.0, 1.0]));
        assert_eq!(texture.rows(), [44, 12]);
    }

    #[test]
    fn a_genre_that_walks_is_not_played_in_two() {
        let drawn = |walks, strokes| Drawn { walks: [walks; SLOTS], strokes: [strokes; SLOTS] };
        let in_two = Texture::of(&pop());
        assert!(Drawn::default().takes(&in_two, 0) && drawn(0.5, 4.0).takes(&in_two, 0));
        assert!(!drawn(0.75, 0.0).takes(&in_two, 0), "the bass is struck on one and three");
        assert!(!drawn(0.0, 4.5).takes(&in_two, 0), "four chords a bar");
        assert!(
            drawn(1.0, 16.0).is_usable() && !drawn(1.1, 0.0).is_usable() && !drawn(0.0, f32::NAN).is_usable()
        );
    }

    #[test]
    fn moving_the_roll_moves_the_pitches_only() {
        let moved = super::super::shifted(&pop(), 5);
        let (there, here) = (Texture::of(&moved), Texture::of(&pop()).shifted(5));
        assert!(there.0.iter().zip(&here.0).all(|(a, b)| (a - b).abs() < 1e-5), "{there:?} {here:?}");
        assert_eq!(Texture::of(&Roll::EMPTY), Texture::of(&Roll::EMPTY).shifted(3));
    }
}
