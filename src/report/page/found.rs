//! What commands have left in folders: their JSON files.

use crate::runner::outcome::SCHEMA;
use serde_json::{Map, Value};

/// Files that the page knows, by what is in them.
pub const KINDS: [&str; 8] = [
    "run", "compare", "claims", "advise", "explain", "reasons", "explore", "slo",
];

/// The results of several commands.
#[derive(Clone, Debug, Default)]
pub struct Found {
    documents: Map<String, Value>,
}

impl Found {
    /// Adds what is in a file `KIND.json`; what was found before of the same kind is
    /// replaced.
    pub fn add(&mut self, kind: &str, text: &str) -> Result<(), String> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| format!("it is no JSON: {error}; run the command again"))?;
        let has_schema = value
            .get("schema")
            .or_else(|| value["designs"][0].get("schema"));
        if has_schema.and_then(Value::as_u64) != Some(u64::from(SCHEMA)) {
            return Err(format!(
                "its `schema` is not {SCHEMA}: it was written by another version, or is no result; \
                 run the command again"
            ));
        }
        self.documents.insert(kind.to_owned(), value);
        Ok(())
    }

    /// Is there nothing?
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// A result by its kind.
    pub fn get(&self, kind: &str) -> Option<&Value> {
        self.documents.get(kind)
    }

    pub(super) fn documents(&self) -> Map<String, Value> {
        self.documents.clone()
    }

    /// The names of the designs.
    fn designs(&self) -> Vec<&str> {
        let compared = self
            .documents
            .get("compare")
            .and_then(|value| value["designs"].as_array());
        let one = KINDS.iter().filter_map(|kind| self.documents.get(*kind));
        match compared {
            Some(designs) => designs
                .iter()
                .filter_map(|d| d["scenario"].as_str())
                .collect(),
            None => one
                .filter_map(|value| value["scenario"].as_str())
                .take(1)
                .collect(),
        }
    }

    pub(super) fn title(&self) -> String {
        let documents = self
            .documents
            .get("claims")
            .and_then(|value| value["claims"][0]["document"].as_str());
        match (documents, self.designs()) {
            (Some(document), _) => document.to_owned(),
            (None, designs) => designs.join(", "),
        }
    }

    /// The commands that make these results again; names of scenarios stand for their files.
    pub(super) fn commands(&self) -> Vec<String> {
        let of_kind = |kind: &str| {
            let value = self.documents.get(kind)?;
            let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
            let seed = value["seed"]
                .as_u64()
                .or(value["designs"][0]["seed"].as_u64());
            let seed = seed.map_or(String::new(), |seed| format!(" --seed {seed}"));
            let replications = value["replications"]
                .as_u64()
                .or(value["designs"][0]["replications"].as_u64());
            let replications =
                replications.map_or(String::new(), |n| format!(" --replications {n}"));
            let file = |name: &str| format!("{name}.toml");
            Some(match kind {
                "compare" => {
                    let files: Vec<String> = self.designs().iter().map(|name| file(name)).collect();
                    format!("quorate compare {}{replications}{seed}", files.join(" "))
                }
                "run" | "advise" | "slo" => {
                    format!(
                        "quorate {kind} {}{replications}{seed}",
                        file(&text("scenario"))
                    )
                }
                "reasons" => format!(
                    "quorate explain {} --service {}{replications}{seed}",
                    file(&text("scenario")),
                    text("service")
                ),
                "explore" => format!("quorate explore {}{seed}", file(&text("scenario"))),
                "explain" => format!(
                    "quorate explain {} --service {} --outage {}{seed}",
                    file(&text("scenario")),
                    text("service"),
                    value["outage"]["number"]
                ),
                _ => "quorate claims .".to_owned(),
            })
        };
        KINDS.iter().filter_map(|kind| of_kind(kind)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_result_is_refused_with_what_to_do() {
        let mut found = Found::default();
        assert!(found.add("run", "{").is_err_and(|e| e.contains("no JSON")));
        assert!(
            found
                .add("run", "{\"schema\": 99}")
                .is_err_and(|e| e.contains("another version"))
        );
        assert!(found.is_empty());
        assert!(
            found
                .add("run", "{\"schema\": 1, \"scenario\": \"pair\"}")
                .is_ok()
        );
        assert_eq!(found.title(), "pair");
    }
}
