//! A song as the dataset keeps it: its notes once, from which every view of its phrases is made.

use phrase::{DRUM_CHANNEL, Laid, Roll, STEPS, Section, Song, SongNote, TempoChange};

/// The velocity of notes that were read from cells, for who needs one.
const UNKNOWN_VELOCITY: f32 = 0.7;

/// A note of a song. Times are in steps from the song's start, with the file's own precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StoredNote {
    /// Start.
    pub onset: f64,
    /// Length.
    pub length: f64,
    /// MIDI pitch, 0..=127.
    pub pitch: u8,
    /// MIDI velocity, 1..=127; 0 where it is not known.
    pub velocity: u8,
    /// Channel, 0..=15.
    pub channel: u8,
    /// Its track in [`StoredSong::tracks`].
    pub track: u16,
}

/// Where a note is written and when it was played, in steps from the song's start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// On the grid.
    pub written: f64,
    /// By the player.
    pub played: f64,
}

/// A song that was cut into phrases.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredSong {
    /// Its file, from the genre's folder on.
    pub name: String,
    /// What it is a version of: a tune, a work.
    pub group: String,
    /// Names of its tracks, with those that were left out.
    pub tracks: Vec<String>,
    /// The notes that are used, track by track.
    pub notes: Vec<StoredNote>,
    /// Of each note, where a table beside the file tells it; else none.
    pub timing: Vec<Timing>,
    /// The stretches that were cut, each with a bar grid of its own.
    pub sections: Vec<Section>,
    /// Tempo changes in order of time, which make seconds of steps. Empty: not known.
    pub tempos: Vec<TempoChange>,
    /// It came as cells: velocities are not known, and no rule of cutting was applied to it.
    pub array: bool,
    /// It is no music of its genre but a pack's answer to another genre's song: see [`crate::practice`].
    pub answer: bool,
}

/// Where a phrase lies in its song.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// Its first step, counted from its section's start.
    pub start: u32,
    /// Which of [`StoredSong::sections`].
    pub section: u16,
    /// By how many semitones it is moved from what the song's notes say.
    pub by: i8,
}

impl StoredSong {
    /// The used notes of a song that was cut.
    pub fn new(name: String, group: String, song: &Song, laid: &Laid, timing: Vec<Timing>) -> Self {
        let note = |track: usize, note: &SongNote| StoredNote {
            onset: note.onset,
            length: note.length,
            pitch: note.pitch,
            velocity: (note.velocity * 127.0).round().clamp(1.0, 127.0) as u8,
            channel: note.channel,
            track: track as u16,
        };
        let of_track = |(track, notes)| -> Vec<StoredNote> {
            let notes: &Vec<SongNote> = notes;
            notes.iter().map(|one| note(track, one)).collect()
        };
        Self {
            name,
            group,
            tracks: song.tracks.iter().map(|track| track.name.clone()).collect(),
            notes: laid.tracks.iter().enumerate().flat_map(of_track).collect(),
            timing,
            sections: laid.sections.clone(),
            tempos: song.tempos.clone(),
            array: false,
            answer: false,
        }
    }

    /// Phrases of cells one after another, each unbroken run a note.
    pub fn of_rolls(name: String, group: String, rolls: &[Roll]) -> Self {
        let notes = rolls.iter().enumerate().flat_map(|(index, roll)| {
            let start = (index * STEPS) as f64;
            roll.notes().map(move |note| StoredNote {
                onset: start + note.start as f64,
                length: (note.end() - note.start) as f64,
                pitch: phrase::LOWEST + note.row as u8,
                velocity: 0,
                channel: 0,
                track: 0,
            })
        });
        Self {
            name,
            group,
            tracks: vec![String::new()],
            notes: notes.collect(),
            sections: vec![Section { start: 0.0, end: f64::INFINITY }],
            array: true,
            ..Self::default()
        }
    }

    /// The notes of each track, moved by `by` semitones; drums stay, and what leaves MIDI's pitches goes.
    pub fn moved(&self, by: i8) -> Vec<Vec<SongNote>> {
        let mut tracks = vec![Vec::new(); self.tracks.len()];
        for note in &self.notes {
            let by = if note.channel == DRUM_CHANNEL { 0 } else { i16::from(by) };
            let Ok(pitch @ 0..128) = u8::try_from(i16::from(note.pitch) + by) else { continue };
            let StoredNote { onset, length, channel, velocity, track, .. } = *note;
            let velocity = if velocity == 0 { UNKNOWN_VELOCITY } else { f32::from(velocity) / 127.0 };
            tracks[usize::from(track)].push(SongNote { pitch, channel, velocity, onset, length });
        }
        tracks
    }
}

/// A phrase in its song: what a [`super::view::View`] looks at.
#[derive(Clone, Copy, Debug)]
pub struct Excerpt<'a> {
    /// The song.
    pub song: &'a StoredSong,
    /// Where.
    pub at: At,
}

impl Excerpt<'_> {
    /// The song's tracks as the phrase has them: times from the section's start on, in the phrase's key.
    pub fn tracks(&self) -> Vec<Vec<SongNote>> {
        self.section().tracks(&self.song.moved(self.at.by))
    }

    /// The section that it lies in.
    pub fn section(&self) -> Section {
        self.song.sections[usize::from(self.at.section)]
    }
}
