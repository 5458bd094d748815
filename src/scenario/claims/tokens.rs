//! The words, numbers and signs of a statement.

use crate::scenario::expression::SyntaxError;
use std::ops::Range;

/// Longer statements than this (in bytes) are refused.
const MAX_LENGTH: usize = 4096;

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A name or keyword; names of services may have hyphens when they are quoted.
    Word(String),
    /// Digits, with how many of them stand behind the point.
    Number(f64, usize),
    /// What stands between quotation marks.
    Quoted(String),
    /// A sign.
    Sign(&'static str),
    /// There is no more.
    End,
}

const SIGNS: [&str; 17] = [
    ">=", "<=", "==", "+-", ">", "<", "(", ")", "{", "}", ",", ".", "%", "+", "-", "*", "/",
];

/// The tokens of a text, each with the bytes that it covers.
pub fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, SyntaxError> {
    if text.len() > MAX_LENGTH {
        return Err(SyntaxError {
            message: format!("the statement is longer than {MAX_LENGTH} bytes"),
            span: 0..0,
            help: Some("make two claims of it, or give its cases names".to_owned()),
        });
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, length) = token_at(&text[at..], first).map_err(|(message, length)| {
            let help = "quote scripts and conditions with ' or \"; see the language of claims";
            SyntaxError {
                message,
                span: at..at + length,
                help: Some(help.to_owned()),
            }
        })?;
        found.push((token, at..at + length));
        at += length;
    }
    found.push((Token::End, text.len()..text.len()));
    Ok(found)
}

fn token_at(rest: &str, first: char) -> Result<(Token, usize), (String, usize)> {
    let until = |no: &dyn Fn(char) -> bool| rest.find(no).unwrap_or(rest.len());
    if first.is_ascii_alphabetic() || first == '_' {
        let length = until(&|c| !(c.is_ascii_alphanumeric() || c == '_'));
        return Ok((Token::Word(rest[..length].to_owned()), length));
    }
    if first.is_ascii_digit() {
        let length = until(&|c| !(c.is_ascii_digit() || c == '.'));
        let digits = &rest[..length];
        let decimals = digits.split_once('.').map_or(0, |(_, tail)| tail.len());
        let value = digits.parse();
        return match value {
            Ok(value) => Ok((Token::Number(value, decimals), length)),
            Err(_) => Err((format!("`{digits}` is no number"), length)),
        };
    }
    if first == '"' || first == '\'' {
        let Some(length) = rest[1..].find(first) else {
            return Err(("a quotation mark is opened and never closed".to_owned(), 1));
        };
        return Ok((Token::Quoted(rest[1..=length].to_owned()), length + 2));
    }
    let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
    let unknown = || {
        let message = format!("`{first}` has no meaning in a statement");
        (message, first.len_utf8())
    };
    sign.map(|sign| (Token::Sign(sign), sign.len()))
        .ok_or_else(unknown)
}
