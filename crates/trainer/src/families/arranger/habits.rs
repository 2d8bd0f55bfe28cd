//! What a genre does and does not do, measured on its training phrases: answers keep to it.

use std::collections::HashSet;

use model::arranger::{BEATS, Content, INTERVALS, ahead};
use phrase::{HIGHEST, Key, LOWEST, Roll, STEPS_PER_BAR, STEPS_PER_BEAT, low_bass, out_of_key};

use crate::dataset::{Dataset, Item, Split};
use crate::evaluate::faults::{Measure, Tally};
use crate::evaluate::figures::range_of_99_percent;

/// Phrases on which figures are counted.
const TALLIED: usize = 1000;

/// Habits of a genre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Habits {
    /// The MIDI pitches that 99 % of its notes have.
    pub range: (u8, u8),
    /// Mean share of a phrase's notes outside its key.
    pub out_of_key: f32,
    /// Share of the pairs of bars in a phrase in which the inner voices have one rhythm.
    pub same_rhythm: f32,
    /// How many notes its phrases have on average, in octaves over 64.
    pub density: f32,
    /// Share of the tune's long notes that come an eighth ahead of their beat.
    pub anticipated: f32,
    /// Share of its other notes over a beat that come ahead of it, of those and of what is struck on beats.
    pub pushed: f32,
    /// Share of the basses on first beats that a step leads into.
    pub step_into: f32,
    /// The share of each interval of the basses, in semitones, among those that lead to each beat of the bar.
    pub intervals: [[f32; INTERVALS]; BEATS],
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            range: (LOWEST, HIGHEST),
            out_of_key: 0.0,
            same_rhythm: 0.0,
            anticipated: 0.0,
            pushed: 0.0,
            density: 0.0,
            step_into: 0.0,
            intervals: [[0.0; INTERVALS]; BEATS],
        }
    }
}

impl Habits {
    /// Of a genre's training phrases.
    pub fn of(data: &Dataset, genre: usize) -> Self {
        let items = data.split(genre, Split::Train);
        let outside = |item: &Item| Some(out_of_key(&item.roll, &Key::of(&item.roll)?));
        let shares: Vec<f32> = items.iter().filter_map(outside).collect();
        let mut tally = Tally::default();
        let every = (items.len() / TALLIED).max(1);
        items.iter().step_by(every).for_each(|item| tally.hear(&item.roll, None));
        let share = |measure: Measure| {
            let [counted, all] = tally.shares[measure as usize];
            if all > 0.0 { (counted / all) as f32 } else { 0.0 }
        };
        let mean = |of: fn(&Roll) -> f32| {
            items.iter().map(|item| of(&item.roll)).sum::<f32>() / items.len().max(1) as f32
        };
        let own = own_tunes(data, genre);
        let mut counts = [[0; 2]; 2];
        for item in own {
            counts.iter_mut().flatten().zip(ahead(&item.roll).as_flattened()).for_each(|(sum, n)| *sum += n);
        }
        let [anticipated, pushed] = counts.map(|[ahead, all]| ahead as f32 / all.max(1) as f32);
        Self {
            range: range_of_99_percent(items.iter().map(|item| &item.roll)),
            out_of_key: shares.iter().sum::<f32>() / shares.len().max(1) as f32,
            same_rhythm: share(Measure::SameInner),
            density: mean(|roll| Content::of(roll).density),
            anticipated,
            pushed,
            step_into: share(Measure::StepInto),
            intervals: intervals(items.iter().step_by(every).map(|item| &item.roll)),
        }
    }
}

/// Counts the intervals of the basses of `rolls` by the beat that they lead to, those of an octave at most;
/// shares of all.
fn intervals<'a>(rolls: impl Iterator<Item = &'a Roll>) -> [[f32; INTERVALS]; BEATS] {
    let mut counts = [[0.0; INTERVALS]; BEATS];
    let mut all = [0.0_f32; BEATS];
    for roll in rolls {
        for pair in low_bass(roll).windows(2) {
            let beat = pair[1].start % STEPS_PER_BAR / STEPS_PER_BEAT;
            all[beat] += 1.0;
            if let Some(count) = counts[beat].get_mut(pair[0].row.abs_diff(pair[1].row)) {
                *count += 1.0;
            }
        }
    }
    for (counts, all) in counts.iter_mut().zip(all) {
        counts.iter_mut().for_each(|count| *count /= all.max(1.0));
    }
    counts
}

/// The training phrases of a genre that are not versions of what other genres have too: an accompaniment that
/// was written under a song does not make its tune the genre's. All, where every one is.
fn own_tunes(data: &Dataset, genre: usize) -> Vec<&Item> {
    let items = data.split(genre, Split::Train);
    let group = |genre: usize, item: &Item| Some(data.excerpt(genre, item)?.song.group.as_str());
    let others = (0..data.items.len()).filter(|&other| other != genre);
    let known: HashSet<&str> = others
        .flat_map(|other| data.split(other, Split::Train).iter().filter_map(move |item| group(other, item)))
        .collect();
    let own: Vec<&Item> =
        items.iter().filter(|item| group(genre, item).is_none_or(|group| !known.contains(group))).collect();
    if own.is_empty() { items.iter().collect() } else { own }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::song::StoredSong;
    use crate::dataset::Info;

    /// A dataset of one phrase a song; songs by genre and group.
    fn data(songs: &[&[(&str, Roll)]]) -> Dataset {
        let items = |songs: &[(&str, Roll)]| {
            (0..).zip(songs).map(|(song, (_, roll))| Item::of(*roll, song)).collect::<Vec<_>>()
        };
        let stored = |songs: &[(&str, Roll)]| {
            let song =
                |(group, roll): &(&str, Roll)| StoredSong::of_rolls("x".into(), (*group).into(), &[*roll]);
            songs.iter().map(song).collect::<Vec<_>>().into()
        };
        let info = Info { genres: Vec::new(), options: serde_json::Value::Null };
        let items = songs.iter().map(|songs| [items(songs), Vec::new(), Vec::new()]).collect();
        let mut data = Dataset::of_rolls(info, items);
        data.songs = songs.iter().map(|songs| stored(songs)).collect();
        data
    }

    #[test]
    fn a_scale_has_its_range_and_stays_in_its_key() {
        let scale = [0, 2, 4, 5, 7, 9, 11, 12];
        let scale = Roll::from_cells(|step, row| row == 24 + scale[step / 8]);
        let data = data(&[&[("scale", scale)], &[]]);
        let habits = Habits::of(&data, 0);
        assert_eq!((habits.range, habits.out_of_key, habits.anticipated), ((48, 60), 0.0, 0.0));
        assert!((habits.density - (9.0_f32 / 64.0).log2()).abs() < 1e-6);
        // Whole tones into first beats; two of them and a semitone into third ones; the last note is no bass.
        let [first, second, third, fourth] = habits.intervals;
        assert_eq!((first[2], first.iter().sum::<f32>()), (1.0, 1.0));
        assert_eq!((third[1], third[2]), (1.0 / 3.0, 2.0 / 3.0));
        assert_eq!([second, fourth], [[0.0; INTERVALS]; 2]);
        assert_eq!(Habits::of(&data, 1), Habits::default());
    }

    #[test]
    fn a_tune_that_another_genre_has_too_is_not_its_own() {
        let line =
            |off: usize| Roll::from_cells(|step, row| row == 40 + (step + off) / 4 % 3 && step + off >= 4);
        let (beats, ahead) = (line(0), line(2));
        let data = data(&[&[("song", beats), ("own", ahead)], &[("song", beats)]]);
        assert_eq!(Habits::of(&data, 0).anticipated, 1.0, "the song's tune is left out");
        assert_eq!(Habits::of(&data, 1).anticipated, 0.0, "all that there is");
        assert_eq!([0, 1].map(|genre| Habits::of(&data, genre).pushed), [0.0; 2]);
    }

    #[test]
    fn notes_a_16th_ahead_of_their_beats_are_pushes() {
        let line = Roll::from_cells(|step, row| row == 40 + (step + 1) / 4 % 3 && step > 2);
        let habits = Habits::of(&data(&[&[("pushes", line)], &[]]), 0);
        assert_eq!((habits.anticipated, habits.pushed), (0.0, 1.0));
    }
}
