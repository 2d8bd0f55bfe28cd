//! The figures as a table for a terminal.

use std::fmt::Write;

use super::{Looks, SpaceMeasured, Ways};
use crate::evaluate::faults::Interval;

/// What a row is called, and its figure.
type Row = (&'static str, fn(&Ways) -> &Interval);

impl SpaceMeasured {
    /// A table for a terminal.
    pub fn table(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("a string takes all that is written");
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "\nSpace ({}), {} phrases [95 % of works]", self.family, self.phrases)?;
        writeln!(
            text,
            "  onset F1 of what comes back      {}, key told {} (another phrase {})",
            share(&self.reconstruction),
            share(&self.told),
            share(&self.another)
        )?;
        let [active, all] = self.active;
        writeln!(text, "  active numbers                   {active} of {all}")?;
        writeln!(text, "  {:<32} {:>22} {:>22}", "From phrase to phrase, 11 points", "space", "cells mixed")?;
        let rows: [Row; 6] = [
            ("steady all the way, as codes", |ways| &ways.steady),
            ("steady all the way, as cells", |ways| &ways.steady_cells),
            ("steady steps, as cells", |ways| &ways.steps),
            ("notes out of key at the ends", |ways| &ways.outside_ends),
            ("in the middle", |ways| &ways.outside_middle),
            ("in the middle, key told", |ways| &ways.outside_told),
        ];
        for (name, of) in rows {
            writeln!(text, "    {name:<30} {:>22} {:>22}", share(of(&self.between)), share(of(&self.mixed)))?;
        }
        writeln!(
            text,
            "  {:<32} {:>22} {:>22} {:>22} {:>7}",
            "Out of chance", "notes at once", "onsets a beat", "diversity", "silent"
        )?;
        let rows = [("real phrases", &self.real)].into_iter().chain(self.drawn.iter().map(|(n, l)| (*n, l)));
        for (name, Looks { at_once, onsets, diversity, silent }) in rows {
            writeln!(
                text,
                "    {name:<30} {:>22} {:>22} {:>22} {silent:>7}",
                number(at_once),
                number(onsets),
                number(diversity)
            )?;
        }
        writeln!(
            text,
            "  {:<32} {:>22} {:>22}",
            "Variations, key told", "onset F1 with phrase", "out of key"
        )?;
        for one in &self.variations {
            let name = format!("at a distance of {}", one.distance);
            writeln!(text, "    {name:<30} {:>22} {:>22}", share(&one.alike), share(&one.outside))?;
        }
        Ok(())
    }
}

fn share(interval: &Interval) -> String {
    let percent = |x: f64| 100.0 * x;
    let Interval { value, low, high } = *interval;
    format!("{:.1} % [{:.1}, {:.1}]", percent(value), percent(low), percent(high))
}

fn number(interval: &Interval) -> String {
    let Interval { value, low, high } = *interval;
    format!("{value:.2} [{low:.2}, {high:.2}]")
}
