//! "Did you mean ...?"

/// Longer words than this were no slip of the finger, and comparing them costs time.
const MAX_LENGTH: usize = 100;
/// At most this many names are listed where none is near.
const MAX_LISTED: usize = 30;

/// Of the known names the one nearest to what was written, as a question; where
/// none is near, the list of all that there are, if it is short.
pub fn suggestion(
    written: &str,
    known: impl IntoIterator<Item = impl Into<String>>,
) -> Option<String> {
    let mut names: Vec<String> = known.into_iter().map(Into::into).collect();
    names.sort();
    names.dedup();
    if let Some(name) = nearest(written, &names) {
        return Some(format!("did you mean `{name}`?"));
    }
    match names.len() {
        0 => None,
        n if n <= MAX_LISTED => Some(format!("known here: {}", names.join(", "))),
        _ => None,
    }
}

fn nearest<'a>(written: &str, names: &'a [String]) -> Option<&'a String> {
    if written.is_empty() || written.len() > MAX_LENGTH {
        return None;
    }
    let lower = written.to_lowercase();
    let near = |distance: usize, name: &str| {
        // A third of the letters may differ; of words with three letters, one.
        distance <= (lower.len().max(name.len()) / 3).max(1) && distance < lower.len()
    };
    names
        .iter()
        .filter(|name| *name != written)
        .map(|name| (distance(&lower, name), name))
        .min()
        .filter(|(distance, name)| near(*distance, name))
        .map(|(_, name)| name)
}

/// Letters that differ; the last part of a dotted name may stand for the whole.
fn distance(written: &str, name: &str) -> usize {
    let tail = name.rsplit('.').next().unwrap_or(name);
    if tail == written {
        return 1;
    }
    strsim::damerau_levenshtein(written, &name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::suggestion;

    #[test]
    fn offers_the_nearest_or_the_list() {
        assert_eq!(
            suggestion("galera.primray", ["galera.primary", "vip"]).unwrap(),
            "did you mean `galera.primary`?"
        );
        assert_eq!(
            suggestion("zzzzzz", ["vip", "web"]).unwrap(),
            "known here: vip, web"
        );
        assert_eq!(
            suggestion("xx", ["on", "kind"]).unwrap(),
            "known here: kind, on"
        );
        assert_eq!(
            suggestion("Primary", ["galera.primary", "vip"]).unwrap(),
            "did you mean `galera.primary`?"
        );
        assert!(suggestion(&"x".repeat(1_000_000), (0..100).map(|i| i.to_string())).is_none());
    }
}
