//! What came of one direction, and what the genres are by themselves.

use phrase::{Key, Roll};
use serde::Serialize;

use super::faults::{Faults, Phrases};
use super::figures::{Effect, Music, Spread, range_of_99_percent};
use super::histograms::{self, Counts, HISTOGRAMS};
use super::others::{self, Others, Style};
use super::play::{Heard, Played};

/// More notes than this at once are a crowd that no two hands or horn section plays.
const CROWD: f64 = 12.0;

/// A genre's real phrases.
#[derive(Clone, Debug, Serialize)]
pub struct Genre {
    /// Its name.
    pub name: String,
    /// How many phrases were used.
    pub phrases: usize,
    /// What they are like, each against its own key.
    pub music: Music<Spread>,
    /// The MIDI pitches that hold 99 % of their notes.
    pub range: (u8, u8),
    /// Histograms, in the order of [`HISTOGRAMS`].
    pub histograms: Counts,
    /// For each judge, the shares of the phrases that it hears as each genre.
    pub confusion: Vec<Vec<f64>>,
    /// For each judge and each other genre, the share that it hears as this genre rather than that one; 1 for
    /// itself.
    pub accuracy: Vec<Vec<f64>>,
    /// Total content change when the genre is recast as itself, which should leave it alone.
    pub own_change: Spread,
    /// What an arranger would strike out of it, or not: what the answers are compared with.
    pub faults: Faults,
    /// The style that others' measures know.
    #[serde(skip)]
    pub style: Style,
}

impl Genre {
    /// Measures the phrases of one genre.
    pub fn of(name: &str, genre: usize, genres: usize, played: &[&Played]) -> Self {
        let rolls = || played.iter().map(|p| &p.item.roll);
        let music: Vec<_> = rolls().map(|roll| Music::of(roll, Key::of(roll).as_ref())).collect();
        let range = range_of_99_percent(rolls());
        let change = |p: &&Played| Effect::of(&p.item.roll, &p.answers[genre].transfer, range).total;
        let heard: Vec<&Heard> = played.iter().map(|p| &p.heard).collect();
        let mut phrases = Phrases::default();
        played.iter().for_each(|p| phrases.real(&p.item, p.work));
        let judges = heard.first().map_or(0, |heard| heard.len());
        let right = |judge: usize, other: usize| {
            let hits = heard.iter().filter(|h| other == genre || h[judge][genre] > h[judge][other]).count();
            hits as f64 / heard.len() as f64
        };
        Self {
            name: name.to_string(),
            phrases: played.len(),
            music: Music::over(&music),
            range,
            histograms: pooled(rolls().map(|roll| (roll, Key::of(roll)))),
            confusion: confusion(&heard, genres),
            accuracy: (0..judges).map(|j| (0..genres).map(|other| right(j, other)).collect()).collect(),
            own_change: Spread::of(played.iter().map(change)),
            faults: Faults::of(&phrases),
            style: others::style(rolls()),
        }
    }
}

/// What one judge says of a direction: the papers' figures, shares of the phrases heard as the source genre
/// rather than the target (P_A), with S and its ceiling.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The judge.
    pub judge: String,
    /// Share of origins, transfers and cycles heard as the source genre, against the target genre alone (a
    /// hard count).
    pub heard: [f64; 3],
    /// Mean probability of the source genre, against the target genre alone.
    pub probability: [f64; 3],
    /// The papers' S: mean drop of `heard` from origin, and from cycle, to transfer.
    pub strength: f64,
    /// What real phrases of the target genre would score: 2 a - 1, a being the judge's mean accuracy on the
    /// pair.
    pub ceiling: f64,
    /// Shares of the transfers heard as each genre, of all.
    pub confusion: Vec<f64>,
    /// Mean probability of the target genre out of all genres, of origins and transfers: what ImprovNet
    /// prints.
    pub target: [f64; 2],
}

/// The papers' S of the shares heard as the source genre in origin, transfer and cycle.
pub fn strength([origin, transfer, cycle]: [f64; 3]) -> f64 {
    ((origin - transfer) + (cycle - transfer)) / 2.0
}

/// One histogram's distance (total variation) to the target genre's real phrases.
#[derive(Clone, Debug, Serialize)]
pub struct Distance {
    /// The histogram.
    pub histogram: &'static str,
    /// From the source's phrases to the target genre's.
    pub source: f64,
    /// From the transfers to the target genre's.
    pub transfer: f64,
}

/// One phrase in one direction.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// Its number within its genre and split, from 1: the papers' Id.
    pub id: usize,
    /// Its song.
    pub song: u32,
    /// For each judge the probability of the source genre against the target: origin, transfer, cycle.
    pub probability: Vec<[f64; 3]>,
    /// What changed.
    pub effect: Effect<f64>,
    /// What the answer is like.
    pub music: Music<f64>,
    /// Origin, transfer and cycle.
    #[serde(skip)]
    pub rolls: [Roll; 3],
}

/// What an amount gives, as means over phrases.
#[derive(Clone, Debug, Serialize)]
pub struct AtAmount {
    /// Per cent.
    pub amount: u32,
    /// Total content change.
    pub change: f64,
    /// Share of the melody that is kept.
    pub melody_kept: f64,
    /// Half-bar chroma correlation with the source.
    pub harmony_kept: f64,
    /// Share of the phrases that come back exactly, onsets too.
    pub same: f64,
    /// For each judge the drop from origin to transfer of the share heard as the source genre.
    pub drop: Vec<f64>,
}

/// One direction: means over phrases, and the phrases.
#[derive(Clone, Debug, Serialize)]
pub struct Direction {
    /// Source and target, as places in the evaluation's genres.
    pub pair: (usize, usize),
    /// What each judge says; the classifier that scores first.
    pub verdicts: Vec<Verdict>,
    /// What the transfers changed.
    pub effect: Effect<Spread>,
    /// What the transfers are like, against the keys of their sources.
    pub music: Music<Spread>,
    /// Transfers without a note.
    pub empty: usize,
    /// Transfers with more than 12 notes at once somewhere.
    pub crowded: usize,
    /// Histograms of the transfers, in the order of [`HISTOGRAMS`].
    pub histograms: Counts,
    /// Their distances to the target genre.
    pub distances: Vec<Distance>,
    /// What an arranger would strike out of them.
    pub faults: Faults,
    /// What others would print of them.
    pub others: Others,
    /// What the other amounts give that were asked for.
    pub amounts: Vec<AtAmount>,
    /// Every phrase.
    pub phrases: Vec<Answer>,
}

impl Direction {
    /// Sums up a direction. `genres` are the real phrases, `names` the judges.
    pub fn of(
        pair: (usize, usize),
        genres: &[Genre],
        names: &[String],
        played: &[(usize, &Played)],
        amounts: &[u32],
    ) -> Self {
        let (source, target) = pair;
        let range = genres[target].range;
        let phrases: Vec<Answer> = played.iter().map(|&(id, p)| answer(id, p, pair, range)).collect();
        let effects: Vec<_> = phrases.iter().map(|p| p.effect).collect();
        let music: Vec<_> = phrases.iter().map(|p| p.music).collect();
        let histograms = pooled(phrases.iter().map(|p| (&p.rolls[1], Key::of(&p.rolls[0]))));
        let far = |i: usize| Distance {
            histogram: HISTOGRAMS[i].name,
            source: histograms::distance(&genres[source].histograms[i], &genres[target].histograms[i]),
            transfer: histograms::distance(&histograms[i], &genres[target].histograms[i]),
        };
        let mut answers = Phrases::default();
        played.iter().for_each(|(_, p)| answers.answer(&p.item, p.answers[target].transfer, p.work));
        let rolls: Vec<_> =
            played.iter().map(|(_, p)| (p.item.song, p.item.roll, p.answers[target].transfer)).collect();
        let transfers: Vec<&Heard> = played.iter().map(|(_, p)| &p.answers[target].heard[0]).collect();
        let confusion = confusion(&transfers, genres.len());
        let verdicts = names.iter().enumerate().map(|(j, name)| {
            let share = |kind: usize, f: fn(f64) -> f64| {
                Spread::of(phrases.iter().map(|p| f(p.probability[j][kind]))).mean
            };
            let heard = [0, 1, 2].map(|kind| share(kind, |p| f64::from(u8::from(p > 0.5))));
            Verdict {
                judge: name.clone(),
                heard,
                probability: [0, 1, 2].map(|kind| share(kind, |p| p)),
                strength: strength(heard),
                // With a = (p + q) / 2.
                ceiling: genres[source].accuracy[j][target] + genres[target].accuracy[j][source] - 1.0,
                confusion: confusion[j].clone(),
                target: [
                    Spread::of(played.iter().map(|(_, p)| p.heard[j][target])).mean,
                    Spread::of(played.iter().map(|(_, p)| p.answers[target].heard[0][j][target])).mean,
                ],
            }
        });
        Self {
            pair,
            verdicts: verdicts.collect(),
            effect: Effect::over(&effects),
            music: Music::over(&music),
            empty: phrases.iter().filter(|p| p.rolls[1].is_empty()).count(),
            crowded: music.iter().filter(|m| m.most_at_once > CROWD).count(),
            distances: (0..HISTOGRAMS.len()).map(far).collect(),
            histograms,
            faults: Faults::of(&answers),
            others: Others::of(&rolls, &genres[target].style),
            amounts: amounts.iter().enumerate().map(|(i, &at)| swept(i, at, pair, range, played)).collect(),
            phrases,
        }
    }

    /// The distance of the histogram at `place` in [`HISTOGRAMS`].
    pub fn distance(&self, place: usize) -> &Distance {
        &self.distances[place]
    }
}

/// What the amount at `place` of the sweep gives.
fn swept(
    place: usize,
    amount: u32,
    (source, target): (usize, usize),
    range: (u8, u8),
    played: &[(usize, &Played)],
) -> AtAmount {
    let answer = |p: &Played| p.answers[target].sweep[place].transfer;
    let effects: Vec<_> = played.iter().map(|(_, p)| Effect::of(&p.item.roll, &answer(p), range)).collect();
    let effect = Effect::over(&effects);
    let as_source = |heard: &Heard, judge: usize| heard[judge][source] > heard[judge][target];
    let share = |says: &dyn Fn(&Played) -> bool| {
        played.iter().filter(|(_, p)| says(p)).count() as f64 / played.len().max(1) as f64
    };
    let drop = |judge: usize| {
        share(&|p| as_source(&p.heard, judge))
            - share(&|p| as_source(&p.answers[target].sweep[place].heard, judge))
    };
    let judges = played.first().map_or(0, |(_, p)| p.heard.len());
    AtAmount {
        amount,
        change: effect.total.mean,
        melody_kept: effect.melody_kept.mean,
        harmony_kept: effect.harmony_kept.mean,
        same: share(&|p| answer(p) == p.item.roll),
        drop: (0..judges).map(drop).collect(),
    }
}

fn answer(id: usize, played: &Played, (source, target): (usize, usize), range: (u8, u8)) -> Answer {
    let answered = &played.answers[target];
    let origin = played.item.roll;
    let probability = |judge: usize| {
        [&played.heard, &answered.heard[0], &answered.heard[1]].map(|heard| {
            let (a, b) = (heard[judge][source], heard[judge][target]);
            // Both may be too small to count where a third genre is certain.
            if a + b > 0.0 { a / (a + b) } else { 0.5 }
        })
    };
    Answer {
        id,
        song: played.item.song,
        probability: (0..played.heard.len()).map(probability).collect(),
        effect: Effect::of(&origin, &answered.transfer, range),
        music: Music::of(&answered.transfer, Key::of(&origin).as_ref()),
        rolls: [origin, answered.transfer, answered.cycle],
    }
}

/// The counts of many phrases, each against its key.
fn pooled<'a>(rolls: impl Iterator<Item = (&'a Roll, Option<Key>)>) -> Counts {
    let mut sum = histograms::none();
    for (roll, key) in rolls {
        histograms::add(&mut sum, &histograms::counts(roll, key.map_or(0, |key| key.tonic)));
    }
    sum
}

/// For each judge the shares of phrases heard as each genre.
fn confusion(heard: &[&Heard], genres: usize) -> Vec<Vec<f64>> {
    let judges = heard.first().map_or(0, |heard| heard.len());
    let mut counts = vec![vec![0.0; genres]; judges];
    for heard in heard {
        for (counts, p) in counts.iter_mut().zip(heard.iter()) {
            counts[(0..genres).fold(0, |best, genre| if p[genre] > p[best] { genre } else { best })] += 1.0;
        }
    }
    counts.iter().map(|counts| histograms::shares(counts)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of the 2018 paper's tables: A, A->B, A->B->A, B, B->A, B->A->B, S_tot.
    #[test]
    fn s_is_the_papers() {
        for (a, b, total) in [
            ([88.09, 20.62, 88.18], [92.53, 20.71, 92.53], 69.7),
            ([88.09, 9.87, 87.73], [92.53, 25.87, 89.51], 71.6),
            ([86.91, 26.61, 87.18], [80.04, 24.30, 80.15], 58.1),
            ([60.53, 14.84, 58.84], [73.60, 43.11, 72.09], 37.3),
        ] {
            let s = (strength(a) + strength(b)) / 2.0;
            assert!((s - total).abs() < 0.1, "{s} against {total}");
        }
    }
}
