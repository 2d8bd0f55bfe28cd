//! Sounds as files: WAV, or Ogg Vorbis where they are to be small.

use std::fs::File;
use std::io::{self, Write};
use std::num::{NonZeroU8, NonZeroU32};
use std::path::Path;

use hound::{SampleFormat, WavSpec, WavWriter};
use tempfile::NamedTempFile;
use vorbis_rs::{VorbisBitrateManagementStrategy, VorbisEncoderBuilder};

use crate::{RATE, Sound, SoundError};

/// Vorbis' quality, -0.2..=1: about 96 kbit/s for a piano.
const QUALITY: f32 = 0.2;
/// The number of an Ogg file's stream: always the same, so that a sound has always the same bytes.
const SERIAL: i32 = 1;
/// Samples that are encoded at once.
const BLOCK: usize = 4096;

impl Sound {
    /// Writes a file, WAV (16 bits) or Ogg Vorbis by its name's end. It appears whole or not at all.
    ///
    /// # Errors
    ///
    /// The name ends otherwise, or the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), SoundError> {
        let ends = |end: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(end));
        let encode = if ends("wav") {
            Self::wav
        } else if ends("ogg") {
            Self::ogg
        } else {
            return Err(SoundError::Format(path.to_owned()));
        };
        let fault = |error: io::Error| SoundError::Write { path: path.to_owned(), fault: error.to_string() };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut part = NamedTempFile::new_in(folder).map_err(fault)?;
        encode(self, part.as_file_mut()).map_err(fault)?;
        make_readable(part.as_file()).map_err(fault)?;
        part.persist(path).map_err(|error| fault(error.error))?;
        Ok(())
    }

    fn wav(&self, to: &mut File) -> io::Result<()> {
        let spec =
            WavSpec { channels: 2, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let other = |error: hound::Error| io::Error::other(error.to_string());
        let mut writer = WavWriter::new(io::BufWriter::new(to), spec).map_err(other)?;
        for (left, right) in self.left.iter().zip(&self.right) {
            for sample in [left, right] {
                let word = (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16;
                writer.write_sample(word).map_err(other)?;
            }
        }
        writer.finalize().map_err(other)
    }

    fn ogg(&self, to: &mut File) -> io::Result<()> {
        let other = |error: vorbis_rs::VorbisError| io::Error::other(error.to_string());
        let (Some(rate), Some(channels)) = (NonZeroU32::new(RATE), NonZeroU8::new(2)) else {
            return Err(io::Error::other("a sound without samples or channels"));
        };
        let strategy = VorbisBitrateManagementStrategy::QualityVbr { target_quality: QUALITY };
        let mut encoder =
            VorbisEncoderBuilder::new_with_serial(rate, channels, io::BufWriter::new(to), SERIAL)
                .bitrate_management_strategy(strategy)
                .build()
                .map_err(other)?;
        for (left, right) in self.left.chunks(BLOCK).zip(self.right.chunks(BLOCK)) {
            encoder.encode_audio_block([left, right]).map_err(other)?;
        }
        encoder.finish().map_err(other)?.flush()
    }
}

/// As files usually are: temporary ones are their owner's alone.
#[cfg(unix)]
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(seconds: f64) -> Sound {
        let side: Vec<f32> = (0..(seconds * f64::from(RATE)) as usize)
            .map(|at| (at as f32 * 440.0 * std::f32::consts::TAU / RATE as f32).sin() * 0.5)
            .collect();
        Sound { left: side.clone(), right: side }
    }

    #[test]
    fn a_wav_has_the_samples_that_went_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tone.WAV");
        tone(0.5).write(&path).unwrap();
        let mut read = hound::WavReader::open(&path).unwrap();
        assert_eq!((read.spec().channels, read.spec().sample_rate), (2, RATE));
        let samples: Vec<f32> =
            read.samples::<i16>().map(|word| f32::from(word.unwrap()) / f32::from(i16::MAX)).collect();
        let expected = tone(0.5);
        assert_eq!(samples.len(), 2 * expected.left.len());
        assert!(samples.iter().step_by(2).zip(&expected.left).all(|(a, b)| (a - b).abs() < 1e-4));
    }

    #[test]
    fn an_ogg_has_the_sound_in_time_and_always_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tone.ogg");
        let sound = tone(1.0).then(&tone(1.0), 0.5);
        sound.write(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        sound.write(&path).unwrap();
        assert_eq!(bytes, std::fs::read(&path).unwrap());
        let mut decoder = vorbis_rs::VorbisDecoder::<&[u8]>::new(bytes.as_slice()).unwrap();
        let mut left = Vec::new();
        while let Some(block) = decoder.decode_audio_block().unwrap() {
            left.extend_from_slice(block.samples()[0]);
        }
        assert_eq!(left.len(), sound.left.len());
        let loud = |from: f64, to: f64| {
            let part = &left[(from * f64::from(RATE)) as usize..(to * f64::from(RATE)) as usize];
            (part.iter().map(|sample| sample * sample).sum::<f32>() / part.len() as f32).sqrt()
        };
        assert!((loud(0.1, 0.9) - 0.354).abs() < 0.02 && (loud(1.6, 2.4) - 0.354).abs() < 0.02);
        assert!(loud(1.1, 1.4) < 0.01, "the pause is silent");
    }

    #[test]
    fn other_names_are_refused_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let error = tone(0.1).write(&folder.path().join("tone.mp3")).unwrap_err().to_string();
        assert!(error.contains(".wav or .ogg"), "{error}");
        assert!(tone(0.1).write(&folder.path().join("no folder/tone.wav")).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
