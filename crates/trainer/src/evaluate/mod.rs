//! What a pack does to phrases of each genre, in figures: does a judge hear the other genre, how much of the
//! phrase is left, and is it still music.
//!
//! [`evaluate`] plays every phrase there and back ([`play`]), lets the judges hear it ([`judge`]) and sums up
//! each [`direction`]. [`ranking`] and [`files`] write the papers' files, [`report`] a page for people.
//!
//! Judges hear what is played, onsets too. Besides the pack's own classifier there is one of another build
//! (`classifier/beats.rs`), for songs that no generator trained on or was chosen by (`prepare --part` divides
//! by a hash of the group's name, so any two folders agree), and logistic regression on musical features.
//! `targets.rs` says what is asked.

pub mod check;
pub mod direction;
pub mod faults;
pub mod features;
pub mod figures;
pub mod files;
pub mod histograms;
pub mod judge;
mod layout;
pub(crate) mod limited;
pub mod others;
mod output;
pub mod play;
pub mod ranking;
pub mod regression;
pub mod report;
pub mod rule;
pub mod spaces;
mod table;
pub mod targets;
mod windows;
pub mod writer;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use model::Pack;
use phrase::BARS;
use serde::Serialize;

use crate::dataset::{Dataset, Split};

pub use check::TargetOptions;
pub use direction::{Answer, AtAmount, Direction, Genre, Verdict, strength};
use histograms::{HISTOGRAMS, Histogram};
use judge::{FeatureModel, Judge, places};
pub use output::{Layout, OutputOptions};
use play::{Asked, Played};

/// What is measured, and on how much.
#[derive(Clone, Debug, clap::Args)]
pub struct EvaluateOptions {
    /// Which songs.
    #[arg(long, value_enum, default_value = "test")]
    pub split: Split,
    /// At most this many phrases a genre, evenly spread; 0 for all. With --faults whole songs, drawn at
    /// random (always the same), up to about so many phrases.
    #[arg(long, default_value_t = 0)]
    pub limit: usize,
    /// Prints what an arranger would strike out, beside the same figures of each genre's real phrases: what
    /// is struck at once, mud, clusters, clashes, bass, patterns, borders, what is kept, each with a 95 %
    /// interval over works.
    #[arg(long)]
    pub faults: bool,
    /// Amount in per cent.
    #[arg(long, default_value_t = 100)]
    pub amount: u32,
    /// Further amounts, as 0,25,50,75,100, of which the table says what changes, what is kept and what the
    /// judges hear.
    #[arg(long, value_delimiter = ',', value_name = "AMOUNTS")]
    pub amounts: Vec<u32>,
    /// As the plug-in plays at a latency of so many bars: 4, or 2 or 1, where a window of four bars slides on
    /// by that much and its newest part is played. Phrases are then put together of those parts; the dataset
    /// must hold every window (prepare --hop-bars 1), and no cycle is made.
    #[arg(long, default_value_t = 4, value_parser = latency)]
    pub latency: usize,
    /// *Harmony* in per cent: how far the target genre may recolour the chords, where the pack can.
    #[arg(long, default_value_t = 10)]
    pub harmony: u32,
    /// Makes no cycles, which is half the work: S is then the drop from origin to transfer alone.
    #[arg(long)]
    pub no_cycle: bool,
    /// Let the pack's classifier hear the source genre instead of telling it.
    #[arg(long)]
    pub auto: bool,
    /// Send the probabilities of a transfer back, as the papers do, not its notes; at full amount only.
    #[arg(long)]
    pub soft_cycle: bool,
    /// Only this direction, from A to B. Can be repeated. [default: all directions]
    #[arg(long = "direction", value_name = "A,B", value_parser = direction)]
    pub directions: Vec<[String; 2]>,
    /// Scores as the papers do, by a classifier that no generator was trained with: a file that `classify`
    /// wrote, or a pack, whose classifier then scores. It comes first in all tables, and rankings, the
    /// probabilities in files' names and pictures are by it; the pack's own comes second. With --direction it
    /// need not know other genres than those.
    #[arg(long, value_name = "FILE")]
    pub classifier: Option<PathBuf>,
    /// A further judge: a file that `classify` wrote, or a pack, whose classifier then judges. Can be
    /// repeated. Genres are matched by name.
    #[arg(long = "judge", value_name = "FILE")]
    pub judges: Vec<PathBuf>,
    /// Train the feature judge on the train split of this dataset instead.
    #[arg(long, value_name = "DATASET")]
    pub features: Option<PathBuf>,
    /// Leave the feature judge out.
    #[arg(long)]
    pub no_features: bool,
    /// Measures the writer of another pack beside this one's: of the same genres in the same order, as the
    /// generator that SeqGAN started from.
    #[arg(long, value_name = "PACK")]
    pub writer_beside: Option<PathBuf>,
    /// Worker threads; the numbers do not depend on them.
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        Self {
            split: Split::Test,
            limit: 0,
            faults: false,
            amount: 100,
            amounts: Vec::new(),
            latency: BARS,
            harmony: 10,
            no_cycle: false,
            auto: false,
            soft_cycle: false,
            directions: Vec::new(),
            classifier: None,
            judges: Vec::new(),
            features: None,
            no_features: false,
            writer_beside: None,
            threads: 2,
        }
    }
}

/// A latency that the plug-in has.
fn latency(text: &str) -> Result<usize, String> {
    let bars = text.parse().ok().filter(|bars| [1, 2, BARS].contains(bars));
    bars.ok_or_else(|| format!("{text} is no latency; choose 4, 2 or 1"))
}

/// A direction that the command line names.
fn direction(text: &str) -> Result<[String; 2], String> {
    match text.split_once(',') {
        Some((a, b)) if !a.is_empty() && !b.is_empty() && a != b => Ok([a.to_string(), b.to_string()]),
        _ => Err(format!("{text} is no direction; write A,B for from A to B")),
    }
}

impl EvaluateOptions {
    /// The directions that are asked for, as places in `genres`.
    ///
    /// # Errors
    /// When a genre is not among them.
    fn pairs(&self, genres: &[String]) -> Result<Vec<(usize, usize)>> {
        if self.directions.is_empty() {
            let all = 0..genres.len();
            return Ok(all
                .clone()
                .flat_map(|a| all.clone().filter(move |&b| b != a).map(move |b| (a, b)))
                .collect());
        }
        let pair = |names: &[String; 2]| {
            let found = places(genres, names).context("--direction: the pack has no such direction")?;
            Ok((found[0], found[1]))
        };
        let mut pairs: Vec<_> = self.directions.iter().map(pair).collect::<Result<_>>()?;
        pairs.sort_unstable();
        pairs.dedup();
        Ok(pairs)
    }

    /// Whether the answers are sent back.
    pub fn cycles(&self) -> bool {
        !self.no_cycle && self.latency == BARS
    }

    /// What a card reports: the test split (or what there is, where a few songs leave none), source told, all
    /// the way.
    pub fn card(data: &Dataset) -> Self {
        let filled = |split: Split| (0..data.items.len()).all(|genre| !data.split(genre, split).is_empty());
        let split =
            [Split::Test, Split::Valid].into_iter().find(|&split| filled(split)).unwrap_or(Split::Train);
        Self { split, ..Self::default() }
    }
}

/// All directions of a pack.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// The pack's name, version and SHA-256.
    pub pack: [String; 3],
    /// Which songs.
    pub split: Split,
    /// Amount in per cent.
    pub amount: u32,
    /// Bars that a window slides on by; of four, phrases are whole windows.
    pub latency: usize,
    /// Whether answers were sent back; if not, cycles stand for the origins.
    pub cycles: bool,
    /// Whether the source genre was heard by the pack's classifier instead of told.
    pub auto: bool,
    /// Whether cycles are made of probabilities instead of notes.
    pub soft_cycle: bool,
    /// Genre names, in the pack's order.
    pub genres: Vec<String>,
    /// The judges' names: the classifier that scores first, which is the pack's own where no other is named.
    pub judges: Vec<String>,
    /// What was left out, and why.
    pub remarks: Vec<String>,
    /// Names and bins of all histograms below.
    pub histograms: &'static [Histogram],
    /// The genres' real phrases.
    pub originals: Vec<Genre>,
    /// One entry an ordered pair of genres.
    pub directions: Vec<Direction>,
    /// What [`rule::answer`] makes of the same phrases, for the directions that it knows; without the single
    /// phrases. No cycle is made.
    pub rules: Vec<Direction>,
    /// The feature judge.
    pub features: Option<FeatureModel>,
}

/// Measures `pack` on the genres of `data` that it has. No judge hears music as people do: read the networks'
/// figures beside the feature judge's and the content's.
///
/// # Errors
/// When the dataset lacks a genre of the pack or phrases of it in the split, or a judge cannot be used.
pub fn evaluate(pack: &Pack, data: &Dataset, options: &EvaluateOptions) -> Result<Evaluation> {
    let genres = pack.card.genres.clone();
    let own = places(&data.genres(), &genres).context("the dataset does not fit the pack")?;
    for amount in options.amounts.iter().chain([&options.amount]) {
        ensure!(*amount <= 100, "the amount is {amount} % where 0 to 100 are possible");
    }
    ensure!(options.harmony <= 100, "the harmony is {} % where 0 to 100 are possible", options.harmony);
    ensure!(
        options.amount == 100 || !options.soft_cycle,
        "the papers know no amount; leave --soft-cycle or --amount out"
    );
    let pairs = options.pairs(&genres)?;
    let (judges, remarks) = judges(pack, &pairs, data, options)?;

    let mut asked: Vec<Asked> = Vec::new();
    for (genre, &place) in own.iter().enumerate() {
        let split = data.split(place, options.split);
        ensure!(
            !split.is_empty(),
            "the dataset's {} split has no phrase of {}; choose another with --split, or prepare more songs",
            options.split.name(),
            genres[genre]
        );
        let whole = windows::ending(split, options.latency);
        ensure!(
            !whole.is_empty(),
            "no phrase of {} has the windows before it that a latency of {} bars hears; give a dataset of \
             `prepare --hop-bars 1`",
            genres[genre],
            options.latency
        );
        let whole = if options.faults {
            limited::songs(whole, options.limit, |(index, _)| split[*index].song)
        } else {
            limited::spread(whole, options.limit)
        };
        asked.extend(whole.into_iter().map(|(index, windows)| Asked {
            genre,
            id: index + 1,
            item: split[index],
            work: data.work(place, split[index].song),
            windows,
        }));
    }
    let played = play::play(pack, &judges, &asked, &pairs, options)?;
    let of = |genre: usize| -> Vec<(usize, &Played)> {
        let all = played.iter().zip(&asked);
        all.filter(|(_, asked)| asked.genre == genre).map(|(played, asked)| (asked.id, played)).collect()
    };

    let original = |genre: usize| {
        let phrases: Vec<&Played> = of(genre).into_iter().map(|(_, played)| played).collect();
        Genre::of(&genres[genre], genre, genres.len(), &phrases)
    };
    let originals: Vec<Genre> = (0..genres.len()).map(original).collect();
    let names: Vec<String> = judges.iter().map(|judge| judge.name().to_string()).collect();
    let direction =
        |pair: (usize, usize)| Direction::of(pair, &originals, &names, &of(pair.0), &options.amounts);
    let directions = pairs.iter().copied().map(direction).collect();
    let ruled = |pair: (usize, usize)| {
        let ruled: Option<Vec<(usize, Played)>> =
            of(pair.0).into_iter().map(|(id, played)| Some((id, played.ruled(pair.1)?))).collect();
        let ruled = ruled?;
        let ruled: Vec<_> = ruled.iter().map(|(id, played)| (*id, played)).collect();
        Some(Direction { phrases: Vec::new(), ..Direction::of(pair, &originals, &names, &ruled, &[]) })
    };
    let rules = pairs.iter().copied().filter_map(ruled).collect();
    let card = &pack.card;
    Ok(Evaluation {
        pack: [card.name.clone(), card.version.clone(), card.hash.clone()],
        split: options.split,
        amount: options.amount,
        latency: options.latency,
        cycles: options.cycles(),
        auto: options.auto,
        soft_cycle: options.soft_cycle,
        features: judges.iter().find_map(|judge| judge.model(&genres)),
        genres,
        judges: names,
        remarks,
        histograms: &HISTOGRAMS,
        originals,
        directions,
        rules,
    })
}

/// The judges, and what is to be said of those left out.
fn judges(
    pack: &Pack,
    pairs: &[(usize, usize)],
    data: &Dataset,
    options: &EvaluateOptions,
) -> Result<(Vec<Judge>, Vec<String>)> {
    let genres = &pack.card.genres;
    let mut judges = Vec::new();
    if let Some(path) = &options.classifier {
        let needed = |genre: &usize| pairs.iter().any(|(a, b)| a == genre || b == genre);
        let needed: Vec<usize> = (0..genres.len()).filter(needed).collect();
        judges.push(Judge::scoring(path, genres, &needed)?);
    }
    if judges.is_empty() || pack.card.parts.classifier.is_some() {
        judges.push(Judge::own(genres.len()));
    }
    for path in &options.judges {
        judges.push(Judge::read(path, genres, "--judge")?);
    }
    let mut remarks = Vec::new();
    if let Some(path) = &options.features {
        judges.push(Judge::features(&Dataset::read(path)?, genres)?);
    } else if !options.no_features {
        // A dataset for judging only has no training songs: that is no fault.
        match Judge::features(data, genres) {
            Ok(judge) => judges.push(judge),
            Err(error) => remarks.push(format!("no feature judge: {error:#}")),
        }
    }
    Ok((judges, remarks))
}

impl Evaluation {
    /// S_tot of an unordered pair by judge number `judge`: the mean of both directions, or S of the one that
    /// was measured.
    pub fn total(&self, a: usize, b: usize, judge: usize) -> f64 {
        let both = |d: &&Direction| d.pair == (a, b) || d.pair == (b, a);
        let s: Vec<f64> = self.directions.iter().filter(both).map(|d| d.verdicts[judge].strength).collect();
        s.iter().sum::<f64>() / s.len().max(1) as f64
    }

    /// What real phrases of the other genre would score as S_tot of a pair, by judge number `judge`.
    pub fn ceiling(&self, a: usize, b: usize, judge: usize) -> f64 {
        let either = |d: &&Direction| d.pair == (a, b) || d.pair == (b, a);
        self.directions.iter().find(either).map_or(f64::NAN, |d| d.verdicts[judge].ceiling)
    }

    /// The unordered pairs of genres of which a direction was measured.
    pub fn pairs(&self) -> Vec<(usize, usize)> {
        let mut pairs: Vec<_> =
            self.directions.iter().map(|d| (d.pair.0.min(d.pair.1), d.pair.0.max(d.pair.1))).collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// How many of each genre's real phrases judge number `judge` hears right among all genres, for people.
    pub fn right(&self, judge: usize) -> String {
        let share = |(place, genre): (usize, &Genre)| {
            format!("{} {:.1} %", genre.name, 100.0 * genre.confusion[judge][place])
        };
        self.originals.iter().enumerate().map(share).collect::<Vec<_>>().join(", ")
    }

    /// What the rule makes of a direction's phrases, where there is one.
    pub fn rule(&self, direction: &Direction) -> Option<&Direction> {
        self.rules.iter().find(|rule| rule.pair == direction.pair)
    }

    /// `source -> target` by name.
    pub fn title(&self, direction: &Direction) -> String {
        format!("{} -> {}", self.genres[direction.pair.0], self.genres[direction.pair.1])
    }

    /// The figures by name, for a card.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let mut all = BTreeMap::new();
        let mut add = |name: String, x: f64| {
            // JSON knows no other numbers.
            if x.is_finite() {
                all.insert(name, (x * 1e4).round() / 1e4);
            }
        };
        for d in &self.directions {
            let (from, to) = (&self.genres[d.pair.0], &self.genres[d.pair.1]);
            add(format!("{from} to {to}: content change"), d.effect.total.mean);
            add(format!("{from} to {to}: density ratio"), d.effect.density_ratio.mean);
            add(format!("{from} to {to}: melody kept"), d.effect.melody_kept.mean);
            add(format!("{from} to {to}: out of key"), d.music.out_of_key.mean);
        }
        for (a, b) in self.pairs() {
            for (judge, name) in self.judges.iter().enumerate() {
                let (from, to) = (&self.genres[a], &self.genres[b]);
                add(format!("{from} and {to}: S_tot by {name}"), self.total(a, b, judge));
            }
        }
        all
    }
}
