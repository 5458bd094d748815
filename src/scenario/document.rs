//! A TOML document as a tree in which every value knows the file and the bytes
//! that it came from, so that parameter sets, profiles, scenarios and `--set`
//! arguments can be laid over each other and errors still point at the culprit.

use super::error::{Origin, Result, ScenarioError, SourceText};
use std::ops::Range;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// Larger files than this are refused.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// Tables and lists in tables go no deeper than this. Dotted keys in nested
/// tables could otherwise be deep enough to exhaust the stack.
const MAX_NESTING: usize = 32;

/// A value and where it was written.
#[derive(Clone, Debug)]
pub struct Item {
    /// The value.
    pub value: Value,
    /// Where it was written.
    pub origin: Origin,
}

/// A TOML value. Dates have no use here and are refused.
#[derive(Clone, Debug)]
pub enum Value {
    /// `"text"`
    Text(String),
    /// `42`
    Integer(i64),
    /// `0.5`
    Float(f64),
    /// `true`
    Boolean(bool),
    /// `[...]`
    Array(Vec<Item>),
    /// `{...}` or `[header]`
    Table(Table),
}

impl Value {
    /// The word for the kind of value, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) => "a text",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Boolean(_) => "true or false",
            Value::Array(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

/// A table, its entries in the order in which they were written.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The entries.
    pub entries: Vec<Entry>,
}

/// One entry of a table.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key was written.
    pub key_origin: Origin,
    /// The value.
    pub item: Item,
}

impl Table {
    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Item> {
        self.entries.iter().find(|e| e.key == key).map(|e| &e.item)
    }

    /// The value under a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Item> {
        self.entries
            .iter_mut()
            .find(|e| e.key == key)
            .map(|e| &mut e.item)
    }

    /// Lays `over` over this table: its values win, tables are merged.
    pub fn overlay(&mut self, over: &Table) {
        for entry in &over.entries {
            match (self.get_mut(&entry.key), &entry.item.value) {
                (
                    Some(Item {
                        value: Value::Table(below),
                        ..
                    }),
                    Value::Table(above),
                ) => {
                    below.overlay(above);
                }
                (Some(item), _) => *item = entry.item.clone(),
                (None, _) => self.entries.push(entry.clone()),
            }
        }
    }
}

/// Parses a TOML text.
pub fn parse(name: &str, text: &str) -> Result<Item> {
    let source = Arc::new(SourceText {
        name: name.to_owned(),
        text: text.to_owned(),
    });
    let whole = Origin {
        source: source.clone(),
        span: 0..0,
    };
    if text.len() > MAX_FILE_BYTES {
        return Err(ScenarioError::at(
            &whole,
            format!(
                "the file has {} bytes; at most {MAX_FILE_BYTES} are read",
                text.len()
            ),
            "too large",
        )
        .help("long lists of recorded times belong into a CSV file: dist = \"empirical\""));
    }
    let table = parse_from(&source, text)?;
    Ok(Item {
        value: Value::Table(table),
        origin: whole,
    })
}

fn parse_from(source: &Arc<SourceText>, text: &str) -> Result<Table> {
    let table = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let origin = Origin {
            source: source.clone(),
            span,
        };
        let help = help_for(error.message(), text, &origin.span);
        ScenarioError::at(
            &origin,
            format!("this is not valid TOML: {}", error.message()),
            "the reader stopped here",
        )
        .maybe_help(help)
    })?;
    convert_table(table.get_ref(), source, 0)
}

/// What to do about the most common slips.
fn help_for(message: &str, text: &str, span: &Range<usize>) -> Option<String> {
    if message.contains("quoted") {
        return unquoted_help(text, span);
    }
    let help = match message {
        m if m.contains("duplicate key") => {
            "a key is written once in a table; for more than one write [[name]] tables"
        }
        m if m.contains("date") || m.contains("time") => {
            "times are lengths such as \"90s\" or \"10h\", in quotes"
        }
        m if m.contains("recurs") => "tables and lists are nested too deep",
        _ => return None,
    };
    Some(help.to_owned())
}

/// Forgotten quotes around a duration are the most common slip.
fn unquoted_help(text: &str, span: &Range<usize>) -> Option<String> {
    let line_start = text.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
    let line = text[line_start..].lines().next()?;
    let (_, value) = line.split_once('=')?;
    let value = value.trim();
    let bare =
        value.starts_with(|c: char| c.is_alphanumeric()) && !value.contains(['"', '\'', '{', '[']);
    bare.then(|| {
        format!(
            "texts stand in quotes: \"{}\"",
            value.split('#').next().unwrap_or(value).trim()
        )
    })
}

/// Parses the value of a `--set path=value` argument: TOML where it is TOML,
/// otherwise the text itself (`--set galera.evs.suspect_timeout=2s`). Errors
/// show the whole argument.
pub fn parse_argument(path: &str, text: &str) -> Result<Item> {
    let prefix = format!("--set {path}=");
    let source = Arc::new(SourceText {
        name: "command line".to_owned(),
        text: format!("{prefix}{text}"),
    });
    // A key of the same length as the prefix: the places in it then agree.
    let padded = format!("{}v={text}", " ".repeat(prefix.len() - 2));
    match parse_from(&source, &padded) {
        Ok(mut table) if table.entries.len() == 1 => Ok(table.entries.remove(0).item),
        Err(error) if text.trim_start().starts_with(['{', '[', '"', '\'']) => Err(error),
        _ => Ok(Item {
            value: Value::Text(text.to_owned()),
            origin: Origin {
                span: prefix.len()..prefix.len() + text.len(),
                source,
            },
        }),
    }
}

fn convert_table(table: &DeTable<'_>, source: &Arc<SourceText>, depth: usize) -> Result<Table> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table.iter() {
        let key_origin = Origin {
            source: source.clone(),
            span: key.span(),
        };
        let item = convert(value.get_ref(), value.span(), source, depth + 1)?;
        entries.push(Entry {
            key: key.get_ref().to_string(),
            key_origin,
            item,
        });
    }
    // The parser hands keys over in alphabetical order; people wrote them in another.
    entries.sort_by_key(|entry| entry.key_origin.span.start);
    Ok(Table { entries })
}

fn convert(
    value: &DeValue<'_>,
    span: Range<usize>,
    source: &Arc<SourceText>,
    depth: usize,
) -> Result<Item> {
    let origin = Origin {
        source: source.clone(),
        span,
    };
    if depth > MAX_NESTING {
        return Err(ScenarioError::at(
            &origin,
            format!("tables are nested more than {MAX_NESTING} deep"),
            "too deep",
        ));
    }
    let no_number = || {
        ScenarioError::at(
            &origin,
            "a simulation cannot use this number",
            "infinite, undefined or too large",
        )
    };
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Value::Integer)
            .map_err(|_| no_number())?,
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => Value::Float(number),
            _ => return Err(no_number()),
        },
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(_) => {
            return Err(ScenarioError::at(
                &origin,
                "a date has no meaning in a scenario",
                "found a date",
            )
            .help("times are lengths such as \"90s\" or \"10h\""));
        }
        DeValue::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| convert(item.get_ref(), item.span(), source, depth + 1))
                .collect::<Result<_>>()?,
        ),
        DeValue::Table(table) => Value::Table(convert_table(table, source, depth)?),
    };
    Ok(Item { value, origin })
}
