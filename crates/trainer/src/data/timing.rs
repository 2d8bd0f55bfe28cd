//! When a song's notes were really played: a table beside its file.
//!
//! `X.csv` beside `X.mid` with the columns `grid_beats`, `true_beats` and `pitch` (others are ignored), a row
//! a note. The file's own onsets are either.

use std::path::Path;

use phrase::{STEPS_PER_BEAT, SongNote};
use serde::Deserialize;

use super::song::Timing;

/// How far a note may lie from what its row says, in steps: files count in ticks, tables in decimals.
const NEAR: f64 = 0.05;

#[derive(Deserialize)]
struct Row {
    grid_beats: f64,
    true_beats: f64,
    pitch: u8,
}

/// The timing of each note of `tracks`, track by track, as the table beside `file` tells it; the notes were
/// moved by `shift` semitones. Nothing without a table of these columns, or where it does not tell it of
/// every note: then it is a table of something else.
pub fn beside(file: &Path, tracks: &[Vec<SongNote>], shift: i32) -> Vec<Timing> {
    let Ok(mut table) = csv::Reader::from_path(file.with_extension("csv")) else { return Vec::new() };
    let Ok(rows) = table.deserialize().collect::<Result<Vec<Row>, _>>() else { return Vec::new() };
    of(&rows, tracks, shift).unwrap_or_default()
}

fn of(rows: &[Row], tracks: &[Vec<SongNote>], shift: i32) -> Option<Vec<Timing>> {
    let steps = |beats: f64| beats * STEPS_PER_BEAT as f64;
    let mut free: Vec<Vec<Timing>> = vec![Vec::new(); 128];
    for row in rows {
        let timing = Timing { written: steps(row.grid_beats), played: steps(row.true_beats) };
        free.get_mut(usize::from(row.pitch)).filter(|_| timing.written.is_finite())?.push(timing);
    }
    let away = |timing: &Timing, note: &SongNote| {
        (timing.played - note.onset).abs().min((timing.written - note.onset).abs())
    };
    let mut found = Vec::new();
    for note in tracks.iter().flatten() {
        let free = free.get_mut(usize::try_from(i32::from(note.pitch) - shift).ok()?)?;
        let nearest =
            (0..free.len()).min_by(|&a, &b| away(&free[a], note).total_cmp(&away(&free[b], note)))?;
        let timing = free.swap_remove(nearest);
        if away(&timing, note) > NEAR || !timing.played.is_finite() {
            return None;
        }
        found.push(timing);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(pitch: u8, onset: f64) -> SongNote {
        SongNote { pitch, channel: 0, velocity: 0.5, onset, length: 1.0 }
    }

    #[test]
    fn every_note_finds_its_row_or_none_does() {
        let row = |grid_beats, true_beats, pitch| Row { grid_beats, true_beats, pitch };
        let rows = [row(0.0, 0.0127, 65), row(1.0, 1.0213, 63), row(1.0, 1.1, 65)];
        let timing = of(&rows, &[vec![note(65, 0.05), note(63, 4.083)], vec![note(65, 4.4)]], 0).unwrap();
        assert_eq!(timing[2], Timing { written: 4.0, played: 4.4 });
        // A file that has the written onsets, two semitones up.
        assert_eq!(of(&rows, &[vec![note(67, 4.0)]], 2).unwrap()[0].played, 4.4);
        assert_eq!(of(&rows, &[vec![note(64, 4.0)]], 0), None, "a pitch that has no row");
        assert_eq!(of(&rows, &[vec![note(63, 4.5)]], 0), None, "too far away");
        assert_eq!(of(&rows, &[vec![note(63, 4.0), note(63, 4.0)]], 0), None, "a row is one note's");
    }
}
