//! A phrase as named musical features: what the feature judge hears.

use phrase::{Key, Roll, STEPS, STEPS_PER_BAR, bass, chroma, most_at_once, out_of_key, polyphony, skyline};

use super::histograms::{self, HISTOGRAMS};

/// The features that are no share of a histogram.
const SCALARS: [&str; 15] = [
    "notes (log)",
    "share of steps with an onset",
    "notes an onset",
    "mean length (log)",
    "mean pitch",
    "spread of pitch",
    "mean bass pitch",
    "mean melody pitch",
    "compass of the bass",
    "compass of the melody",
    "mean polyphony",
    "most notes at once",
    "out of key",
    "change of harmony",
    "likeness of bars",
];

/// The names of [`features`], in order.
pub fn names() -> Vec<String> {
    let bins = HISTOGRAMS.iter().flat_map(|h| h.bins.iter().map(move |bin| format!("{}: {bin}", h.name)));
    bins.chain(SCALARS.map(str::to_string)).collect()
}

/// The features of `roll`: the shares of every bin of [`HISTOGRAMS`], then plain figures. Finite for every
/// roll.
pub fn features(roll: &Roll) -> Vec<f64> {
    let key = Key::of(roll);
    let counts = histograms::counts(roll, key.map_or(0, |key| key.tonic));
    let mut all: Vec<f64> = counts.iter().flat_map(|counts| histograms::shares(counts)).collect();

    let notes: Vec<_> = roll.notes().collect();
    let rows =
        |notes: &[phrase::RollNote]| -> Vec<f64> { notes.iter().map(|note| note.row as f64).collect() };
    let lengths: Vec<f64> = notes.iter().map(|note| (note.length as f64).ln()).collect();
    let (all_rows, low, high) = (rows(&notes), rows(&bass(roll)), rows(&skyline(roll)));
    let starts = roll.onset.iter().filter(|&&bits| bits != 0).count() as f64;
    let spread = {
        let mean = mean(&all_rows);
        self::mean(&all_rows.iter().map(|row| (row - mean).powi(2)).collect::<Vec<_>>()).sqrt()
    };
    all.extend([
        (1.0 + notes.len() as f64).ln(),
        starts / STEPS as f64,
        f64::from(roll.onsets()) / starts.max(1.0),
        mean(&lengths),
        mean(&all_rows),
        spread,
        mean(&low),
        mean(&high),
        compass(&low),
        compass(&high),
        f64::from(polyphony(roll)),
        f64::from(most_at_once(roll)),
        key.map_or(0.0, |key| f64::from(out_of_key(roll, &key))),
        harmony_change(roll),
        bar_likeness(roll),
    ]);
    all
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn compass(rows: &[f64]) -> f64 {
    let (low, high) =
        rows.iter().fold((f64::MAX, f64::MIN), |(low, high), &row| (low.min(row), high.max(row)));
    (high - low).max(0.0)
}

/// Mean distance between the pitch classes of one half bar and the next.
fn harmony_change(roll: &Roll) -> f64 {
    let halves = chroma(roll).map(|classes| classes.map(f64::from));
    let steps: Vec<f64> = halves
        .windows(2)
        .map(|pair| histograms::distance(&pair[0], &pair[1]))
        .filter(|d| d.is_finite())
        .collect();
    mean(&steps)
}

/// Mean overlap (Jaccard) of the steps with onsets of one bar and the next.
fn bar_likeness(roll: &Roll) -> f64 {
    let bars: Vec<Vec<bool>> =
        roll.onset.chunks(STEPS_PER_BAR).map(|bar| bar.iter().map(|&bits| bits != 0).collect()).collect();
    let alike = |pair: &[Vec<bool>]| {
        let count =
            |f: fn(bool, bool) -> bool| pair[0].iter().zip(&pair[1]).filter(|(a, b)| f(**a, **b)).count();
        count(|a, b| a && b) as f64 / count(|a, b| a || b).max(1) as f64
    };
    mean(&bars.windows(2).map(alike).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_has_a_name_and_is_finite() {
        let full = Roll::from_cells(|_, _| true);
        let one = Roll::from_cells(|step, row| (step, row) == (63, 83));
        for roll in [Roll::EMPTY, full, one] {
            let values = features(&roll);
            assert_eq!(values.len(), names().len());
            assert!(values.iter().all(|value| value.is_finite()), "{values:?}");
        }
    }

    #[test]
    fn plain_figures_by_hand() {
        let roll = Roll::from_cells(|step, row| match row {
            10 | 14 => step % 16 < 4,
            30 => step % 16 == 8 && step < 32,
            _ => false,
        });
        let (names, values) = (names(), features(&roll));
        let value = |name: &str| values[names.iter().position(|n| n == name).unwrap()];
        assert_eq!(value("notes (log)"), 11f64.ln());
        assert_eq!(value("share of steps with an onset"), 6.0 / 64.0);
        assert_eq!(value("notes an onset"), 10.0 / 6.0);
        assert_eq!(value("compass of the melody"), 16.0);
        assert_eq!(value("mean bass pitch"), 100.0 / 6.0);
        assert_eq!(value("most notes at once"), 2.0);
        // Bars 1 and 2 alike, 2 and 3 share one step of two, 3 and 4 alike.
        assert!((value("likeness of bars") - 2.5 / 3.0).abs() < 1e-12);
    }
}
