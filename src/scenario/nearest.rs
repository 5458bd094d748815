//! "Did you mean ...?"

/// Of the known names the one nearest to what was written, as a question; where
/// none is near, the list of all that there are, if it is short.
pub fn suggestion(written: &str, known: impl IntoIterator<Item = impl Into<String>>) -> Option<String> {
    let mut names: Vec<String> = known.into_iter().map(Into::into).collect();
    names.sort();
    names.dedup();
    let nearest = names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(written, name), name))
        .min()
        .filter(|(distance, name)| *distance <= 2.max(name.len() / 3));
    match nearest {
        Some((_, name)) => Some(format!("did you mean `{name}`?")),
        None if names.is_empty() => None,
        None if names.len() <= 30 => Some(format!("known here: {}", names.join(", "))),
        None => None,
    }
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
        assert_eq!(suggestion("zzzzzz", ["vip", "web"]).unwrap(), "known here: vip, web");
    }
}
