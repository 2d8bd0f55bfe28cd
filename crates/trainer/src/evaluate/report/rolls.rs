//! A transfer as a picture: what was kept, added and removed.

use std::fmt::Write;

use phrase::{LOWEST, PITCHES, Roll, STEPS, STEPS_PER_BAR};

use super::charts::svg;

/// Cells that both have.
pub const KEPT: &str = "#52606d";
/// Cells that only the transfer has.
pub const ADDED: &str = "#0072b2";
/// Cells that only the source has: drawn hollow, so that they read without colour too.
pub const REMOVED: &str = "#e69f00";

const CELL: f64 = 8.0;
const LEFT: f64 = 30.0;

/// The runs of a row's set bits: first step and length.
fn runs(mut column: u64) -> impl Iterator<Item = (u32, u32)> {
    std::iter::from_fn(move || {
        let start = (column != 0).then(|| column.trailing_zeros())?;
        let length = (!(column >> start)).trailing_zeros().min(STEPS as u32 - start);
        column &= !(u64::MAX >> (64 - length) << start);
        Some((start, length))
    })
}

/// `source` and `answer` over each other, the rows that either uses.
pub fn change(source: &Roll, answer: &Roll) -> String {
    let used = source.sounding.iter().chain(&answer.sounding).fold(0, |all, bits| all | bits);
    let (low, high) = match used {
        0 => (PITCHES / 2 - 6, PITCHES / 2 + 6),
        _ => (used.trailing_zeros() as usize, 127 - used.leading_zeros() as usize),
    };
    let (low, high) = (low.saturating_sub(1), (high + 1).min(PITCHES - 1));
    let tall = (high - low + 1) as f64 * CELL * 0.75;
    let row_y = |row: usize| (high - row) as f64 * CELL * 0.75;
    let mut out = format!(
        "<rect x=\"{LEFT}\" y=\"0\" width=\"{:.0}\" height=\"{tall:.1}\" fill=\"#f5f7fa\"/>",
        STEPS as f64 * CELL
    );
    // Octaves at C, and bars.
    for row in (low..=high).filter(|row| row % 12 == 0) {
        let y = row_y(row) + CELL * 0.75;
        let right = LEFT + STEPS as f64 * CELL;
        let octave = (usize::from(LOWEST) + row) / 12 - 1;
        let _ = write!(
            out,
            "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right:.0}\" y2=\"{y:.1}\" stroke=\"#cbd2d9\" stroke-width=\"0.7\"/>\
             <text x=\"{:.0}\" y=\"{y:.1}\" text-anchor=\"end\" font-size=\"10\" fill=\"#66717d\">C{octave}</text>",
            LEFT - 4.0
        );
    }
    for bar in (0..=STEPS).step_by(STEPS_PER_BAR) {
        let x = LEFT + bar as f64 * CELL;
        let _ = write!(
            out,
            "<line x1=\"{x:.0}\" y1=\"0\" x2=\"{x:.0}\" y2=\"{tall:.1}\" stroke=\"#9aa5b1\" stroke-width=\"0.8\"/>"
        );
    }
    for row in low..=high {
        let (s, a) = (Roll::column(&source.sounding, row), Roll::column(&answer.sounding, row));
        let y = row_y(row) + 0.6;
        for (cells, colour, hollow) in [(s & !a, REMOVED, true), (s & a, KEPT, false), (a & !s, ADDED, false)]
        {
            for (start, length) in runs(cells) {
                let x = LEFT + f64::from(start) * CELL + 0.4;
                let wide = f64::from(length) * CELL - 0.8;
                let fill = if hollow { "#fdf1d8" } else { colour };
                let _ = write!(
                    out,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{:.1}\" fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"0.8\"/>",
                    CELL * 0.75 - 1.2
                );
            }
        }
        // A line before each note of the answer that starts within a run.
        for note in answer.notes().filter(|note| note.row == row && note.start > 0 && !note.tied_in) {
            if a >> (note.start - 1) & 1 == 1 {
                let x = LEFT + note.start as f64 * CELL;
                let bottom = y + CELL * 0.75 - 1.2;
                let _ = write!(
                    out,
                    "<line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" stroke=\"#ffffff\" stroke-width=\"1.4\"/>"
                );
            }
        }
    }
    svg(LEFT + STEPS as f64 * CELL + 1.0, tall, &out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_up_to_the_last_step() {
        assert_eq!(runs(0b0110_1101).collect::<Vec<_>>(), [(0, 1), (2, 2), (5, 2)]);
        assert_eq!(runs(u64::MAX).collect::<Vec<_>>(), [(0, 64)]);
        assert_eq!(runs(1 << 63).collect::<Vec<_>>(), [(63, 1)]);
        assert_eq!(runs(0).count(), 0);
    }

    #[test]
    fn each_kind_of_cell_has_its_colour() {
        let source = Roll::from_cells(|step, row| row == 40 && step < 8);
        let answer = Roll::from_cells(|step, row| row == 40 && (4..12).contains(&step));
        let svg = change(&source, &answer);
        for colour in [KEPT, ADDED, REMOVED] {
            assert_eq!(svg.matches(&format!("stroke=\"{colour}\"")).count(), 1, "{colour}");
        }
        assert!(change(&Roll::EMPTY, &Roll::EMPTY).starts_with("<svg"));
    }
}
