//! The measures as a table for a terminal.

use std::fmt::{self, Write};

use super::{Faults, Interval, Measure};

/// Columns of figures with intervals, each under its name.
pub fn table(title: &str, columns: &[(String, &Faults)]) -> String {
    let mut text = String::new();
    write(&mut text, title, columns).expect("a string takes all that is written");
    text
}

fn write(text: &mut String, title: &str, columns: &[(String, &Faults)]) -> fmt::Result {
    let wide = columns.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(18);
    write!(text, "\n{title:<32}")?;
    columns.iter().try_for_each(|(name, _)| write!(text, " {name:>wide$}"))?;
    write!(text, "\n  {:<30}", "works")?;
    columns.iter().try_for_each(|(_, faults)| write!(text, " {:>wide$}", faults.works))?;
    writeln!(text)?;
    for measure in Measure::ALL {
        write!(text, "  {:<30}", measure.name())?;
        for (_, faults) in columns {
            write!(text, " {:>wide$}", cell(faults.get(measure), measure.percent()))?;
        }
        writeln!(text)?;
    }
    Ok(())
}

/// A figure with its interval; nothing where there is none.
fn cell(Interval { value, low, high }: Interval, percent: bool) -> String {
    let number = |x: f64| if percent { format!("{:.1}", 100.0 * x) } else { format!("{x:.2}") };
    if value.is_nan() {
        String::new()
    } else {
        format!("{} [{} {}]", number(value), number(low), number(high))
    }
}
