//! Constraints as `pcs constraint` writes them.

/// How much a node suits a resource; a resource runs nowhere below zero.
pub type Score = i64;
/// The score that no sum exceeds.
pub const INFINITY: Score = 1_000_000;

/// Adds scores: minus infinity outweighs everything, infinity all but that.
pub fn add(a: Score, b: Score) -> Score {
    if a <= -INFINITY || b <= -INFINITY {
        return -INFINITY;
    }
    (a + b).min(INFINITY)
}

/// A resource or a group in a constraint, possibly in the promoted role only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub name: String,
    pub promoted: bool,
}

/// `WebServer prefers node1=100`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    pub name: String,
    pub scores: Vec<(String, Score)>,
}

/// `WebServer with VirtualIP INFINITY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Colocation {
    pub dependent: Term,
    pub with: Term,
    pub score: Score,
}

/// `INFINITY`, `-INFINITY` or a whole number.
pub fn score(word: &str) -> Result<Score, String> {
    match word.to_ascii_uppercase().as_str() {
        "INFINITY" | "+INFINITY" => Ok(INFINITY),
        "-INFINITY" => Ok(-INFINITY),
        other => other
            .parse::<Score>()
            .map(|value| value.clamp(-INFINITY, INFINITY))
            .map_err(|_| format!("`{word}` is no score: write a whole number or INFINITY")),
    }
}

/// pcs calls the clone of `DRBD` `DRBD-clone`.
fn resource(word: &str) -> String {
    word.strip_suffix("-clone").unwrap_or(word).to_owned()
}

fn is_promoted(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "promoted" | "master" | "promote" => Some(true),
        "started" | "start" | "slave" | "unpromoted" => Some(false),
        _ => None,
    }
}

/// `NAME`, or a role or an action and then `NAME`.
fn term(words: &[&str]) -> Result<Term, String> {
    match words {
        [name] => Ok(Term {
            name: resource(name),
            promoted: false,
        }),
        [role, name] => match is_promoted(role) {
            Some(promoted) => Ok(Term {
                name: resource(name),
                promoted,
            }),
            None => Err(format!("`{role}` is neither an action nor a role")),
        },
        _ => Err(format!("`{}` should be the name of a resource", words.join(" "))),
    }
}

/// `NAME prefers NODE[=SCORE]...` or `NAME avoids NODE[=SCORE]...`.
pub fn location(text: &str) -> Result<Location, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [name, verb, nodes @ ..] = words.as_slice() else {
        return Err("a location reads `NAME prefers NODE=SCORE` or `NAME avoids NODE`".to_owned());
    };
    let sign = match *verb {
        "prefers" => 1,
        "avoids" => -1,
        other => return Err(format!("`{other}` should be `prefers` or `avoids`")),
    };
    let mut scores = Vec::new();
    for node in nodes {
        let (node, value) = match node.split_once('=') {
            Some((node, value)) => (node, score(value)?),
            None => (*node, INFINITY),
        };
        scores.push((node.to_owned(), sign * value));
    }
    if scores.is_empty() {
        return Err(format!("`{name} {verb}` names no node"));
    }
    Ok(Location {
        name: resource(name),
        scores,
    })
}

/// `[ACTION] NAME then [ACTION] NAME ...`.
pub fn order(text: &str) -> Result<Vec<Term>, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let optional =
        |word: &&&str| word.contains('=') && !word.eq_ignore_ascii_case("kind=Mandatory");
    if let Some(option) = words.iter().find(optional) {
        return Err(format!("`{option}` is not modelled: every order is mandatory"));
    }
    let plain: Vec<&str> = words.into_iter().filter(|word| !word.contains('=')).collect();
    let terms: Vec<Term> = plain
        .split(|word| *word == "then")
        .map(term)
        .collect::<Result<_, _>>()?;
    if terms.len() < 2 {
        return Err("an order reads `FIRST then NEXT`".to_owned());
    }
    Ok(terms)
}

/// `[ROLE] NAME with [ROLE] NAME [SCORE] [with-rsc-role=ROLE]`.
pub fn colocation(text: &str) -> Result<Colocation, String> {
    let mut options = (None, None);
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        match word.split_once('=') {
            Some(("rsc-role", role)) => options.0 = is_promoted(role),
            Some(("with-rsc-role", role)) => options.1 = is_promoted(role),
            Some(("score", value)) => words.push(value),
            Some(_) => return Err(format!("`{word}` is not modelled")),
            None => words.push(word),
        }
    }
    let Some(middle) = words.iter().position(|word| *word == "with") else {
        return Err("a colocation reads `NAME with NAME SCORE`".to_owned());
    };
    let (before, mut after) = (&words[..middle], &words[middle + 1..]);
    let mut value = INFINITY;
    if let [rest @ .., last] = after
        && let (false, Ok(found)) = (rest.is_empty(), score(last))
    {
        value = found;
        after = rest;
    }
    let (mut dependent, mut with) = (term(before)?, term(after)?);
    dependent.promoted |= options.0 == Some(true);
    with.promoted |= options.1 == Some(true);
    Ok(Colocation {
        dependent,
        with,
        score: value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(name: &str) -> Term {
        Term {
            name: name.to_owned(),
            promoted: false,
        }
    }

    fn promoted(name: &str) -> Term {
        Term {
            name: name.to_owned(),
            promoted: true,
        }
    }

    #[test]
    fn the_constraints_of_the_document() {
        let found = location("WebServer prefers node1=100").expect("valid");
        assert_eq!(found.scores, [("node1".to_owned(), 100)]);
        let found = location("WebServer avoids node2").expect("valid");
        assert_eq!(found.scores, [("node2".to_owned(), -INFINITY)]);
        let found = order("WebFS then VirtualIP then WebServer").expect("valid");
        assert_eq!(found, ["WebFS", "VirtualIP", "WebServer"].map(started));
        let found = order("promote DRBD-clone then start WebFS").expect("valid");
        assert_eq!(found, [promoted("DRBD"), started("WebFS")]);
        let found = colocation("WebFS with DRBD-clone INFINITY with-rsc-role=Master").expect("valid");
        assert_eq!(found.with, promoted("DRBD"));
        assert_eq!(found.score, INFINITY);
        let found = colocation("WebServer with Promoted DRBD -20").expect("valid");
        assert_eq!((found.with, found.score), (promoted("DRBD"), -20));
    }

    #[test]
    fn what_is_no_constraint_is_said() {
        for text in ["WebServer", "WebServer likes node1", "WebServer prefers", "a prefers b=c"] {
            assert!(location(text).is_err(), "{text}");
        }
        for text in ["WebFS", "a then", "stop a then b", "a then b kind=Optional"] {
            assert!(order(text).is_err(), "{text}");
        }
        for text in ["a b", "a with", "a with b c d", "a with b node-attribute=x"] {
            assert!(colocation(text).is_err(), "{text}");
        }
    }

    #[test]
    fn minus_infinity_outweighs_infinity() {
        assert_eq!(add(INFINITY, -INFINITY), -INFINITY);
        assert_eq!(add(INFINITY, 5), INFINITY);
        assert_eq!(add(100, -30), 70);
    }
}
