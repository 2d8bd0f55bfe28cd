//! Chords and keys as music21 finds them: `fixtures/chords.py` made `fixtures/chords.txt`.

use phrase::symbols::{TICKS, chordify};
use phrase::{Key, Mode, SongNote};

/// A quarter note in steps.
const QUARTER: f64 = 4.0;

fn fraction(text: &str) -> f64 {
    let (over, under) = text.split_once('/').unwrap_or((text, "1"));
    over.parse::<f64>().unwrap() / under.parse::<f64>().unwrap()
}

/// A piece: its notes, the chords with start and length in quarters, and its key.
#[derive(Default)]
struct Piece {
    name: String,
    notes: Vec<SongNote>,
    chords: Vec<(f64, f64, u128)>,
    key: Option<(u8, Mode)>,
}

fn pieces() -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::new();
    for line in include_str!("fixtures/chords.txt").lines() {
        let (what, rest) = line.split_once(' ').unwrap();
        let words: Vec<&str> = rest.split_whitespace().collect();
        if what == "piece" {
            all.push(Piece { name: rest.to_string(), ..Piece::default() });
        }
        let piece = all.last_mut().unwrap();
        match what {
            "note" => piece.notes.push(SongNote {
                pitch: words[0].parse().unwrap(),
                channel: 0,
                velocity: 0.5,
                onset: QUARTER * fraction(words[1]),
                length: QUARTER * fraction(words[2]),
            }),
            "chord" => {
                let pitches = words[2..].iter().fold(0, |bits, p| bits | 1u128 << p.parse::<u8>().unwrap());
                piece.chords.push((fraction(words[0]), fraction(words[1]), pitches));
            }
            "key" => {
                let mode = if words[1] == "major" { Mode::Major } else { Mode::Minor };
                piece.key = Some((words[0].parse().unwrap(), mode));
            }
            _ => {}
        }
    }
    all
}

#[test]
fn chords_are_those_of_music21() {
    let pieces = pieces();
    assert_eq!(pieces.len(), 5);
    for piece in &pieces {
        let quarters = |ticks: u32| f64::from(ticks) / f64::from(TICKS) / QUARTER;
        let found: Vec<_> = chordify(&piece.notes)
            .iter()
            .map(|chord| (quarters(chord.start), quarters(chord.length), chord.pitches))
            .collect();
        assert_eq!(found.len(), piece.chords.len(), "{}", piece.name);
        for (found, expected) in found.iter().zip(&piece.chords) {
            assert!((found.0 - expected.0).abs() < 1e-9 && (found.1 - expected.1).abs() < 1e-9, "{found:?}");
            assert_eq!(found.2, expected.2, "{} at {}", piece.name, found.0);
        }
    }
}

#[test]
fn keys_are_those_of_music21() {
    for piece in pieces() {
        let mut lengths = [0.0; 12];
        piece.notes.iter().for_each(|note| lengths[usize::from(note.pitch) % 12] += note.length as f32);
        let key = Key::of_lengths(&lengths).unwrap();
        assert_eq!(Some((key.tonic, key.mode)), piece.key, "{}", piece.name);
    }
}
