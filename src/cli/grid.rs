//! The points of a sweep: every combination of the values that `--set` lists.
//!
//! Points are numbered from 1 in a fixed order, the last path fastest, so that a
//! number means the same point on every machine that shares a sweep.

/// More points than this are a mistake, or work for several sweeps.
pub const MAX_POINTS: usize = 100_000;

/// One `--set`, with all its values.
#[derive(Clone, Debug, PartialEq)]
struct Setting {
    path: String,
    values: Vec<String>,
    /// Written as a list or a range; otherwise it is the same in all points.
    swept: bool,
}

/// All combinations of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    settings: Vec<Setting>,
    count: usize,
}

impl Grid {
    /// The grid of these `--set` arguments.
    pub fn new(set: &[(String, String)]) -> Result<Grid, String> {
        let mut settings: Vec<Setting> = Vec::new();
        for (path, text) in set {
            let setting = setting(path, text)?;
            let same = settings.iter().find(|other| other.path == *path);
            if same.is_some_and(|other| other.swept || setting.swept) {
                return Err(format!("--set {path} is there twice: write one list"));
            }
            settings.push(setting);
        }
        let swept = settings.iter().filter(|s| s.swept).map(|s| s.values.len());
        let count = swept.clone().try_fold(1usize, usize::checked_mul);
        if swept.count() == 0 {
            return Err(
                "nothing is swept: give a list or a range, e.g. --set nodes=2..5 \
                 (for a single point use `quorate run`)"
                    .to_owned(),
            );
        }
        match count {
            Some(count) if count <= MAX_POINTS => Ok(Grid { settings, count }),
            _ => Err(format!(
                "the sweep has {} points; at most {MAX_POINTS} can be swept at once",
                count.map_or("too many".to_owned(), |count| count.to_string())
            )),
        }
    }

    /// How many points there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The swept paths, in the order of the command line.
    pub fn paths(&self) -> Vec<String> {
        self.swept().map(|s| s.path.clone()).collect()
    }

    /// All values of all swept paths.
    pub fn values(&self) -> Vec<Vec<String>> {
        self.swept().map(|s| s.values.clone()).collect()
    }

    fn swept(&self) -> impl DoubleEndedIterator<Item = &Setting> {
        self.settings.iter().filter(|s| s.swept)
    }

    /// The values of the swept paths at a point, counted from 0.
    pub fn point(&self, index: usize) -> Vec<String> {
        let mut rest = index;
        let mut values: Vec<String> = self
            .swept()
            .rev()
            .map(|s| {
                let value = s.values[rest % s.values.len()].clone();
                rest /= s.values.len();
                value
            })
            .collect();
        values.reverse();
        values
    }

    /// What `quorate run` would be told with `--set` to compute this point.
    pub fn overrides(&self, index: usize) -> Vec<(String, String)> {
        let mut swept = self.point(index).into_iter();
        let value = |s: &Setting| match s.swept {
            true => swept.next().unwrap_or_default(),
            false => s.values.concat(),
        };
        let mut value = value;
        self.settings
            .iter()
            .map(|s| (s.path.clone(), value(s)))
            .collect()
    }

    /// The point in words, for progress and errors.
    pub fn name(&self, index: usize) -> String {
        let pairs: Vec<String> = self
            .paths()
            .iter()
            .zip(self.point(index))
            .map(|(path, value)| format!("{path}={value}"))
            .collect();
        format!(
            "point {} of {} ({})",
            index + 1,
            self.count,
            pairs.join(", ")
        )
    }
}

fn setting(path: &str, text: &str) -> Result<Setting, String> {
    let parts = parts(text);
    let mut values: Vec<String> = Vec::new();
    let mut swept = parts.len() > 1;
    for part in parts {
        if part.is_empty() {
            return Err(format!("--set {path}={text} has an empty value"));
        }
        match range(part).map_err(|error| format!("--set {path}={text}: {error}"))? {
            Some(range) => {
                swept = true;
                values.extend(range.map(|n| n.to_string()));
            }
            None => values.push(part.to_owned()),
        }
    }
    let mut sorted: Vec<&String> = values.iter().collect();
    sorted.sort();
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("--set {path} has the value {} twice", twice[0]));
    }
    Ok(Setting {
        path: path.to_owned(),
        values,
        swept,
    })
}

/// The parts of a list: between commas that stand outside brackets and quotes.
pub fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut depth) = (Vec::new(), 0, 0usize);
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some('"'), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(open), _) if c == open && !escaped => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{' | '(') => depth += 1,
            (None, ']' | '}' | ')') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(text[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
        escaped = false;
    }
    parts.push(text[begin..].trim());
    parts
}

/// `2..5`: an inclusive range of whole numbers; anything else is no range.
pub fn range(text: &str) -> Result<Option<std::ops::RangeInclusive<i64>>, String> {
    let Some((from, to)) = text.split_once("..") else {
        return Ok(None);
    };
    let (Ok(from), Ok(to)) = (from.trim().parse::<i64>(), to.trim().parse::<i64>()) else {
        return Ok(None);
    };
    if from > to {
        return Err(format!("the range {text} is empty: write {to}..{from}"));
    }
    if to.abs_diff(from) >= MAX_POINTS as u64 {
        return Err(format!(
            "the range {text} has more than {MAX_POINTS} values"
        ));
    }
    Ok(Some(from..=to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(set: &[(&str, &str)]) -> Result<Grid, String> {
        let set: Vec<(String, String)> = set
            .iter()
            .map(|(path, value)| ((*path).to_owned(), (*value).to_owned()))
            .collect();
        Grid::new(&set)
    }

    #[test]
    fn commas_in_brackets_and_quotes_separate_nothing() {
        assert_eq!(parts("2s, 5s,10s"), ["2s", "5s", "10s"]);
        assert_eq!(
            parts(r#"{dist="exponential", mean="1h"},"never""#),
            [r#"{dist="exponential", mean="1h"}"#, r#""never""#]
        );
        assert_eq!(parts("[2, 1],[1]"), ["[2, 1]", "[1]"]);
        assert_eq!(parts(r#""a\",b",'c,d'"#), [r#""a\",b""#, "'c,d'"]);
        assert_eq!(parts("share(a, b)"), ["share(a, b)"]);
        assert_eq!(parts("a,"), ["a", ""]);
    }

    #[test]
    fn the_last_path_is_the_fastest_and_single_values_stay_in_their_place() {
        let grid = grid(&[("a", "x,y"), ("b", "only"), ("nodes", "2..4")]).unwrap();
        assert_eq!((grid.count(), grid.paths().len()), (6, 2));
        assert_eq!(grid.point(0), ["x", "2"]);
        assert_eq!(grid.point(1), ["x", "3"]);
        assert_eq!(grid.point(5), ["y", "4"]);
        let pairs = grid.overrides(3);
        let pairs: Vec<String> = pairs.iter().map(|(p, v)| format!("{p}={v}")).collect();
        assert_eq!(pairs, ["a=y", "b=only", "nodes=2"]);
        assert_eq!(grid.name(3), "point 4 of 6 (a=y, nodes=2)");
    }

    #[test]
    fn a_range_of_one_is_swept_and_lists_may_hold_ranges() {
        assert_eq!(grid(&[("nodes", "3..3")]).unwrap().count(), 1);
        let mixed = grid(&[("nodes", "2..4,8")]).unwrap();
        assert_eq!(mixed.values(), [["2", "3", "4", "8"]]);
    }

    #[test]
    fn what_cannot_be_swept_is_refused() {
        let cases: [&[(&str, &str)]; 8] = [
            &[("nodes", "3")],
            &[("nodes", "5..2")],
            &[("nodes", "2,,3")],
            &[("nodes", "2,2")],
            &[("nodes", "2,3"), ("nodes", "4")],
            &[("a", "1..1000"), ("b", "1..101")],
            &[("a", "1..99999999999")],
            &[("a", "-9223372036854775808..9223372036854775807")],
        ];
        for set in cases {
            assert!(grid(set).is_err(), "{set:?}");
        }
        let most = grid(&[("a", "1..1000"), ("b", "1..100")]).unwrap();
        assert_eq!(most.count(), MAX_POINTS);
    }
}
