//! The fuzz target `midi`.

use phrase::{CutOptions, Phrase, Song, cut, realise, windows};

/// MIDI files: whatever the bytes, reading says what is wrong or gives a song that can be cut, windowed and
/// written again.
pub fn midi(bytes: &[u8]) {
    let Ok(song) = Song::from_bytes("fuzz", bytes) else { return };
    for options in [CutOptions::default(), CutOptions::whole()] {
        for phrase in cut(&song, &options).phrases {
            let mut answer = Phrase::new(0, 120.0);
            realise(&phrase, &phrase.roll(), 0, &mut answer);
        }
    }
    let notes: Vec<_> = song.notes().copied().collect();
    assert!(notes.iter().all(|note| note.onset.is_finite() && note.length >= 0.0 && note.pitch < 128));
    // Every window takes tens of KiB: a song of hours is for `cut`, which leaves the empty ones out.
    if song.end < 2_000.0 {
        windows(&notes, &song.tempo_map(), 16);
    }
    if let Ok(written) = song.to_bytes() {
        let again = Song::from_bytes("again", &written).expect("what is written can be read");
        assert_eq!(again.notes().count(), notes.len(), "no note is lost");
        assert_eq!(again.to_bytes().expect("and written again"), written, "a second time changes nothing");
    }
}
