//! What a user can get wrong, and how it is shown: file, line, column, a caret,
//! why, and what to do.

use miette::{Diagnostic, NamedSource, SourceSpan};
use std::ops::Range;
use std::sync::Arc;

/// A text that values come from: a file, or a `--set` argument.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceText {
    /// Path or description, as shown to the user.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// Where a value was written.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The text it stands in.
    pub source: Arc<SourceText>,
    /// The bytes that it covers.
    pub span: Range<usize>,
}

impl Origin {
    /// `file:line` of the value.
    pub fn line(&self) -> String {
        let line = self.source.text[..self.span.start.min(self.source.text.len())]
            .matches('\n')
            .count();
        format!("{}:{}", self.source.name, line + 1)
    }
}

/// An error in a scenario, a profile, a parameter set or a fault script.
#[derive(Debug, Diagnostic, thiserror::Error)]
#[error("{message}")]
pub struct ScenarioError {
    message: String,
    label: String,
    #[help]
    help: Option<String>,
    /// The words that would fit, where it is one of a few.
    choices: Vec<String>,
    #[source_code]
    source_code: NamedSource<String>,
    #[label("{label}")]
    span: SourceSpan,
}

impl ScenarioError {
    /// The words that would fit, where it is one of a few; else none.
    pub fn choices(&self) -> &[String] {
        &self.choices
    }

    /// Says which words would fit.
    pub fn with_choices<'a>(
        mut self: Box<Self>,
        choices: impl Iterator<Item = &'a str>,
    ) -> Box<Self> {
        self.choices = choices.map(str::to_owned).collect();
        self
    }

    /// An error at a place: the message says what is wrong, the label why.
    pub fn at(origin: &Origin, message: impl Into<String>, label: impl Into<String>) -> Box<Self> {
        let text = &origin.source.text;
        // At the very end there is nothing to point at: take the last character.
        let start = char_boundary(
            text,
            origin
                .span
                .start
                .min(text.trim_end().len().saturating_sub(1)),
        );
        let end = char_boundary(text, origin.span.end).max(start);
        Box::new(ScenarioError {
            message: shortened(message.into()),
            label: label.into(),
            help: None,
            choices: Vec::new(),
            source_code: NamedSource::new(&origin.source.name, text.clone()),
            span: (start, end - start).into(),
        })
    }

    /// The same error with advice.
    pub fn help(mut self: Box<Self>, help: impl Into<String>) -> Box<Self> {
        self.help = Some(help.into());
        self
    }

    /// The same error, saying at which of several points it appears.
    pub fn at_point(mut self: Box<Self>, point: &str) -> Box<Self> {
        self.message = format!("{}, at {point}", self.message);
        self
    }

    /// The same error with this advice if it has none yet.
    pub fn or_help(mut self: Box<Self>, help: impl Into<String>) -> Box<Self> {
        self.help.get_or_insert_with(|| help.into());
        self
    }

    /// The same error with advice, if there is any.
    pub fn maybe_help(mut self: Box<Self>, help: Option<String>) -> Box<Self> {
        self.help = help;
        self
    }
}

/// The last place at or before `at` where a character begins.
fn char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|i| text.is_char_boundary(*i))
        .unwrap_or(0)
}

/// Messages quote what was written, and that can be a whole file in one string.
fn shortened(mut message: String) -> String {
    const MAX_BYTES: usize = 600;
    if message.len() > MAX_BYTES {
        message.truncate(char_boundary(&message, MAX_BYTES));
        message.push_str(" ...");
    }
    message
}

/// What readers of scenarios return.
pub type Result<T> = std::result::Result<T, Box<ScenarioError>>;
