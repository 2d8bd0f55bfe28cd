//! What a page tells of a pack's writer and of its space.

use phrase::Roll;

use super::super::faults::Interval;
use super::super::spaces::SpaceMeasured;
use super::super::writer::Measured;
use super::html::{Table, escape, figure};
use super::rolls;

fn interval(figure: &Interval) -> String {
    format!("{:.3} <span class=\"soft\">[{:.3}, {:.3}]</span>", figure.value, figure.low, figure.high)
}

/// Rolls one beside the other, each with its name.
fn rows<const N: usize>(samples: &[(String, [Roll; N])], names: [&str; N]) -> String {
    let mut html = String::new();
    for (genre, all) in samples {
        html += &format!("<h3>{}</h3>\n<div class=\"rolls\">\n", escape(genre));
        for (roll, name) in all.iter().zip(names) {
            html += &figure(&rolls::change(roll, roll), name);
        }
        html += "</div>\n";
    }
    html
}

/// A writer's figures beside its baselines', and what it wrote.
pub fn writer(writer: &Measured) -> String {
    let mut html =
        "<h2>What does the writer go on with?</h2>\n<p>Four bars of test songs and the four after, \
                    with 95 % intervals over songs. Markov counts the same symbols.</p>\n"
            .to_string();
    for of in &writer.tables {
        let mut headings = vec![escape(&of.genre)];
        headings.extend(writer.columns.iter().map(|column| escape(column)));
        let mut table = Table::new(&headings);
        for row in &of.rows {
            let mut cells = vec![row.measure.to_string()];
            let dash = || "&#8211;".to_string();
            cells.extend(row.figures.iter().map(|figure| figure.as_ref().map_or_else(dash, interval)));
            table.row(&cells);
        }
        html += &table.html();
    }
    html + &rows(&writer.samples, ["played", "written then", "what followed in truth"])
}

/// A space's figures, and points of it.
pub fn space(space: &SpaceMeasured) -> String {
    let [active, all] = space.active;
    let mut table = Table::new(&["", "", "another phrase, or cells mixed"]);
    let mut row = |name: &str, own: &Interval, other: &Interval| {
        table.row(&[name.to_string(), interval(own), interval(other)]);
    };
    let (between, mixed) = (&space.between, &space.mixed);
    row("Onset F1 of what comes back", &space.reconstruction, &space.another);
    row("Ways between phrases that are steady, as codes", &between.steady, &mixed.steady);
    row("as cells", &between.steady_cells, &mixed.steady_cells);
    row("Notes out of key in the middle", &between.outside_middle, &mixed.outside_middle);
    row("the key told", &between.outside_told, &mixed.outside_told);
    format!(
        "<h2>What lies around a phrase?</h2>\n<p>{} phrases of the {} split; {active} of {all} numbers of a \
         point are active. 95 % intervals over works.</p>\n{}{}",
        space.phrases,
        space.split.name(),
        table.html(),
        rows(
            &space.samples,
            ["a phrase", "what comes back", "varied, at a distance of 1", "half way to another"]
        )
    )
}
