//! Holds a pack against its [`Targets`]: every figure that is asked, what was got, and what it is in other
//! settings.

use std::fmt::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use model::Pack;
use phrase::BARS;
use serde::Serialize;

use super::histograms::HISTOGRAMS;
use super::targets::{Bound, Figure, Targets};
use super::{AtAmount, EvaluateOptions, Evaluation, evaluate};
use crate::dataset::Dataset;

/// A judge that hears fewer of two genres' real phrases right is named: shares of its ceiling mean little.
const DEAF: f64 = 0.75;

/// How a pack is held against its targets.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct TargetOptions {
    /// Holds the pack against what this project asks of the pack that it ships, at --amount (what it is
    /// played at) and at 100 %, the source genre heard. Beside it: the source genre told, and what the next
    /// two options give.
    #[arg(long)]
    pub targets: bool,
    /// Beside it, the same on another dataset with the pack's genres. Can be repeated.
    #[arg(long, requires = "targets", value_name = "NAME=DATASET")]
    pub beside: Vec<String>,
    /// Beside it, latencies of two bars and one, on a dataset that `prepare --hop-bars 1` made.
    #[arg(long, requires = "targets", value_name = "DATASET")]
    pub windows: Option<PathBuf>,
}

/// A figure at an amount.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Amount in per cent; `None` where it is about all of them.
    pub amount: Option<u32>,
    /// The figure of every direction, pair or genre, and what is asked of each.
    #[serde(flatten)]
    pub figure: Figure,
    /// The worst of them.
    pub got: f64,
    /// Whose it is.
    pub worst: String,
    /// Whether it is what is asked; `None` where nothing is.
    pub met: Option<bool>,
    /// The worst in each of [`Checked::beside`], in order.
    pub beside: Vec<f64>,
}

/// A judge and a pair of genres.
#[derive(Clone, Debug, Serialize)]
pub struct Heard {
    /// The judge.
    pub judge: String,
    /// The pair.
    pub pair: String,
    /// Its mean accuracy a on the real phrases of the pair.
    pub accuracy: f64,
    /// 2a - 1: what real phrases of the other genre would score.
    pub ceiling: f64,
    /// S_tot at the default amount and at full amount.
    pub strength: [f64; 2],
    /// The same in each of [`Checked::beside`], at the default amount, as a share of the ceiling there.
    pub beside: Vec<f64>,
}

/// One histogram's distances (total variation) to the target genre, by direction.
#[derive(Clone, Debug, Serialize)]
pub struct Far {
    /// The histogram.
    pub histogram: &'static str,
    /// For each direction from the source, and from the transfer at full amount.
    pub distances: Vec<(f64, f64)>,
}

/// A pack and its targets.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// The pack's name, version and SHA-256.
    pub pack: [String; 3],
    /// What was measured: split and phrases of each genre.
    pub music: String,
    /// The amount that it is played at.
    pub amount: u32,
    /// What is asked.
    pub targets: Targets,
    /// The settings beside: names.
    pub beside: Vec<String>,
    /// Every figure.
    pub rows: Vec<Row>,
    /// What each judge hears in each pair.
    pub heard: Vec<Heard>,
    /// Names of the directions.
    pub directions: Vec<String>,
    /// Distances of the histograms.
    pub histograms: Vec<Far>,
    /// The sweep of amounts, by direction.
    pub amounts: Vec<Vec<AtAmount>>,
    /// What was left out, and why.
    pub remarks: Vec<String>,
}

/// Measures everything that [`Targets`] asks of `pack`, whose file has `bytes`. Also gives the evaluation at
/// the default amount.
///
/// # Errors
/// As [`evaluate`], and where the default amount is under 50 %: that little of a transfer is none.
pub fn check(
    pack: &Pack,
    bytes: u64,
    data: &Dataset,
    options: &EvaluateOptions,
    beside: &TargetOptions,
) -> Result<(Checked, Evaluation)> {
    ensure!(options.amount >= 50, "--amount {}: a pack is played at 50 % or more", options.amount);
    ensure!(
        options.classifier.is_none() && options.directions.is_empty(),
        "--targets: leave --classifier and --direction out; what is asked is of all directions, by the \
         pack's own classifier and others"
    );
    ensure!(options.latency == BARS, "--latency: leave it out; --windows DATASET measures all latencies");
    let mut amounts = options.amounts.clone();
    if amounts.is_empty() {
        amounts.extend([0, 25, 50, 75, options.amount, 100]);
    }
    amounts.sort_unstable();
    amounts.dedup();
    let base = EvaluateOptions { auto: true, amounts: Vec::new(), ..options.clone() };
    let plain = evaluate(pack, data, &EvaluateOptions { amounts, ..base.clone() })?;
    let full = evaluate(pack, data, &EvaluateOptions { amount: 100, ..base.clone() })?;

    let mut names = vec!["told".to_string()];
    let mut others = vec![evaluate(pack, data, &EvaluateOptions { auto: false, ..base.clone() })?];
    for named in &beside.beside {
        let (name, path) = named
            .split_once('=')
            .with_context(|| format!("--beside {named}: write NAME=DATASET, a dataset of `prepare`"))?;
        names.push(name.to_string());
        others.push(evaluate(pack, &Dataset::read(path.as_ref())?, &base)?);
    }
    if let Some(path) = &beside.windows {
        let data = Dataset::read(path)?;
        for (latency, name) in [(2, "2 bars"), (1, "1 bar")] {
            names.push(name.to_string());
            others.push(evaluate(pack, &data, &EvaluateOptions { latency, ..base.clone() })?);
        }
    }
    Ok((Checked::of(&plain, &full, bytes, names, &others), plain))
}

impl Checked {
    fn of(
        plain: &Evaluation,
        full: &Evaluation,
        bytes: u64,
        beside: Vec<String>,
        others: &[Evaluation],
    ) -> Self {
        let targets = Targets::default();
        let compared: Vec<Vec<Figure>> = others.iter().map(|other| targets.figures(other, false)).collect();
        // By name: another dataset may lack a judge.
        let elsewhere = |name: &str| -> Vec<f64> {
            let find = |all: &Vec<Figure>| all.iter().find(|figure| figure.name == name).map(|f| f.worst().1);
            compared.iter().map(|all| find(all).unwrap_or(f64::NAN)).collect()
        };
        let mut rows = Vec::new();
        for figure in targets.figures(plain, false) {
            let beside = elsewhere(&figure.name);
            rows.push(Row::of(Some(plain.amount), figure, beside));
        }
        rows.extend(targets.figures(full, true).into_iter().map(|f| Row::of(Some(100), f, Vec::new())));
        let size = Figure {
            name: "the pack's file, MB".into(),
            bound: Bound::AtMost(targets.megabytes),
            asked: true,
            percent: false,
            values: vec![(String::new(), bytes as f64 / 1e6)],
        };
        let sweep = targets.sweep(plain).into_iter().chain([size]);
        rows.extend(sweep.map(|figure| Row::of(None, figure, Vec::new())));

        let mut heard = Vec::new();
        for (j, judge) in plain.judges.iter().enumerate() {
            for (a, b) in plain.pairs() {
                let ceiling = plain.ceiling(a, b, j);
                let share = |other: &Evaluation| {
                    let j = other.judges.iter().position(|name| name == judge);
                    let ceiling = j.map_or(f64::NAN, |j| other.ceiling(a, b, j));
                    if ceiling > 0.0 {
                        j.map_or(f64::NAN, |j| other.total(a, b, j) / ceiling)
                    } else {
                        f64::NAN
                    }
                };
                heard.push(Heard {
                    judge: judge.clone(),
                    pair: format!("{} / {}", plain.genres[a], plain.genres[b]),
                    accuracy: (1.0 + ceiling) / 2.0,
                    ceiling,
                    strength: [plain, full].map(|e| e.total(a, b, j)),
                    beside: others.iter().map(share).collect(),
                });
            }
        }
        let mut remarks = plain.remarks.clone();
        for heard in heard.iter().filter(|heard| heard.accuracy < DEAF) {
            let (judge, pair, right) = (&heard.judge, &heard.pair, 100.0 * heard.accuracy);
            remarks.push(format!(
                "{judge} hears only {right:.0} % of real {pair} right: it is no judge of that pair"
            ));
        }
        let far = |place: usize| Far {
            histogram: HISTOGRAMS[place].name,
            distances: full
                .directions
                .iter()
                .map(|d| (d.distance(place).source, d.distance(place).transfer))
                .collect(),
        };
        let phrases: Vec<_> =
            plain.originals.iter().map(|genre| format!("{} {}", genre.phrases, genre.name)).collect();
        Self {
            pack: plain.pack.clone(),
            music: format!("{} split, {} phrases", plain.split.name(), phrases.join(", ")),
            amount: plain.amount,
            targets,
            beside,
            rows,
            heard,
            directions: plain.directions.iter().map(|d| plain.title(d)).collect(),
            histograms: (0..HISTOGRAMS.len()).map(far).collect(),
            amounts: plain.directions.iter().map(|d| d.amounts.clone()).collect(),
            remarks,
        }
    }

    /// How many of the figures that are asked are met, and how many are asked.
    pub fn score(&self) -> (usize, usize) {
        let asked = self.rows.iter().filter_map(|row| row.met);
        (asked.clone().filter(|met| *met).count(), asked.count())
    }

    fn asked(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wide = self.rows.iter().map(|row| row.worst.chars().count()).max().unwrap_or(0).max(5);
        let head = |f: &mut fmt::Formatter<'_>, title: &str, beside: bool| {
            write!(f, "\n{title:<40} {:>14} {:>8}  met  {:<wide$}", "asked", "got", "worst")?;
            let names = self.beside.iter().filter(|_| beside);
            names.into_iter().try_for_each(|name| write!(f, " {name:>9}"))?;
            writeln!(f)
        };
        let mut amount = None;
        for row in &self.rows {
            if amount != Some(row.amount) {
                amount = Some(row.amount);
                let title = row.amount.map_or("All amounts".into(), |at| format!("Amount {at} %"));
                head(f, &title, !row.beside.is_empty())?;
            }
            let percent = row.figure.percent;
            let number = |x: f64| if percent { format!("{:.1} %", 100.0 * x) } else { format!("{x:.3}") };
            let short = |x: f64| if percent { format!("{:.0} %", 100.0 * x) } else { format!("{x}") };
            let asked = match row.figure.bound {
                _ if !row.figure.asked => String::new(),
                Bound::AtLeast(least) => format!(">= {}", short(least)),
                Bound::AtMost(most) => format!("<= {}", short(most)),
                Bound::Within(least, most) => format!("{least} to {most}"),
            };
            let met = row.met.map_or("", |met| if met { "yes" } else { "NO" });
            write!(
                f,
                "  {:<38} {asked:>14} {:>8}  {met:<3}  {:<wide$}",
                row.figure.name,
                number(row.got),
                row.worst
            )?;
            row.beside.iter().try_for_each(|&x| write!(f, " {:>9}", number(x)))?;
            writeln!(f)?;
        }
        Ok(())
    }
}

impl Row {
    fn of(amount: Option<u32>, figure: Figure, beside: Vec<f64>) -> Self {
        let (worst, got) = figure.worst();
        let met = figure.asked.then(|| figure.bound.met(got));
        Self { amount, got, worst: worst.to_string(), met, beside, figure }
    }
}

impl fmt::Display for Checked {
    /// Short tables for a terminal: what is asked and got, what each judge hears, the amounts, the
    /// histograms.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (met, asked) = self.score();
        let [name, version, _] = &self.pack;
        writeln!(f, "{name} {version}: {met} of {asked} figures are what is asked; {}", self.music)?;
        self.remarks.iter().try_for_each(|remark| writeln!(f, "{remark}"))?;
        self.asked(f)?;

        write!(
            f,
            "\n{:<40} {:>6} {:>8} {:>8} {:>7}",
            "S_tot, %",
            "a",
            "2a - 1",
            format!("at {}", self.amount),
            "share"
        )?;
        write!(f, " {:>7} {:>7}", "at 100", "share")?;
        self.beside.iter().try_for_each(|name| write!(f, " {name:>9}"))?;
        writeln!(f)?;
        for heard in &self.heard {
            let title = format!("{}: {}", heard.judge, heard.pair);
            write!(f, "  {title:<38} {:>6.1} {:>8.1}", 100.0 * heard.accuracy, 100.0 * heard.ceiling)?;
            for (s, wide) in heard.strength.into_iter().zip([8, 7]) {
                write!(f, " {:>wide$.1} {:>7.1}", 100.0 * s, 100.0 * s / heard.ceiling)?;
            }
            heard.beside.iter().try_for_each(|share| write!(f, " {:>9.1}", 100.0 * share))?;
            writeln!(f)?;
        }

        write!(f, "\n{:<40}", "Amount: change, melody %, harmony")?;
        let first = self.amounts.first().map_or(&[][..], |all| all);
        first.iter().try_for_each(|at| write!(f, " {:>15}", at.amount))?;
        writeln!(f)?;
        for (title, amounts) in self.directions.iter().zip(&self.amounts) {
            write!(f, "  {title:<38}")?;
            for at in amounts {
                let (melody, harmony) = (100.0 * at.melody_kept, at.harmony_kept);
                write!(f, " {:>15}", format!("{:.2} {melody:.0} {harmony:.2}", at.change))?;
            }
            writeln!(f)?;
        }

        writeln!(
            f,
            "\nHistograms' distance to the target genre: source > transfer at 100 % (! where it is not \
             halved)"
        )?;
        write!(f, "{:<27}", "")?;
        self.directions.iter().try_for_each(|title| write!(f, " {title:>18}"))?;
        writeln!(f)?;
        for far in &self.histograms {
            write!(f, "  {:<25}", far.histogram)?;
            for (source, transfer) in &far.distances {
                let mut cell = String::new();
                let halved = transfer / source <= self.targets.histograms + 1e-9;
                write!(cell, "{source:.2} > {transfer:.2}{}", if halved { " " } else { "!" })?;
                write!(f, " {cell:>18}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
