//! JSON with stable names.

use serde::Serialize;

/// Indented JSON with a newline at the end. What is not finite becomes `null`.
pub fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value)
        .expect("results have text keys and no failing serializer");
    text.push('\n');
    text
}
