//! `losses.svg`: a chart a loss, drawn from `metrics.csv`.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;

use super::log;
use crate::dataset::write_whole;

/// Points of a curve: more would not be seen.
const POINTS: usize = 600;
const CHART: (u32, u32) = (460, 260);
const COLUMNS: usize = 2;
const BLUE: RGBColor = RGBColor(0, 114, 178);
const PALE: RGBColor = RGBColor(170, 205, 228);

/// Draws the losses of the log at `from` as an SVG at `to`: pale each step, dark their running mean. Nothing
/// where the log has no two steps.
///
/// # Errors
/// Where the file cannot be written.
pub fn draw(from: &Path, names: &[&str], to: &Path) -> Result<()> {
    let lines = log::read(from, names.len());
    if lines.len() < 2 {
        return Ok(());
    }
    let mut svg = String::new();
    let rows = names.len().div_ceil(COLUMNS);
    let size = (CHART.0 * COLUMNS.min(names.len()) as u32, CHART.1 * rows as u32);
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let failed = |error: &dyn std::fmt::Display| anyhow!("the losses could not be drawn: {error}");
        area.fill(&WHITE).map_err(|error| failed(&error))?;
        for (i, (area, name)) in
            area.split_evenly((rows, COLUMNS.min(names.len()))).iter().zip(names).enumerate()
        {
            let curve: Vec<_> = lines.iter().map(|(step, losses)| (*step, f64::from(losses[i]))).collect();
            chart(area, name, &curve).map_err(|error| failed(&error))?;
        }
        area.present().map_err(|error| failed(&error))?;
    }
    write_whole(to, svg.as_bytes()).context("the losses could not be drawn")
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn chart(area: &Area, name: &str, curve: &[(u64, f64)]) -> Result<(), Box<dyn std::error::Error>> {
    let smooth = smoothed(curve);
    // The first steps of a GAN are far off; a hundredth of the values may leave the chart.
    let mut sorted: Vec<f64> = curve.iter().map(|point| point.1).filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let share = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    let (low, high) = if sorted.is_empty() { (0.0, 1.0) } else { (share(0.005), share(0.995)) };
    let margin = 0.05 * (high - low).max(1e-6);
    let steps = curve[0].0..curve[curve.len() - 1].0;
    let mut chart = ChartBuilder::on(area)
        .caption(name, ("sans-serif", 16))
        .margin(8)
        .x_label_area_size(28)
        .y_label_area_size(52)
        .build_cartesian_2d(steps, low - margin..high + margin)?;
    chart.configure_mesh().light_line_style(WHITE).x_labels(6).y_labels(6).draw()?;
    chart.draw_series(LineSeries::new(thinned(curve), PALE))?;
    chart.draw_series(LineSeries::new(thinned(&smooth), BLUE.stroke_width(2)))?;
    Ok(())
}

/// The running mean over about a fiftieth of the curve, unbiased at its start.
fn smoothed(curve: &[(u64, f64)]) -> Vec<(u64, f64)> {
    let share = 1.0 / (curve.len() as f64 / 50.0).max(1.0);
    let (mut mean, mut weight) = (0.0, 0.0);
    let smooth = |&(step, value): &(u64, f64)| {
        mean += share * (value - mean);
        weight += share * (1.0 - weight);
        (step, mean / weight)
    };
    curve.iter().map(smooth).collect()
}

fn thinned(curve: &[(u64, f64)]) -> impl Iterator<Item = (u64, f64)> {
    curve.iter().step_by(curve.len().div_ceil(POINTS)).copied()
}
