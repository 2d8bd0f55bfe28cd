//! Phrases as pictures: what a transfer kept, added and removed, and which cells speak for a genre.

use std::fmt::Write;

use phrase::{LOWEST, PITCHES, Roll, STEPS, STEPS_PER_BAR};

use super::charts::svg;

/// Cells that both have.
pub const KEPT: &str = "#0072b2";
/// Cells that only the transfer has.
pub const ADDED: &str = "#e69f00";
/// Cells that only the source has: drawn hollow, so that they read without colour too.
pub const REMOVED: &str = "#cc79a7";

/// Width and height of a cell.
const WIDE: f64 = 8.0;
const TALL: f64 = 6.0;
/// Where the first step is.
const LEFT: f64 = 30.0;

/// The rows that are shown, with what is drawn so far: octaves and bars.
struct Sheet {
    low: usize,
    high: usize,
    out: String,
}

impl Sheet {
    /// For all rows that `sounding` uses, and one on either side.
    fn new(sounding: impl Iterator<Item = u128>) -> Self {
        let used = sounding.fold(0, |all, bits| all | bits);
        let (low, high) = match used {
            0 => (PITCHES / 2 - 6, PITCHES / 2 + 6),
            _ => (used.trailing_zeros() as usize, 127 - used.leading_zeros() as usize),
        };
        let (low, high) = (low.saturating_sub(1), (high + 1).min(PITCHES - 1));
        let mut sheet = Self { low, high, out: String::new() };
        let (right, tall) = (LEFT + STEPS as f64 * WIDE, sheet.height());
        sheet.rectangle(LEFT, 0.0, right - LEFT, tall, "#f5f7fa", "none");
        for row in (low..=high).filter(|row| row % 12 == 0) {
            let (y, octave) = (sheet.top(row) + TALL, (usize::from(LOWEST) + row) / 12 - 1);
            sheet.line((LEFT, y), (right, y), "#cbd2d9", 0.7);
            let _ = write!(
                sheet.out,
                "<text x=\"{:.0}\" y=\"{y:.1}\" text-anchor=\"end\" font-size=\"10\" \
                 fill=\"#66717d\">C{octave}</text>",
                LEFT - 4.0
            );
        }
        for step in (0..=STEPS).step_by(STEPS_PER_BAR) {
            let x = LEFT + step as f64 * WIDE;
            sheet.line((x, 0.0), (x, tall), "#9aa5b1", 0.8);
        }
        sheet
    }

    fn height(&self) -> f64 {
        (self.high - self.low + 1) as f64 * TALL
    }

    fn top(&self, row: usize) -> f64 {
        (self.high - row) as f64 * TALL
    }

    fn rectangle(&mut self, x: f64, y: f64, wide: f64, tall: f64, fill: &str, stroke: &str) {
        let _ = write!(
            self.out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{tall:.1}\" fill=\"{fill}\" \
             stroke=\"{stroke}\" stroke-width=\"0.8\"/>"
        );
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, wide: f64) {
        let _ = write!(
            self.out,
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" \
             stroke-width=\"{wide}\"/>",
            from.0, from.1, to.0, to.1
        );
    }

    /// A run of cells of a row.
    fn cells(&mut self, row: usize, start: usize, length: usize, fill: &str, stroke: &str) {
        let (x, wide) = (LEFT + start as f64 * WIDE, length as f64 * WIDE);
        self.rectangle(x + 0.4, self.top(row) + 0.6, wide - 0.8, TALL - 1.2, fill, stroke);
    }

    /// A white line before each note of `roll` that starts while its pitch sounds.
    fn repetitions(&mut self, roll: &Roll) {
        for note in roll.notes().filter(|note| note.start > 0 && roll.get(note.start - 1, note.row)) {
            let (x, y) = (LEFT + note.start as f64 * WIDE, self.top(note.row));
            self.line((x, y + 0.4), (x, y + TALL - 0.4), "#ffffff", 1.6);
        }
    }

    fn finish(self) -> String {
        svg(LEFT + STEPS as f64 * WIDE + 1.0, self.height(), &self.out)
    }
}

/// The runs of a row's set bits: first step and length.
fn runs(mut column: u64) -> impl Iterator<Item = (usize, usize)> {
    std::iter::from_fn(move || {
        let start = (column != 0).then(|| column.trailing_zeros())?;
        let length = (!(column >> start)).trailing_zeros().min(STEPS as u32 - start);
        column &= !(u64::MAX >> (64 - length) << start);
        Some((start as usize, length as usize))
    })
}

/// `source` and `answer` over each other.
pub fn change(source: &Roll, answer: &Roll) -> String {
    let mut sheet = Sheet::new(source.sounding.iter().chain(&answer.sounding).copied());
    for row in sheet.low..=sheet.high {
        let (s, a) = (Roll::column(&source.sounding, row), Roll::column(&answer.sounding, row));
        for (cells, fill, stroke) in
            [(s & !a, "#faf0f5", REMOVED), (s & a, KEPT, KEPT), (a & !s, ADDED, ADDED)]
        {
            runs(cells).for_each(|(start, length)| sheet.cells(row, start, length, fill, stroke));
        }
    }
    sheet.repetitions(answer);
    sheet.finish()
}

/// `roll`, its cells the darker the more they speak (`weights` by step and row, 0 to 1).
pub fn speaking(roll: &Roll, weights: &[[f32; PITCHES]; STEPS]) -> String {
    let mut sheet = Sheet::new(roll.sounding.iter().copied());
    for (step, weights) in weights.iter().enumerate() {
        for row in (sheet.low..=sheet.high).filter(|&row| roll.get(step, row)) {
            let colour = heat(weights[row]);
            sheet.cells(row, step, 1, &colour, &colour);
        }
    }
    sheet.repetitions(roll);
    sheet.finish()
}

/// Grey for 0, then from yellow to a dark red: lightness says the order without colour too.
fn heat(weight: f32) -> String {
    if weight <= 0.0 {
        return "#d3d9df".to_string();
    }
    let mix = |from: f32, to: f32| (from + (to - from) * weight.min(1.0)).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mix(250.0, 122.0), mix(205.0, 4.0), mix(80.0, 30.0))
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

    #[test]
    fn every_sounding_cell_is_drawn_with_its_weight() {
        let roll = Roll::from_cells(|step, row| row == 40 && step < 3);
        let mut weights = [[0.0; PITCHES]; STEPS];
        (weights[1][40], weights[2][40]) = (0.5, 1.0);
        let svg = speaking(&roll, &weights);
        for (colour, count) in [(heat(0.0), 1), (heat(0.5), 1), (heat(1.0), 1)] {
            assert_eq!(svg.matches(&format!("fill=\"{colour}\"")).count(), count, "{colour}");
        }
    }
}
