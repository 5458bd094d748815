//! Numbers as people read them: as many digits as the interval supports, in the
//! unit a person would use.

use crate::estimate::{Estimate, Quantiles};

/// Units of downtime, largest first: seconds in one, and its name.
const UNITS: [(f64, &str); 6] = [
    (86_400.0, "d"),
    (3600.0, "h"),
    (60.0, "min"),
    (1.0, "s"),
    (1e-3, "ms"),
    (1e-6, "us"),
];

/// A value and its interval, as two short lines.
pub type TwoLines = (String, String);

/// An availability in percent, with two digits of the unavailability.
pub fn availability(unavailability: &Estimate) -> TwoLines {
    let digits = percent_digits(unavailability);
    let percent = |u: f64| format!("{:.digits$}", floor_to(100.0 * (1.0 - u), digits));
    (
        if unavailability.estimate == 0.0 {
            format!("> {}%", percent(unavailability.high))
        } else {
            format!("{}%", percent(unavailability.estimate))
        },
        format!(
            "{}..{}",
            percent(unavailability.high),
            percent(unavailability.low)
        ),
    )
}

/// Digits after the point so that the unavailability shows two of its own, or one
/// where even that is uncertain.
fn percent_digits(unavailability: &Estimate) -> usize {
    let scale = if unavailability.estimate > 0.0 {
        unavailability.estimate
    } else {
        unavailability.high
    };
    if scale <= 0.0 || !scale.is_finite() {
        return 2;
    }
    let uncertain =
        unavailability.estimate > 0.0 && unavailability.high > 2.0 * unavailability.estimate;
    let digits = (-(100.0 * scale).log10()).ceil() as i64 + i64::from(!uncertain);
    digits.clamp(1, 13) as usize
}

/// Rounds down, so that 99.99999% never turns into 100%. The allowance of a
/// thousandth of the last digit keeps 99.99 from becoming 99.98 by representation.
fn floor_to(value: f64, digits: usize) -> f64 {
    let scale = 10f64.powi(digits as i32);
    (value * scale + 1e-3).floor() / scale
}

/// The number of nines: -log10 of the unavailability.
pub fn nines(unavailability: &Estimate) -> TwoLines {
    let of = |u: f64| {
        if u > 0.0 {
            // Not `-u.log10()`, which would be -0.0 where all is possible.
            format!("{:.1}", 0.0 - u.log10())
        } else {
            "-".to_owned()
        }
    };
    if unavailability.estimate == 0.0 {
        return (format!("> {}", of(unavailability.high)), String::new());
    }
    (
        of(unavailability.estimate),
        format!("{}..{}", of(unavailability.high), of(unavailability.low)),
    )
}

/// A length of time with its interval, both in one unit.
pub fn duration(seconds: &Estimate) -> TwoLines {
    let scale = if seconds.estimate > 0.0 {
        seconds.estimate
    } else {
        seconds.high
    };
    let (unit, name) = unit_for(scale);
    let one = |value: f64| significant(value / unit, 3);
    if seconds.estimate == 0.0 {
        return (format!("< {} {name}", one(seconds.high)), String::new());
    }
    (
        format!("{} {name}", one(seconds.estimate)),
        format!("{}..{}", one(seconds.low), one(seconds.high)),
    )
}

/// A single length of time, e.g. `3.11 s`.
pub fn length(seconds: f64) -> String {
    let (unit, name) = unit_for(seconds.abs());
    format!("{} {name}", significant(seconds / unit, 3))
}

fn unit_for(seconds: f64) -> (f64, &'static str) {
    UNITS
        .iter()
        .find(|(unit, _)| seconds >= *unit)
        .copied()
        .unwrap_or((1.0, "s"))
}

/// A plain number with its interval; small ones with two digits each.
pub fn plain(estimate: &Estimate) -> TwoLines {
    if estimate.estimate == 0.0 {
        return (
            format!("< {}", significant(estimate.high, 2)),
            String::new(),
        );
    }
    let digits = if estimate.estimate < 1e-2 { 2 } else { 3 };
    let one = |value: f64| significant(value, digits);
    (
        one(estimate.estimate),
        format!("{}..{}", one(estimate.low), one(estimate.high)),
    )
}

/// Median and 99th percentile of a distribution, each with its interval.
pub fn quantiles(quantiles: Option<&Quantiles>) -> TwoLines {
    let Some(q) = quantiles else {
        return ("none seen".to_owned(), String::new());
    };
    let line = |value: f64, [low, high]: [f64; 2]| {
        let (unit, name) = unit_for(value);
        let one = |seconds: f64| significant(seconds / unit, 3);
        format!("{} {name} {}..{}", one(value), one(low), one(high))
    };
    (line(q.p50, q.intervals.p50), line(q.p99, q.intervals.p99))
}

/// A difference of two lengths of time with its interval, both in one unit.
pub fn signed_duration(seconds: &Estimate) -> TwoLines {
    let (unit, name) = unit_for(seconds.estimate.abs());
    let one = |value: f64| {
        format!(
            "{}{}",
            if value > 0.0 { "+" } else { "" },
            significant(value / unit, 3)
        )
    };
    (
        format!("{} {name}", one(seconds.estimate)),
        format!(
            "{}..{}",
            one(seconds.low.min(seconds.high)),
            one(seconds.high.max(seconds.low))
        ),
    )
}

/// A share as a percentage with at most ten decimals and no zeros at the end.
pub fn trimmed_percent(share: f64) -> String {
    let text = format!("{:.10}", 100.0 * share);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// So many significant digits, without a row of zeros.
pub fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-2..=7).contains(&magnitude) {
        return format!("{value:.*e}", (digits - 1).max(0) as usize);
    }
    let decimals = (digits - 1 - magnitude).max(0) as usize;
    format!("{value:.decimals$}")
}

/// A share in percent, e.g. `83%` or `0.4%`.
pub fn percent(share: f64) -> String {
    if (0.995..1.0).contains(&share) {
        format!("{:.1}%", floor_to(100.0 * share, 1))
    } else if share >= 0.1 {
        format!("{:.0}%", 100.0 * share)
    } else {
        format!("{}%", significant(100.0 * share, 2))
    }
}

/// A count with thousands apart, e.g. `1,234,567`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Years in words: `10 years`, `24 h`.
pub fn years(years: f64) -> String {
    if years >= 1.0 {
        format!("{} years", grouped(years.round() as u64))
    } else {
        length(years * crate::automaton::Nanos::SECONDS_PER_YEAR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(estimate: f64, low: f64, high: f64) -> Estimate {
        Estimate {
            estimate,
            low,
            high,
            confidence: 0.95,
        }
    }

    #[test]
    fn availabilities_never_round_up_to_a_hundred() {
        let (value, interval) = availability(&estimate(4.23e-5, 3.6e-5, 4.9e-5));
        assert_eq!(
            (value.as_str(), interval.as_str()),
            ("99.9957%", "99.9951..99.9964")
        );
        assert_eq!(availability(&estimate(1e-8, 5e-9, 2e-8)).0, "99.9999990%");
        assert_eq!(availability(&estimate(1e-2, 9e-3, 1.1e-2)).0, "99.0%");
        assert_eq!(availability(&estimate(0.0, 0.0, 1e-5)).0, "> 99.9990%");
    }

    #[test]
    fn units_are_those_a_person_would_use() {
        assert_eq!(duration(&estimate(0.315, 0.2, 0.4)).0, "315 ms");
        assert_eq!(
            duration(&estimate(1334.0, 1200.0, 1400.0)),
            ("22.2 min".into(), "20.0..23.3".into())
        );
        assert_eq!(length(3.1132), "3.11 s");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(percent(0.9999), "99.9%");
    }
}
