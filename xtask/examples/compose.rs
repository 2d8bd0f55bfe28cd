//! Composes `examples/harvest-road.mid`: an own piece to try the plugin on.
//! `cargo run -p xtask --example compose`.
//!
//! 32 bars in G, 4/4 at 100 BPM, AABA: tune, strummed chords, bass and drums on tracks of their own. The
//! small unevenness of timing and loudness is written out by a formula, so that the file is the same each
//! time.

use std::path::Path;

use phrase::{MidiError, OtherEvent, OtherKind, Song, SongNote, Track};

/// A bar of the tune: pitch (0 for a rest) and length in quarter notes.
type Bar = &'static [(u8, f64)];

const VERSE: [Bar; 8] = [
    &[(71, 1.0), (74, 1.0), (71, 0.5), (69, 0.5), (67, 1.0)],
    &[(67, 1.5), (69, 0.5), (71, 2.0)],
    &[(72, 1.0), (76, 1.0), (74, 0.5), (72, 0.5), (71, 1.0)],
    &[(69, 3.0), (71, 0.5), (72, 0.5)],
    &[(74, 1.0), (74, 0.5), (71, 0.5), (67, 1.0), (71, 1.0)],
    &[(76, 1.5), (74, 0.5), (71, 2.0)],
    &[(72, 0.5), (71, 0.5), (69, 1.0), (69, 0.5), (71, 0.5), (66, 1.0)],
    &[(67, 3.0), (0, 1.0)],
];

const VERSE_CHORDS: [&[&str]; 8] = [&["G"], &["Em"], &["C"], &["D"], &["G"], &["Em"], &["Am", "D"], &["G"]];

const BRIDGE: [Bar; 8] = [
    &[(76, 1.5), (74, 0.5), (72, 1.0), (76, 1.0)],
    &[(74, 3.0), (71, 1.0)],
    &[(72, 1.0), (72, 0.5), (71, 0.5), (69, 1.0), (72, 1.0)],
    &[(71, 3.0), (0, 1.0)],
    &[(76, 1.0), (76, 0.5), (78, 0.5), (79, 1.0), (76, 1.0)],
    &[(74, 1.5), (71, 0.5), (67, 2.0)],
    &[(69, 0.5), (73, 0.5), (76, 1.0), (79, 1.0), (76, 1.0)],
    &[(78, 2.0), (74, 1.0), (72, 1.0)],
];

const BRIDGE_CHORDS: [&[&str]; 8] = [&["C"], &["G"], &["Am"], &["Em"], &["C"], &["G"], &["A7"], &["D"]];

/// The bars that the second and the last verse have otherwise: number and tune.
const SECOND: [(usize, Bar); 2] = [
    (3, &[(69, 2.0), (74, 1.0), (72, 1.0)]),
    (6, &[(72, 1.0), (76, 1.0), (74, 0.5), (72, 0.5), (69, 0.5), (66, 0.5)]),
];
const LAST: [(usize, Bar); 3] = [
    (2, &[(72, 1.0), (79, 1.0), (78, 0.5), (76, 0.5), (74, 1.0)]),
    (6, &[(72, 0.5), (71, 0.5), (69, 1.0), (74, 1.0), (66, 1.0)]),
    (7, &[(67, 4.0)]),
];

/// A chord's bass note and its voicing.
fn chord(name: &str) -> (u8, [u8; 4]) {
    match name {
        "G" => (43, [55, 59, 62, 67]),
        "Em" => (40, [55, 59, 64, 67]),
        "C" => (36, [55, 60, 64, 67]),
        "D" => (38, [54, 57, 62, 66]),
        "Am" => (45, [57, 60, 64, 69]),
        _ => (45, [55, 57, 61, 64]),
    }
}

/// Uneven as a hand is: -1..=1, from a number alone.
fn sway(index: usize) -> f64 {
    let stirred = (index as u32).wrapping_mul(2_654_435_761).rotate_left(13).wrapping_mul(2_246_822_519);
    f64::from(stirred >> 16) / 32_767.5 - 1.0
}

struct Part {
    channel: u8,
    notes: Vec<SongNote>,
}

impl Part {
    /// A note at a beat of the song, `loose` steps early or late at most.
    fn play(&mut self, pitch: u8, beat: f64, beats: f64, velocity: f64, loose: f64) {
        let index = self.notes.len() + 97 * usize::from(self.channel);
        let onset = (4.0 * beat + loose * sway(index)).max(0.0);
        let velocity = (velocity + 0.05 * sway(index + 31)) as f32;
        self.notes.push(SongNote { pitch, channel: self.channel, velocity, onset, length: 4.0 * beats });
    }

    fn track(self, name: &str, program: u8) -> Track {
        let kind = OtherKind::Program { channel: self.channel, program };
        let mut track =
            Track { name: name.into(), notes: self.notes, others: vec![OtherEvent { at: 0.0, kind }] };
        track.sort();
        track
    }
}

fn main() -> Result<(), MidiError> {
    let verse = |changes: &[(usize, Bar)]| {
        let mut bars = VERSE;
        changes.iter().for_each(|&(bar, tune)| bars[bar] = tune);
        bars
    };
    let sections = [
        (verse(&[]), VERSE_CHORDS),
        (verse(&SECOND), VERSE_CHORDS),
        (BRIDGE, BRIDGE_CHORDS),
        (verse(&LAST), VERSE_CHORDS),
    ];
    let [mut tune, mut chords, mut bass, mut drums] =
        [0, 1, 2, 9].map(|channel| Part { channel, notes: Vec::new() });
    let bars = sections.iter().flat_map(|(tune, chords)| tune.iter().zip(chords));
    for (bar, (melody, names)) in bars.enumerate() {
        let at = 4.0 * bar as f64;
        let last = bar == 31;
        let mut beat = at;
        for &(pitch, beats) in *melody {
            if pitch > 0 {
                let accent = if beat == at { 0.08 } else { 0.0 };
                tune.play(pitch, beat, 0.93 * beats, 0.72 + accent, 0.06);
            }
            beat += beats;
        }
        let share = 4.0 / names.len() as f64;
        for (index, name) in names.iter().enumerate() {
            let (root, voicing) = chord(name);
            let from = at + share * index as f64;
            let strums: &[(f64, f64)] = match (last, names.len()) {
                (true, _) => &[(0.0, 4.0)],
                (_, 1) => &[(0.0, 1.5), (1.5, 0.5), (2.0, 1.0), (3.0, 0.5), (3.5, 0.5)],
                _ => &[(0.0, 1.0), (1.0, 1.0)],
            };
            for &(offset, beats) in strums {
                for (string, pitch) in voicing.into_iter().enumerate() {
                    // A strum runs over the strings in 30 ms.
                    let late = 0.02 * string as f64;
                    chords.play(pitch, from + offset + late, 0.9 * beats - late, 0.5, 0.03);
                }
            }
            let fifth = if root < 41 { root + 7 } else { root - 5 };
            match (last, names.len()) {
                (true, _) => bass.play(root, from, 4.0, 0.75, 0.04),
                (_, 1) => {
                    bass.play(root, from, 1.4, 0.75, 0.04);
                    bass.play(root, from + 1.5, 0.45, 0.6, 0.04);
                    bass.play(fifth, from + 2.0, 1.8, 0.7, 0.04);
                }
                _ => bass.play(root, from, 1.9, 0.75, 0.04),
            }
        }
        if bar % 8 == 0 {
            drums.play(49, at, 1.0, 0.7, 0.0);
        }
        for eighth in 0..8 {
            drums.play(
                42,
                at + 0.5 * f64::from(eighth),
                0.25,
                if eighth % 2 == 0 { 0.6 } else { 0.42 },
                0.04,
            );
        }
        for (pitch, beat) in [(36, 0.0), (38, 1.0), (36, 2.0), (36, 2.5), (38, 3.0)] {
            drums.play(pitch, at + beat, 0.25, 0.75, 0.03);
        }
        if bar % 8 == 7 && !last {
            for sixteenth in 0..4 {
                drums.play(
                    45,
                    at + 3.0 + 0.25 * f64::from(sixteenth),
                    0.25,
                    0.5 + 0.08 * f64::from(sixteenth),
                    0.02,
                );
            }
        }
    }
    let mut song = Song::new(100.0);
    song.end = 32.0 * 16.0;
    song.tracks = vec![
        tune.track("Tune", 73),
        chords.track("Guitar", 25),
        bass.track("Bass", 32),
        drums.track("Drums", 0),
    ];
    song.write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/harvest-road.mid"))
}
