//! Charts as SVG, in colours that the colour-blind tell apart (Okabe and Ito).

use std::fmt::Write;

use super::html::{decimals, escape};

/// The source genre.
pub const SOURCE: &str = "#9aa5b1";
/// The transfers, and what they add.
pub const TRANSFER: &str = "#0072b2";
/// The target genre.
pub const TARGET: &str = "#e69f00";
/// Colours of judges.
const SERIES: [&str; 6] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"];

/// The colour of judge number `index`.
pub fn series(index: usize) -> &'static str {
    SERIES[index % SERIES.len()]
}

/// An SVG of this size in its own units.
pub fn svg(width: f64, height: f64, inside: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" font-family=\"system-ui, 'DejaVu Sans', \
         sans-serif\">{inside}</svg>"
    )
}

fn text(x: f64, y: f64, anchor: &str, size: f64, content: &str) -> String {
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\" \
         fill=\"#3e4c59\">{}</text>",
        escape(content)
    )
}

/// One bar of [`bars`].
pub struct Bar {
    /// Its length, -1 to 1.
    pub value: f64,
    /// Where a mark stands: the most that can be reached.
    pub mark: f64,
    /// Its colour.
    pub colour: &'static str,
}

/// Groups of horizontal bars on a scale from 0 to 100 %, each with its mark.
pub fn bars(groups: &[(String, Vec<Bar>)]) -> String {
    const LEFT: f64 = 190.0;
    const WIDTH: f64 = 640.0;
    const THICK: f64 = 15.0;
    const GAP: f64 = 14.0;
    let low = groups.iter().flat_map(|(_, bars)| bars).map(|bar| bar.value).fold(0.0, f64::min).max(-1.0);
    let place = |value: f64| LEFT + WIDTH * (value.clamp(low, 1.0) - low) / (1.0 - low);
    let (mut out, mut y) = (String::new(), 22.0);
    let height = groups.iter().map(|(_, bars)| bars.len() as f64 * THICK + GAP).sum::<f64>() + 26.0;
    for tick in (0..=4).map(|tick| f64::from(tick) * 0.25) {
        let x = place(tick);
        let _ = write!(
            out,
            "<line x1=\"{x:.1}\" y1=\"16\" x2=\"{x:.1}\" y2=\"{height:.0}\" stroke=\"#dfe4ea\"/>"
        );
        out += &text(x, 11.0, "middle", 11.0, &format!("{:.0}", 100.0 * tick));
    }
    for (name, bars) in groups {
        let middle = y + bars.len() as f64 * THICK / 2.0 + 4.0;
        out += &text(LEFT - 12.0, middle, "end", 13.0, name);
        for bar in bars {
            let value = if bar.value.is_finite() { bar.value } else { 0.0 };
            let (from, to) = (place(value.min(0.0)), place(value.max(0.0)));
            let colour = bar.colour;
            let _ = write!(
                out,
                "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
                y + 1.0,
                (to - from).max(0.5),
                THICK - 3.0
            );
            if bar.mark.is_finite() {
                let x = place(bar.mark);
                let (top, bottom) = (y, y + THICK - 1.0);
                let _ = write!(
                    out,
                    "<line x1=\"{x:.1}\" y1=\"{top:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" \
                     stroke=\"#1f2933\" stroke-width=\"2\"/>"
                );
            }
            out += &text(to + 6.0, y + THICK - 4.0, "start", 11.0, &decimals(100.0 * value, 1));
            y += THICK;
        }
        y += GAP;
    }
    svg(LEFT + WIDTH + 50.0, height, &out)
}

/// A histogram of shares by bin for the source genre, the transfers and the target genre.
pub fn histogram(name: &str, bins: &[&str], shares: [&[f64]; 3]) -> String {
    const WIDTH: f64 = 330.0;
    const HEIGHT: f64 = 150.0;
    const TOP: f64 = 22.0;
    const FOOT: f64 = 26.0;
    let most = shares.iter().flat_map(|s| s.iter()).copied().fold(0.0, f64::max).max(1e-9);
    let group = WIDTH / bins.len() as f64;
    let thick = (group * 0.82 / 3.0).min(14.0);
    let mut out = text(0.0, 13.0, "start", 12.5, name);
    out += &text(WIDTH, 13.0, "end", 11.0, &format!("to {:.0} %", 100.0 * most));
    let floor = HEIGHT - FOOT;
    for (i, bin) in bins.iter().enumerate() {
        let middle = (i as f64 + 0.5) * group;
        for (k, (shares, colour)) in shares.iter().zip([SOURCE, TRANSFER, TARGET]).enumerate() {
            let tall = (floor - TOP) * shares[i] / most;
            let x = middle + (k as f64 - 1.5) * thick;
            let _ = write!(
                out,
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\" fill=\"{colour}\"/>",
                floor - tall,
                thick - 0.4
            );
        }
        if bins.len() <= 17 && bins.iter().all(|bin| bin.chars().count() <= 5) {
            out += &text(middle, floor + 12.0, "middle", if bins.len() > 12 { 8.0 } else { 10.0 }, bin);
        } else {
            let (x, y) = (middle + 3.0, floor + 9.0);
            let _ = write!(
                out,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\" font-size=\"8\" fill=\"#3e4c59\" \
                 transform=\"rotate(-35 {x:.1} {y:.1})\">{}</text>",
                escape(bin)
            );
        }
    }
    let _ =
        write!(out, "<line x1=\"0\" y1=\"{floor:.1}\" x2=\"{WIDTH}\" y2=\"{floor:.1}\" stroke=\"#9aa5b1\"/>");
    // Slanted names of bins need more room.
    svg(WIDTH, HEIGHT + 22.0, &out)
}

/// A matrix of shares: rows with names, a column each genre.
pub fn matrix(rows: &[(String, Vec<f64>)], columns: &[String]) -> String {
    const LEFT: f64 = 150.0;
    const CELL: f64 = 74.0;
    const TALL: f64 = 26.0;
    const TOP: f64 = 24.0;
    let mut out = String::new();
    for (i, name) in columns.iter().enumerate() {
        out += &text(LEFT + (i as f64 + 0.5) * CELL, 15.0, "middle", 12.0, name);
    }
    for (j, (name, shares)) in rows.iter().enumerate() {
        let y = TOP + j as f64 * TALL;
        out += &text(LEFT - 10.0, y + 17.0, "end", 12.0, name);
        for (i, &share) in shares.iter().enumerate() {
            let x = LEFT + i as f64 * CELL;
            let ink = if share > 0.55 { "#ffffff" } else { "#1f2933" };
            let _ = write!(
                out,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/><text \
                 x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"12\" fill=\"{ink}\">{}</text>",
                CELL - 2.0,
                TALL - 2.0,
                shade(share),
                x + CELL / 2.0 - 1.0,
                y + 16.5,
                decimals(100.0 * share, 0)
            );
        }
    }
    svg(LEFT + columns.len() as f64 * CELL, TOP + rows.len() as f64 * TALL, &out)
}

/// From nearly white to blue.
fn shade(share: f64) -> String {
    let mix = |from: f64, to: f64| (from + (to - from) * share.clamp(0.0, 1.0)).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mix(240.0, 0.0), mix(244.0, 94.0), mix(248.0, 158.0))
}
