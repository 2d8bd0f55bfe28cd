//! The sweep's table: a line a run and pair of genres.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::work::{State, Work};
use crate::dataset::write_whole;
use crate::evaluate::Evaluation;

/// An unordered pair of genres in one evaluation: means over phrases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    genres: [String; 2],
    /// S_tot by judge.
    total: Vec<(String, Option<f64>)>,
    /// There and back.
    directions: [Way; 2],
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Way {
    /// By the pack's own classifier.
    strength: Option<f64>,
    /// Relative to the source's cells.
    change: Option<f64>,
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
                strength: finite(direction.verdicts[0].strength),
                change: finite(direction.effect.total.mean),
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

/// Writes the table: every run with its values on the grid and its state, and what is known of those that are
/// done.
///
/// # Errors
/// Where it cannot be written.
pub fn write(works: &[Work], path: &Path) -> Result<()> {
    let lines: Vec<Vec<Line>> = works.iter().map(Work::lines).collect();
    let judges: BTreeSet<&String> =
        lines.iter().flatten().flat_map(|line| &line.total).map(|(name, _)| name).collect();
    let keys: Vec<&String> = works.first().map(|work| work.point.place.keys().collect()).unwrap_or_default();

    let mut table = csv::Writer::from_writer(Vec::new());
    let mut head: Vec<String> = ["index", "run", "state"].map(String::from).to_vec();
    head.extend(keys.iter().map(|key| key.to_string()));
    head.extend(["genre A", "genre B"].map(String::from));
    head.extend(judges.iter().map(|judge| format!("S_tot by {judge}")));
    for way in ["A to B", "B to A"] {
        head.extend(["S", "change", "added", "removed", "density"].map(|figure| format!("{figure} {way}")));
    }
    table.write_record(&head)?;
    for (work, lines) in works.iter().zip(&lines) {
        let point = work.point;
        let mut first = vec![point.index.to_string(), point.name.clone(), work.state().to_string()];
        first.extend(point.place.values().map(ToString::to_string));
        for line in lines {
            let mut row = first.clone();
            row.extend(line.genres.clone());
            let total =
                |judge: &&String| line.total.iter().find(|(name, _)| name == *judge).map(|(_, total)| *total);
            row.extend(judges.iter().map(|judge| told(total(judge).flatten())));
            for way in &line.directions {
                let Way { strength, change, added, removed, density } = way;
                row.extend([strength, change, added, removed, density].map(|figure| told(*figure)));
            }
            table.write_record(&row)?;
        }
        if lines.is_empty() {
            first.resize(head.len(), String::new());
            table.write_record(&first)?;
        }
    }
    write_whole(path, &table.into_inner()?)
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
