//! Working hours as they are written: `"Mon-Fri 09-18"`, `"Sat,Sun 10:30-12"`;
//! several, with a semicolon between them.

/// Seconds of a week.
pub const WEEK_S: u64 = 7 * DAY_S;
const DAY_S: u64 = 86_400;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Times of the week at which somebody is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// From and to, in seconds since Monday 00:00; in order, and apart.
    spans: Vec<(u64, u64)>,
}

impl Hours {
    /// Reads working hours; what is wrong with them otherwise.
    pub fn parse(text: &str) -> Result<Hours, String> {
        let mut spans = Vec::new();
        for part in text.split(';') {
            let words: Vec<&str> = part.split_whitespace().collect();
            let [days, times] = words.as_slice() else {
                return Err(format!("`{}` is not a day and a time", part.trim()));
            };
            let (from, to) = span(times)?;
            for day in days_of(days)? {
                spans.push((day * DAY_S + from, day * DAY_S + to));
            }
        }
        spans.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::new();
        for (from, to) in spans {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        Ok(Hours { spans: joined })
    }

    /// Seconds of the week at which somebody comes (true) or goes, in order; none
    /// where somebody always is there.
    pub fn changes(&self) -> Vec<(u64, bool)> {
        if self.spans == [(0, WEEK_S)] {
            return Vec::new();
        }
        let mut changes: Vec<(u64, bool)> = self
            .spans
            .iter()
            .flat_map(|&(from, to)| [(from, true), (to % WEEK_S, false)])
            .collect();
        changes.sort_unstable();
        // Sunday night into Monday morning is no change.
        if changes.len() > 1 && changes[0].0 == 0 && changes[1].0 == 0 {
            changes.drain(..2);
        }
        changes
    }
}

fn span(text: &str) -> Result<(u64, u64), String> {
    let wrong = || format!("`{text}` is no time of the day such as 09-18 or 09:30-17:00");
    let (from, to) = text.split_once('-').ok_or_else(wrong)?;
    match (time_s(from), time_s(to)) {
        (Some(from), Some(to)) if from < to => Ok((from, to)),
        _ => Err(wrong()),
    }
}

/// `09` or `09:30`, up to `24`.
fn time_s(text: &str) -> Option<u64> {
    let (hours, minutes) = text.split_once(':').unwrap_or((text, "0"));
    let digits = |part: &str| {
        let short = !part.is_empty() && part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
        short.then(|| part.parse::<u64>().ok()).flatten()
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    let time_s = hours * 3600 + minutes * 60;
    (minutes < 60 && time_s <= DAY_S).then_some(time_s)
}

fn day(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let place = DAYS.iter().position(|day| *day == lower);
    place
        .map(|day| day as u64)
        .ok_or_else(|| format!("`{text}` is no day: write Mon, Tue, Wed, Thu, Fri, Sat or Sun"))
}

fn days_of(text: &str) -> Result<Vec<u64>, String> {
    let mut found = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        if first > last {
            return Err(format!("in `{part}` the second day is before the first"));
        }
        found.extend(first..=last);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_are_read_and_joined() {
        let hours = Hours::parse("Mon-Fri 09-18; Sat 10:30-12").expect("hours");
        let changes = hours.changes();
        assert_eq!(changes.len(), 12);
        assert_eq!(changes[0], (9 * 3600, true));
        assert_eq!(changes[11], (5 * DAY_S + 12 * 3600, false));
        assert!(
            Hours::parse("Mon-Sun 00-24")
                .expect("always")
                .changes()
                .is_empty()
        );
        let round = Hours::parse("Sun 12-24;Mon 00-12").expect("over the end of the week");
        let noon = 12 * 3600;
        assert_eq!(round.changes(), [(noon, false), (6 * DAY_S + noon, true)]);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "Mon",
            "Mon 18-09",
            "Mon 9",
            "Fri-Mon 09-18",
            "Moon 09-18",
            "Mon 09-25",
            "Mon 09:60-10",
        ] {
            assert!(Hours::parse(text).is_err(), "{text}");
        }
    }
}
