//! Song -> bytes.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use midly::num::{u4, u7, u14, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, PitchBend, Smf, Timing, TrackEvent, TrackEventKind};

use super::{MidiError, OtherKind, Song, Track};

/// The longest wait that an event can say, in ticks.
const MAX_DELTA: u64 = (1 << 28) - 1;

impl Song {
    /// Writes the song as a MIDI file, replacing what was there.
    ///
    /// The file appears whole or not at all: it is written beside its place and then moved, so that a failure
    /// never destroys what was there.
    ///
    /// # Errors
    /// Where the folder cannot be written to, or the song is more than a MIDI file can hold.
    pub fn write(&self, path: &Path) -> Result<(), MidiError> {
        let name = path.display().to_string();
        let bytes = self.bytes(&name)?;
        replace(path, &bytes).map_err(|error| MidiError::Write { name, error })
    }

    /// The song as the bytes of a MIDI file: format 0 for one track, else 1, tempo and signatures in the
    /// first.
    ///
    /// Times are rounded to the song's ticks. On one tick notes end before others start.
    ///
    /// # Errors
    /// Where the song is more than a MIDI file can hold (over 65,535 tracks).
    pub fn to_bytes(&self) -> Result<Vec<u8>, MidiError> {
        self.bytes("the song")
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, MidiError> {
        let format = if self.tracks.len() > 1 { Format::Parallel } else { Format::SingleTrack };
        let mut smf = Smf::new(Header::new(format, Timing::Metrical(u15::new(self.ppq.clamp(1, 0x7fff)))));
        let empty = Track::default();
        let tracks = if self.tracks.is_empty() { std::slice::from_ref(&empty) } else { &self.tracks };
        smf.tracks.extend(tracks.iter().enumerate().map(|(index, track)| self.events(track, index == 0)));
        let mut bytes = Vec::new();
        smf.write_std(&mut bytes)
            .map_err(|error| MidiError::TooMuch { name: name.to_owned(), fault: error.to_string() })?;
        Ok(bytes)
    }

    /// A track's events with their waits.
    fn events<'a>(&'a self, track: &'a Track, first: bool) -> Vec<TrackEvent<'a>> {
        // In order of tick, then of rank: within a tick notes end, settings change, notes start, empty notes
        // end.
        let mut events: Vec<(u64, u8, TrackEventKind)> = Vec::new();
        if !track.name.is_empty() {
            events.push((0, 0, TrackEventKind::Meta(MetaMessage::TrackName(track.name.as_bytes()))));
        }
        if first {
            for signature in &self.signatures {
                let power = signature.denominator.max(1).ilog2() as u8;
                let meta = MetaMessage::TimeSignature(signature.numerator, power, 24, 8);
                events.push((self.tick(signature.at), 0, TrackEventKind::Meta(meta)));
            }
            for tempo in self.tempos.iter().filter(|t| t.bpm > 0.0) {
                let micros = (60e6 / tempo.bpm).round().clamp(1.0, f64::from(u24::max_value().as_int()));
                let meta = MetaMessage::Tempo(u24::new(micros as u32));
                events.push((self.tick(tempo.at), 0, TrackEventKind::Meta(meta)));
            }
        }
        events.extend(track.others.iter().map(|event| (self.tick(event.at), 2, other(&event.kind))));
        for note in &track.notes {
            let (on, off) = (self.tick(note.onset), self.tick(note.end()));
            let key = u7::new(note.pitch & 0x7f);
            let vel = u7::new((note.velocity * 127.0).round().clamp(1.0, 127.0) as u8);
            let channel = u4::new(note.channel & 0xf);
            let midi = |message| TrackEventKind::Midi { channel, message };
            events.push((on, 3, midi(MidiMessage::NoteOn { key, vel })));
            let rank = if off > on { 1 } else { 4 };
            events.push((off.max(on), rank, midi(MidiMessage::NoteOff { key, vel: u7::new(64) })));
        }
        events.sort_by_key(|&(tick, rank, _)| (tick, rank));
        events.push((self.tick(self.end), 5, TrackEventKind::Meta(MetaMessage::EndOfTrack)));

        let mut written = Vec::with_capacity(events.len());
        let mut now = 0;
        for (tick, _, kind) in events {
            let mut wait = tick.saturating_sub(now);
            now = now.max(tick);
            while wait > MAX_DELTA {
                let pause = TrackEventKind::Meta(MetaMessage::Text(b""));
                written.push(TrackEvent { delta: u28::new(MAX_DELTA as u32), kind: pause });
                wait -= MAX_DELTA;
            }
            written.push(TrackEvent { delta: u28::new(wait as u32), kind });
        }
        written
    }

    /// The nearest tick of a step; what is before the start or no number is on it.
    fn tick(&self, step: f64) -> u64 {
        // A song of 2^40 ticks is nothing that a file can hold anyway; the bound keeps the filling above
        // short.
        (step * self.ticks_per_step()).round().clamp(0.0, (1u64 << 40) as f64) as u64
    }
}

fn other(kind: &OtherKind) -> TrackEventKind<'_> {
    let seven = |value: u8| u7::new(value & 0x7f);
    let message = match *kind {
        OtherKind::Program { program, .. } => MidiMessage::ProgramChange { program: seven(program) },
        OtherKind::Controller { controller, value, .. } => {
            MidiMessage::Controller { controller: seven(controller), value: seven(value) }
        }
        OtherKind::Bend { value, .. } => MidiMessage::PitchBend { bend: PitchBend(u14::new(value & 0x3fff)) },
        OtherKind::ChannelPressure { value, .. } => MidiMessage::ChannelAftertouch { vel: seven(value) },
        OtherKind::KeyPressure { pitch, value, .. } => {
            MidiMessage::Aftertouch { key: seven(pitch), vel: seven(value) }
        }
        OtherKind::SysEx(ref data) => return TrackEventKind::SysEx(data),
        OtherKind::Escape(ref data) => return TrackEventKind::Escape(data),
        OtherKind::Meta { kind, ref data } => return TrackEventKind::Meta(MetaMessage::Unknown(kind, data)),
    };
    TrackEventKind::Midi { channel: u4::new(kind.channel().unwrap_or(0) & 0xf), message }
}

/// Writes a file whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Some(file_name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
    };
    let mut beside = std::ffi::OsString::from(".");
    beside.push(file_name);
    beside.push(format!(".{}-{}.part", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    let beside = path.with_file_name(beside);
    let result = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    if result.is_err() {
        // Nothing better is to be done where even that fails.
        let _ = fs::remove_file(&beside);
    }
    result
}
