//! Whole songs made straight. Offline.

use super::{OffBeats, Swing, bent};
use crate::{STEPS, STEPS_PER_BEAT, Song, SongNote, nearest};

/// How near to a third of the beat an onset lies that was written there, as a share of the beat.
const WRITTEN: f64 = 0.012;
/// Beats with nothing between the beats but their second third, that a song needs to count as one that writes
/// swing so.
const LEAST: usize = 4;
/// What such beats swing by.
const THIRDS: f64 = 2.0 / 3.0;

/// A song in straight time.
#[derive(Clone, Debug)]
pub struct Straightened {
    /// The song, its notes' onsets and ends moved; all else as it was.
    pub song: Song,
    /// Phrases (64 steps from the song's start) in which notes start.
    pub phrases: usize,
    /// Those of them that were swung.
    pub swung: usize,
    /// Beats in triplets that were read as swung, of all tracks.
    pub ternary: usize,
}

/// Makes a song straight, four bars at a time, as a live plugin hears it: by their own swing, or where that
/// is in doubt by that of the whole song.
///
/// Scores of swung music mix straight eighths with triplets, of which they often write the first and the last
/// alone. In a song that does so (at least four such beats, and half as many as other beats in triplets,
/// track by track) the last third of a beat in triplets is its second eighth, and the second third its second
/// 16th. Other triplets stay as they are. Notes keep their order.
pub fn straightened(song: &Song) -> Straightened {
    let mut onsets: Vec<f64> = song.notes().map(|note| note.onset).collect();
    onsets.sort_by(f64::total_cmp);
    let mut heard = vec![OffBeats::default(); onsets.last().map_or(0, |last| phrase(*last) + 1)];
    let mut phrases = 0;
    for onsets in onsets.chunk_by(|a, b| phrase(*a) == phrase(*b)) {
        heard[phrase(onsets[0])].hear(onsets.iter().copied());
        phrases += 1;
    }
    let mut all = OffBeats::default();
    heard.iter().for_each(|heard| all.add(heard));
    let all = all.swing();
    let own = |heard: &OffBeats| {
        let own = heard.swing();
        if own.is_swung() { own } else { all }
    };
    let swings: Vec<Swing> = heard.iter().map(own).collect();

    let mut straight = Straightened {
        song: song.clone(),
        phrases,
        swung: swings.iter().filter(|s| s.is_swung()).count(),
        ternary: 0,
    };
    let thirds: Vec<Vec<Thirds>> = song.tracks.iter().map(|track| thirds(&track.notes)).collect();
    let meant = means_swing(&thirds);
    for (track, thirds) in straight.song.tracks.iter_mut().zip(&thirds) {
        let ternary = |beat: usize| meant && thirds.get(beat).is_some_and(Thirds::are_all);
        straight.ternary += (0..thirds.len()).filter(|beat| ternary(*beat)).count();
        let moved = |step: f64| {
            let beat = beat(step);
            let swung = swings.get(beat * STEPS_PER_BEAT / STEPS).map_or(0.5, |swing| swing.ratio);
            bent(step, if ternary(beat) { THIRDS } else { swung }, 0.5)
        };
        for note in &mut track.notes {
            let (onset, end) = (moved(note.onset), moved(note.end()));
            // To the last bit where nothing moves.
            if onset != note.onset || end != note.end() {
                (note.onset, note.length) = (onset, (end - onset).max(0.0));
            }
        }
    }
    straight
}

fn phrase(step: f64) -> usize {
    nearest(step).max(0) as usize / STEPS
}

fn beat(step: f64) -> usize {
    (step / STEPS_PER_BEAT as f64).floor().max(0.0) as usize
}

/// Where a track's notes start between two beats.
#[derive(Clone, Copy, Default)]
struct Thirds {
    first: bool,
    second: bool,
    other: bool,
}

impl Thirds {
    /// Whether they start on thirds alone.
    fn are_all(&self) -> bool {
        (self.first || self.second) && !self.other
    }
}

/// Those of every beat of a track.
fn thirds(notes: &[SongNote]) -> Vec<Thirds> {
    let beats = notes.iter().map(|note| beat(note.onset) + 1).max().unwrap_or(0);
    let mut thirds = vec![Thirds::default(); beats];
    for note in notes {
        let place = (note.onset / STEPS_PER_BEAT as f64).fract();
        let near = |line: f64| (place - line).abs() <= WRITTEN;
        let beat = &mut thirds[beat(note.onset)];
        if near(1.0 / 3.0) {
            beat.first = true;
        } else if near(THIRDS) {
            beat.second = true;
        } else if !near(0.0) && !near(1.0) {
            beat.other = true;
        }
    }
    thirds
}

/// Whether a song's triplets mean swing. A beat whose first third any track has is a triplet like any other.
fn means_swing(tracks: &[Vec<Thirds>]) -> bool {
    let beats = tracks.iter().map(Vec::len).max().unwrap_or(0);
    let any = |beat: usize, of: fn(&Thirds) -> bool| {
        tracks.iter().any(|track| track.get(beat).is_some_and(|thirds| thirds.are_all() && of(thirds)))
    };
    let first = (0..beats).filter(|&beat| any(beat, |thirds| thirds.first)).count();
    let all = (0..beats).filter(|&beat| any(beat, |_| true)).count();
    let alone = all - first;
    alone >= LEAST && 2 * alone >= first
}
