//! Answers as songs of a dataset.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use phrase::{LOWEST, PITCHES, Roll, STEPS};

use crate::data::song::{StoredNote, StoredSong};
use crate::data::view::Rolls;
use crate::dataset::{Dataset, Info, Item, Split};
use crate::families::arranger::piece;

/// The number of the first answer among a song's versions: files' numbers are small.
const FIRST_VERSION: usize = 1000;

/// Answers to the songs of a dataset, by the genre that they were played in.
pub(super) struct Answers<'a> {
    data: &'a Dataset,
    /// The starts of a song's windows, by genre, song and section.
    starts: HashMap<(usize, u32, u16), Vec<u32>>,
    songs: Vec<Vec<StoredSong>>,
    items: Vec<Vec<Item>>,
    rolls: Rolls,
}

impl<'a> Answers<'a> {
    pub(super) fn new(data: &'a Dataset) -> Self {
        let mut starts: HashMap<_, Vec<u32>> = HashMap::new();
        for genre in 0..data.items.len() {
            for item in data.split(genre, Split::Train).iter().filter(|item| item.at.by == 0) {
                starts.entry((genre, item.song, item.at.section)).or_default().push(item.at.start);
            }
        }
        let genres = data.items.len();
        let rolls = Rolls::new(&data.info.options);
        Self { data, starts, songs: vec![Vec::new(); genres], items: vec![Vec::new(); genres], rolls }
    }

    /// Adds the answers `rolls` to `phrases`, which follow each other in a song of the genre `from`, as a
    /// song of the genre `to`.
    pub(super) fn add(&mut self, (from, to): (usize, usize), phrases: &[Item], rolls: &[Roll]) {
        let Some(first) = phrases.first().filter(|_| phrases.len() == rolls.len()) else { return };
        let Some(excerpt) = self.data.excerpt(from, first) else { return };
        let begin = excerpt.section().start + f64::from(first.at.start);
        let number = self.songs[to].len();
        let (name, _) = piece(&excerpt.song.name);
        let song = StoredSong {
            name: format!("{name}__v{}.mid", FIRST_VERSION + number),
            group: excerpt.song.group.clone(),
            tracks: vec![String::new()],
            notes: notes(begin, rolls),
            sections: excerpt.song.sections.clone(),
            array: true,
            answer: true,
            ..StoredSong::default()
        };
        let last = first.at.start + ((phrases.len() - 1) * STEPS) as u32;
        let known = self.starts.get(&(from, first.song, first.at.section));
        let inside: HashSet<u32> = known
            .into_iter()
            .flatten()
            .copied()
            .filter(|start| (first.at.start..=last).contains(start))
            .collect();
        let mut inside: Vec<u32> = inside.into_iter().collect();
        inside.sort_unstable();
        let at = |start: &u32| crate::data::song::At { start: *start, ..first.at };
        let cells = self.rolls.all(&song, inside.iter().map(at));
        let items =
            inside.iter().zip(cells).map(|(start, roll)| Item { roll, song: number as u32, at: at(start) });
        self.items[to].extend(items);
        self.songs[to].push(song);
    }

    /// All of them as a dataset: training songs, nothing else.
    pub(super) fn dataset(self, info: Info) -> Dataset {
        let items = self.items.into_iter().map(|train| [train, Vec::new(), Vec::new()]).collect();
        let songs = self.songs.into_iter().map(Arc::new).collect();
        Dataset { info, items, songs }
    }
}

/// The notes of answers one after another, from the step `begin` of their song on; what is held over a border
/// is one note.
fn notes(begin: f64, rolls: &[Roll]) -> Vec<StoredNote> {
    let mut all: Vec<StoredNote> = Vec::new();
    let mut held: [Option<usize>; PITCHES] = [None; PITCHES];
    for (index, roll) in rolls.iter().enumerate() {
        let mut now = [None; PITCHES];
        for note in roll.notes() {
            let place = match held[note.row].filter(|_| note.tied_in) {
                Some(place) => {
                    all[place].length += note.length as f64;
                    place
                }
                None => {
                    all.push(StoredNote {
                        onset: begin + (index * STEPS + note.start) as f64,
                        length: note.length as f64,
                        pitch: LOWEST + note.row as u8,
                        velocity: 0,
                        channel: 0,
                        track: 0,
                    });
                    all.len() - 1
                }
            };
            if note.end() == STEPS {
                now[note.row] = Some(place);
            }
        }
        held = now;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_over_a_border_is_one_note_and_cells_come_back() {
        let first = Roll::from_cells(|step, row| row == 20 && step >= 60 || row == 40 && step % 8 < 4);
        let mut next = Roll::from_cells(|step, row| row == 20 && step < 8 || row == 40 && step % 8 < 4);
        next.onset[0] &= !(1 << 20);
        let all = notes(16.0, &[first, next]);
        let held: Vec<_> = all.iter().filter(|note| note.pitch == LOWEST + 20).collect();
        assert_eq!(held.len(), 1);
        assert_eq!((held[0].onset, held[0].length), (16.0 + 60.0, 12.0));
        // A note that is tied to nothing starts.
        assert_eq!(notes(0.0, &[Roll::EMPTY, next])[0].onset, 64.0);
    }
}
