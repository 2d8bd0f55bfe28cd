//! What a pack does to phrases of each genre, in figures.

use std::collections::BTreeMap;

use anyhow::Result;
use model::{Pack, SLOTS, Settings, Transfer};
use phrase::{Roll, density};

use crate::dataset::{Dataset, Split};

/// What is measured, and on how much.
#[derive(Clone, Debug, clap::Args)]
pub struct EvaluateOptions {
    /// Which songs.
    #[arg(long, value_enum, default_value = "test")]
    pub split: Split,
    /// At most this many phrases a genre, evenly spread; 0 for all.
    #[arg(long, default_value_t = 0)]
    pub limit: usize,
    /// Amount in per cent.
    #[arg(long, default_value_t = 100)]
    pub amount: u32,
    /// Let the pack's classifier hear the source genre instead of telling it.
    #[arg(long)]
    pub auto: bool,
}

/// One direction, means over phrases.
#[derive(Clone, Copy, Debug, Default)]
pub struct Direction {
    /// Source and target slots.
    pub pair: (usize, usize),
    /// Share of origins, transfers and cycles that the pack's classifier hears as the source genre, against the target
    /// genre alone (the papers' pairwise P_A).
    pub heard: [f64; 3],
    /// Content change: added, removed, total, relative to the source's cells.
    pub change: [f64; 3],
    /// Cells of the answer over cells of the source.
    pub density: f64,
}

impl Direction {
    /// The papers' S for this direction: mean drop of P from origin, and from cycle, to transfer.
    pub fn strength(&self) -> f64 {
        let [origin, transfer, cycle] = self.heard;
        (origin + cycle) / 2.0 - transfer
    }
}

/// All directions of a pack.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Genre names.
    pub genres: Vec<String>,
    /// One entry an ordered pair of genres.
    pub directions: Vec<Direction>,
}

/// Measures `pack` on `data`. The judge is the pack's own classifier: read its figures as the papers', not as music.
pub fn evaluate(pack: &Pack, data: &Dataset, options: &EvaluateOptions) -> Result<Evaluation> {
    let transfer = Transfer::new(pack)?;
    let genres = pack.card.genres.clone();
    anyhow::ensure!(
        genres == data.genres(),
        "the pack has the genres {genres:?}, the dataset {:?}; give them in the same order",
        data.genres()
    );
    let mut directions = Vec::new();
    for source in 0..genres.len() {
        let items = data.split(source, options.split);
        let stride = if options.limit == 0 { 1 } else { items.len().div_ceil(options.limit).max(1) };
        let rolls: Vec<Roll> = items.iter().step_by(stride).map(|item| item.roll).collect();
        for target in (0..genres.len()).filter(|&target| target != source) {
            directions.push(direction(&transfer, &rolls, (source, target), options)?);
        }
    }
    Ok(Evaluation { genres, directions })
}

fn direction(
    transfer: &Transfer,
    rolls: &[Roll],
    pair: (usize, usize),
    options: &EvaluateOptions,
) -> Result<Direction> {
    let (source, target) = pair;
    let known = |slot: usize| (!options.auto).then_some(slot as u8);
    let settings =
        Settings { source: known(source), amount: options.amount as f32 / 100.0, ..Settings::to(target) };
    let back = Settings { source: known(target), ..Settings::to(source) };
    let mut sum = Direction { pair, ..Direction::default() };
    for roll in rolls {
        let (cells, report) = transfer.cells(roll, 0, &settings)?;
        let answer = Roll::from_sounding(cells);
        let (cycle, _) = transfer.cells(&answer, 0, &Settings { amount: settings.amount, ..back })?;
        for (heard, roll) in sum.heard.iter_mut().zip([roll, &answer, &Roll::from_sounding(cycle)]) {
            let p: [f32; SLOTS] = transfer.classify(roll)?;
            *heard += f64::from(u8::from(p[source] > p[target]));
        }
        let change = report.change;
        for (sum, x) in sum.change.iter_mut().zip([change.added, change.removed, change.total]) {
            *sum += f64::from(x);
        }
        sum.density += f64::from(density(&answer) / density(roll).max(f32::MIN_POSITIVE));
    }
    let count = rolls.len().max(1) as f64;
    sum.heard.iter_mut().chain(&mut sum.change).for_each(|x| *x /= count);
    sum.density /= count;
    Ok(sum)
}

impl Evaluation {
    /// S_tot of an unordered pair: the mean of both directions.
    pub fn total(&self, a: usize, b: usize) -> f64 {
        let both: Vec<f64> = self
            .directions
            .iter()
            .filter(|d| d.pair == (a, b) || d.pair == (b, a))
            .map(Direction::strength)
            .collect();
        both.iter().sum::<f64>() / both.len().max(1) as f64
    }

    /// The figures by name, for a card.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let mut all = BTreeMap::new();
        let round = |x: f64| (x * 1e4).round() / 1e4;
        for d in &self.directions {
            let (from, to) = (&self.genres[d.pair.0], &self.genres[d.pair.1]);
            all.insert(format!("{from} to {to}: content change"), round(d.change[2]));
            all.insert(format!("{from} to {to}: density ratio"), round(d.density));
            if d.pair.0 < d.pair.1 {
                all.insert(
                    format!("{from} and {to}: S_tot by own classifier"),
                    round(self.total(d.pair.0, d.pair.1)),
                );
            }
        }
        all
    }

    /// A table for a terminal.
    pub fn table(&self) -> String {
        let mut text = String::from(
            "direction             P(src)  P(tra)  P(cyc)       S   added  removed   total  density\n",
        );
        for d in &self.directions {
            let name = format!("{} -> {}", self.genres[d.pair.0], self.genres[d.pair.1]);
            let [origin, answer, cycle] = d.heard.map(|p| 100.0 * p);
            let [added, removed, total] = d.change;
            let (s, density) = (100.0 * d.strength(), d.density);
            text += &format!(
                "{name:<20} {origin:>7.1} {answer:>7.1} {cycle:>7.1} {s:>7.1} {added:>7.3} {removed:>8.3} {total:>7.3} {density:>8.3}\n"
            );
        }
        for a in 0..self.genres.len() {
            for b in a + 1..self.genres.len() {
                text += &format!(
                    "S_tot {} / {}: {:.1}\n",
                    self.genres[a],
                    self.genres[b],
                    100.0 * self.total(a, b)
                );
            }
        }
        text
    }
}

impl EvaluateOptions {
    /// What a card reports: the test split (or what there is, where a few songs leave none), source told, all the way.
    pub fn card(data: &Dataset) -> Self {
        let filled = |split: Split| (0..data.items.len()).all(|genre| !data.split(genre, split).is_empty());
        let split =
            [Split::Test, Split::Valid].into_iter().find(|&split| filled(split)).unwrap_or(Split::Train);
        Self { split, limit: 0, amount: 100, auto: false }
    }
}
