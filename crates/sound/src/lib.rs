//! MIDI songs as sound: enough to hear an answer where there is no DAW.
//!
//! [`Player`] plays a [`phrase::Song`] through a SoundFont, or, where there is none, on a plain electric
//! piano and bass of our own. [`Sound`] is what comes out: it is written as WAV or Ogg Vorbis, or given to
//! the system to be heard. Nothing here is for real time, and the plugin uses none of it.

mod error;
mod events;
mod file;
mod font;
mod listen;
mod plain;

use phrase::Song;

pub use error::SoundError;
pub use font::Font;

/// Samples a second of all sounds.
pub const RATE: u32 = 44_100;
/// How long the last note may ring, in seconds.
const TAIL: f64 = 1.5;
/// The loudest sample of a sound that was levelled: -1 dB.
const PEAK: f32 = 0.891;

/// Stereo, [`RATE`] samples a second, -1..=1 once levelled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sound {
    /// The left channel.
    pub left: Vec<f32>,
    /// The right channel, of the same length.
    pub right: Vec<f32>,
}

impl Sound {
    /// Silence of so many samples.
    fn silence(samples: usize) -> Self {
        Self { left: vec![0.0; samples], right: vec![0.0; samples] }
    }

    /// Its length in seconds.
    pub fn seconds(&self) -> f64 {
        self.left.len() as f64 / f64::from(RATE)
    }

    /// The largest absolute sample.
    pub fn peak(&self) -> f32 {
        self.left.iter().chain(&self.right).fold(0.0, |peak, sample| sample.abs().max(peak))
    }

    /// Another sound after this one, with `pause` seconds between.
    #[must_use]
    pub fn then(mut self, other: &Self, pause: f64) -> Self {
        let samples = self.left.len() + (pause * f64::from(RATE)) as usize;
        for (side, after) in [(&mut self.left, &other.left), (&mut self.right, &other.right)] {
            side.resize(samples, 0.0);
            side.extend_from_slice(after);
        }
        self
    }

    /// As loud as it may be without clipping. Silence stays silence.
    #[must_use]
    pub fn levelled(mut self) -> Self {
        let peak = self.peak();
        if peak > 0.0 && peak.is_finite() {
            let gain = PEAK / peak;
            self.left.iter_mut().chain(&mut self.right).for_each(|sample| *sample *= gain);
        }
        self
    }
}

/// What plays songs.
pub enum Player {
    /// A SoundFont's instruments, by the song's programs.
    Font(Font),
    /// An electric piano, and a bass where the song has one. No drums.
    Plain,
}

impl Player {
    /// Plays a song from its first step to its last note's end and what rings after it; not levelled.
    ///
    /// # Errors
    ///
    /// The SoundFont cannot be played.
    pub fn play(&self, song: &Song) -> Result<Sound, SoundError> {
        match self {
            Self::Font(font) => font.play(song),
            Self::Plain => Ok(plain::play(song)),
        }
    }

    /// What it is, for people.
    pub fn name(&self) -> String {
        match self {
            Self::Font(font) => font.name(),
            Self::Plain => "the plain electric piano and bass".to_owned(),
        }
    }
}

/// The sample of a time in seconds.
fn sample(seconds: f64) -> usize {
    (seconds.max(0.0) * f64::from(RATE)).round() as usize
}

/// How many samples a song takes, with what rings after it.
fn samples(song: &Song) -> usize {
    let map = song.tempo_map();
    let end = song.notes().map(|note| map.seconds(note.end())).fold(0.0, f64::max);
    sample(end + TAIL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(length: usize) -> Sound {
        let side: Vec<_> = (0..length).map(|index| index as f32).collect();
        Sound { right: side.iter().map(|sample| -sample).collect(), left: side }
    }

    #[test]
    fn levelled_sounds_just_do_not_clip() {
        assert!((ramp(100).levelled().peak() - PEAK).abs() < 1e-6);
        assert_eq!(Sound::silence(10).levelled(), Sound::silence(10));
    }

    #[test]
    fn one_sound_after_another_keeps_both() {
        let both = ramp(10).then(&ramp(5), 2.0 / f64::from(RATE));
        assert_eq!(both.left.len(), 17);
        assert_eq!((both.left[9], both.left[10], both.left[16]), (9.0, 0.0, 4.0));
        assert_eq!(both.right.len(), 17);
    }
}
