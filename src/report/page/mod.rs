//! One page that can be mailed: what several commands have found, in one file that needs
//! nothing else, in two languages.
//!
//! The data of the commands are inside the page as JSON, and a script inside it draws them;
//! texts are never made into markup there. Strings of the page are in
//! `assets/report/strings.toml`.

mod found;

pub use found::{Found, KINDS};

use minijinja::{Environment, context};
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../../assets/report/page.html");
const STYLE: &str = include_str!("../../../assets/report/style.css");
const SCRIPT: &str = include_str!("../../../assets/report/page.js");
const STRINGS: &str = include_str!("../../../assets/report/strings.toml");

/// Languages that the page speaks.
pub const LANGUAGES: [&str; 2] = ["en", "ko"];

/// What the page is to be like.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its title; without it the names of the designs.
    pub title: Option<String>,
    /// The language in which it opens: one of [`LANGUAGES`].
    pub language: &'static str,
    /// The service that its first screen is about; without it the one with the most downtime.
    pub service: Option<String>,
}

/// The page as text, from what was found and a figure of the comparison (SVG), if there is
/// one.
pub fn render(found: &Found, figure: Option<&str>, settings: &Settings) -> String {
    let title = settings.title.clone().unwrap_or_else(|| found.title());
    let mut data = found.documents();
    data.insert("title".to_owned(), json!(title));
    data.insert("commands".to_owned(), json!(found.commands()));
    data.insert("service".to_owned(), json!(settings.service));
    data.insert("figure".to_owned(), json!(figure));
    let environment = Environment::new();
    let page = context! {
        title,
        language => settings.language,
        version => env!("CARGO_PKG_VERSION"),
        style => STYLE,
        script => SCRIPT,
        data => inside_script(&Value::Object(data)),
        strings => inside_script(&strings()),
    };
    environment
        .render_named_str("page.html", PAGE, page)
        .expect("the template is part of the program")
}

/// JSON that may stand between script tags: no text in it can end the element or open a
/// comment.
fn inside_script(value: &Value) -> String {
    value
        .to_string()
        .replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// The strings of the page by key and language.
fn strings() -> Value {
    let table: toml::Table = STRINGS
        .parse()
        .expect("the strings are part of the program");
    serde_json::to_value(table).expect("texts only")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_string_is_there_in_every_language_and_used() {
        let strings = strings();
        let entries = strings.as_object().expect("a table");
        for (key, entry) in entries {
            for language in LANGUAGES {
                let text = entry[language].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{key} is missing in {language}");
                for slot in ["{0}", "{1}", "{2}", "{3}", "{4}"] {
                    let wanted = entry["en"].as_str().expect("text").contains(slot);
                    assert_eq!(text.contains(slot), wanted, "{slot} of {key} in {language}");
                }
            }
            // Conditions, units and ways of losing nodes are looked up by what the data say.
            let by_data = [
                "unit_",
                "up",
                "down",
                "read_only",
                "degraded",
                "at_once",
                "in_sequence",
                "stopped",
                "cut_off",
            ];
            let is_used = SCRIPT.contains(&format!("\"{key}\""))
                || by_data.iter().any(|start| key.starts_with(start))
                || key == "language";
            assert!(is_used, "nobody uses {key}");
        }
        for used in SCRIPT
            .split("word(\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
        {
            let is_start = used.ends_with('_');
            assert!(
                is_start || entries.contains_key(used),
                "there is no string {used}"
            );
        }
    }

    #[test]
    fn nothing_in_the_data_ends_the_script() {
        let text = inside_script(&json!({ "text": "</script><script>alert(1)</script><!--" }));
        assert!(!text.contains('<'));
        let back: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(back["text"], "</script><script>alert(1)</script><!--");
    }
}
