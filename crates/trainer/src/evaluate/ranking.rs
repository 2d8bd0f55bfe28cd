//! The papers' ranking of phrases by how clearly they were transferred.

use std::cmp::Ordering;
use std::fmt::Write;

use phrase::{PITCHES, STEPS};

use super::{Answer, Direction};

/// One row: a phrase by the ear of the classifier that scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// The phrase's number.
    pub id: usize,
    /// Share of all 64 x 84 cells that changed: the papers' mean squared difference.
    pub content_diff: f64,
    /// P_O - P_T: how much less the transfer is heard as the source genre than the origin.
    pub drop: f64,
    /// Probability of the source genre against the target in origin, transfer and cycle.
    pub probability: [f64; 3],
}

impl Row {
    /// Of one phrase.
    pub fn of(answer: &Answer, signed: bool) -> Self {
        let [origin, transfer, _] = &answer.rolls;
        let pairs = origin.sounding.iter().zip(&transfer.sounding);
        let changed: u32 = pairs.map(|(a, b)| (a ^ b).count_ones()).sum();
        let probability = answer.probability[0];
        let drop = probability[0] - probability[1];
        Self {
            id: answer.id,
            content_diff: f64::from(changed) / (STEPS * PITCHES) as f64,
            drop: if signed { drop } else { drop.abs() },
            probability,
        }
    }
}

/// The phrases of a direction by falling P_O - P_T, equal ones by number. The papers take the absolute
/// difference, which ranks a phrase pushed the wrong way as high as one pushed the right way; `signed` does
/// not.
pub fn rows(direction: &Direction, signed: bool) -> Vec<Row> {
    let mut rows: Vec<Row> = direction.phrases.iter().map(|answer| Row::of(answer, signed)).collect();
    rows.sort_by(|a, b| b.drop.partial_cmp(&a.drop).unwrap_or(Ordering::Equal).then(a.id.cmp(&b.id)));
    rows
}

/// The papers' file: fixed columns, six decimals.
pub fn text(rows: &[Row]) -> String {
    let mut text = "Id    Content_diff  P_O - P_T  Prob_Origin  Prob_Transfer  Prob_Cycle\n".to_string();
    for row in rows {
        let [origin, transfer, cycle] = row.probability;
        let (id, diff, drop) = (row.id, row.content_diff, row.drop);
        writeln!(text, "{id:<5} {diff:>12.6} {drop:>10.6} {origin:>12.6} {transfer:>14.6} {cycle:>11.6}")
            .expect("a string takes all that is written");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_papers_columns() {
        let row = |id, drop, probability| Row { id, content_diff: 0.0321, drop, probability };
        let text = text(&[row(12, 0.75, [0.875, 0.125, 1.0]), row(1804, -0.5, [0.25, 0.75, 0.5])]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "Id    Content_diff  P_O - P_T  Prob_Origin  Prob_Transfer  Prob_Cycle");
        assert_eq!(lines[1], "12        0.032100   0.750000     0.875000       0.125000    1.000000");
        assert_eq!(lines[2], "1804      0.032100  -0.500000     0.250000       0.750000    0.500000");
        assert!(lines.iter().all(|line| line.len() == lines[0].len()));
    }
}
