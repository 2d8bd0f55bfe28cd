//! Windows that slide: what the plugin hears at a latency of less than four bars. Offline, but for
//! [`first_step`].

use crate::cut::piece;
use crate::{Phrase, STEPS, STEPS_PER_BAR, SongNote, TempoMap, nearest};

/// The first played step of a window whose newest `hop` steps (1..=64) are played: 0 for 64, 32 for 32, 48
/// for 16.
///
/// On a downbeat of the network's four bars, also where bars are not of 16 steps. Real-time safe.
pub fn first_step(hop: f64) -> usize {
    let room = (STEPS as f64 - hop).max(0.0);
    (room / STEPS_PER_BAR as f64).floor() as usize * STEPS_PER_BAR
}

/// The windows of notes that begin at step 0, as the plugin hears them from there: one ends every `hop` steps
/// (16, 32 or 64), and none looks behind the start. Up to the last one that still holds a note.
///
/// Notes across a border are split into tied pieces as by [`crate::cut`], whose phrases these are at 64.
/// Answer each with [`crate::realise`] from its [`first_step`] on, and [`crate::join_notes`] gives what the
/// plugin plays.
pub fn windows(notes: &[SongNote], tempo: &TempoMap, hop: usize) -> Vec<Phrase> {
    let hop = hop.clamp(1, STEPS);
    let first = first_step(hop as f64);
    let end = notes.iter().map(|note| note.end().max(note.onset + 1.0)).fold(0.0, f64::max);
    let mut windows = Vec::new();
    for line in (0..).map(|index| index * hop) {
        let start = line as i64 - first as i64;
        if start as f64 >= end {
            break;
        }
        let mut window = Phrase::new(start, tempo.bpm(line as f64));
        for note in notes.iter().filter(|note| nearest(note.onset) < (line + hop) as i64) {
            if let Some(piece) = piece(note, start) {
                window.push(piece);
            }
        }
        window.sort();
        windows.push(window);
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CutOptions, Song, Track, cut, join_notes, realise};

    fn song() -> Song {
        let mut song = Song::new(120.0);
        let note = |pitch, onset, length| SongNote { pitch, channel: 0, velocity: 0.5, onset, length };
        let notes = vec![
            note(60, 0.0, 4.0),
            note(62, 10.25, 90.0),
            note(64, 31.75, 2.0),
            note(65, 47.4, 0.5),
            note(67, 63.6, 5.0),
            note(60, 64.0, 64.0),
            note(72, 150.0, 3.0),
        ];
        song.end = 153.0;
        song.tracks.push(Track { notes, ..Track::default() });
        song
    }

    #[test]
    fn the_first_played_step_is_a_downbeat() {
        let of = [64.0, 56.0, 48.0, 36.0, 32.0, 24.0, 16.0, 12.0].map(first_step);
        assert_eq!(of, [0, 0, 16, 16, 32, 32, 48, 48]);
    }

    #[test]
    fn windows_of_four_bars_are_the_phrases_of_the_song() {
        let song = song();
        assert_eq!(
            windows(&song.tracks[0].notes, &song.tempo_map(), 64),
            cut(&song, &CutOptions::whole()).phrases
        );
    }

    #[test]
    fn unanswered_windows_join_to_the_song_at_every_latency() {
        let song = song();
        for hop in [64, 32, 16] {
            let first = first_step(hop as f64);
            let answers: Vec<_> = windows(&song.tracks[0].notes, &song.tempo_map(), hop)
                .iter()
                .map(|window| {
                    let mut out = Phrase::new(0, 0.0);
                    realise(window, &window.roll(), first, &mut out);
                    out
                })
                .collect();
            let mut expected = song.tracks[0].notes.clone();
            for note in &mut expected {
                // What is early for its line waits for it.
                let line = (note.onset / hop as f64).ceil() * hop as f64;
                if line - note.onset <= 0.5 {
                    note.length -= line - note.onset;
                    note.onset = line;
                }
            }
            let spans = |notes: &[SongNote]| {
                let mut spans: Vec<_> = notes.iter().map(|n| (n.onset, n.pitch, n.end())).collect();
                spans.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                spans
            };
            assert_eq!(spans(&join_notes(&answers, first)), spans(&expected), "{hop}");
        }
    }
}
