//! Statistics of times and counts: percentiles, medians, rates.

use std::time::Duration;

/// A count as a number that can be divided.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^53")]
pub fn real(count: u64) -> f64 {
    count as f64
}

/// The percentile of these times in milliseconds, by the nearest rank.
///
/// # Panics
/// Never; without times the result is NaN.
#[must_use]
pub fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let rank = (times.len() * percent).div_ceil(100).max(1);
    times.get(rank - 1).map_or(f64::NAN, |time| milliseconds(*time))
}

/// The median.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// The sustained rate: all commands divided by the time from the first one until every view and the bus had them.
#[must_use]
pub fn sustained(commands: u64, load: Duration, behind: Duration) -> f64 {
    real(commands) / (load + behind).as_secs_f64()
}

#[must_use]
pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Three significant digits, and whole numbers from a hundred on, since measurements are not more exact.
#[must_use]
pub fn rounded(value: f64) -> f64 {
    let factor = match value.abs() {
        100.0.. => 1.0,
        10.0.. => 10.0,
        1.0.. => 100.0,
        _ => 1_000.0,
    };
    (value * factor).round() / factor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(milliseconds: impl Iterator<Item = u64>) -> Vec<Duration> {
        milliseconds.map(Duration::from_millis).collect()
    }

    #[test]
    fn a_percentile_is_the_nearest_rank_in_any_order() {
        let mut hundred = times((1..=100).rev());
        let found = [50, 99, 100].map(|percent| percentile(&mut hundred, percent));
        assert_eq!(found, [50.0, 99.0, 100.0]);
        let mut three = times([3, 1, 2].into_iter());
        assert_eq!([1, 50, 99].map(|percent| percentile(&mut three, percent)), [1.0, 2.0, 3.0]);
        assert!(percentile(&mut [], 50).is_nan());
    }

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(vec![9.0, 1.0, 4.0]), 4.0);
        assert_eq!(median(vec![9.0, 1.0, 4.0, 5.0]), 4.5);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn what_is_made_up_for_later_lowers_what_is_sustained() {
        let second = Duration::from_secs(1);
        assert_eq!(sustained(14_000, 7 * second, Duration::ZERO), 2_000.0);
        assert_eq!(sustained(14_000, 7 * second, 21 * second), 500.0);
    }

    #[test]
    fn figures_keep_three_digits() {
        let found = [2_482.6, 99.96, 25.47, 2.614, 0.2468, 0.0].map(rounded);
        assert_eq!(found, [2_483.0, 100.0, 25.5, 2.61, 0.247, 0.0]);
    }
}
