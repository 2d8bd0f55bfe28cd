//! Measures that others print, beside ours.
//!
//! - Cifka et al. 2019 and Groove2Groove: content ([`phrase::content_kept`]) and style, the cosine of
//!   normalised histograms with those of the target genre's real phrases, pooled (*macro*) and as the mean
//!   over songs (*song*). Their time bins are finer; ours are a quarter of a beat, the grid. Theirs of onset
//!   and velocity is left out: cells have no velocity.
//! - ImprovNet 2025: the mean probability of the target genre, see [`super::direction::Verdict::target`], and
//!   the correlation of the self-similarity matrices of original and answer, here of the pitch classes of
//!   each beat, song by song.

use std::collections::BTreeMap;

use phrase::{Roll, STEPS_PER_BAR, beat_chroma, content_kept, cosine};
use serde::Serialize;

use super::figures::Spread;

/// Steps that two notes of the first histogram lie apart, less than: 4 beats.
const APART: usize = 16;
/// Semitones that they lie apart at most.
const INTERVAL: i32 = 20;
/// Steps of the longest notes that the second one tells apart: 2 beats. Longer ones count with them.
const LONGEST: usize = 8;

/// The histograms' names.
pub const NAMES: [&str; 2] = ["time and pitch", "onset and duration"];

/// Counts of the style of many phrases.
#[derive(Clone, Debug, PartialEq)]
pub struct Style([Vec<f32>; 2]);

impl Default for Style {
    fn default() -> Self {
        Self([vec![0.0; APART * (2 * INTERVAL as usize + 1)], vec![0.0; STEPS_PER_BAR * LONGEST]])
    }
}

impl Style {
    /// Counts a phrase: all pairs of notes less than four beats apart, by steps and semitones from the first
    /// to the second; and notes by their step in the bar and their length.
    pub fn count(&mut self, roll: &Roll) {
        let [pairs, lengths] = &mut self.0;
        let notes: Vec<_> = roll.notes().filter(|note| !note.tied_in).collect();
        for (place, a) in notes.iter().enumerate() {
            for b in notes[place + 1..].iter().take_while(|b| b.start - a.start < APART) {
                let semitones = b.row as i32 - a.row as i32;
                if semitones.abs() <= INTERVAL {
                    let bin =
                        (b.start - a.start) * (2 * INTERVAL as usize + 1) + (semitones + INTERVAL) as usize;
                    pairs[bin] += 1.0;
                }
            }
            lengths[a.start % STEPS_PER_BAR * LONGEST + a.length.min(LONGEST) - 1] += 1.0;
        }
    }

    fn of<'a>(rolls: impl IntoIterator<Item = &'a Roll>) -> Self {
        let mut style = Self::default();
        rolls.into_iter().for_each(|roll| style.count(roll));
        style
    }

    /// Cosine with another one's, by histogram.
    fn likeness(&self, other: &Self) -> [f64; 2] {
        std::array::from_fn(|i| cosine(&self.0[i], &other.0[i]).into())
    }
}

/// How near one histogram of style comes to the target genre's.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Near {
    /// Which.
    pub histogram: &'static str,
    /// All phrases together: untouched, and answered.
    #[serde(rename = "macro")]
    pub pooled: [f64; 2],
    /// The mean over songs of the same.
    pub song: [f64; 2],
}

/// What others would print of a direction.
#[derive(Clone, Debug, Serialize)]
pub struct Others {
    /// Content of Cifka et al., mean over phrases; 1 untouched.
    pub content: f64,
    /// Their style.
    pub style: Vec<Near>,
    /// ImprovNet's correlation of self-similarity, mean over songs; 1 untouched.
    pub similarity: f64,
}

impl Others {
    /// Of sources and answers by song, in order, where the target genre's real phrases have the style
    /// `target`.
    pub fn of(phrases: &[(u32, Roll, Roll)], target: &Style) -> Self {
        let mut songs: BTreeMap<u32, [Vec<&Roll>; 2]> = BTreeMap::new();
        for (song, source, answer) in phrases {
            let [sources, answers] = songs.entry(*song).or_default();
            sources.push(source);
            answers.push(answer);
        }
        let content =
            phrases.iter().filter_map(|(_, source, answer)| content_kept(source, answer)).map(f64::from);
        let sides = |of: fn(&(u32, Roll, Roll)) -> &Roll| Style::of(phrases.iter().map(of)).likeness(target);
        let pooled = [sides(|(_, source, _)| source), sides(|(_, _, answer)| answer)];
        let by_song: Vec<[[f64; 2]; 2]> = songs
            .values()
            .map(|sides| sides.each_ref().map(|rolls| Style::of(rolls.iter().copied()).likeness(target)))
            .collect();
        let near = |i: usize| Near {
            histogram: NAMES[i],
            pooled: [0, 1].map(|side: usize| pooled[side][i]),
            song: [0, 1].map(|side: usize| Spread::of(by_song.iter().map(|song| song[side][i])).mean),
        };
        let similarity = songs.values().filter_map(|[sources, answers]| similarity(sources, answers));
        Self {
            content: Spread::of(content).mean,
            style: (0..NAMES.len()).map(near).collect(),
            similarity: Spread::of(similarity).mean,
        }
    }
}

/// The style of real phrases.
pub fn style<'a>(rolls: impl IntoIterator<Item = &'a Roll>) -> Style {
    Style::of(rolls)
}

/// Pearson's correlation of what lies over the diagonal of two songs' self-similarity matrices; `None` where
/// one of them does not vary.
fn similarity(sources: &[&Roll], answers: &[&Roll]) -> Option<f64> {
    let beats =
        |rolls: &[&Roll]| -> Vec<[f32; 12]> { rolls.iter().flat_map(|roll| beat_chroma(roll)).collect() };
    let (a, b) = (beats(sources), beats(answers));
    // Sums of both, of their squares, and of their product.
    let (mut n, mut x, mut y, mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for i in 0..a.len() {
        for j in i + 1..a.len() {
            let (s, t) = (f64::from(cosine(&a[i], &a[j])), f64::from(cosine(&b[i], &b[j])));
            (n, x, y, xx, yy, xy) = (n + 1.0, x + s, y + t, xx + s * s, yy + t * t, xy + s * t);
        }
    }
    let (sx, sy) = (n * xx - x * x, n * yy - y * y);
    (sx > 1e-9 * n * n && sy > 1e-9 * n * n).then(|| (n * xy - x * y) / (sx * sy).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_untouched_is_itself_and_style_moves() {
        let low = |seed: usize| {
            Roll::from_cells(move |step, row| row == 20 + (step / 4 * 5 + seed) % 9 && step % 4 < 3)
        };
        let high = |seed: usize| {
            Roll::from_cells(move |step, row| row == 50 + (step / 8 * 7 + seed) % 11 && step % 8 < 7)
        };
        let target: Vec<Roll> = (0..6).map(high).collect();
        let target = style(&target);
        let same: Vec<_> = (0..6).map(|i| (i as u32 / 3, low(i), low(i))).collect();
        let all = Others::of(&same, &target);
        assert!((all.content - 1.0).abs() < 1e-6 && (all.similarity - 1.0).abs() < 1e-6);
        assert!(
            all.style.iter().all(|near| near.pooled[0] == near.pooled[1] && near.song[0] == near.song[1])
        );
        let moved: Vec<_> = (0..6).map(|i| (i as u32 / 3, low(i), high(i))).collect();
        let all = Others::of(&moved, &target);
        assert!(all.content < 0.7 && all.similarity < 0.7, "{all:?}");
        assert!(
            all.style.iter().all(|near| near.pooled[1] > 0.999 && near.pooled[0] < 0.7),
            "{:?}",
            all.style
        );
    }

    #[test]
    fn pairs_and_lengths_are_counted_by_hand() {
        // A note of three steps, one a fifth up a beat later that sounds for two bars, and one too far away
        // to be its pair.
        let roll = Roll::from_cells(|step, row| {
            row == 36 && step < 3 || row == 43 && (4..36).contains(&step) || row == 10 && step == 40
        });
        let style = style([&roll]);
        let ones: Vec<usize> = (0..style.0[0].len()).filter(|&bin| style.0[0][bin] > 0.0).collect();
        assert_eq!(ones, [4 * 41 + 27]);
        let ones: Vec<usize> = (0..style.0[1].len()).filter(|&bin| style.0[1][bin] > 0.0).collect();
        assert_eq!(ones, [2, 4 * 8 + 7, 8 * 8]);
    }
}
