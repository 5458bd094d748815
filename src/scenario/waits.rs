//! What a service waits for while a timer runs, in words (`models/waits.toml`).

use super::document::{self, Value};
use super::error::Result;
use super::reader::Reader;
use std::collections::BTreeMap;

const WORDS: &str = include_str!("../../models/waits.toml");
const NAME: &str = "models/waits.toml";
/// Stands for what a part of the model has several of.
const ABOUT: &str = "{about}";

/// The words of all timers.
#[derive(Clone, Debug)]
pub struct WaitWords(BTreeMap<(String, String), String>);

impl WaitWords {
    /// The words that come with the program.
    pub fn built_in() -> Result<WaitWords> {
        let item = document::parse(NAME, WORDS)?;
        let kinds = Reader::new(&item, NAME)?;
        let mut words = BTreeMap::new();
        for (kind, _, purposes) in kinds.entries() {
            for (purpose, _, text) in Reader::new(purposes, kind)?.entries() {
                if let Value::Text(text) = &text.value {
                    words.insert((kind.to_owned(), purpose.to_owned()), text.clone());
                }
            }
        }
        Ok(WaitWords(words))
    }

    /// What is waited for while this timer of such a part runs.
    pub fn of(&self, kind: &str, purpose: &str, about: &str) -> Option<String> {
        let words = self.0.get(&(kind.to_owned(), purpose.to_owned()))?;
        Some(words.replace(ABOUT, about))
    }
}
