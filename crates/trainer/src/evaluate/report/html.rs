//! Small pieces of HTML. All of it is well-formed XML too, so that tests and tools can read it.

use std::fmt::Display;

/// `text` with what HTML reads as its own made harmless.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A share in per cent, a dash where it is not defined.
pub fn percent(share: f64) -> String {
    decimals(100.0 * share, 1)
}

/// A figure with so many decimals, a dash where it is not defined.
pub fn decimals(value: f64, places: usize) -> String {
    if value.is_finite() { format!("{value:.places$}") } else { "&#8211;".to_string() }
}

/// A table of rows of cells that are HTML already; `sum` rows are emphasised.
#[derive(Default)]
pub struct Table {
    html: String,
}

impl Table {
    /// With these headings.
    pub fn new<T: Display>(headings: &[T]) -> Self {
        let cells: String = headings.iter().map(|h| format!("<th>{h}</th>")).collect();
        Self { html: format!("<tr>{cells}</tr>\n") }
    }

    /// Adds a row.
    pub fn row<T: Display>(&mut self, cells: &[T]) {
        self.push("", cells);
    }

    /// Adds an emphasised row.
    pub fn sum<T: Display>(&mut self, cells: &[T]) {
        self.push(" class=\"sum\"", cells);
    }

    fn push<T: Display>(&mut self, class: &str, cells: &[T]) {
        let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
        self.html += &format!("<tr{class}>{cells}</tr>\n");
    }

    /// The table.
    pub fn html(&self) -> String {
        format!("<div class=\"wide\"><table>\n{}</table></div>\n", self.html)
    }
}

/// A picture with a line under it, HTML both.
pub fn figure(svg: &str, caption: &str) -> String {
    format!("<figure>{svg}<figcaption>{caption}</figcaption></figure>\n")
}
