//! An axis: linear from zero, or logarithmic where the values span a decade or more.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// Where an axis ends and which marks it has.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    logarithmic: bool,
    low: f64,
    high: f64,
    marks: Vec<f64>,
}

/// About how many marks a linear axis gets.
const MARKS: f64 = 6.0;

impl Scale {
    /// The axis for these values.
    pub fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::NEG_INFINITY, f64::max);
        if least > 0.0 && most >= 10.0 * least { Self::decades(least, most) } else { Self::linear(most) }
    }

    fn decades(least: f64, most: f64) -> Self {
        let (low, high) = (least.log10().floor(), most.log10().ceil());
        let marks = steps(low, high, 1.0).map(|exponent| 10_f64.powf(exponent)).collect();
        Self { logarithmic: true, low: 10_f64.powf(low), high: 10_f64.powf(high), marks }
    }

    fn linear(most: f64) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        let decade = 10_f64.powf((most / MARKS).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * decade);
        let step = step.into_iter().find(|step| most / step <= MARKS).unwrap_or(10.0 * decade);
        let high = (most / step).ceil() * step;
        Self { logarithmic: false, low: 0.0, high, marks: steps(0.0, high, step).collect() }
    }

    /// From 0 at the lower end to 1 at the upper one.
    fn share(&self, value: f64) -> f64 {
        let place = |value: f64| if self.logarithmic { value.log10() } else { value };
        (place(value) - place(self.low)) / (place(self.high) - place(self.low))
    }
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    #[expect(clippy::cast_possible_truncation, reason = "a pixel of a plot")]
    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        from + (f64::from(to - from) * self.share(*value)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.marks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

/// What stands at a mark.
pub fn label(mark: f64) -> String {
    let text = format!("{mark:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let (whole, part) = text.split_once('.').map_or((text, None), |(whole, part)| (whole, Some(part)));
    let mut grouped = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    part.map_or(grouped.clone(), |part| format!("{grouped}.{part}"))
}

fn steps(low: f64, high: f64, step: f64) -> impl Iterator<Item = f64> {
    let count = std::iter::successors(Some(0.0), |n| Some(n + 1.0));
    count.map(move |n| low + n * step).take_while(move |mark| *mark <= high + step / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(values: &[f64]) -> Vec<String> {
        Scale::of(values.iter().copied()).marks.into_iter().map(label).collect()
    }

    #[test]
    fn values_over_decades_get_a_mark_for_each() {
        assert_eq!(labels(&[1.0, 100_000.0]), ["1", "10", "100", "1,000", "10,000", "100,000"]);
        assert_eq!(labels(&[0.75, 20.0]), ["0.1", "1", "10", "100"]);
    }

    #[test]
    fn other_values_get_round_marks_from_zero() {
        assert_eq!(labels(&[5.0, 9.0]), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(labels(&[0.0, 1_150.0]), ["0", "200", "400", "600", "800", "1,000", "1,200"]);
        assert_eq!(labels(&[0.2, 0.3]), ["0", "0.05", "0.1", "0.15", "0.2", "0.25", "0.3"]);
    }

    #[test]
    fn decades_lie_equally_far_from_each_other() {
        let decades = Scale::of([1.0, 100.0].into_iter());
        assert_eq!([1.0, 10.0, 100.0].map(|value| decades.map(&value, (0, 200))), [0, 100, 200]);
        let linear = Scale::of([5.0, 9.0].into_iter());
        assert_eq!([0.0, 5.0, 10.0].map(|value| linear.map(&value, (200, 0))), [200, 100, 0]);
    }
}
