//! Takes as MIDI files, as they were heard.
//!
//! They are written to a folder, which a button shows, or dragged out of the window into a host. No file
//! dialog: those of the system need a portal or a toolkit that a host may not have, and block its main
//! thread.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use phrase::{
    BandPart, Note, Part, Parts, Phrase, Roll, STEPS_PER_BAR, Song, SongNote, Swing, Timing, Track,
    join_parts, nearest,
};

use crate::link::Take;

/// What of a take was played, its notes within its steps.
fn sounded(take: &Take) -> Box<Phrase> {
    let (first, end) = (f64::from(take.first), f64::from(take.first) + take.length);
    let cut = |note: &Note| {
        // What was early for its line was played on it.
        let onset = if note.end() > first { note.onset.max(first) } else { note.onset };
        Note { onset, length: note.end().min(end) - onset, ..*note }
    };
    let notes: Vec<_> = take.played.iter().filter(|note| note.onset < end).map(cut).collect();
    take.phrase(&notes)
}

/// Takes one after another as a song. A note that was held from one into the next is one note, where they
/// were played so.
pub fn song(takes: &[Arc<Take>]) -> Song {
    let phrases: Vec<_> = takes.iter().map(|take| sounded(take)).collect();
    let mut line = 0.0;
    let mut parts = Vec::new();
    for (index, (take, phrase)) in takes.iter().zip(&phrases).enumerate() {
        let begins = |take: &Take| take.position as f64 + f64::from(take.first);
        let follows = index > 0 && {
            let before = &takes[index - 1];
            before.generation == take.generation
                && (begins(before) + before.length - begins(take)).abs() < 1e-6
        };
        parts.push(Part { phrase, first: take.first.into(), line, follows });
        line += take.length;
    }
    let mut song = Song::new(takes.first().map_or(120.0, |take| take.tempo));
    let mut notes = join_parts(&parts);
    let longest = takes.first().map_or(0, |take| take.longest);
    if longest > 0 {
        notes.iter_mut().for_each(|note| note.length = note.length.min(longest.into()));
    }
    song.end = notes.iter().fold(line, |end, note| end.max(note.end()));
    song.tracks = tracks(takes, &phrases, notes);
    song
}

/// A phrase as a network hears it, swung 16ths on their own steps, and the parts of its notes.
fn heard(phrase: &Phrase) -> (Swing, Roll, Parts) {
    let swing = Swing::of_phrase(phrase);
    let roll = Timing { heard: swing.ratio, ..Timing::STRAIGHT }.roll(phrase);
    (swing, roll, Parts::of(&roll))
}

/// A track for each part of the band that plays, and one for the drums.
fn tracks(takes: &[Arc<Take>], phrases: &[Box<Phrase>], notes: Vec<SongNote>) -> Vec<Track> {
    let (mut lines, mut line) = (Vec::new(), 0.0);
    for (take, phrase) in takes.iter().zip(phrases) {
        lines.push((line, take, heard(phrase), heard(&take.phrase(&take.input))));
        line += take.length;
    }
    let mut tracks: Vec<Track> = ["Tune", "Chords", "Bass", "Drums"]
        .map(|name| Track { name: name.into(), notes: Vec::new(), others: Vec::new() })
        .into();
    for note in notes {
        let after = lines.partition_point(|line| line.0 <= note.onset + 1e-6);
        let Some((line, take, played, input)) = lines.get(after.saturating_sub(1)) else { continue };
        let of = Note::new(note.pitch, note.channel, note.velocity, note.onset, note.length);
        let split = take.manner.band.split;
        let known = BandPart::ALL.into_iter().find(|part| split && part.channel() == note.channel);
        let step = nearest(played.0.straighten_played(note.onset - line + f64::from(take.first)));
        let onsets = usize::try_from(step).ok().and_then(|step| input.1.onset.get(step));
        // As it was heard: what was played keeps its part, whatever was written under or over it.
        let is_kept = of.row().zip(onsets).is_some_and(|(row, onsets)| onsets >> row & 1 == 1);
        let parts = if is_kept { &input.2 } else { &played.2 };
        let part = known.or_else(|| parts.part(&of, step));
        tracks[part.map_or(BandPart::ALL.len(), |part| part as usize)].notes.push(note);
    }
    tracks.retain(|track| !track.notes.is_empty());
    tracks
}

/// Writes takes into a file of its own in `folder`, which is made where it is missing. Gives the file.
///
/// # Errors
/// One sentence for the user.
pub fn save(folder: &Path, takes: &[Arc<Take>]) -> Result<PathBuf, String> {
    let (Some(first), Some(last)) = (takes.first(), takes.last()) else {
        return Err("Nothing was played yet: there is nothing to save".into());
    };
    fs::create_dir_all(folder).map_err(|error| {
        format!("{}: the folder cannot be made ({error}); choose another one", folder.display())
    })?;
    let bars = takes.iter().map(|take| take.length).sum::<f64>() / STEPS_PER_BAR as f64;
    let name = match first.id == last.id {
        true => format!("Contrafact {:03} {}", first.id, super::takes::title(first).replace('>', "to")),
        false => format!("Contrafact {:03}-{:03} {bars:.0} bars", first.id, last.id),
    };
    let name = plain(&name);
    let path = (1..10_000).map(|count| place(folder, &name, count)).find(|path| !path.exists());
    let path = path.ok_or_else(|| full(folder, &name))?;
    song(takes).write(&path).map_err(|error| error.to_string())?;
    Ok(path)
}

/// The same for a drag, named after its place in the song and its genres. It stays: hosts may use the file
/// itself and not a copy of it. One that is there already with the same notes is used again.
///
/// # Errors
/// As [`save`].
pub fn to_drag(folder: &Path, takes: &[Arc<Take>]) -> Result<PathBuf, String> {
    let Some(name) = place_and_genres(takes) else {
        return Err("These phrases are no longer remembered: drag newer ones".into());
    };
    let folder = folder.join("Dragged");
    fs::create_dir_all(&folder).map_err(|error| {
        format!("{}: the folder cannot be made ({error}); choose another one", folder.display())
    })?;
    let song = song(takes);
    let bytes = song.to_bytes().map_err(|error| error.to_string())?;
    for count in 1..10_000 {
        let path = place(&folder, &name, count);
        match phrase::read_regular(&path, phrase::MAX_FILE_BYTES) {
            Ok(there) if there == bytes => return Ok(path),
            _ if path.exists() => {}
            _ => {
                song.write(&path).map_err(|error| error.to_string())?;
                return Ok(path);
            }
        }
    }
    Err(full(&folder, &name))
}

/// "Bar 9 classic to jazz": the bars that were answered, and what was done.
fn place_and_genres(takes: &[Arc<Take>]) -> Option<String> {
    let (first, last) = (takes.first()?, takes.last()?);
    let bar = |step: f64| (step / STEPS_PER_BAR as f64).floor() as i64 + 1;
    let from = |take: &Take| take.position as f64 + f64::from(take.first);
    let (begin, end) = (bar(from(first)), bar(from(last) + last.length - 1.0));
    let bars = if takes.len() == 1 { format!("Bar {begin}") } else { format!("Bars {begin} to {end}") };
    let mut titles: Vec<_> = takes.iter().map(|take| super::takes::title(take).replace('>', "to")).collect();
    titles.dedup();
    let what = if titles.len() == 1 { titles.remove(0) } else { format!("{} phrases", takes.len()) };
    Some(plain(&format!("{bars} {what}")))
}

/// What every system takes for a file's name.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric() || " -_+".contains(*c)).collect()
}

/// The file of a name, the first of them without a number.
fn place(folder: &Path, name: &str, count: u32) -> PathBuf {
    match count {
        1 => folder.join(format!("{name}.mid")),
        _ => folder.join(format!("{name} ({count}).mid")),
    }
}

fn full(folder: &Path, name: &str) -> String {
    format!("{}: the folder is full of {name}; clear it", folder.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{History, Job, Played};

    fn takes(phrases: &[(i64, Vec<Note>)]) -> Vec<Arc<Take>> {
        let mut history = History::default();
        for (position, notes) in phrases {
            let mut job = Job::new();
            job.answer.clear(*position, 120.0);
            job.input.clear(*position, 120.0);
            notes.iter().for_each(|&note| assert!(job.answer.push(note)));
            job.kind = Played::Answer;
            history.remember(&job, &[]);
        }
        history.entries().map(|(take, _)| take.clone()).collect()
    }

    #[test]
    fn held_notes_go_on_where_phrases_follow_and_end_where_they_do_not() {
        let held = Note { tied_out: true, ..Note::new(60, 0, 0.5, 8.0, 56.0) };
        let piece = Note { tied_in: true, ..Note::new(60, 0, 0.5, 0.0, 4.0) };
        let all = takes(&[(0, vec![held]), (64, vec![piece]), (640, vec![piece])]);
        let spans: Vec<_> = song(&all).notes().map(|note| (note.onset, note.length)).collect();
        assert_eq!(spans, [(8.0, 60.0), (128.0, 4.0)]);
        assert_eq!(song(&all).end, 192.0, "the file is as long as what was played");
    }

    #[test]
    fn each_part_has_a_track() {
        let tune = (0..4).map(|i| Note::new(76 + i, 0, 0.5, 16.0 * f64::from(i), 8.0));
        let chords =
            (0..4).flat_map(|i| [60, 64].map(|pitch| Note::new(pitch, 0, 0.5, 16.0 * f64::from(i), 8.0)));
        let bass = (0..4).map(|i| Note::new(36 + i, 0, 0.5, 16.0 * f64::from(i), 8.0));
        let drum = Note::new(36, 9, 0.5, 0.0, 1.0);
        let mut notes: Vec<Note> = tune.chain(chords).chain(bass).chain([drum]).collect();
        notes.sort_by(Note::order);
        let all = takes(&[(0, notes.clone()), (64, notes)]);
        let song = song(&all);
        let tracks: Vec<_> = song.tracks.iter().map(|track| (&track.name[..], track.notes.len())).collect();
        assert_eq!(tracks, [("Tune", 8), ("Chords", 16), ("Bass", 8), ("Drums", 2)]);
    }

    #[test]
    fn what_was_played_keeps_its_track_whatever_is_written_over_it() {
        let line = |pitch| (0..8).map(move |i| Note::new(pitch, 0, 0.5, 8.0 * f64::from(i), 8.0));
        let mut input: Vec<Note> = line(64).chain(line(40)).collect();
        let mut answer: Vec<Note> = input.iter().copied().chain(line(72)).collect();
        [&mut input, &mut answer].into_iter().for_each(|notes| notes.sort_by(Note::order));
        let mut take = Take::clone(&takes(&[(0, answer)])[0]);
        take.input = input;
        let song = song(&[take.into()]);
        let pitches = |track: &Track| track.notes.iter().map(|note| note.pitch).collect::<Vec<_>>();
        let tune: Vec<_> =
            song.tracks.iter().filter(|track| track.name == "Tune").flat_map(pitches).collect();
        assert_eq!(tune.iter().filter(|pitch| **pitch == 64).count(), 8, "{tune:?}");
    }

    #[test]
    fn files_never_replace_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let all = takes(&[(0, vec![Note::new(60, 0, 0.5, 0.0, 1.0)])]);
        let place = folder.path().join("new");
        let (one, two) = (save(&place, &all).unwrap(), save(&place, &all).unwrap());
        assert!(one != two && one.exists() && two.exists());
        let read = Song::read(&one).unwrap();
        assert_eq!(read.notes().count(), 1);
        assert!(save(&place, &[]).unwrap_err().contains("Nothing"));
        assert!(save(&one, &all).is_err(), "a file is no folder");
    }

    #[test]
    fn a_dragged_file_is_named_after_its_place_and_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let note = |pitch| vec![Note::new(pitch, 0, 0.5, 0.0, 1.0)];
        let all = takes(&[(128, note(60)), (192, note(62)), (-64, note(60))]);
        let drag = |takes: &[Arc<Take>]| {
            let path = to_drag(folder.path(), takes).unwrap();
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())
        };
        let (name, bytes) = drag(&all[..1]);
        assert!(name.starts_with("Bar 9 ") && name.ends_with(".mid"), "{name}");
        assert_eq!(bytes, song(&all[..1]).to_bytes().unwrap(), "what is dragged is what is saved");
        assert_eq!(drag(&all[..1]).0, name, "the same again");
        let other = takes(&[(128, note(72))]);
        assert_eq!(drag(&other).0, name.replace(".mid", " (2).mid"), "other notes at the same place");
        assert!(drag(&all[..2]).0.starts_with("Bars 9 to 16 "));
        assert!(drag(&all[2..]).0.starts_with("Bar -3 "));
        assert_eq!(fs::read_dir(folder.path().join("Dragged")).unwrap().count(), 4);
        assert!(to_drag(folder.path(), &[]).is_err());
    }
}
