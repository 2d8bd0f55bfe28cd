//! A SoundFont, played by the crate `rustysynth`.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use directories::BaseDirs;
use phrase::Song;
use rustysynth::{SoundFont, Synthesizer, SynthesizerSettings};

use crate::events::messages;
use crate::{RATE, Sound, SoundError, samples};

/// No SoundFont that people use is larger.
const LARGEST: u64 = 4 << 30;
/// Names a SoundFont, where no option does.
const VARIABLE: &str = "CONTRAFACT_SOUNDFONT";
/// Where systems keep theirs.
const USUAL: [&str; 8] = [
    "/usr/share/sounds/sf2/default-GM.sf2",
    "/usr/share/sounds/sf2/FluidR3_GM.sf2",
    "/usr/share/sounds/sf2/TimGM6mb.sf2",
    "/usr/share/soundfonts/default.sf2",
    "/usr/share/soundfonts/FluidR3_GM.sf2",
    "/usr/local/share/soundfonts/default.sf2",
    "/Library/Audio/Sounds/Banks/default.sf2",
    "C:\\soundfonts\\default.sf2",
];

/// A SoundFont that was read.
pub struct Font {
    path: PathBuf,
    font: Arc<SoundFont>,
}

impl Font {
    /// Reads a SoundFont 2 file.
    ///
    /// # Errors
    ///
    /// It is none, or cannot be read.
    pub fn read(path: &Path) -> Result<Self, SoundError> {
        let fault = |fault: String| SoundError::Font { path: path.to_owned(), fault };
        let bytes = phrase::read_regular(path, LARGEST).map_err(|error| fault(error.to_string()))?;
        let font = SoundFont::new(&mut bytes.as_slice()).map_err(|error| fault(error.to_string()))?;
        Ok(Self { path: path.to_owned(), font: Arc::new(font) })
    }

    /// The SoundFont that the user named in `CONTRAFACT_SOUNDFONT`, else one in the system's usual places.
    pub fn usual() -> Option<PathBuf> {
        if let Some(named) = env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
            return Some(named.into());
        }
        let own = BaseDirs::new().map(|dirs| dirs.data_dir().join("soundfonts").join("default.sf2"));
        own.into_iter().chain(USUAL.map(PathBuf::from)).find(|path| path.is_file())
    }

    /// Its name and file, for people.
    pub fn name(&self) -> String {
        format!("{} ({})", self.font.get_info().get_bank_name(), self.path.display())
    }

    /// See [`crate::Player::play`].
    pub(crate) fn play(&self, song: &Song) -> Result<Sound, SoundError> {
        let settings = SynthesizerSettings::new(RATE as i32);
        let mut synthesizer = Synthesizer::new(&self.font, &settings)
            .map_err(|error| SoundError::Font { path: self.path.clone(), fault: error.to_string() })?;
        let mut sound = Sound::silence(samples(song));
        let mut done = 0;
        for message in messages(song) {
            let until = message.at.min(sound.left.len());
            synthesizer.render(&mut sound.left[done..until], &mut sound.right[done..until]);
            done = until;
            let [channel, status, one, two] =
                [message.channel, message.status, message.data.0, message.data.1].map(i32::from);
            synthesizer.process_midi_message(channel, status, one, two);
        }
        synthesizer.render(&mut sound.left[done..], &mut sound.right[done..]);
        Ok(sound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_soundfont_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none.sf2");
        for bytes in
            [&b""[..], b"RIFF", b"RIFF\x04\0\0\0sfbk", b"RIFF\xff\xff\xff\x7fsfbkLIST\xff\xff\xff\x7fINFO"]
        {
            std::fs::write(&path, bytes).unwrap();
            let error = Font::read(&path).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("none.sf2") && error.contains("--plain"), "{error:?}");
        }
        assert!(Font::read(&folder.path().join("missing.sf2")).is_err());
    }
}
