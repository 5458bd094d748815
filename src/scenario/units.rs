//! Durations, rates and probabilities in words: `"3.6s"`, `"990h"`, `"50/s"`, `"5%"`.

use crate::automaton::Nanos;

/// Units of time and their length in seconds. A year has 8766 h. There is no
/// month: `m` is a minute, and months differ.
const UNITS: [(&str, f64); 10] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("min", 60.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
    ("w", 604_800.0),
    ("y", Nanos::SECONDS_PER_YEAR),
];

/// The longest duration that a scenario may name: 250 years.
pub const MAX_DURATION_S: f64 = 250.0 * Nanos::SECONDS_PER_YEAR;
/// The longest mean of a distribution: a thousand million years.
pub const MAX_MEAN_S: f64 = 1e9 * Nanos::SECONDS_PER_YEAR;
/// The smallest rate above zero, once in [`MAX_MEAN_S`], per second.
const MIN_RATE: f64 = 0.999 / MAX_MEAN_S;
/// The largest rate per second.
const MAX_RATE: f64 = 1e9;
/// The largest amount of data in bytes.
const MAX_BYTES: f64 = 1e18;

/// Why a text is no quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

fn error(message: impl Into<String>, help: impl Into<String>) -> UnitError {
    UnitError {
        message: message.into(),
        help: help.into(),
    }
}

/// What to write where a length of time is expected.
const TIME_HELP: &str =
    "write a number and a unit: ns, us, ms, s, m (or min), h, d, w, y, e.g. \"90s\" or \"1h 30m\"";

/// A duration in seconds, from `"1h 30m"`, `"3.6s"`, `"250ms"`.
pub fn duration_s(text: &str) -> Result<f64, UnitError> {
    let total = time_s(text)?;
    if total > MAX_DURATION_S {
        return Err(error(
            format!("`{text}` is longer than 250 years"),
            "the simulated clock ends soon after that; for an event that never happens write \"never\"",
        ));
    }
    Ok(total)
}

/// The mean or scale of a distribution, in seconds. It may be far longer than
/// the simulated clock: a part with a mean life of 10,000 years is a rare event.
pub fn mean_s(text: &str) -> Result<f64, UnitError> {
    let total = time_s(text)?;
    if total > MAX_MEAN_S {
        return Err(error(
            format!("`{text}` is longer than a thousand million years"),
            "for an event that never happens write \"never\"",
        ));
    }
    Ok(total)
}

fn time_s(text: &str) -> Result<f64, UnitError> {
    let mut total = 0.0;
    let mut rest = text.trim();
    if rest.starts_with('-') {
        return Err(error("a length of time cannot be negative", TIME_HELP));
    }
    if rest.is_empty() {
        return Err(error("an empty text is no length of time", TIME_HELP));
    }
    while !rest.is_empty() {
        let digits = number_length(rest);
        let number: f64 = rest[..digits]
            .parse()
            .map_err(|_| error(format!("`{text}` is no length of time"), TIME_HELP))?;
        let after = rest[digits..].trim_start();
        let letters = after
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(after.len());
        let unit = &after[..letters];
        if unit.is_empty() {
            return Err(error(format!("`{text}` has no unit of time"), TIME_HELP));
        }
        total += number * unit_s(unit)?;
        rest = after[letters..].trim_start();
    }
    Ok(total)
}

/// The length of one unit of time in seconds.
pub fn unit_s(unit: &str) -> Result<f64, UnitError> {
    UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, seconds)| *seconds)
        .ok_or_else(|| error(format!("`{unit}` is no unit of time"), unit_help(unit)))
}

/// Long words for units are the most common slip: show the short one.
fn unit_help(unit: &str) -> String {
    let short = match unit.to_lowercase().trim_end_matches('s') {
        "sec" | "second" => "s",
        "minute" => "min",
        "hr" | "hour" => "h",
        "day" => "d",
        "week" => "w",
        "yr" | "year" | "a" => "y",
        "month" | "mo" => {
            return "there is no unit for months, which differ: write days, e.g. \"30d\""
                .to_owned();
        }
        "milli" | "msec" | "millisecond" => "ms",
        _ => return TIME_HELP.to_owned(),
    };
    format!("write `{short}`; the units are ns, us, ms, s, m (or min), h, d, w, y")
}

/// A rate in events per second, from `"50/s"`, `"0.5/y"`, `"0.04/3140h"`.
pub fn rate_per_s(text: &str) -> Result<f64, UnitError> {
    let help = "write a number, a slash and a unit of time, e.g. \"50/s\" or \"0.5/y\"";
    let (number, time) = text
        .split_once('/')
        .ok_or_else(|| error(format!("`{text}` is no rate"), help))?;
    let number: f64 = number
        .trim()
        .parse()
        .map_err(|_| error(format!("`{text}` is no rate"), help))?;
    let time = time.trim();
    let seconds = match time.starts_with(|c: char| c.is_ascii_digit()) {
        true => mean_s(time)?,
        false => unit_s(time)?,
    };
    if number < 0.0 {
        return Err(error("a rate cannot be negative", help));
    }
    // Written so that an undefined rate (0 divided by 0) is refused as well.
    let rate = number / seconds;
    if rate == 0.0 || (MIN_RATE..=MAX_RATE).contains(&rate) {
        return Ok(rate);
    }
    Err(error(
        format!("a rate of `{text}` cannot be simulated"),
        "a rate is 0, or lies between once in a thousand million years and a thousand million per second",
    ))
}

/// A number of bytes, from `"128MB"` (powers of ten) or `"128MiB"` (powers of two).
pub fn bytes(text: &str) -> Result<f64, UnitError> {
    const SIZES: [(&str, f64); 9] = [
        ("KiB", 1024.0),
        ("MiB", 1_048_576.0),
        ("GiB", 1_073_741_824.0),
        ("TiB", 1_099_511_627_776.0),
        ("kB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("TB", 1e12),
        ("B", 1.0),
    ];
    let help = "write a number and a unit: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, e.g. \"128MiB\"";
    let text = text.trim();
    let digits = number_length(text);
    let number: f64 = text[..digits]
        .parse()
        .map_err(|_| error(format!("`{text}` is no amount of data"), help))?;
    let unit = text[digits..].trim();
    let (_, size) = SIZES
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(|| error(format!("`{unit}` is no unit of data"), help))?;
    let bytes = number * size;
    if bytes > MAX_BYTES {
        return Err(error(format!("`{text}` is more than 1,000,000 TB"), help));
    }
    Ok(bytes)
}

/// A share between 0 and 1, from `"5%"`.
pub fn share(text: &str) -> Result<f64, UnitError> {
    let help = "write a number from 0 to 1, or a percentage such as \"5%\"";
    let value = match text.trim().strip_suffix('%') {
        Some(number) => number.trim().parse::<f64>().map(|n| n / 100.0),
        None => text.trim().parse::<f64>(),
    }
    .map_err(|_| error(format!("`{text}` is no probability"), help))?;
    checked_share(value)
}

/// A number that must lie between 0 and 1.
pub fn checked_share(value: f64) -> Result<f64, UnitError> {
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(error(
            format!("{value} does not lie between 0 and 1"),
            "write a probability or share as a number from 0 to 1, or as a percentage such as \"5%\"",
        ))
    }
}

fn number_length(text: &str) -> usize {
    let mut length = 0;
    let bytes = text.as_bytes();
    while length < bytes.len() {
        let c = bytes[length];
        let exponent = matches!(c, b'e' | b'E')
            && bytes
                .get(length + 1)
                .is_some_and(|next| next.is_ascii_digit() || *next == b'-');
        let sign = c == b'-' && length > 0 && matches!(bytes[length - 1], b'e' | b'E');
        if c.is_ascii_digit() || c == b'.' || exponent || sign {
            length += 1;
        } else {
            break;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_in_words() {
        for (text, seconds) in [
            ("3.6s", 3.6),
            ("990h", 3_564_000.0),
            ("1h 30m", 5400.0),
            ("1h30min", 5400.0),
            ("250ms", 0.25),
            ("1e-3s", 0.001),
            ("2y", 63_115_200.0),
            ("0s", 0.0),
        ] {
            assert!(
                (duration_s(text).unwrap() - seconds).abs() < 1e-9 * seconds.max(1.0),
                "{text}"
            );
        }
        for text in [
            "",
            "5",
            "-3s",
            "5 parsecs",
            "s",
            "300y",
            "1.2.3s",
            "nan s",
            "1e999s",
            "1h -3m",
            "٣s",
            "1 month",
        ] {
            assert!(duration_s(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_shares_and_sizes() {
        assert_eq!(rate_per_s("50/s").unwrap(), 50.0);
        assert_eq!(rate_per_s("3/2s").unwrap(), 1.5);
        for text in [
            "-1/s", "inf/s", "nan/s", "1e300/ns", "1/0s", "0/0s", "1/", "/s", "1/month",
        ] {
            assert!(rate_per_s(text).is_err(), "{text}");
        }
        assert_eq!(share("5%").unwrap(), 0.05);
        assert!(share("120%").is_err());
        assert_eq!(bytes("128MiB").unwrap(), 134_217_728.0);
        assert!(bytes("12 elephants").is_err());
        assert!(bytes("1e300TB").is_err());
    }
}
