//! What can go wrong, each in one sentence.

use std::path::PathBuf;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum SoundError {
    /// A SoundFont cannot be read.
    #[error("{path}: it cannot be read as a SoundFont ({fault}); give an .sf2 file, or --plain")]
    Font {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A sound cannot be written.
    #[error("{path}: the sound cannot be written ({fault}); free some room or give another place")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        fault: String,
    },
    /// A file's name ends in something that is no format of ours.
    #[error("{0}: a sound is written as .wav or .ogg; give a name that ends so")]
    Format(PathBuf),
    /// The system has nothing that plays sounds, or no device.
    #[error("the sound cannot be played here ({0}); write it with --audio and play it elsewhere")]
    Listen(String),
}
