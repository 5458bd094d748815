//! Durations as people say them: one unit, three significant digits.

/// Seconds in the year that "downtime per year" is counted in: 365 days, 8 760 hours.
pub const SECONDS_PER_YEAR: f64 = 365.25 * 86_400.0;

const UNITS: [(f64, &str); 7] = [
    (365.0 * 86_400.0 * 2.0, "y"),
    (86_400.0, "d"),
    (3_600.0, "h"),
    (60.0, "min"),
    (1.0, "s"),
    (1e-3, "ms"),
    (1e-6, "µs"),
];

/// `seconds` in the largest unit that it fills, for example `52.6 min`.
pub(super) fn text(seconds: f64) -> String {
    if seconds == 0.0 {
        return "0 s".to_owned();
    }
    let unit = UNITS.iter().find(|(from, _)| seconds >= *from);
    match unit {
        Some((_, "y")) => format!("{} y", three_digits(seconds / SECONDS_PER_YEAR)),
        Some((size, name)) => format!("{} {name}", three_digits(seconds / size)),
        None => format!("{} ns", three_digits(seconds * 1e9)),
    }
}

fn three_digits(value: f64) -> String {
    let decimals = match value {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    let fixed = format!("{value:.decimals$}");
    match fixed.contains('.') {
        true => fixed.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => fixed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_the_one_a_person_would_use() {
        let said = [
            (0.0, "0 s"),
            (3e-9, "3 ns"),
            (0.315_36, "315 ms"),
            (3.1536, "3.15 s"),
            (60.0, "1 min"),
            (3153.6, "52.6 min"),
            (8.76 * 3600.0, "8.76 h"),
            (365.0 * 86_400.0, "365 d"),
            (SECONDS_PER_YEAR * 12.0, "12 y"),
        ];
        for (seconds, expected) in said {
            assert_eq!(text(seconds), expected);
        }
    }
}
