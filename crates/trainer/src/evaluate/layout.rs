//! The phrases as the papers' code lays them out, so that scripts around that code find theirs.
//!
//! For each pair of genres a folder `JC_J2JC_C_<pack>` (the papers put the day, the model and sigma_D where
//! the pack's name stands), in it `AtoB` and `BtoA`, each with
//!
//! - `mid/1_origin.mid`, `1_transfer.mid`, `1_cycle.mid` and so on, numbered from 1;
//! - `npy/origin/1_origin.npy` and likewise, bool `[1, 64, 84, 1]`;
//! - `mid_attach_prob/1_origin_<P>.mid` and likewise, P being the probability of the source genre;
//! - `mid_attach_prob/Rankings_AtoB.txt`.
//!
//! As there, cells that follow one another are one note.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use phrase::Roll;

use super::files::{KINDS, song};
use super::ranking::{self, Row};
use super::{Direction, Evaluation};
use crate::data::export::{joined, letters};
use crate::dataset::write_whole;
use crate::npy;

/// Writes all directions.
///
/// # Errors
/// When a file cannot be written.
pub fn write(evaluation: &Evaluation, folder: &Path, signed: bool) -> Result<()> {
    for direction in &evaluation.directions {
        let (source, target) = direction.pair;
        let way = if source < target { "AtoB" } else { "BtoA" };
        let folder = folder.join(pair(evaluation, source.min(target), source.max(target))).join(way);
        one(direction, &folder, way, signed)?;
    }
    Ok(())
}

/// `JC_J2JC_C_<pack>`: the names of the datasets of A and B, and which model.
fn pair(evaluation: &Evaluation, a: usize, b: usize) -> String {
    let letters = letters(&evaluation.genres);
    let both = joined(&[&letters[a], &letters[b]]);
    let name = format!("{both}_{}2{both}_{}_{}", letters[a], letters[b], evaluation.pack[0]);
    name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect()
}

fn one(direction: &Direction, folder: &Path, way: &str, signed: bool) -> Result<()> {
    let [plain, named, arrays] = ["mid", "mid_attach_prob", "npy"].map(|part| folder.join(part));
    for part in [&plain, &named].into_iter().cloned().chain(KINDS.map(|kind| arrays.join(kind))) {
        std::fs::create_dir_all(&part)
            .with_context(|| format!("{}: the folder could not be made", part.display()))?;
    }
    for (number, answer) in (1..).zip(&direction.phrases) {
        for (kind, (roll, p)) in KINDS.iter().zip(answer.rolls.iter().zip(answer.probability[0])) {
            let roll = Roll::from_sounding(roll.sounding);
            let song = song(&[roll]);
            song.write(&plain.join(format!("{number}_{kind}.mid")))?;
            song.write(&named.join(format!("{number}_{kind}_{}.mid", p as f32)))?;
            npy::write_phrases(&arrays.join(kind).join(format!("{number}_{kind}.npy")), &[roll])?;
        }
    }
    let mut rows = ranking::rows(direction, signed);
    // Numbered as the files beside it, which --limit leaves without gaps.
    for row in &mut rows {
        row.id = 1 + direction.phrases.iter().position(|answer| answer.id == row.id).unwrap_or(row.id - 1);
    }
    write_whole(&named.join(format!("Rankings_{way}.txt")), text(&rows).as_bytes())
}

/// The papers' file, column by column: a line break before each row and none at the end.
fn text(rows: &[Row]) -> String {
    let mut text = "Id  Content_diff  P_O - P_T  Prob_Origin  Prob_Transfer  Prob_Cycle".to_string();
    for Row { id, content_diff, drop, probability: [origin, transfer, cycle] } in rows {
        write!(text, "\n{id:5} {content_diff:.6} {drop:.6} {origin:.6} {transfer:.6} {cycle:.6}")
            .expect("a string takes all that is written");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranking_is_the_papers_byte_by_byte() {
        let row = |id, drop| Row { id, content_diff: 0.0321, drop, probability: [0.875, 0.125, 1.0] };
        let expected = "Id  Content_diff  P_O - P_T  Prob_Origin  Prob_Transfer  Prob_Cycle\n   12 0.032100 \
                        0.750000 0.875000 0.125000 1.000000\n 1804 0.032100 -0.500000 0.875000 0.125000 \
                        1.000000";
        assert_eq!(text(&[row(12, 0.75), row(1804, -0.5)]), expected);
    }
}
