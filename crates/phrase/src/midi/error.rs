//! What can be wrong with a MIDI file: one sentence each, with the file, the fault and the remedy.

use std::io;

use thiserror::Error;

use super::{MAX_FILE_BYTES, MAX_SONG_NOTES, MAX_STEPS};
use crate::STEPS_PER_BAR;

/// Why a MIDI file was not read or written.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the messages say it; every `name` is the file's")]
pub enum MidiError {
    #[error("cannot read {name}: {error}; check that the file is there and that you may read it")]
    Read { name: String, error: io::Error },
    #[error("cannot write {name}: {error}; check that the folder is there, may be written to and has room")]
    Write { name: String, error: io::Error },
    #[error("{name} is empty; choose a file that holds MIDI")]
    Empty { name: String },
    #[error("{name} is larger than {} MiB, which no song is; choose a MIDI file", MAX_FILE_BYTES >> 20)]
    TooBig { name: String },
    #[error("{name} is not a MIDI file (it does not begin with MThd); choose a Standard MIDI File (.mid)")]
    NotMidi { name: String },
    #[error("{name} is cut off; copy or export it again")]
    Truncated { name: String },
    #[error("{name} is damaged: {fault}; export it again from its program")]
    Broken { name: String, fault: String },
    #[error("{name} holds no track; export it again with its music")]
    NoTracks { name: String },
    #[error("{name} is a MIDI file of format {format}, not 0 or 1; save it as format 1")]
    Format { name: String, format: u16 },
    #[error("{name} counts time in SMPTE frames, not in beats; save it with ticks per quarter note")]
    Smpte { name: String },
    #[error("{name} says that a quarter note has 0 ticks, so that nothing has a time; export it again")]
    NoTicks { name: String },
    #[error("{name} lasts longer than {} bars; cut it into shorter songs",
        MAX_STEPS as usize / STEPS_PER_BAR)]
    TooLong { name: String },
    #[error("{name} holds more than {MAX_SONG_NOTES} notes; cut it into shorter songs")]
    TooManyNotes { name: String },
    #[error("{name} cannot be a MIDI file: {fault}; leave something out")]
    TooMuch { name: String, fault: String },
}
