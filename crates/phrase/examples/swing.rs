//! What is heard as swung in folders of MIDI files, and what straightening does to it: the figures of
//! docs/experiments.md.
//!
//! `cargo run -p phrase --example swing -- FOLDER...`: of each folder, with those inside, how many phrases of
//! four bars are heard as swung (by their own notes alone; after the phrases before them, as the plugin hears
//! them; in their song), the share of the notes within an eighth of a step of a 16th before and after, and
//! the files that have swung phrases.

use std::path::{Path, PathBuf};

use phrase::{Song, SongNote, Swing, SwingHistory, phrase_index, straightened};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for folder in std::env::args().skip(1) {
        let mut files = Vec::new();
        collect(Path::new(&folder), &mut files)?;
        files.sort();
        let near = |note: &&SongNote| (note.onset - note.onset.round()).abs() <= 0.125;
        let (mut phrases, mut swung, mut ternary, mut notes, mut grid) = (0, 0, 0, 0, [0; 2]);
        let (mut alone, mut carried) = (0, 0);
        let mut named = Vec::new();
        for file in &files {
            let song = Song::read(file)?;
            let straight = straightened(&song);
            let mut onsets: Vec<f64> = song.notes().map(|note| note.onset).collect();
            onsets.sort_by(f64::total_cmp);
            let mut history = SwingHistory::default();
            for onsets in onsets.chunk_by(|a, b| phrase_index(*a) == phrase_index(*b)) {
                alone += usize::from(Swing::of(onsets.iter().copied()).is_swung());
                let before = history.before(onsets.iter().copied()).unwrap_or(0.5);
                let heard = Swing::after(onsets.iter().copied(), before);
                history.go_on(onsets.iter().copied(), heard.ratio);
                carried += usize::from(heard.is_swung());
            }
            (phrases, swung) = (phrases + straight.phrases, swung + straight.swung);
            (ternary, notes) = (ternary + straight.ternary, notes + song.notes().count());
            for (sum, song) in grid.iter_mut().zip([&song, &straight.song]) {
                *sum += song.notes().filter(near).count();
            }
            if straight.swung > 0 {
                named.push(format!("{} {}", straight.swung, file.display()));
            }
        }
        let [before, after] = grid.map(|count| 100.0 * count as f64 / notes.max(1) as f64);
        println!(
            "{folder}: {alone} of {phrases} phrases swung alone, {carried} after those before, {swung} in \
             their song, in {} of {} \
             files; {ternary} beats in triplets that mean swing; on the 16ths {before:.1} % before, \
             {after:.1} % after",
            named.len(),
            files.len()
        );
        named.iter().take(30).for_each(|line| println!("  {line}"));
    }
    Ok(())
}

/// All MIDI files in `folder`.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "mid") {
            files.push(path);
        }
    }
    Ok(())
}
