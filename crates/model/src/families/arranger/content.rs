//! What of a phrase an arrangement keeps.

use phrase::{Key, Mode, PITCHES, Roll, RollNote, STEPS, chroma, skyline};

use super::chord::Chord;
use super::texture::{TEXTURE, Texture};

/// Steps of half a bar, the pace of harmony here.
pub(super) const HALF: usize = 8;
/// Half bars of a phrase.
pub const HALVES: usize = STEPS / HALF;

/// Features a step of the first edition: melody sounding, melody onsets, harmony, bass, how many notes the
/// phrase has.
pub const FEATURES: usize = 2 * PITCHES + 12 + 12 + 1;

/// Features that the second edition adds: how exactly the harmony is told, the texture, and whether one is
/// told.
pub const MORE: usize = 2 + TEXTURE + 1;

/// How exactly the writer is told a half bar's harmony. The less it is told, the more is the genre's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// How much each pitch class sounds: the chord stays what it is.
    #[default]
    Classes,
    /// Its triad: sevenths, ninths and passing chords are the genre's own.
    Triad,
    /// Its root.
    Root,
}

impl Detail {
    /// How exactly a half bar is told where the genre may recolour the harmony so far, given a chance; both
    /// from 0 to 1. At 0 all classes, at 0.5 all triads, at 1 all roots.
    pub fn of(harmony: f32, chance: f32) -> Self {
        if chance < 2.0 * harmony - 1.0 {
            Self::Root
        } else if chance < 2.0 * harmony {
            Self::Triad
        } else {
            Self::Classes
        }
    }
}

/// A note of the melody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MelodyNote {
    /// Its first step.
    pub start: usize,
    /// Its row in the roll.
    pub row: usize,
    /// The step after its last.
    pub end: usize,
}

impl From<RollNote> for MelodyNote {
    fn from(note: RollNote) -> Self {
        Self { start: note.start, row: note.row, end: note.end() }
    }
}

/// Melody, harmony, bass and density of a phrase: all that an arrangement in another genre is told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// The skyline's notes, in order.
    pub melody: Vec<MelodyNote>,
    /// How much each pitch class sounds in each half bar, from 0 to 1: the root of its share of the longest.
    pub harmony: [[f32; 12]; HALVES],
    /// The pitch class of the first bass note that sounds in each half bar.
    pub bass: [Option<usize>; HALVES],
    /// How many notes the phrase has, in octaves (factors of two) over 64.
    pub density: f32,
    /// Each half bar's chord.
    pub chords: [Option<Chord>; HALVES],
    /// How exactly each half bar's harmony is told. Second edition.
    pub detail: [Detail; HALVES],
    /// How it is accompanied, where that is told. Second edition.
    pub texture: Option<Texture>,
}

impl Content {
    /// The content of `roll`, whose key should be C major or A minor (see [`tonic_shift`]).
    pub fn of(roll: &Roll) -> Self {
        let sounding = chroma(roll);
        let harmony = sounding.map(|classes| {
            let longest = classes.iter().copied().fold(0.0, f32::max).max(1.0);
            classes.map(|cells| (cells / longest).sqrt())
        });
        let lowest = |half: usize| {
            let steps = half * HALF..(half + 1) * HALF;
            let first = roll.sounding[steps].iter().find(|&&bits| bits != 0)?;
            Some(first.trailing_zeros() as usize % 12)
        };
        let bass = std::array::from_fn(lowest);
        Self {
            melody: skyline(roll).iter().map(|&note| note.into()).collect(),
            harmony,
            bass,
            density: ((roll.notes().count() as f32 + 1.0) / 64.0).log2(),
            chords: std::array::from_fn(|half| Chord::of(&sounding[half], bass[half])),
            detail: [Detail::Classes; HALVES],
            texture: None,
        }
    }

    /// What is told of a half bar's harmony.
    fn told(&self, half: usize) -> [f32; 12] {
        let mut classes = [0.0; 12];
        match (self.detail[half], self.chords[half]) {
            (Detail::Classes, _) | (_, None) => return self.harmony[half],
            (Detail::Triad, Some(chord)) => {
                chord.classes().into_iter().for_each(|class| classes[class] = 1.0)
            }
            (Detail::Root, Some(chord)) => classes[chord.root] = 1.0,
        }
        classes
    }

    /// Writes the features, row-major `[64][features]`, into `out`, which must be zero: [`FEATURES`] a step,
    /// or as many and [`MORE`].
    pub fn write(&self, out: &mut [f32]) {
        let features = out.len() / STEPS;
        assert!(features == FEATURES || features == FEATURES + MORE, "{features} features of {STEPS} steps");
        for (i, note) in self.melody.iter().enumerate() {
            let next = self.melody.get(i + 1).map_or(STEPS, |next| next.start);
            let end = note.end.min(next).max(note.start + 1);
            for step in note.start..end {
                out[step * features + note.row] = 1.0;
            }
            out[note.start * features + PITCHES + note.row] = 1.0;
        }
        for (step, out) in out.chunks_exact_mut(features).enumerate() {
            let half = step / HALF;
            out[2 * PITCHES..2 * PITCHES + 12].copy_from_slice(&self.told(half));
            if let Some(class) = self.bass[half] {
                out[2 * PITCHES + 12 + class] = 1.0;
            }
            out[FEATURES - 1] = self.density;
            if let [classes, triad, texture @ .., told] = &mut out[FEATURES..] {
                *classes = f32::from(self.detail[half] == Detail::Classes);
                *triad = f32::from(self.detail[half] == Detail::Triad);
                if let Some(Texture(numbers)) = &self.texture {
                    texture.copy_from_slice(numbers);
                    *told = 1.0;
                }
            }
        }
    }
}

/// How many rows to move `roll` down so that its key, where it has one, becomes C major or A minor: -5 to 6.
/// One key is easier to learn than twelve.
pub fn tonic_shift(roll: &Roll) -> i32 {
    let tonic =
        Key::of(roll).map_or(0, |key| i32::from(key.tonic) + if key.mode == Mode::Minor { 3 } else { 0 });
    (tonic + 5).rem_euclid(12) - 5
}

/// The pitch classes of `roll`'s key once it was moved by [`tonic_shift`], one bit each: those of C major,
/// with G sharp where it is A minor. All, where it has no key.
pub fn scale(roll: &Roll) -> u16 {
    const C_MAJOR: u16 = 0b1010_1011_0101;
    Key::of(roll).map_or(0xfff, |key| if key.mode == Mode::Minor { C_MAJOR | 1 << 8 } else { C_MAJOR })
}

/// `roll` moved `by` rows down; what leaves it is lost.
pub fn shifted(roll: &Roll, by: i32) -> Roll {
    let rows = (1u128 << PITCHES) - 1;
    let moved = |bits: u128| if by < 0 { bits << -by & rows } else { bits >> by };
    Roll { sounding: roll.sounding.map(moved), onset: roll.onset.map(moved) }
}
