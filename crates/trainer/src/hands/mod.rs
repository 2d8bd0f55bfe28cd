//! How people play what a pack writes: when ([`feel`], counted), how hard ([`dynamics`], learned), and the
//! parts that this makes, which [`add`] puts into packs.

pub mod add;
pub mod dynamics;
pub mod feel;

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use model::Corpus;
use phrase::{DRUM_CHANNEL, Note, Phrase, STEPS, SongNote, phrase_index};

use crate::data::song::StoredSong;
use crate::dataset::{Dataset, Split};

/// The songs of a genre's split.
pub fn songs(data: &Dataset, genre: usize, split: Split) -> Vec<&StoredSong> {
    let numbers: BTreeSet<u32> = data.split(genre, split).iter().map(|item| item.song).collect();
    let songs = &data.songs[genre];
    numbers.into_iter().filter_map(|number| songs.get(number as usize)).collect()
}

/// The phrases of a song from its sections' starts on, as a plugin would hear them, without drums.
pub fn phrases(song: &StoredSong) -> Vec<Phrase> {
    let mut all = Vec::new();
    let tempo = song.tempos.first().map_or(120.0, |tempo| tempo.bpm);
    let tracks = song.moved(0);
    for section in &song.sections {
        let tracks = section.tracks(&tracks);
        let mut notes: Vec<&SongNote> =
            tracks.iter().flatten().filter(|note| note.channel != DRUM_CHANNEL).collect();
        notes.sort_by(|a, b| a.onset.total_cmp(&b.onset));
        let mut of = None;
        for note in notes {
            let index = phrase_index(note.onset);
            if of != Some(index) {
                all.push(Phrase::new(index * STEPS as i64, tempo));
                of = Some(index);
            }
            if let Some(phrase) = all.last_mut() {
                let onset = note.onset - (index * STEPS as i64) as f64;
                phrase.push(Note::new(note.pitch, note.channel, note.velocity, onset, note.length));
            }
        }
    }
    all.iter_mut().for_each(Phrase::sort);
    all
}

/// What is asked of a dataset from which playing is learned.
///
/// # Errors
/// When it knows no notes, or they were moved.
pub fn check(data: &Dataset, straight: bool) -> Result<()> {
    ensure!(
        data.has_notes(),
        "the dataset knows the cells of its phrases and not how they were played; prepare it from MIDI files"
    );
    ensure!(
        straight || data.info.options["straighten"] != true,
        "the dataset's songs were made straight, so that their timing is gone; prepare them with \
         --straighten=false"
    );
    Ok(())
}

/// What a dataset's songs are from.
pub fn corpora(data: &Dataset) -> Vec<Corpus> {
    data.info.genres.iter().flat_map(|genre| genre.sources.clone()).collect()
}
