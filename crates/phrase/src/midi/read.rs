//! Bytes -> song.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::Path;

use midly::{EventIter, MetaMessage, MidiMessage, TrackEventKind};

use super::{
    MAX_FILE_BYTES, MAX_SONG_NOTES, MAX_STEPS, MidiError, OtherEvent, OtherKind, Signature, Song, SongNote,
    TempoChange, Track,
};
use crate::{STEPS_PER_BEAT, read_regular};

const MICROS_PER_MINUTE: f64 = 60e6;

impl Song {
    /// Reads a MIDI file.
    ///
    /// Notes are paired within their track, first in first out: where a key is struck again before it was let
    /// go, the first note-off ends the first note. Notes that are never let go end with their track. Stray
    /// note-offs, tempos of zero and whatever follows the last track are passed over.
    ///
    /// # Errors
    /// What cannot be opened, is no regular file, is over 64 MiB, cut off, damaged, of format 2 or in SMPTE
    /// time, or absurdly long, in one sentence that names the file.
    pub fn read(path: &Path) -> Result<Self, MidiError> {
        let name = path.display().to_string();
        let bytes = read_regular(path, MAX_FILE_BYTES).map_err(|error| match error.kind() {
            ErrorKind::FileTooLarge => MidiError::TooBig { name: name.clone() },
            _ => MidiError::Read { name: name.clone(), error },
        })?;
        Self::from_bytes(&name, &bytes)
    }

    /// Reads a MIDI file's bytes; `name` is what errors call it. See [`Song::read`].
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, MidiError> {
        let (ppq, chunks) = chunks(name, bytes)?;
        let mut reader = Reader {
            name,
            ppq,
            notes: 0,
            open: vec![VecDeque::new(); 16 * 128],
            song: Song {
                ppq,
                tempos: vec![],
                signatures: vec![],
                tracks: Vec::with_capacity(chunks.len()),
                end: 0.0,
            },
        };
        for chunk in chunks {
            reader.track(chunk)?;
        }
        let mut song = reader.song;
        // Stable: of several changes at one time the last one counts, as it is written.
        song.tempos.sort_by(|a, b| a.at.total_cmp(&b.at));
        song.signatures.sort_by(|a, b| a.at.total_cmp(&b.at));
        Ok(song)
    }
}

/// The ticks of a quarter and the bytes of every track.
fn chunks<'a>(name: &str, bytes: &'a [u8]) -> Result<(u16, Vec<&'a [u8]>), MidiError> {
    let name = || name.to_owned();
    let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    if bytes.is_empty() {
        return Err(MidiError::Empty { name: name() });
    }
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(MidiError::TooBig { name: name() });
    }
    if !bytes.starts_with(b"MThd") {
        return Err(MidiError::NotMidi { name: name() });
    }
    let Some((header, mut rest)) = split_chunk(&bytes[4..]) else {
        return Err(MidiError::Truncated { name: name() });
    };
    if header.len() < 6 {
        return Err(MidiError::Broken { name: name(), fault: "its header is too short".to_owned() });
    }
    let (format, announced, division) = (word(8), word(10), word(12));
    match (format, division) {
        (2.., _) => return Err(MidiError::Format { name: name(), format }),
        (_, 0x8000..) => return Err(MidiError::Smpte { name: name() }),
        (_, 0) => return Err(MidiError::NoTicks { name: name() }),
        _ => {}
    }
    let mut tracks = Vec::new();
    while rest.len() >= 8 {
        let is_track = rest.starts_with(b"MTrk");
        let Some((chunk, after)) = split_chunk(&rest[4..]) else {
            if !is_track && tracks.len() >= usize::from(announced) {
                break; // Rubbish after the music.
            }
            return Err(MidiError::Truncated { name: name() });
        };
        if is_track {
            tracks.push(chunk);
        }
        rest = after;
    }
    if tracks.len() < usize::from(announced) {
        return Err(MidiError::Truncated { name: name() });
    }
    if tracks.is_empty() {
        return Err(MidiError::NoTracks { name: name() });
    }
    if tracks.len() > usize::from(u16::MAX) {
        return Err(MidiError::Broken { name: name(), fault: "it has more than 65535 tracks".to_owned() });
    }
    Ok((division, tracks))
}

/// The data of a chunk whose length comes first, and what follows it.
fn split_chunk(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

struct Reader<'a> {
    name: &'a str,
    ppq: u16,
    notes: usize,
    /// For every channel and key the sounding notes of the track, as indices, the oldest first.
    open: Vec<VecDeque<usize>>,
    song: Song,
}

impl Reader<'_> {
    fn track(&mut self, chunk: &[u8]) -> Result<(), MidiError> {
        let mut track = Track::default();
        let mut events = EventIter::new(chunk).bytemapped();
        let (mut tick, mut at) = (0u64, 0.0);
        loop {
            let unread = events.unread();
            let (bytes, event) = match events.next() {
                Some(Ok(event)) => event,
                // midly stops without a word at what it cannot read.
                _ if !unread.is_empty() => return Err(self.broken()),
                _ => break,
            };
            tick += u64::from(event.delta.as_int());
            at = tick as f64 * STEPS_PER_BEAT as f64 / f64::from(self.ppq);
            if at > MAX_STEPS {
                return Err(MidiError::TooLong { name: self.name.to_owned() });
            }
            match event.kind {
                TrackEventKind::Meta(MetaMessage::EndOfTrack) => break,
                TrackEventKind::Midi { channel, message } => {
                    self.message(&mut track, at, channel.as_int(), message)?;
                }
                TrackEventKind::Meta(meta) => {
                    let (kind, data) = bytes
                        .get(1)
                        .and_then(|&kind| Some((kind, payload(&bytes[2..])?)))
                        .ok_or_else(|| self.broken())?;
                    self.meta(&mut track, at, meta, kind, data);
                }
                TrackEventKind::SysEx(_) | TrackEventKind::Escape(_) => {
                    let data = payload(&bytes[1..]).ok_or_else(|| self.broken())?.to_vec();
                    let kind =
                        if bytes[0] == 0xf0 { OtherKind::SysEx(data) } else { OtherKind::Escape(data) };
                    track.others.push(OtherEvent { at, kind });
                }
            }
        }
        for index in self.open.iter_mut().flat_map(|open| open.drain(..)) {
            let note = &mut track.notes[index];
            note.length = at - note.onset;
        }
        track.sort();
        self.song.end = self.song.end.max(at);
        self.song.tracks.push(track);
        Ok(())
    }

    fn message(
        &mut self,
        track: &mut Track,
        at: f64,
        channel: u8,
        message: MidiMessage,
    ) -> Result<(), MidiError> {
        let key = |pitch: u8| usize::from(channel) * 128 + usize::from(pitch);
        let kind = match message {
            MidiMessage::NoteOn { key: pitch, vel } if vel > 0 => {
                self.notes += 1;
                if self.notes > MAX_SONG_NOTES {
                    return Err(MidiError::TooManyNotes { name: self.name.to_owned() });
                }
                let pitch = pitch.as_int();
                self.open[key(pitch)].push_back(track.notes.len());
                let velocity = f32::from(vel.as_int()) / 127.0;
                track.notes.push(SongNote { pitch, channel, velocity, onset: at, length: 0.0 });
                return Ok(());
            }
            MidiMessage::NoteOn { key: pitch, .. } | MidiMessage::NoteOff { key: pitch, .. } => {
                if let Some(index) = self.open[key(pitch.as_int())].pop_front() {
                    let note = &mut track.notes[index];
                    note.length = at - note.onset;
                }
                return Ok(());
            }
            MidiMessage::Aftertouch { key, vel } => {
                OtherKind::KeyPressure { channel, pitch: key.as_int(), value: vel.as_int() }
            }
            MidiMessage::Controller { controller, value } => {
                OtherKind::Controller { channel, controller: controller.as_int(), value: value.as_int() }
            }
            MidiMessage::ProgramChange { program } => {
                OtherKind::Program { channel, program: program.as_int() }
            }
            MidiMessage::ChannelAftertouch { vel } => {
                OtherKind::ChannelPressure { channel, value: vel.as_int() }
            }
            MidiMessage::PitchBend { bend } => OtherKind::Bend { channel, value: bend.0.as_int() },
        };
        track.others.push(OtherEvent { at, kind });
        Ok(())
    }

    fn meta(&mut self, track: &mut Track, at: f64, meta: MetaMessage, kind: u8, data: &[u8]) {
        match meta {
            MetaMessage::Tempo(micros) => {
                if micros > 0 {
                    let bpm = MICROS_PER_MINUTE / f64::from(micros.as_int());
                    self.song.tempos.push(TempoChange { at, bpm });
                }
            }
            MetaMessage::TimeSignature(numerator, power, ..) => {
                let denominator = 1 << power.min(15);
                self.song.signatures.push(Signature { at, numerator, denominator });
            }
            MetaMessage::TrackName(bytes) if track.name.is_empty() => track.name = text(bytes),
            _ => track.others.push(OtherEvent { at, kind: OtherKind::Meta { kind, data: data.to_vec() } }),
        }
    }

    fn broken(&self) -> MidiError {
        let fault = format!("track {} has an event that cannot be read", self.song.tracks.len() + 1);
        MidiError::Broken { name: self.name.to_owned(), fault }
    }
}

/// What follows a variable-length length, where all of it is there (midly takes what is left).
fn payload(bytes: &[u8]) -> Option<&[u8]> {
    let head = bytes.iter().take(4).take_while(|&&byte| byte & 0x80 != 0).count() + 1;
    let (head, data) = bytes.split_at_checked(head.min(4))?;
    let length = head.iter().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7f));
    (data.len() == length).then_some(data)
}

/// A name as text: UTF-8, or Latin-1 where it is not that.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}
