//! Moving songs to one key or one octave, or into many: the appendix of many a tutorial, here on whole songs,
//! so that a song keeps its own modulations.
//!
//! Training moves phrases at random anyway; normalising pays where there are few songs, copies where the
//! phrases are exported to another program.

use phrase::symbols::KeyMove;
use phrase::{DRUM_CHANNEL, Key, LOWEST, PITCHES, Roll, Song};

/// Semitones in an octave.
const OCTAVE: i32 = 12;

/// The options' heading in the help text.
const HEADING: &str = "Keys and octaves";

/// How songs are moved.
#[derive(Clone, Debug, Default, PartialEq, clap::Args)]
pub struct Transposition {
    /// Moves every song to one key, by its estimated key and at most half an octave: `C` is C major, or its
    /// relative A minor for a song in minor. The papers keep every song's own key.
    #[arg(help_heading = HEADING, long, value_name = "TONIC", value_parser = tonic)]
    pub key: Option<u8>,
    /// Moves every song by whole octaves so that its mean pitch lies in this one; 4 begins with middle C
    /// (MIDI 60).
    #[arg(help_heading = HEADING, long, value_name = "OCTAVE",
        value_parser = clap::value_parser!(i32).range(0..=8))]
    pub octave: Option<i32>,
    /// Moves tonic to tonic, as a tutorial does: with --key a song in minor comes to that tonic's minor, and
    /// with --octave it is the tonic nearest to the mean pitch that comes to lie in the octave.
    #[arg(help_heading = HEADING, long)]
    pub by_tonic: bool,
    /// Writes each training song also moved by up to this many semitones either way; 6 is every key once.
    /// Training moves phrases at random by itself: this is for export.
    #[arg(help_heading = HEADING, long, value_name = "SEMITONES", default_value_t = 0,
        value_parser = clap::value_parser!(i32).range(0..=6))]
    pub copies: i32,
    /// Writes each training song also moved by up to this many octaves either way.
    #[arg(help_heading = HEADING, long, value_name = "OCTAVES", default_value_t = 0,
        value_parser = clap::value_parser!(i32).range(0..=3))]
    pub octave_copies: i32,
}

impl Transposition {
    /// By how many semitones music is moved whose pitches (0..=127) sound this long.
    pub fn shift(&self, lengths: &[f32; 128]) -> i32 {
        let mut by = 0;
        let how = if self.by_tonic { KeyMove::Tonic } else { KeyMove::Relative };
        let own = key(lengths);
        if let (Some(tonic), Some(key)) = (self.key, own) {
            by = how.by(key, tonic);
        }
        let total: f32 = lengths.iter().sum();
        if let Some(octave) = self.octave.filter(|_| total > 0.0) {
            let sum: f32 = lengths.iter().enumerate().map(|(pitch, length)| pitch as f32 * length).sum();
            let tonic = own.map_or(0, |key| (i32::from(key.tonic) + by).rem_euclid(OCTAVE) as u8);
            by += OCTAVE * how.octaves(sum / total + by as f32, tonic, octave);
        }
        by
    }

    /// The moves of the copies, without the song as it is.
    pub fn moves(&self) -> Vec<i32> {
        // Six semitones up and six down are the same key.
        let down = if self.copies == OCTAVE / 2 { 1 - self.copies } else { -self.copies };
        let octaves = -self.octave_copies..=self.octave_copies;
        let all = octaves.flat_map(|octave| (down..=self.copies).map(move |by| OCTAVE * octave + by));
        all.filter(|&by| by != 0).collect()
    }
}

/// A pitch class by its name: C, F#, Bb ...
fn tonic(text: &str) -> Result<u8, String> {
    let wrong = || format!("{text} is no tonic; write it as C, F# or Bb");
    let mut letters = text.chars();
    let letter = letters.next().map(|c| c.to_ascii_uppercase()).ok_or_else(wrong)?;
    let natural = "C.D.EF.G.A.B".find(letter).filter(|_| letter != '.').ok_or_else(wrong)?;
    let by = match letters.as_str() {
        "" => 0,
        "#" => 1,
        "b" => 11,
        _ => return Err(wrong()),
    };
    Ok(((natural + by) % 12) as u8)
}

/// The key of music whose pitches sound this long.
pub fn key(lengths: &[f32; 128]) -> Option<Key> {
    let mut classes = [0.0; 12];
    lengths.iter().enumerate().for_each(|(pitch, length)| classes[pitch % 12] += length);
    Key::of_lengths(&classes)
}

/// How long each pitch of a song sounds, without drums.
pub fn song_lengths(song: &Song) -> [f32; 128] {
    let mut lengths = [0.0; 128];
    for note in song.notes().filter(|note| note.channel != DRUM_CHANNEL) {
        lengths[usize::from(note.pitch & 127)] += note.length as f32;
    }
    lengths
}

/// How long each pitch of these rolls sounds.
pub fn roll_lengths(rolls: &[Roll]) -> [f32; 128] {
    let mut lengths = [0.0; 128];
    for roll in rolls {
        for row in 0..PITCHES {
            lengths[row + usize::from(LOWEST)] += Roll::column(&roll.sounding, row).count_ones() as f32;
        }
    }
    lengths
}

/// The song moved; drums stay, and notes that leave MIDI's pitches go.
pub fn moved_song(song: &Song, by: i32) -> Song {
    let mut song = song.clone();
    for track in &mut song.tracks {
        track.notes.retain_mut(|note| {
            let pitch =
                if note.channel == DRUM_CHANNEL { i32::from(note.pitch) } else { i32::from(note.pitch) + by };
            let inside = (0..128).contains(&pitch);
            note.pitch = pitch.clamp(0, 127) as u8;
            inside
        });
    }
    song
}

/// The roll moved; cells that leave it go.
pub fn moved_roll(roll: &Roll, by: i32) -> Roll {
    let rows = (1u128 << PITCHES) - 1;
    let move_by = |bits: u128| if by < 0 { bits >> -by } else { bits << by & rows };
    Roll { sounding: roll.sounding.map(move_by), onset: roll.onset.map(move_by) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A major scale on `tonic` (MIDI), its triad held longer; or the natural minor on its sixth degree.
    fn scale(tonic: usize, minor: bool) -> [f32; 128] {
        let mut lengths = [0.0; 128];
        for degree in [0, 2, 4, 5, 7, 9, 11] {
            let triad = if minor { [9, 0, 4] } else { [0, 4, 7] };
            lengths[tonic + degree] = if triad.contains(&degree) { 3.0 } else { 1.0 };
        }
        lengths[tonic + if minor { 9 } else { 0 }] += 2.0;
        lengths
    }

    #[test]
    fn tonics_have_names() {
        for (name, class) in [("C", 0), ("c", 0), ("F#", 6), ("Bb", 10), ("Cb", 11), ("B", 11)] {
            assert_eq!(tonic(name).unwrap(), class, "{name}");
        }
        for name in ["", "H", ".", "Cx", "C##"] {
            assert!(tonic(name).is_err(), "{name}");
        }
    }

    #[test]
    fn every_key_comes_to_the_wanted_one_and_every_octave() {
        for tonic in 48..60 {
            for minor in [false, true] {
                let lengths = scale(tonic, minor);
                let wanted = Transposition { key: Some(2), ..Transposition::default() };
                let by = wanted.shift(&lengths);
                assert!((-5..=6).contains(&by));
                assert_eq!((tonic as i32 + by).rem_euclid(12), 2, "{tonic} {minor}");
                let both = Transposition { octave: Some(5), ..wanted };
                let mean = |by: i32| {
                    let sum: f32 = lengths.iter().enumerate().map(|(p, l)| p as f32 * l).sum();
                    sum / lengths.iter().sum::<f32>() + by as f32
                };
                let by = both.shift(&lengths);
                assert_eq!((tonic as i32 + by).rem_euclid(12), 2);
                assert!((71.5..=83.5).contains(&mean(by)), "{}", mean(by));
            }
        }
        assert_eq!(
            Transposition { key: Some(2), octave: Some(3), ..Default::default() }.shift(&[0.0; 128]),
            0
        );
    }

    #[test]
    fn tonics_come_to_tonics_where_that_is_asked() {
        for minor in [false, true] {
            let lengths = scale(53, minor);
            let wanted = Transposition { key: Some(2), by_tonic: true, ..Transposition::default() };
            let tonic = 53 + if minor { 9 } else { 0 };
            assert_eq!((tonic + wanted.shift(&lengths)).rem_euclid(12), 2);
            // The tonic nearest to the mean of the scale (F3 or D4, not F4 or D3) comes to octave 5.
            let both = Transposition { octave: Some(5), ..wanted };
            let mean: f32 = lengths.iter().enumerate().map(|(p, l)| p as f32 * l).sum::<f32>()
                / lengths.iter().sum::<f32>();
            let near =
                [tonic - 12, tonic, tonic + 12].into_iter().min_by_key(|t| (*t as f32 - mean).abs() as i32);
            assert_eq!(near.unwrap() + both.shift(&lengths), 74, "D5");
        }
    }

    #[test]
    fn copies_are_every_key_once() {
        let moves =
            |copies, octave_copies| Transposition { copies, octave_copies, ..Default::default() }.moves();
        assert!(moves(0, 0).is_empty());
        assert_eq!(moves(2, 0), [-2, -1, 1, 2]);
        assert_eq!(moves(0, 1), [-12, 12]);
        let mut keys: Vec<_> = moves(6, 0).into_iter().chain([0]).map(|by| by.rem_euclid(12)).collect();
        keys.sort_unstable();
        assert_eq!(keys, (0..12).collect::<Vec<_>>());
        assert_eq!(moves(1, 1).len(), 8);
    }

    proptest! {
        #[test]
        fn a_roll_and_its_song_move_alike(pitches in prop::collection::vec(24u8..108, 1..40),
            by in -30i32..30) {
            let mut song = Song::new(120.0);
            let note = |(i, &pitch): (usize, &u8)| phrase::SongNote { pitch, channel: 0, velocity: 0.5,
                onset: i as f64, length: 1.0 };
            song.tracks.push(phrase::Track { notes: pitches.iter().enumerate().map(note).collect(),
                ..Default::default() });
            let options = phrase::CutOptions::whole();
            let roll = |song: &Song| phrase::cut(song,
                &options).rolls[..].first().copied().unwrap_or(Roll::EMPTY);
            prop_assert_eq!(moved_roll(&roll(&song), by), roll(&moved_song(&song, by)));
        }
    }
}
