//! The sweep as a picture: S_tot and content change of every run, a bar each.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;

use super::summary::Line;
use crate::dataset::write_whole;

const WIDE: u32 = 980;
const NAMES: u32 = 380;
const BAR: u32 = 22;
const AROUND: u32 = 70;
const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);

/// Draws `lines`, each under its name, as an SVG at `path`. Nothing where there are none.
///
/// # Errors
/// Where the file cannot be written.
pub fn write(lines: &[(String, Line)], path: &Path) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut svg = String::new();
    draw(lines, &mut svg).map_err(|error| anyhow!("the summary could not be drawn: {error}"))?;
    write_whole(path, svg.as_bytes()).context("the summary could not be drawn")
}

fn draw(lines: &[(String, Line)], svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, (WIDE, BAR * lines.len() as u32 + AROUND)).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(NAMES + (WIDE - NAMES) / 2);
    let total = |line: &Line| line.total.first().and_then(|(_, total)| *total).map(|total| 100.0 * total);
    let change = |line: &Line| {
        let both: Vec<f64> = line.directions.iter().filter_map(|way| way.change).collect();
        (!both.is_empty()).then(|| both.iter().sum::<f64>() / both.len() as f64)
    };
    let values: Vec<_> = lines.iter().map(|(_, line)| total(line)).collect();
    bars(&left, "S_tot, %", lines, &values, BLUE, NAMES)?;
    let values: Vec<_> = lines.iter().map(|(_, line)| change(line)).collect();
    bars(&right, "Content change, mean of both directions", lines, &values, ORANGE, 0)?;
    area.present()?;
    Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn bars(
    area: &Area,
    title: &str,
    lines: &[(String, Line)],
    values: &[Option<f64>],
    colour: RGBColor,
    names: u32,
) -> Result<(), Box<dyn std::error::Error>> {
    let (low, high) =
        values.iter().flatten().fold((0f64, 1e-3f64), |(low, high), &x| (low.min(x), high.max(x)));
    let count = lines.len() as f64;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 15))
        .margin(8)
        .x_label_area_size(26)
        .y_label_area_size(names)
        .build_cartesian_2d(low * 1.05..high * 1.1, count..0.0)?;
    // Names stand between the lines that the chart would label.
    chart.configure_mesh().disable_y_mesh().y_labels(0).light_line_style(WHITE).x_labels(6).draw()?;
    for (place, value) in values.iter().enumerate() {
        let top = place as f64;
        if let Some(value) = value {
            chart
                .draw_series([Rectangle::new([(0.0, top + 0.15), (*value, top + 0.85)], colour.filled())])?;
        }
        if names > 0 {
            let (_, y) = chart.backend_coord(&(0.0, top + 0.3));
            area.draw_text(&lines[place].0, &("sans-serif", 12).into_text_style(area), (8, y))?;
        }
    }
    Ok(())
}
