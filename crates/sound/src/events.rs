//! A song as MIDI messages in time.

use phrase::{OtherKind, Song};

use crate::sample;

/// A channel message, with the data bytes that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// When, in samples.
    pub at: usize,
    /// 0..=15.
    pub channel: u8,
    /// Its status without the channel: 0x80, 0x90 and so on.
    pub status: u8,
    /// Its data bytes.
    pub data: (u8, u8),
}

/// All of a song's, in time; where some meet, ends of notes come first and starts last.
pub fn messages(song: &Song) -> Vec<Message> {
    let map = song.tempo_map();
    let at = |step: f64| sample(map.seconds(step));
    let mut messages = Vec::new();
    for track in &song.tracks {
        for note in &track.notes {
            let (start, channel) = (at(note.onset), note.channel);
            let end = at(note.end()).max(start + 1);
            let velocity = (note.velocity * 127.0).round().clamp(1.0, 127.0) as u8;
            messages.push(Message { at: start, channel, status: 0x90, data: (note.pitch, velocity) });
            messages.push(Message { at: end, channel, status: 0x80, data: (note.pitch, 0) });
        }
        for other in &track.others {
            let (channel, status, data) = match other.kind {
                OtherKind::Program { channel, program } => (channel, 0xC0, (program, 0)),
                OtherKind::Controller { channel, controller, value } => (channel, 0xB0, (controller, value)),
                OtherKind::Bend { channel, value } => {
                    (channel, 0xE0, ((value & 0x7f) as u8, (value >> 7) as u8 & 0x7f))
                }
                _ => continue,
            };
            messages.push(Message { at: at(other.at), channel, status, data });
        }
    }
    // Stable: what a track says at one time stays in its order.
    let rank = |status: u8| match status {
        0x80 => 0,
        0x90 => 2,
        _ => 1,
    };
    messages.sort_by_key(|message| (message.at, rank(message.status)));
    messages
}

#[cfg(test)]
mod tests {
    use phrase::{OtherEvent, SongNote, Track};

    use super::*;

    #[test]
    fn programs_come_before_the_notes_that_they_are_for() {
        let mut song = Song::new(120.0);
        let note = |onset| SongNote { pitch: 60, channel: 2, velocity: 1.0, onset, length: 4.0 };
        let program = OtherEvent { at: 4.0, kind: OtherKind::Program { channel: 2, program: 7 } };
        song.tracks.push(Track {
            name: String::new(),
            notes: vec![note(0.0), note(4.0)],
            others: vec![program],
        });
        let half = 22_050;
        let all: Vec<_> =
            messages(&song).iter().map(|message| (message.at, message.status, message.data.1)).collect();
        let expected =
            [(0, 0x90, 127), (half, 0x80, 0), (half, 0xC0, 0), (half, 0x90, 127), (2 * half, 0x80, 0)];
        assert_eq!(all, expected);
    }
}
