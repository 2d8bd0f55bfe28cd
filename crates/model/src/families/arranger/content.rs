//! What of a phrase an arrangement keeps.

use phrase::{Key, Mode, PITCHES, Roll, RollNote, STEPS, chroma, skyline};

/// Steps of half a bar, the pace of harmony here.
const HALF: usize = 8;
const HALVES: usize = STEPS / HALF;

/// Features a step: melody sounding, melody onsets, harmony, bass, how many notes the phrase has.
pub const FEATURES: usize = 2 * PITCHES + 12 + 12 + 1;

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
}

impl Content {
    /// The content of `roll`, whose key should be C major or A minor (see [`tonic_shift`]).
    pub fn of(roll: &Roll) -> Self {
        let harmony = chroma(roll).map(|classes| {
            let longest = classes.iter().copied().fold(0.0, f32::max).max(1.0);
            classes.map(|cells| (cells / longest).sqrt())
        });
        let lowest = |half: usize| {
            let steps = half * HALF..(half + 1) * HALF;
            let first = roll.sounding[steps].iter().find(|&&bits| bits != 0)?;
            Some(first.trailing_zeros() as usize % 12)
        };
        Self {
            melody: skyline(roll).iter().map(|&note| note.into()).collect(),
            harmony,
            bass: std::array::from_fn(lowest),
            density: ((roll.notes().count() as f32 + 1.0) / 64.0).log2(),
        }
    }

    /// Writes the features, row-major `[64][FEATURES]`, into `out`, which must be zero.
    pub fn write(&self, out: &mut [f32]) {
        assert_eq!(out.len(), STEPS * FEATURES, "features of {STEPS} steps");
        for (i, note) in self.melody.iter().enumerate() {
            let next = self.melody.get(i + 1).map_or(STEPS, |next| next.start);
            let end = note.end.min(next).max(note.start + 1);
            for step in note.start..end {
                out[step * FEATURES + note.row] = 1.0;
            }
            out[note.start * FEATURES + PITCHES + note.row] = 1.0;
        }
        for (step, out) in out.chunks_exact_mut(FEATURES).enumerate() {
            let half = step / HALF;
            out[2 * PITCHES..2 * PITCHES + 12].copy_from_slice(&self.harmony[half]);
            if let Some(class) = self.bass[half] {
                out[2 * PITCHES + 12 + class] = 1.0;
            }
            out[FEATURES - 1] = self.density;
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
