//! What filled forms say.

use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::{KEY, Key, pearson};
use crate::dataset::write_whole;

/// Which forms are read.
#[derive(Clone, Debug, clap::Args)]
pub struct ReadOptions {
    /// The folder that `rank make` wrote.
    pub folder: PathBuf,
    /// Filled forms, one a listener: form.csv with a rank for each answer of a snippet, 1 for the best, in
    /// one column or both. Snippets without ranks are left out.
    #[arg(required = true, value_name = "FORM")]
    pub forms: Vec<PathBuf>,
    /// All figures as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// What is asked of listeners, as the form's columns.
const ASKED: [&str; 2] = ["retention", "quality"];

/// What came out.
#[derive(Clone, Debug, Serialize)]
pub struct Ranked {
    /// Forms.
    pub listeners: usize,
    /// By pack, in the order of the command line of `rank make`.
    pub packs: Vec<Standing>,
    /// Pearson's r of S_tot and the mean score of the packs: how they keep the piece, and how good they
    /// sound.
    pub strength: [f64; 2],
    /// Pearson's r of an answer's content change and its mean score, over all answers. The 2019 paper has
    /// -0.805 for retention.
    pub change: [f64; 2],
}

/// A pack among others.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// The pack's file.
    pub name: String,
    /// Mean rank for retention and quality, 1 being the best.
    pub rank: [f64; 2],
    /// The paper's score: 1 for the best, 0 for the worst, linear between.
    pub score: [f64; 2],
    /// S_tot.
    pub strength: f64,
    /// Mean content change.
    pub change: f64,
}

/// An answer's ranks by all listeners, for both questions.
type Ranks = [Vec<f64>; 2];

/// Reads the key and all forms.
///
/// # Errors
/// When a file cannot be read, or a form is not filled as it should: which one, and where.
pub fn read(options: &ReadOptions) -> Result<Ranked> {
    let path = options.folder.join(KEY);
    let named =
        || format!("{}: the key cannot be read; give the folder that `rank make` wrote", path.display());
    let key: Key = serde_json::from_slice(&std::fs::read(&path).with_context(named)?).with_context(named)?;
    let mut ranks: Vec<Ranks> = vec![Ranks::default(); key.answers.len()];
    for form in &options.forms {
        add(&key, form, &mut ranks)
            .with_context(|| format!("{}: this form cannot be used", form.display()))?;
    }
    ensure!(ranks.iter().flatten().flatten().next().is_some(), "no form holds a rank; fill one in");
    let ranked = summed(&key, &ranks, options.forms.len());
    if let Some(json) = &options.json {
        write_whole(json, &serde_json::to_vec_pretty(&ranked)?)?;
    }
    Ok(ranked)
}

/// Adds a form's ranks.
fn add(key: &Key, path: &Path, ranks: &mut [Ranks]) -> Result<()> {
    let mut form = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path)?;
    let head = form.headers()?.clone();
    let column = |name: &str| {
        head.iter().position(|known| known == name).with_context(|| format!("it has no column {name}"))
    };
    let (file, asked) = (column("file")?, [column(ASKED[0])?, column(ASKED[1])?]);
    let mut filled: Vec<[Option<f64>; 2]> = vec![[None; 2]; key.answers.len()];
    for row in form.records() {
        let row = row?;
        let name = row.get(file).unwrap_or_default();
        let place = key.answers.iter().position(|answer| answer.file == name);
        let place = place.with_context(|| format!("the key knows no answer {name}"))?;
        for (question, &column) in asked.iter().enumerate() {
            let text = row.get(column).unwrap_or_default();
            if text.is_empty() {
                continue;
            }
            let rank = text.parse::<f64>().ok().filter(|rank| (1.0..=key.packs.len() as f64).contains(rank));
            let rank = rank.with_context(|| {
                format!("{name}: {text} is no rank for {}; give 1 to {}", ASKED[question], key.packs.len())
            })?;
            filled[place][question] = Some(rank);
        }
    }
    for snippet in key.answers.iter().map(|answer| answer.snippet) {
        for (question, name) in ASKED.iter().enumerate() {
            let of: Vec<usize> = (0..filled.len()).filter(|&i| key.answers[i].snippet == snippet).collect();
            let given = of.iter().filter(|&&i| filled[i][question].is_some()).count();
            ensure!(
                given == 0 || given == of.len(),
                "snippet {snippet}: {given} of {} answers have a rank for {name}; rank all or none",
                of.len()
            );
        }
    }
    for (ranks, filled) in ranks.iter_mut().zip(filled) {
        for (ranks, rank) in ranks.iter_mut().zip(filled) {
            ranks.extend(rank);
        }
    }
    Ok(())
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.into_iter().collect();
    if values.is_empty() { f64::NAN } else { values.iter().sum::<f64>() / values.len() as f64 }
}

fn summed(key: &Key, ranks: &[Ranks], listeners: usize) -> Ranked {
    let worst = key.packs.len() as f64;
    let score = |rank: f64| (worst - rank) / (worst - 1.0);
    let standing = |(place, pack): (usize, &super::Competitor)| {
        let own = |question: usize| {
            let of = key.answers.iter().zip(ranks).filter(move |(answer, _)| answer.pack == place);
            mean(of.flat_map(move |(_, ranks)| ranks[question].iter().copied()))
        };
        let rank = [own(0), own(1)];
        Standing {
            name: pack.name.clone(),
            rank,
            score: rank.map(score),
            strength: pack.strength,
            change: pack.change,
        }
    };
    let packs: Vec<Standing> = key.packs.iter().enumerate().map(standing).collect();
    let strength = [0, 1].map(|question| {
        let points = packs.iter().map(|pack| (pack.strength, pack.score[question]));
        pearson(&points.filter(|point| point.0.is_finite() && point.1.is_finite()).collect::<Vec<_>>())
    });
    let change = [0, 1].map(|question| {
        let ranked = key.answers.iter().zip(ranks).filter(|(_, ranks)| !ranks[question].is_empty());
        let point = |(answer, ranks): (&super::Place, &Ranks)| {
            (answer.change, score(mean(ranks[question].iter().copied())))
        };
        pearson(&ranked.map(point).filter(|point| point.0.is_finite()).collect::<Vec<_>>())
    });
    Ranked { listeners, packs, strength, change }
}

impl fmt::Display for Ranked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wide = self.packs.iter().map(|pack| pack.name.chars().count()).max().unwrap_or(0).max(4);
        let mut text = String::new();
        let (kept, good) = ("rank, score: retention", "rank, score: quality");
        writeln!(text, "{:<wide$}  {kept:>22}  {good:>20}  {:>7}  {:>6}", "pack", "S_tot %", "change")?;
        for pack in &self.packs {
            let cell = |question: usize| format!("{:.2}, {:.2}", pack.rank[question], pack.score[question]);
            let (name, strength, change) = (&pack.name, 100.0 * pack.strength, pack.change);
            writeln!(
                text,
                "{name:<wide$}  {:>22}  {:>20}  {strength:>7.1}  {change:>6.2}",
                cell(0),
                cell(1)
            )?;
        }
        writeln!(text, "{} forms; rank 1 is the best, score 1 the best and 0 the worst", self.listeners)?;
        for (what, [retention, quality]) in
            [("S_tot of the packs", self.strength), ("content change of the answers", self.change)]
        {
            writeln!(text, "Pearson's r with {what}: retention {retention:.3}, quality {quality:.3}")?;
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Competitor, Place};
    use super::*;

    /// Two snippets of three packs, two listeners.
    #[test]
    fn ranks_scores_and_correlations_by_hand() {
        let pack = |name: &str, strength, change| Competitor { name: name.into(), strength, change };
        let packs = vec![pack("a", 0.1, 0.2), pack("b", 0.5, 0.6), pack("c", 0.9, 1.0)];
        let place = |snippet, number: usize, pack: usize| Place {
            snippet,
            file: format!("{snippet}-{number}"),
            pack,
            change: [0.2, 0.6, 1.0][pack],
        };
        let answers = vec![
            place(1, 1, 2),
            place(1, 2, 0),
            place(1, 3, 1),
            place(2, 1, 0),
            place(2, 2, 1),
            place(2, 3, 2),
        ];
        let key = Key { packs, answers };
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(KEY), serde_json::to_vec(&key).unwrap()).unwrap();
        let form = |name: &str, rows: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("snippet,file,retention,quality\n{rows}")).unwrap();
            path
        };
        // The first keeps a first, then b, then c, and finds quality the other way round; the second ranked
        // the first snippet's retention alone.
        let first = form("1.csv", "1,1-1,3,1\n1,1-2,1,3\n1,1-3,2,2\n2,2-1,1,3\n2,2-2,2,2\n2,2-3,3,1\n");
        let second = form("2.csv", "1,1-1,3,\n1,1-2,2,\n1,1-3,1,\n2,2-1,,\n2,2-2,,\n2,2-3,,\n");
        let options = |forms: Vec<PathBuf>| ReadOptions { folder: folder.path().into(), forms, json: None };
        let ranked = read(&options(vec![first.clone(), second])).unwrap();
        let close =
            |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found}, {expected}");
        for (pack, (rank, quality)) in
            ranked.packs.iter().zip([(4.0 / 3.0, 3.0), (5.0 / 3.0, 2.0), (3.0, 1.0)])
        {
            close(pack.rank[0], rank);
            close(pack.rank[1], quality);
            close(pack.score[0], (3.0 - rank) / 2.0);
        }
        close(ranked.strength[1], 1.0);
        close(ranked.change[1], 1.0);
        assert!(ranked.strength[0] < -0.9 && ranked.change[0] < -0.8);
        assert!(ranked.to_string().contains("2 forms"));

        for (rows, words) in [
            ("1,1-1,4,\n", "1-1: 4 is no rank"),
            ("1,1-1,1,\n", "snippet 1: 1 of 3"),
            ("1,9-9,1,\n", "no answer 9-9"),
        ] {
            let error = format!("{:#}", read(&options(vec![form("bad.csv", rows)])).unwrap_err());
            assert!(error.contains("bad.csv") && error.contains(words), "{error}");
        }
        let empty = form("empty.csv", "1,1-1,,\n");
        assert!(read(&options(vec![empty])).unwrap_err().to_string().contains("no form holds a rank"));
    }
}
