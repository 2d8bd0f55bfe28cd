//! The sweep's table: a line a run and pair of genres, as CSV with every figure, as Markdown with those of
//! the papers' tables, and as a picture.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::losses::Losses;
use super::picture;
use super::work::{State, Work};
use crate::dataset::write_whole;
use crate::evaluate::Evaluation;

/// An unordered pair of genres in one evaluation: means over phrases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub(super) genres: [String; 2],
    /// S_tot by judge, the one that scores first.
    pub(super) total: Vec<(String, Option<f64>)>,
    /// There and back.
    pub(super) directions: [Way; 2],
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Way {
    /// By the classifier that scores: shares heard as the source genre in origins, transfers and cycles.
    #[serde(default)]
    heard: [Option<f64>; 3],
    /// By that classifier.
    strength: Option<f64>,
    /// Relative to the source's cells.
    pub(super) change: Option<f64>,
    /// Its standard deviation.
    #[serde(default)]
    spread: Option<f64>,
    added: Option<f64>,
    removed: Option<f64>,
    density: Option<f64>,
}

impl Line {
    /// The lines of one pack.
    pub fn of(evaluation: &Evaluation) -> Vec<Self> {
        let way = |pair: (usize, usize)| {
            let direction = evaluation.directions.iter().find(|direction| direction.pair == pair);
            direction.map_or_else(Way::default, |direction| Way {
                heard: direction.verdicts[0].heard.map(finite),
                strength: finite(direction.verdicts[0].strength),
                change: finite(direction.effect.total.mean),
                spread: finite(direction.effect.total.sd),
                added: finite(direction.effect.added.mean),
                removed: finite(direction.effect.removed.mean),
                density: finite(direction.effect.density_ratio.mean),
            })
        };
        let line = |(a, b): (usize, usize)| {
            let judges = evaluation.judges.iter().enumerate();
            Line {
                genres: [a, b].map(|genre| evaluation.genres[genre].clone()),
                total: judges
                    .map(|(judge, name)| (name.clone(), finite(evaluation.total(a, b, judge))))
                    .collect(),
                directions: [way((a, b)), way((b, a))],
            }
        };
        evaluation.pairs().into_iter().map(line).collect()
    }
}

/// What the columns of [`Way::heard`] are called in the papers' tables, there and back.
const HEARD: [[&str; 3]; 2] = [["A", "A to B", "A to B to A"], ["B", "B to A", "B to A to B"]];

/// Writes the tables: every run with its values on the grid and its state, and what is known of those that
/// are done. Beside `path`, a CSV file, lie the same as `.md` and `.svg`.
///
/// # Errors
/// Where they cannot be written.
pub fn write(works: &[Work], path: &Path) -> Result<()> {
    let rows: Vec<(&Work, Vec<Line>, Losses)> =
        works.iter().map(|work| (work, work.lines(), Losses::of(work))).collect();
    write_whole(path, &csv(&rows)?)?;
    write_whole(&path.with_extension("md"), markdown(&rows).as_bytes())?;
    let named = |(work, line): (&Work, &Line)| {
        let [a, b] = &line.genres;
        (format!("{}, {a} and {b}", work.point.name), line.clone())
    };
    let lines = rows.iter().flat_map(|(work, lines, _)| lines.iter().map(move |line| (*work, line)));
    picture::write(&lines.map(named).collect::<Vec<_>>(), &path.with_extension("svg"))
}

type Row<'a, 'b> = (&'a Work<'b>, Vec<Line>, Losses);

/// The judges of all rows: the first one's order, then what others have beside.
fn judges(rows: &[Row]) -> Vec<String> {
    let all = rows.iter().flat_map(|(_, lines, _)| lines).flat_map(|line| &line.total);
    let mut met = BTreeSet::new();
    all.filter(|(name, _)| met.insert(name.clone())).map(|(name, _)| name.clone()).collect()
}

fn csv(rows: &[Row]) -> Result<Vec<u8>> {
    let mut sorted = judges(rows);
    sorted.sort();
    let keys: BTreeSet<&String> = rows.iter().flat_map(|(work, ..)| work.point.place.keys()).collect();
    let mut table = csv::Writer::from_writer(Vec::new());
    let mut head: Vec<String> = ["index", "run", "state"].map(String::from).to_vec();
    head.extend(keys.iter().map(|key| key.to_string()));
    head.extend(["genre A", "genre B"].map(String::from));
    head.extend(sorted.iter().map(|judge| format!("S_tot by {judge}")));
    for (way, heard) in ["A to B", "B to A"].iter().zip(HEARD) {
        let figures = ["S", "change", "added", "removed", "density", "change sd"];
        head.extend(figures.map(|figure| format!("{figure} {way}")));
        head.extend(heard.map(|what| format!("P {what}")));
    }
    head.extend(Losses::NAMES.map(String::from));
    table.write_record(&head)?;
    for (work, lines, losses) in rows {
        let point = work.point;
        let mut first = vec![point.index.to_string(), point.name.clone(), work.state().to_string()];
        // A key of another grid has here what the options say.
        let value = |key: &&String| point.place.get(*key).or(work.sweep.options.get(*key));
        first.extend(keys.iter().map(|key| value(key).map(ToString::to_string).unwrap_or_default()));
        for line in lines {
            let mut row = first.clone();
            row.extend(line.genres.clone());
            row.extend(sorted.iter().map(|judge| told(line.by(judge))));
            for way in &line.directions {
                let Way { strength, change, added, removed, density, spread, heard } = way;
                row.extend([strength, change, added, removed, density, spread].map(|figure| told(*figure)));
                row.extend(heard.map(told));
            }
            row.extend(losses.values().map(told));
            table.write_record(&row)?;
        }
        if lines.is_empty() {
            first.resize(head.len(), String::new());
            table.write_record(&first)?;
        }
    }
    Ok(table.into_inner()?)
}

/// The papers' tables, percentages of phrases and S_tot in %, ready to be shown.
fn markdown(rows: &[Row]) -> String {
    let judges = judges(rows);
    let mut text = "| run | A, B |".to_string();
    HEARD.iter().flatten().for_each(|what| text += &format!(" {} |", what.replace(" to ", "→")));
    judges.iter().for_each(|judge| text += &format!(" S_tot by {judge} |"));
    text += " change A→B | change B→A | step | L_c | L_G | L_D |\n";
    let columns = text.matches('|').count() - 1;
    text += &format!("|---|---|{}\n", "---:|".repeat(columns - 2));
    let percent = |x: Option<f64>| x.map_or("–".to_string(), |x| format!("{:.1}", 100.0 * x));
    let plain = |x: Option<f64>| x.map_or("–".to_string(), |x| format!("{x:.2}"));
    for (work, lines, losses) in rows {
        for line in lines {
            write!(text, "| {} | {} |", work.point.name, line.genres.join(", ")).expect("a string");
            for x in line.directions.iter().flat_map(|way| way.heard) {
                text += &format!(" {} |", percent(x));
            }
            for judge in &judges {
                text += &format!(" {} |", percent(line.by(judge)));
            }
            for way in &line.directions {
                let (added, removed) = (plain(way.added), plain(way.removed));
                text += &format!(" {added} + {removed} = {} ± {} |", plain(way.change), plain(way.spread));
            }
            let step = losses.step.map_or("–".to_string(), |step| step.to_string());
            let [cycle, generator, critic] = losses.papers().map(plain);
            text += &format!(" {step} | {cycle} | {generator} | {critic} |\n");
        }
    }
    text += "\nShares of the phrases heard as the source genre and S_tot in %; change: cells added + removed \
             = total ± standard deviation, in cells of the source; losses: means over the epoch that ended \
             at the step.\n";
    text
}

impl Line {
    /// S_tot by this judge.
    fn by(&self, judge: &str) -> Option<f64> {
        self.total.iter().find(|(name, _)| name == judge).and_then(|(_, total)| *total)
    }
}

/// JSON knows no other numbers.
fn finite(figure: f64) -> Option<f64> {
    figure.is_finite().then_some(figure)
}

fn told(figure: Option<f64>) -> String {
    figure.map_or(String::new(), |figure| format!("{figure:.4}"))
}

/// How many runs are in which state, in a few words.
pub fn count(works: &[Work]) -> String {
    let states: Vec<State> = works.iter().map(Work::state).collect();
    let done = states.iter().filter(|state| **state == State::Done).count();
    let new = states.iter().filter(|state| **state == State::New).count();
    format!("{} runs: {done} done, {} half done, {new} not begun", works.len(), works.len() - done - new)
}
