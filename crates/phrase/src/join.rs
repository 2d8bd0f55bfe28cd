//! Phrases -> song: the file renderer's half of what the plugin's player does live. Offline.

use crate::{DRUM_CHANNEL, Note, Phrase, STEPS, Song, SongNote, Track, struck_alone, tie_unclaimed};

/// A phrase as a part of a song.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The phrase.
    pub phrase: &'a Phrase,
    /// The first step that is played.
    pub first: usize,
    /// The song's step on which that is.
    pub line: f64,
    /// It goes on where the part before it ends: what is held there may sound on.
    pub follows: bool,
}

/// The notes of phrases one after another, in song steps, the pieces of held notes made one again by
/// [`crate::tie`].
///
/// `phrases` are in order of position; each is played from its step `first` (0 but for windows that slide). A
/// held note ends on the line where no phrase follows at once or the next one does not continue it. Sorted by
/// onset.
pub fn join_notes(phrases: &[Phrase], first: usize) -> Vec<SongNote> {
    let mut line_before = None;
    let part = |phrase: &Phrase| {
        let line = phrase.position.saturating_add(first as i64);
        let follows = line_before.replace(phrase.position.saturating_add(STEPS as i64)) == Some(line);
        (line, follows)
    };
    let places: Vec<_> = phrases.iter().map(part).collect();
    let parts = phrases.iter().zip(places);
    let parts = parts.map(|(phrase, (line, follows))| Part { phrase, first, line: line as f64, follows });
    join_parts(&parts.collect::<Vec<_>>())
}

/// [`join_notes`] for parts that lie anywhere and begin on any step. Sorted by onset.
pub fn join_parts(parts: &[Part]) -> Vec<SongNote> {
    let mut notes: Vec<SongNote> = Vec::new();
    // Notes that were held when their phrase closed: where they are in `notes`, and their last piece.
    let mut held: Vec<(usize, Note)> = Vec::new();
    for &Part { phrase, first, line, follows } in parts {
        let start = line - first as f64;
        let mut claimed = vec![false; phrase.notes.len()];
        let mut still_held = Vec::new();
        if follows {
            for (index, last) in held {
                let Some(piece) = tie_unclaimed(&last, phrase, first, |i| claimed[i]) else { continue };
                claimed[piece] = true;
                let piece = phrase.notes[piece];
                notes[index].length = start + piece.end() - notes[index].onset;
                if piece.tied_out {
                    still_held.push((index, piece));
                }
            }
        }
        held = still_held;
        for (piece, _) in
            phrase.notes.iter().zip(&claimed).filter(|(p, claimed)| !**claimed && struck_alone(p, first))
        {
            if piece.tied_out {
                held.push((notes.len(), *piece));
            }
            notes.push(SongNote {
                pitch: piece.pitch,
                channel: piece.channel,
                velocity: piece.velocity,
                onset: start + piece.onset,
                length: piece.length,
            });
        }
    }
    sort(&mut notes);
    notes
}

/// The song that phrases make, with everything but the notes as in `like`. See [`join_notes`] and
/// [`Song::with_notes`].
pub fn join(phrases: &[Phrase], like: &Song) -> Song {
    like.with_notes(join_notes(phrases, 0))
}

impl Song {
    /// A copy of the song with other notes: tempos, signatures, tracks, programs and controllers stay.
    ///
    /// A note goes to the first track that had notes of its channel, else to the first that has other events
    /// of it, else to a new track at the end.
    pub fn with_notes(&self, notes: Vec<SongNote>) -> Song {
        let mut tracks: Vec<Track> =
            self.tracks.iter().map(|track| Track { notes: Vec::new(), ..track.clone() }).collect();
        let mut end = self.end;
        let mut homes: [Option<usize>; 16] = std::array::from_fn(|channel| self.home(channel as u8));
        for note in notes {
            end = end.max(note.end());
            let home = *homes[usize::from(note.channel & 0xf)].get_or_insert_with(|| {
                let name = if note.channel == DRUM_CHANNEL { "Drums" } else { "Contrafact" };
                tracks.push(Track { name: name.to_owned(), ..Track::default() });
                tracks.len() - 1
            });
            tracks[home].notes.push(note);
        }
        tracks.iter_mut().for_each(Track::sort);
        Song { tracks, end, ppq: self.ppq, tempos: self.tempos.clone(), signatures: self.signatures.clone() }
    }

    /// The track that a channel's notes belong to.
    fn home(&self, channel: u8) -> Option<usize> {
        let plays = |track: &Track| track.notes.iter().any(|note| note.channel == channel);
        let speaks = |track: &Track| track.others.iter().any(|event| event.kind.channel() == Some(channel));
        self.tracks.iter().position(plays).or_else(|| self.tracks.iter().position(speaks))
    }
}

fn sort(notes: &mut [SongNote]) {
    notes.sort_by(|a, b| a.onset.total_cmp(&b.onset).then((a.pitch, a.channel).cmp(&(b.pitch, b.channel))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OtherEvent, OtherKind, TempoChange, realise};

    fn phrase(position: i64, notes: &[Note]) -> Phrase {
        let mut phrase = Phrase::new(position, 120.0);
        notes.iter().for_each(|&note| assert!(phrase.push(note)));
        phrase.sort();
        phrase
    }

    fn held(onset: f64) -> Note {
        Note { tied_out: true, ..Note::new(60, 0, 0.5, onset, 64.0 - onset) }
    }

    fn piece(length: f64) -> Note {
        Note { tied_in: true, ..Note::new(60, 0, 0.5, 0.0, length) }
    }

    fn spans(phrases: &[Phrase]) -> Vec<(f64, f64)> {
        join_notes(phrases, 0).iter().map(|note| (note.onset, note.length)).collect()
    }

    #[test]
    fn a_pad_of_eight_bars_at_amount_0_is_one_note() {
        let middle = Note { tied_out: true, ..piece(64.0) };
        let heard = [phrase(0, &[held(0.0)]), phrase(64, &[middle]), phrase(128, &[piece(0.3)])];
        let answers = heard.map(|input| {
            let mut out = Phrase::new(0, 0.0);
            realise(&input, &input.roll(), 0, &mut out);
            out
        });
        assert_eq!(spans(&answers), [(0.0, 128.3)]);
    }

    #[test]
    fn a_held_note_ends_on_the_line_where_nothing_goes_on() {
        assert_eq!(spans(&[phrase(0, &[held(10.0)]), phrase(64, &[])]), [(10.0, 54.0)]);
        let struck = Note::new(60, 0, 0.5, 0.0, 3.0);
        assert_eq!(spans(&[phrase(0, &[held(10.0)]), phrase(64, &[struck])]), [(10.0, 54.0), (64.0, 3.0)]);
        // Not across a hole between phrases either.
        assert_eq!(
            spans(&[phrase(0, &[held(10.0)]), phrase(128, &[piece(3.0)])]),
            [(10.0, 54.0), (128.0, 3.0)]
        );
    }

    #[test]
    fn a_piece_whose_beginning_was_dropped_is_struck_and_a_tail_is_not() {
        assert_eq!(spans(&[phrase(0, &[]), phrase(64, &[piece(3.0)])]), [(64.0, 3.0)]);
        assert_eq!(spans(&[phrase(0, &[]), phrase(64, &[piece(0.3)])]), []);
    }

    #[test]
    fn a_key_held_twice_comes_back_twice() {
        let two = [phrase(0, &[held(4.0), held(8.0)]), phrase(64, &[piece(2.0), piece(5.0)])];
        assert_eq!(spans(&two), [(4.0, 62.0), (8.0, 61.0)]);
    }

    #[test]
    fn windows_join_on_their_first_step() {
        let over = Note { onset: 32.0, ..piece(8.0) };
        let notes = join_notes(&[phrase(0, &[held(40.0)]), phrase(32, &[over])], 32);
        assert_eq!(notes.iter().map(|n| (n.onset, n.length)).collect::<Vec<_>>(), [(40.0, 32.0)]);
    }

    #[test]
    fn new_notes_keep_the_songs_tracks_and_settings() {
        let note = |channel, onset| SongNote { pitch: 60, channel, velocity: 0.5, onset, length: 2.0 };
        let track = |name: &str, channel| Track {
            name: name.to_owned(),
            notes: vec![note(channel, 0.0)],
            others: vec![OtherEvent { at: 0.0, kind: OtherKind::Program { channel, program: 9 } }],
        };
        let mut song = Song::new(90.0);
        song.tempos.push(TempoChange { at: 8.0, bpm: 95.0 });
        song.tracks = vec![track("a", 0), track("b", 1)];
        song.tracks[1].notes.clear();
        let new = song.with_notes(vec![note(1, 5.0), note(0, 4.0), note(7, 70.0)]);
        let channels: Vec<_> =
            new.tracks.iter().map(|t| t.notes.iter().map(|n| n.channel).collect::<Vec<_>>()).collect();
        assert_eq!(channels, [[0], [1], [7]]);
        assert_eq!((new.end, new.tracks[1].program(1)), (72.0, Some(9)));
        assert_eq!((&new.tempos, &new.signatures, new.ppq), (&song.tempos, &song.signatures, song.ppq));
    }
}
