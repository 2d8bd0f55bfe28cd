//! Standard MIDI Files: songs in and out. Offline: uses the heap and the disk.

mod error;
mod read;
mod tempo;
mod write;

pub use error::MidiError;
pub use tempo::TempoMap;

use crate::{DRUM_CHANNEL, STEPS_PER_BEAT};

/// The largest file that is read, in bytes. Music never comes near; a mistaken path to something else does.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// The longest song that is read, in steps: 16,384 bars of 4/4, about nine hours at 120 BPM.
///
/// A few bytes of a broken file can announce a length of years; cutting that into phrases would fill the
/// memory.
pub const MAX_STEPS: f64 = (1u32 << 18) as f64;
/// The most notes of a song that is read.
pub const MAX_SONG_NOTES: usize = 1 << 20;

/// A song: what a MIDI file holds. All times are in steps of a 16th from the song's start.
#[derive(Clone, Debug, PartialEq)]
pub struct Song {
    /// Ticks in a quarter note when written, 1..=32767.
    pub ppq: u16,
    /// Tempo changes in order of time. Empty: 120 BPM.
    pub tempos: Vec<TempoChange>,
    /// Time signatures in order of time. Empty: unknown (4/4 by the MIDI standard).
    pub signatures: Vec<Signature>,
    /// The tracks, with those that hold no notes.
    pub tracks: Vec<Track>,
    /// The song's end: that of its longest track.
    pub end: f64,
}

/// A tempo from here on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TempoChange {
    /// When, in steps.
    pub at: f64,
    /// Quarter notes a minute.
    pub bpm: f64,
}

/// A time signature from here on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signature {
    /// When, in steps.
    pub at: f64,
    /// Beats in a bar.
    pub numerator: u8,
    /// What counts as a beat: 4 for a quarter. A power of two, at most 32,768.
    pub denominator: u16,
}

/// A track.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    /// Its name; empty where it has none.
    pub name: String,
    /// Its notes, sorted by onset, pitch, channel.
    pub notes: Vec<SongNote>,
    /// All its other events but tempo, signature, name and end, in the file's order: kept for writing.
    pub others: Vec<OtherEvent>,
}

/// A note of a song.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SongNote {
    /// MIDI pitch, 0..=127.
    pub pitch: u8,
    /// Channel, 0..=15.
    pub channel: u8,
    /// Velocity, 0..=1 (MIDI velocity / 127). The speed of release is not kept.
    pub velocity: f32,
    /// Start in steps from the song's start, with the file's own precision.
    pub onset: f64,
    /// Length in steps; 0 where the file lets go on the same tick.
    pub length: f64,
}

impl SongNote {
    /// Where the note ends, in steps.
    pub fn end(&self) -> f64 {
        self.onset + self.length
    }
}

/// An event that is not a note.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherEvent {
    /// When, in steps.
    pub at: f64,
    /// What.
    pub kind: OtherKind,
}

/// What an [`OtherEvent`] is. Channels are 0..=15, values MIDI's own, 0..=127 unless said otherwise.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields' names are MIDI's")]
pub enum OtherKind {
    /// A channel's instrument.
    Program { channel: u8, program: u8 },
    /// A controller.
    Controller { channel: u8, controller: u8, value: u8 },
    /// Pitch bend, 0..=16383 with 8192 at rest.
    Bend { channel: u8, value: u16 },
    /// Pressure on the channel.
    ChannelPressure { channel: u8, value: u8 },
    /// Pressure on one key.
    KeyPressure { channel: u8, pitch: u8, value: u8 },
    /// System exclusive data, without the leading `F0`.
    SysEx(Vec<u8>),
    /// Escaped bytes, without the leading `F7`.
    Escape(Vec<u8>),
    /// A meta event: lyrics, markers, key signatures ...
    Meta { kind: u8, data: Vec<u8> },
}

impl OtherKind {
    /// The channel of a channel event.
    pub fn channel(&self) -> Option<u8> {
        match *self {
            Self::Program { channel, .. }
            | Self::Controller { channel, .. }
            | Self::Bend { channel, .. }
            | Self::ChannelPressure { channel, .. }
            | Self::KeyPressure { channel, .. } => Some(channel),
            Self::SysEx(_) | Self::Escape(_) | Self::Meta { .. } => None,
        }
    }
}

impl Track {
    /// The first program that the track sets on a channel.
    pub fn program(&self, channel: u8) -> Option<u8> {
        self.others.iter().find_map(|event| match event.kind {
            OtherKind::Program { channel: c, program } if c == channel => Some(program),
            _ => None,
        })
    }

    /// Whether the track has notes and all are drums.
    pub fn is_drums(&self) -> bool {
        !self.notes.is_empty() && self.notes.iter().all(|note| note.channel == DRUM_CHANNEL)
    }

    /// Sorts the notes by onset, pitch, channel, as reading does.
    pub fn sort(&mut self) {
        self.notes.sort_by(|a, b| {
            let key = |n: &SongNote| (n.pitch, n.channel);
            a.onset.total_cmp(&b.onset).then(key(a).cmp(&key(b))).then(a.length.total_cmp(&b.length))
        });
    }
}

impl Song {
    /// A song of one tempo in 4/4 at 480 ticks a quarter, without tracks.
    pub fn new(bpm: f64) -> Self {
        Self {
            ppq: 480,
            tempos: vec![TempoChange { at: 0.0, bpm }],
            signatures: vec![Signature { at: 0.0, numerator: 4, denominator: 4 }],
            tracks: Vec::new(),
            end: 0.0,
        }
    }

    /// All notes of all tracks.
    pub fn notes(&self) -> impl Iterator<Item = &SongNote> {
        self.tracks.iter().flat_map(|track| &track.notes)
    }

    /// The song's tempo as a map between steps and seconds.
    pub fn tempo_map(&self) -> TempoMap {
        TempoMap::new(&self.tempos)
    }

    /// Ticks in a step.
    fn ticks_per_step(&self) -> f64 {
        f64::from(self.ppq.clamp(1, 0x7fff)) / STEPS_PER_BEAT as f64
    }
}
