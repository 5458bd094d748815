//! The parameters of a protocol: defaults from its file in `models/`, where every
//! number has a source, with the scenario's own values laid over them.

use super::Files;
use super::delay;
use super::document::{Item, Table, Value};
use super::error::{Origin, Result, ScenarioError};
use super::expression::{self, SetExpression};
use super::nearest::suggestion;
use super::read::names::check_name;
use super::reader;
use crate::automaton::{Distribution, Nanos};
use std::collections::BTreeMap;

/// In a model file, the name that stands for every name that a scenario may give, as in
/// `[resource."*"]`.
const ANY_NAME: &str = "*";

/// Keys of a protocol's table that are not parameters of its model.
const STRUCTURE: [&str; 2] = ["kind", "on"];

/// One parameter: its value and where the default comes from.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The value in force.
    pub item: Item,
    /// The source of the default, as the model file states it.
    pub source: String,
    /// Has the scenario given its own value?
    pub overridden: bool,
}

/// All parameters of one protocol instance by their path, e.g. `evs.suspect_timeout`.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// The name of the instance, for messages.
    pub instance: String,
    values: BTreeMap<String, Parameter>,
    /// Defaults of what the scenario names itself, e.g. `resource.*.start`.
    templates: BTreeMap<String, Parameter>,
    /// The names that the scenario has given, in its order, e.g. under `resource`.
    named: BTreeMap<String, Vec<String>>,
    origin: Origin,
}

/// A set expression in a scenario, with its place in the file.
#[derive(Clone, Debug)]
pub struct LocatedSet {
    /// The parsed expression.
    pub expression: SetExpression,
    /// Where its text was written.
    pub origin: Origin,
}

impl Parameters {
    /// Lays the scenario's table over the defaults of the model file.
    pub fn new(instance: &str, defaults: &Item, own: &Item) -> Result<Parameters> {
        let mut values = BTreeMap::new();
        if let Value::Table(table) = &defaults.value {
            collect_defaults("", table, &mut values)?;
        }
        let any = |path: &str| path.split('.').any(|part| part == ANY_NAME);
        let (templates, values) = values.into_iter().partition(|(path, _)| any(path));
        let mut parameters = Parameters {
            instance: instance.to_owned(),
            values,
            templates,
            named: BTreeMap::new(),
            origin: own.origin.clone(),
        };
        if let Value::Table(table) = &own.value {
            parameters.lay_over("", table)?;
        }
        Ok(parameters)
    }

    fn lay_over(&mut self, prefix: &str, table: &Table) -> Result<()> {
        for entry in &table.entries {
            if prefix.is_empty() && STRUCTURE.contains(&entry.key.as_str()) {
                continue;
            }
            let path = join(prefix, &entry.key);
            if let Some(parameter) = self.values.get_mut(&path) {
                parameter.item = entry.item.clone();
                parameter.overridden = true;
                continue;
            }
            let branch = format!("{path}.");
            let family = format!("{path}.{ANY_NAME}.");
            match &entry.item.value {
                Value::Table(members) if self.templates.keys().any(|k| k.starts_with(&family)) => {
                    self.add_members(&path, &family, members)?;
                }
                Value::Table(inner) if self.values.keys().any(|k| k.starts_with(&branch)) => {
                    self.lay_over(&path, inner)?;
                }
                _ => {
                    let known = self
                        .values
                        .keys()
                        .cloned()
                        .chain(STRUCTURE.map(String::from));
                    return Err(ScenarioError::at(
                        &entry.key_origin,
                        format!("`{}` has no parameter `{path}`", self.instance),
                        "unknown parameter",
                    )
                    .maybe_help(suggestion(&path, known)));
                }
            }
        }
        Ok(())
    }

    /// What the scenario names itself: each name gets the defaults of its family, and the
    /// scenario's values are laid over them.
    fn add_members(&mut self, path: &str, family: &str, members: &Table) -> Result<()> {
        for member in &members.entries {
            check_name(&member.key, &member.key_origin)?;
            let Value::Table(own) = &member.item.value else {
                let message = format!("`{path}.{}` must be a table", member.key);
                return Err(ScenarioError::at(&member.item.origin, message, "here"));
            };
            let prefix = format!("{path}.{}", member.key);
            for (template, parameter) in &self.templates {
                if let Some(rest) = template.strip_prefix(family) {
                    self.values
                        .insert(format!("{prefix}.{rest}"), parameter.clone());
                }
            }
            self.named
                .entry(path.to_owned())
                .or_default()
                .push(member.key.clone());
            self.lay_over(&prefix, own)?;
        }
        Ok(())
    }

    /// The names that the scenario has given under a path, e.g. under `resource`, in its
    /// order. The parameters of each are found under `resource.NAME.`.
    pub fn names(&self, path: &str) -> &[String] {
        self.named.get(path).map_or(&[], Vec::as_slice)
    }

    /// The defaults of whatever the scenario may name, e.g. `resource.*.start`.
    pub fn templates(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.templates
            .iter()
            .map(|(path, value)| (path.as_str(), value))
    }

    /// All parameters in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.values
            .iter()
            .map(|(path, value)| (path.as_str(), value))
    }

    /// Where the protocol's table stands in the scenario.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The item under a path.
    ///
    /// # Panics
    /// If the model file lacks the parameter that its protocol asks for: a bug,
    /// which the test of every model file would find.
    pub fn item(&self, path: &str) -> &Item {
        &self
            .values
            .get(path)
            .unwrap_or_else(|| panic!("the model file of `{}` has no `{path}`", self.instance))
            .item
    }

    /// A duration.
    pub fn duration(&self, path: &str) -> Result<Nanos> {
        reader::duration(self.item(path))
    }

    /// A duration that must be longer than zero.
    pub fn positive_duration(&self, path: &str) -> Result<Nanos> {
        let item = self.item(path);
        let value = reader::duration(item)?;
        if value > Nanos::ZERO {
            return Ok(value);
        }
        Err(ScenarioError::at(
            &item.origin,
            format!("`{path}` must be longer than zero"),
            "zero",
        ))
    }

    /// A whole number within limits.
    pub fn integer(&self, path: &str, low: i64, high: i64) -> Result<i64> {
        reader::integer(self.item(path), low, high)
    }

    /// True or false.
    pub fn flag(&self, path: &str) -> Result<bool> {
        reader::flag(self.item(path))
    }

    /// A text.
    pub fn text(&self, path: &str) -> Result<&str> {
        reader::text(self.item(path))
    }

    /// One of several words.
    pub fn word<T: Copy>(&self, path: &str, words: &[(&str, T)]) -> Result<T> {
        reader::word(self.item(path), words)
    }

    /// A probability or share.
    pub fn share(&self, path: &str) -> Result<f64> {
        reader::share(self.item(path))
    }

    /// A finite number.
    pub fn number(&self, path: &str) -> Result<f64> {
        reader::number(self.item(path))
    }

    /// A rate in events per second.
    pub fn rate(&self, path: &str) -> Result<f64> {
        reader::rate(self.item(path))
    }

    /// An amount of data in bytes.
    pub fn bytes(&self, path: &str) -> Result<f64> {
        reader::bytes(self.item(path))
    }

    /// A list of probabilities that sum to 1, e.g. of 0, 1, 2 extra rounds.
    pub fn weights(&self, path: &str) -> Result<Vec<f64>> {
        let item = self.item(path);
        let weights = reader::list(item)?
            .iter()
            .map(reader::share)
            .collect::<Result<Vec<_>>>()?;
        let total: f64 = weights.iter().sum();
        if (total - 1.0).abs() < 1e-6 {
            return Ok(weights);
        }
        Err(ScenarioError::at(
            &item.origin,
            format!("these probabilities must sum to 1, not to {total}"),
            format!("`{path}` of `{}`", self.instance),
        ))
    }

    /// A distribution of times.
    pub fn distribution(&self, path: &str, files: &dyn Files) -> Result<Distribution> {
        delay::distribution(self.item(path), files)
    }

    /// A set expression; `None` where the text is empty.
    pub fn set(&self, path: &str) -> Result<Option<LocatedSet>> {
        let item = self.item(path);
        let text = reader::text(item)?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        located_set(item).map(Some)
    }

    /// An error that points at the value of a parameter; where it is the default,
    /// at the protocol in the scenario, because the model file is not at fault.
    pub fn error(&self, path: &str, message: impl Into<String>) -> Box<ScenarioError> {
        let overridden = self.values.get(path).is_some_and(|p| p.overridden);
        if overridden {
            let label = format!("`{path}` of `{}`", self.instance);
            return ScenarioError::at(&self.item(path).origin, message, label);
        }
        ScenarioError::at(
            &self.origin,
            message,
            format!("`{path}` has its default here"),
        )
    }
}

/// Parses the set expression that an item holds.
pub fn located_set(item: &Item) -> Result<LocatedSet> {
    let text = reader::text(item)?;
    let expression = expression::parse_set(text)
        .map_err(|e| in_expression(&item.origin, &e.span, e.message, e.help))?;
    Ok(LocatedSet {
        expression,
        origin: item.origin.clone(),
    })
}

/// An error inside an expression: the caret goes under the part of the string
/// that is wrong.
pub fn in_expression(
    origin: &Origin,
    span: &std::ops::Range<usize>,
    message: String,
    help: Option<String>,
) -> Box<ScenarioError> {
    let text = &origin.source.text;
    let written = text.get(origin.span.clone()).unwrap_or_default();
    // The span of a string in the file includes its opening quotes; with escapes
    // in it the places would not agree, and the whole string is shown instead.
    let quotes = if written.starts_with("\"\"\"") || written.starts_with("'''") {
        3
    } else {
        usize::from(written.starts_with(['"', '\'']))
    };
    let place = if written.contains('\\') || quotes == 3 && written[3..].starts_with(['\n', '\r']) {
        origin.span.clone()
    } else {
        let start = origin.span.start + quotes;
        start + span.start..start + span.end.max(span.start + 1)
    };
    let at = Origin {
        source: origin.source.clone(),
        span: place,
    };
    ScenarioError::at(&at, message, "in this expression").maybe_help(help)
}

fn collect_defaults(
    prefix: &str,
    table: &Table,
    values: &mut BTreeMap<String, Parameter>,
) -> Result<()> {
    for entry in &table.entries {
        let path = join(prefix, &entry.key);
        let Value::Table(inner) = &entry.item.value else {
            return Err(ScenarioError::at(
                &entry.key_origin,
                format!("`{path}` of a model file must be a table with `value` and `source`"),
                "here",
            ));
        };
        match (inner.get("value"), inner.get("source")) {
            (Some(value), Some(source)) => {
                let parameter = Parameter {
                    item: value.clone(),
                    source: reader::text(source)?.to_owned(),
                    overridden: false,
                };
                values.insert(path, parameter);
            }
            (Some(_), None) => {
                return Err(ScenarioError::at(
                    &entry.key_origin,
                    format!("`{path}` has a value but no source"),
                    "every number of a model has a source",
                ));
            }
            (None, _) => collect_defaults(&path, inner, values)?,
        }
    }
    Ok(())
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() {
        key.to_owned()
    } else {
        format!("{prefix}.{key}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::document;

    const MODEL: &str = r#"
        quick = { value = "1s", source = "test" }
        [resource."*"]
        start = { value = "2s", source = "test" }
        on = { value = true, source = "test" }
        [resource."*".monitor]
        interval = { value = "10s", source = "test" }
    "#;

    fn parameters(own: &str) -> Result<Parameters> {
        let parse = |name: &str, text: &str| document::parse(name, text).expect("valid");
        Parameters::new("crm", &parse("model", MODEL), &parse("own", own))
    }

    #[test]
    fn names_have_the_defaults_of_their_family() {
        let p = parameters(
            "[resource.web]\nstart = \"3s\"\n[resource.db]\nmonitor.interval = \"5s\"\non = false",
        )
        .expect("valid");
        assert_eq!(p.names("resource"), ["web", "db"]);
        let seconds = |path: &str| p.duration(path).expect("a duration").seconds();
        assert_eq!(seconds("resource.web.start"), 3.0);
        assert_eq!(seconds("resource.web.monitor.interval"), 10.0);
        assert_eq!(seconds("resource.db.start"), 2.0);
        assert_eq!(seconds("resource.db.monitor.interval"), 5.0);
        assert!(p.flag("resource.web.on").expect("a flag"));
        assert!(!p.flag("resource.db.on").expect("a flag"));
        assert!(p.iter().all(|(path, _)| !path.contains('*')));
        assert_eq!(p.templates().count(), 3);
    }

    #[test]
    fn what_no_name_can_have_is_refused() {
        for own in [
            "[resource.web]\nstrat = \"3s\"",
            "[resource.\"a b\"]",
            "resource.web = 3",
        ] {
            assert!(parameters(own).is_err(), "{own}");
        }
    }
}
