//! One plot: a line with marked points for each series, named beside the chart, on a transparent ground.

use anyhow::Context;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::Deserialize;

use crate::colours::{GUIDE, SERIES, TEXT};
use crate::scale::{Scale, label};

const SIZE: (u32, u32) = (1000, 440);
/// The room beside the chart for the names of the series.
const NAMES: i32 = 360;
const LINE: i32 = 24;
const FONT: &str = "sans-serif";

/// A result: `tests/bench/results/NAME.json`.
#[derive(Deserialize)]
pub struct Plot {
    title: String,
    unit: String,
    x: String,
    series: Vec<Series>,
}

/// A line of the plot.
#[derive(Deserialize)]
pub struct Series {
    name: String,
    points: Vec<(f64, f64)>,
}

/// The plot as SVG.
///
/// # Errors
/// When there is nothing to draw.
pub fn draw(plot: &Plot) -> anyhow::Result<String> {
    let points = || plot.series.iter().flat_map(|series| &series.points);
    points().next().context("a plot has points")?;
    let x = Scale::of(points().map(|point| point.0));
    let y = Scale::of(points().map(|point| point.1));
    let mut svg = String::new();
    {
        let whole = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let (left, right) = whole.split_horizontally(SIZE.0.cast_signed() - NAMES);
        lines(&left, plot, x, y)?;
        names(&right, plot)?;
        whole.present()?;
    }
    Ok(svg)
}

impl Plot {
    /// Neighbours are alike where there are many, as a system and its other configuration.
    fn colour(&self, n: usize) -> RGBColor {
        let apart = if self.series.len() * 2 <= SERIES.len() { 2 } else { 1 };
        SERIES[n * apart % SERIES.len()]
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn lines(area: &Area, plot: &Plot, x: Scale, y: Scale) -> anyhow::Result<()> {
    let mut chart = ChartBuilder::on(area)
        .caption(&plot.title, (FONT, 20).into_font().color(&TEXT))
        .margin(12)
        .margin_right(40)
        .x_label_area_size(48)
        .y_label_area_size(84)
        .build_cartesian_2d(x, y)?;
    let text = |size: u32| (FONT, size).into_font().color(&TEXT);
    chart
        .configure_mesh()
        .bold_line_style(GUIDE.mix(0.35))
        .light_line_style(TRANSPARENT)
        .axis_style(GUIDE)
        .label_style(text(15))
        .axis_desc_style(text(16))
        .x_desc(&plot.x)
        .y_desc(&plot.unit)
        .x_label_formatter(&|mark| label(*mark))
        .y_label_formatter(&|mark| label(*mark))
        .draw()?;
    for (n, series) in plot.series.iter().enumerate() {
        chart.draw_series(LineSeries::new(series.points.iter().copied(), plot.colour(n).stroke_width(2)))?;
        for point in &series.points {
            mark(area, n, plot.colour(n), chart.backend_coord(point))?;
        }
    }
    Ok(())
}

fn names(area: &Area, plot: &Plot) -> anyhow::Result<()> {
    let top = 48;
    for (n, series) in plot.series.iter().enumerate() {
        let y = top + LINE * i32::try_from(n)?;
        area.draw(&PathElement::new(vec![(0, y), (24, y)], plot.colour(n).stroke_width(2)))?;
        mark(area, n, plot.colour(n), (12, y))?;
        let style = (FONT, 15).into_font().color(&TEXT).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(series.name.clone(), (32, y), style))?;
    }
    Ok(())
}

/// Neighbours differ in form, so that lines upon each other are told apart.
fn mark(area: &Area, n: usize, colour: RGBColor, at: (i32, i32)) -> anyhow::Result<()> {
    let (filled, line) = (colour.filled(), colour.stroke_width(2));
    let square = [(at.0 - 4, at.1 - 4), (at.0 + 4, at.1 + 4)];
    match n % 6 {
        0 => area.draw(&Circle::new(at, 5, filled))?,
        1 => area.draw(&Circle::new(at, 6, line))?,
        2 => area.draw(&Rectangle::new(square, filled))?,
        3 => area.draw(&Rectangle::new(square, line))?,
        4 => area.draw(&TriangleMarker::new(at, 6, filled))?,
        _ => area.draw(&Cross::new(at, 5, line))?,
    }
    Ok(())
}
