//! All that sounds at once as one chord.

use crate::SongNote;

/// Ticks in a step, 48 a quarter note: triplets and 64th notes fall on one.
pub const TICKS: u32 = 12;

/// What sounds from one change to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Chord {
    /// The pitches that sound, bit `p` for MIDI pitch `p`. None: a rest.
    pub pitches: u128,
    /// When it begins, in ticks from the song's start.
    pub start: u32,
    /// How long it lasts, in ticks.
    pub length: u32,
}

/// Cuts notes wherever one starts or ends, and says what sounds between the cuts, rests included; as
/// music21's `chordify` does for the notes of a whole score. Notes that come to no length, or lie before the
/// start, are left out.
pub fn chordify(notes: &[SongNote]) -> Vec<Chord> {
    let tick = |time: f64| (time * f64::from(TICKS)).round().clamp(0.0, f64::from(u32::MAX)) as u32;
    let spans: Vec<(u32, u32, u8)> = notes
        .iter()
        .map(|note| (tick(note.onset), tick(note.end()), note.pitch & 127))
        .filter(|(start, end, _)| start < end)
        .collect();
    let mut cuts: Vec<u32> = spans.iter().flat_map(|&(start, end, _)| [start, end]).chain([0]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    // By pitch, how many notes of it sound: two voices may hold one.
    let mut changes: Vec<(u32, u8, i32)> =
        spans.iter().flat_map(|&(start, end, pitch)| [(start, pitch, 1), (end, pitch, -1)]).collect();
    changes.sort_unstable();
    let (mut sounding, mut changes) = ([0i32; 128], changes.into_iter().peekable());
    cuts.windows(2)
        .map(|cut| {
            while let Some((_, pitch, by)) = changes.next_if(|(time, ..)| *time <= cut[0]) {
                sounding[usize::from(pitch)] += by;
            }
            let pitches = (0..128).fold(0u128, |all, p| all | u128::from(sounding[p] > 0) << p);
            Chord { pitches, start: cut[0], length: cut[1] - cut[0] }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(pitch: u8, onset: f64, length: f64) -> SongNote {
        SongNote { pitch, channel: 0, velocity: 0.5, onset, length }
    }

    #[test]
    fn what_sounds_between_two_changes_is_one_chord() {
        let chords = chordify(&[
            note(60, 4.0, 8.0),
            note(64, 8.0, 4.0),
            note(60, 8.0, 1.0),
            note(67, 16.0, 4.0 / 3.0),
            note(1, 3.0, 0.0),
        ]);
        let bits = |pitches: &[u8]| pitches.iter().fold(0u128, |bits, p| bits | 1 << p);
        let found: Vec<_> = chords.iter().map(|c| (c.pitches, c.start, c.length)).collect();
        let expected = [
            (0, 0, 48),
            (bits(&[60]), 48, 48),
            (bits(&[60, 64]), 96, 12),
            (bits(&[60, 64]), 108, 36),
            (0, 144, 48),
            (bits(&[67]), 192, 16),
        ];
        assert_eq!(found, expected);
        assert!(chordify(&[]).is_empty());
    }
}
