//! Typed reading of tables: each key is asked for once, with its unit, and what
//! nobody asked for is an error with the nearest known key.

use super::document::{Item, Table, Value};
use super::error::{Origin, Result, ScenarioError};
use super::nearest::suggestion;
use super::units::{self, UnitError};
use crate::automaton::Nanos;
use std::cell::RefCell;

/// Reads one table.
pub struct Reader<'a> {
    table: &'a Table,
    origin: &'a Origin,
    what: String,
    asked: RefCell<Vec<String>>,
}

impl<'a> Reader<'a> {
    /// A reader of a table; `what` names it in messages, e.g. "a node".
    pub fn new(item: &'a Item, what: &str) -> Result<Reader<'a>> {
        match &item.value {
            Value::Table(table) => Ok(Reader {
                table,
                origin: &item.origin,
                what: what.to_owned(),
                asked: RefCell::default(),
            }),
            other => Err(wrong_kind(item, what, "a table", other)),
        }
    }

    /// Where the table was written.
    pub fn origin(&self) -> &Origin {
        self.origin
    }

    /// The value under a key, if there is one.
    pub fn item(&self, key: &str) -> Option<&'a Item> {
        self.asked.borrow_mut().push(key.to_owned());
        self.table.get(key)
    }

    /// The value under a key that must be there.
    pub fn required(&self, key: &str) -> Result<&'a Item> {
        self.item(key).ok_or_else(|| {
            self.misspelt(key).unwrap_or_else(|| {
                ScenarioError::at(
                    self.origin,
                    format!("{} needs `{key}`", self.what),
                    format!("`{key}` is missing here"),
                )
            })
        })
    }

    /// A missing key is most often one with a slip of the finger in it.
    fn misspelt(&self, key: &str) -> Option<Box<ScenarioError>> {
        let asked = self.asked.borrow();
        let entry = self.table.entries.iter().find(|entry| {
            !asked.contains(&entry.key)
                && suggestion(&entry.key, [key]).is_some_and(|help| help.starts_with("did you"))
        })?;
        Some(
            unknown_field(&self.what, &entry.key, &entry.key_origin)
                .help(format!("did you mean `{key}`?")),
        )
    }

    /// A text that must be there.
    pub fn text(&self, key: &str) -> Result<&'a str> {
        text(self.required(key)?)
    }

    /// A text, if it is there.
    pub fn text_if_any(&self, key: &str) -> Result<Option<&'a str>> {
        self.item(key).map(text).transpose()
    }

    /// A duration, if it is there.
    pub fn duration_if_any(&self, key: &str) -> Result<Option<Nanos>> {
        self.item(key).map(duration).transpose()
    }

    /// A whole number within limits, if it is there.
    pub fn integer_if_any(&self, key: &str, low: i64, high: i64) -> Result<Option<i64>> {
        self.item(key)
            .map(|item| integer(item, low, high))
            .transpose()
    }

    /// A probability or share, if it is there.
    pub fn share_if_any(&self, key: &str) -> Result<Option<f64>> {
        self.item(key).map(share).transpose()
    }

    /// True or false, if it is there.
    pub fn flag_if_any(&self, key: &str) -> Result<Option<bool>> {
        self.item(key).map(flag).transpose()
    }

    /// The items of a list, if it is there.
    pub fn list_if_any(&self, key: &str) -> Result<&'a [Item]> {
        self.item(key).map_or(Ok(&[][..]), list)
    }

    /// One of several words, if it is there.
    pub fn word_if_any<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        self.item(key).map(|item| word(item, words)).transpose()
    }

    /// All entries, each of which then counts as asked for.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Origin, &'a Item)> {
        self.table.entries.iter().map(|entry| {
            self.asked.borrow_mut().push(entry.key.clone());
            (entry.key.as_str(), &entry.key_origin, &entry.item)
        })
    }

    /// Ends the reading: a key that nobody asked for is an error.
    pub fn finish(self) -> Result<()> {
        let asked = self.asked.into_inner();
        for entry in &self.table.entries {
            if !asked.contains(&entry.key) {
                let help = suggestion(&entry.key, asked);
                return Err(
                    unknown_field(&self.what, &entry.key, &entry.key_origin).maybe_help(help)
                );
            }
        }
        Ok(())
    }
}

fn unknown_field(what: &str, key: &str, origin: &Origin) -> Box<ScenarioError> {
    ScenarioError::at(
        origin,
        format!("{what} has no field `{key}`"),
        "unknown field",
    )
}

fn wrong_kind(item: &Item, what: &str, wanted: &str, found: &Value) -> Box<ScenarioError> {
    ScenarioError::at(
        &item.origin,
        format!("{what} must be {wanted}, not {}", found.kind()),
        format!("expected {wanted}"),
    )
}

fn unit_error(item: &Item, error: UnitError, what: &str) -> Box<ScenarioError> {
    ScenarioError::at(
        &item.origin,
        error.message,
        format!("not a possible {what}"),
    )
    .help(error.help)
}

/// A text.
pub fn text(item: &Item) -> Result<&str> {
    match &item.value {
        Value::Text(text) => Ok(text),
        other => Err(wrong_kind(item, "this", "a text in quotes", other)),
    }
}

/// True or false.
pub fn flag(item: &Item) -> Result<bool> {
    match &item.value {
        Value::Boolean(flag) => Ok(*flag),
        other => Err(wrong_kind(item, "this", "true or false", other)),
    }
}

/// A list.
pub fn list(item: &Item) -> Result<&[Item]> {
    match &item.value {
        Value::Array(items) => Ok(items),
        other => Err(wrong_kind(item, "this", "a list", other)),
    }
}

/// A list with at most so many items.
pub fn list_up_to(item: &Item, most: usize) -> Result<&[Item]> {
    let items = list(item)?;
    if items.len() <= most {
        return Ok(items);
    }
    Err(ScenarioError::at(
        &item.origin,
        format!(
            "this list has {} items; at most {most} are possible",
            items.len()
        ),
        "too long",
    ))
}

/// A list of texts, or a single text for a list of one.
pub fn texts(item: &Item) -> Result<Vec<(&str, &Origin)>> {
    match &item.value {
        Value::Text(text) => Ok(vec![(text, &item.origin)]),
        Value::Array(items) => items.iter().map(|i| Ok((text(i)?, &i.origin))).collect(),
        other => Err(wrong_kind(item, "this", "a text or a list of texts", other)),
    }
}

/// A duration, e.g. `"3.6s"`.
pub fn duration(item: &Item) -> Result<Nanos> {
    duration_s(item).map(Nanos::from_seconds)
}

/// A duration in seconds.
pub fn duration_s(item: &Item) -> Result<f64> {
    match &item.value {
        Value::Text(text) => units::duration_s(text).map_err(|e| unit_error(item, e, "time")),
        other => Err(wrong_kind(item, "a duration", "a text with a unit", other)
            .help("write a number and a unit, e.g. \"3.6s\" or \"990h\"")),
    }
}

/// A mean or scale of a distribution in seconds; it may outlast the clock.
pub fn mean_s(item: &Item) -> Result<f64> {
    match &item.value {
        Value::Text(text) => units::mean_s(text).map_err(|e| unit_error(item, e, "time")),
        _ => duration_s(item),
    }
}

/// A rate in events per second, e.g. `"50/s"`.
pub fn rate(item: &Item) -> Result<f64> {
    match &item.value {
        Value::Text(text) => units::rate_per_s(text).map_err(|e| unit_error(item, e, "rate")),
        other => Err(wrong_kind(item, "a rate", "a text with a unit", other)
            .help("write a number, a slash and a unit, e.g. \"50/s\"")),
    }
}

/// An amount of data in bytes, e.g. `"128MiB"`.
pub fn bytes(item: &Item) -> Result<f64> {
    match &item.value {
        Value::Text(text) => units::bytes(text).map_err(|e| unit_error(item, e, "amount of data")),
        other => Err(
            wrong_kind(item, "an amount of data", "a text with a unit", other)
                .help("write a number and a unit, e.g. \"128MiB\""),
        ),
    }
}

/// A finite number.
pub fn number(item: &Item) -> Result<f64> {
    match &item.value {
        Value::Integer(number) => Ok(*number as f64),
        Value::Float(number) => Ok(*number),
        other => Err(wrong_kind(item, "this", "a number", other)),
    }
}

/// A number greater than zero.
pub fn positive(item: &Item) -> Result<f64> {
    let value = number(item)?;
    if value > 0.0 && value < 1e12 {
        return Ok(value);
    }
    Err(ScenarioError::at(
        &item.origin,
        format!("{value} is out of range"),
        "must be greater than 0 and less than 1e12",
    ))
}

/// A whole number within limits.
pub fn integer(item: &Item, low: i64, high: i64) -> Result<i64> {
    match &item.value {
        Value::Integer(number) if (low..=high).contains(number) => Ok(*number),
        Value::Integer(number) => Err(ScenarioError::at(
            &item.origin,
            format!("{number} is out of range"),
            format!("must lie between {low} and {high}"),
        )),
        other => Err(wrong_kind(item, "this", "a whole number", other)),
    }
}

/// A probability or share: a number from 0 to 1, or `"5%"`.
pub fn share(item: &Item) -> Result<f64> {
    let value = match &item.value {
        Value::Integer(number) => units::checked_share(*number as f64),
        Value::Float(number) => units::checked_share(*number),
        Value::Text(text) => units::share(text),
        other => {
            return Err(wrong_kind(
                item,
                "a probability or share",
                "a number from 0 to 1",
                other,
            ));
        }
    };
    value.map_err(|e| unit_error(item, e, "share"))
}

/// One of several words.
pub fn word<T: Copy>(item: &Item, words: &[(&str, T)]) -> Result<T> {
    let written = text(item)?;
    words
        .iter()
        .find(|(name, _)| *name == written)
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            ScenarioError::at(
                &item.origin,
                format!("`{written}` is none of the words that fit here"),
                "unknown word",
            )
            .maybe_help(suggestion(written, words.iter().map(|(name, _)| *name)))
            .with_choices(words.iter().map(|(name, _)| *name))
        })
}
