//! The phrases as files: what the papers' test run writes, and whole songs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use phrase::{Phrase, Roll, STEPS, Song, join};

use super::{Answer, Direction, Evaluation, ranking};
use crate::dataset::write_whole;
use crate::npy;
use crate::picture::{self, Cells};

/// The papers' tempo, in beats a minute.
const TEMPO: f64 = 80.0;
/// The papers' velocity.
const VELOCITY: f32 = 100.0 / 127.0;
/// Origin, transfer, cycle.
pub(super) const KINDS: [&str; 3] = ["origin", "transfer", "cycle"];

/// Writes, for each direction (named `jazz2pop`):
///
/// - `Rankings_jazz2pop.txt`, see [`ranking`];
/// - `jazz2pop/midi/<id>_origin_<P>.mid`, and `transfer` and `cycle` likewise, P being the scoring
///   classifier's probability of the source genre against the target; at the papers' 80 BPM and velocity 100;
/// - `jazz2pop/npy/<id>_origin.npy` and so on, bool `[64, 84, 1]`;
/// - `jazz2pop/songs/<song>_origin.mid` and so on: the phrases of each song one after another (`every`: of
///   this many phrases the first, because the others overlap it), with notes that sound on over a border made
///   one again.
///
/// # Errors
/// When a file cannot be written.
pub fn write(evaluation: &Evaluation, folder: &Path, signed: bool, every: usize) -> Result<()> {
    for direction in &evaluation.directions {
        let name = name(evaluation, direction);
        let [midi, arrays, songs] = ["midi", "npy", "songs"].map(|part| folder.join(&name).join(part));
        for part in [&midi, &arrays, &songs] {
            std::fs::create_dir_all(part)
                .with_context(|| format!("{}: the folder could not be made", part.display()))?;
        }
        let text = ranking::text(&ranking::rows(direction, signed));
        write_whole(&folder.join(format!("Rankings_{name}.txt")), text.as_bytes())?;
        for answer in &direction.phrases {
            for (kind, (roll, p)) in KINDS.iter().zip(answer.rolls.iter().zip(answer.probability[0])) {
                let id = answer.id;
                song(&[*roll]).write(&midi.join(format!("{id}_{kind}_{p:.6}.mid")))?;
                npy::write_phrase(&arrays.join(format!("{id}_{kind}.npy")), roll)?;
            }
        }
        for phrases in direction.phrases.chunk_by(|a, b| a.song == b.song) {
            whole(phrases, every, |kind| songs.join(format!("{}_{kind}.mid", phrases[0].song)))?;
        }
    }
    Ok(())
}

/// Draws, for each direction, the phrases that the scoring classifier finds transferred best, middling and
/// worst, what went in above what came out: `jazz2pop-best.png`, `jazz2pop-median.png` and
/// `jazz2pop-worst.png`.
///
/// # Errors
/// When a file cannot be written.
pub fn pictures(evaluation: &Evaluation, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: the folder could not be made", folder.display()))?;
    for direction in &evaluation.directions {
        let rows = ranking::rows(direction, true);
        let Some(last) = rows.len().checked_sub(1) else { continue };
        for (kind, place) in [("best", 0), ("median", last / 2), ("worst", last)] {
            let found = direction.phrases.iter().find(|answer| answer.id == rows[place].id);
            let Some(Answer { id, rolls: [origin, transfer, _], .. }) = found else { continue };
            let [source, target] =
                [direction.pair.0, direction.pair.1].map(|genre| &evaluation.genres[genre]);
            let title = format!("{source} to {target} {} %. Phrase {id}", evaluation.amount);
            let [above, below] = [origin, transfer].map(|roll| Cells::of(&song(&[*roll])));
            let path = folder.join(format!("{}-{kind}.png", name(evaluation, direction)));
            picture::write(&picture::draw(&title, &above, &below), &path)?;
        }
    }
    Ok(())
}

/// `jazz2pop`, without what a file's name cannot have.
fn name(evaluation: &Evaluation, direction: &Direction) -> String {
    let plain = |genre: usize| -> String {
        let keep = |c: char| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' };
        evaluation.genres[genre].chars().map(keep).collect()
    };
    format!("{}2{}", plain(direction.pair.0), plain(direction.pair.1))
}

fn whole(phrases: &[Answer], every: usize, path: impl Fn(&str) -> PathBuf) -> Result<()> {
    for (kind, name) in KINDS.iter().enumerate() {
        let rolls: Vec<Roll> = phrases.iter().step_by(every.max(1)).map(|p| p.rolls[kind]).collect();
        song(&rolls).write(&path(name))?;
    }
    Ok(())
}

/// The song that `rolls` make one after another. A note that sounds to the end of one is held where the next
/// begins with its pitch and without an onset.
pub fn song(rolls: &[Roll]) -> Song {
    let mut phrases: Vec<Phrase> = Vec::with_capacity(rolls.len());
    for (index, roll) in rolls.iter().enumerate() {
        let mut phrase = Phrase::of_roll(roll, (index * STEPS) as i64, TEMPO, VELOCITY);
        let next = rolls.get(index + 1).map_or(0, |next| next.sounding[0] & !next.onset[0]);
        for note in &mut phrase.notes {
            note.tied_out = note.end() >= STEPS as f64 && note.row().is_some_and(|row| next >> row & 1 == 1);
        }
        phrases.push(phrase);
    }
    join(&phrases, &Song { end: (rolls.len() * STEPS) as f64, ..Song::new(TEMPO) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_over_the_border_is_one_and_a_repeated_one_is_two() {
        let held = Roll::from_cells(|step, row| row == 36 && step >= 60);
        let mut on = Roll::from_cells(|step, row| row == 36 && step < 4);
        let notes = |song: &Song| song.notes().map(|n| (n.pitch, n.onset, n.length)).collect::<Vec<_>>();
        assert_eq!(notes(&song(&[held, on])), [(60, 60.0, 4.0), (60, 64.0, 4.0)]);
        on.onset[0] = 0;
        let song = song(&[held, on]);
        assert_eq!(notes(&song), [(60, 60.0, 8.0)]);
        assert_eq!((song.end, song.tempos[0].bpm), (128.0, 80.0));
        assert_eq!((song.notes().next().unwrap().velocity * 127.0).round(), 100.0);
    }
}
