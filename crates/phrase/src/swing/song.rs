//! Whole songs made straight. Offline.

use super::{OffBeats, Swing, bent};
use crate::{STEPS, STEPS_PER_BEAT, Song, SongNote, nearest};

/// How near to a third of the beat an onset lies that was written there, as a share of the beat.
const WRITTEN: f64 = 0.012;
/// Beats with nothing between the beats but their second third, that a track needs to count as one that writes swing so.
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

/// Makes a song straight, four bars at a time, as a live plugin hears it: by their own swing, or where that is in doubt by
/// that of the whole song.
///
/// Scores of swung music mix straight eighths with triplets, of which they often write the first and the last alone. In a track
/// that does so (at least four such beats, and half as many as other beats in triplets) the last third of a beat in triplets is
/// its second eighth, and the second third its second 16th. Other triplets stay as they are. Notes keep their order.
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
    for track in &mut straight.song.tracks {
        let ternary = ternary(&track.notes);
        straight.ternary += ternary.iter().filter(|ternary| **ternary).count();
        let moved = |step: f64| {
            let beat = beat(step);
            let swung = swings.get(beat * STEPS_PER_BEAT / STEPS).map_or(0.5, |swing| swing.ratio);
            bent(step, if ternary.get(beat) == Some(&true) { THIRDS } else { swung }, 0.5)
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

/// Which beats of a track are triplets that mean swing.
fn ternary(notes: &[SongNote]) -> Vec<bool> {
    let mut thirds: Vec<[bool; 3]> =
        vec![[false; 3]; notes.iter().map(|note| beat(note.onset) + 1).max().unwrap_or(0)];
    for note in notes {
        let place = (note.onset / STEPS_PER_BEAT as f64).fract();
        let near = |line: f64| (place - line).abs() <= WRITTEN;
        if !near(0.0) && !near(1.0) {
            let kind = if near(1.0 / 3.0) {
                0
            } else if near(THIRDS) {
                1
            } else {
                2
            };
            thirds[beat(note.onset)][kind] = true;
        }
    }
    let is = |[first, second, other]: [bool; 3]| (first || second) && !other;
    let (alone, more): (Vec<[bool; 3]>, Vec<[bool; 3]>) =
        thirds.iter().copied().filter(|thirds| is(*thirds)).partition(|[first, ..]| !first);
    if alone.len() < LEAST || 2 * alone.len() < more.len() {
        return Vec::new();
    }
    thirds.into_iter().map(is).collect()
}
