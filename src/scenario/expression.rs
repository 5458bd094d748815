//! The small language of services: set algebra over signals, read aloud as it
//! is written: `any(vip & web & galera.primary) and count(node.up) >= 2`.
//!
//! Four kinds of value: sets of nodes, conditions, counts, and shares (0 to 1).
//! Here a text becomes a tree; the model looks the names up.
//!
//! ```text
//! condition := conjunction { "or" conjunction }
//! conjunction := negation { "and" negation }
//! negation := "not" negation | "(" condition ")" | "true" | "false" | test
//! test     := ("any" | "all" | "majority") "(" set ")" | count compare count
//! count    := "count" "(" set ")" | number
//! share    := factor { "*" factor }
//! factor   := "share" "(" set "," set ")" | number | "if" "(" condition ")" | "min" "(" share "," share ")"
//! set      := meet { "|" meet }      meet := rest { "&" rest }      rest := atom { "-" atom }
//! atom     := name | "{" name { "," name } "}" | "(" set ")"
//! ```

use std::fmt;
use std::ops::Range;

/// Deeper nesting than this is refused.
const MAX_DEPTH: usize = 64;
/// Longer expressions than this (in bytes) are refused.
const MAX_LENGTH: usize = 4096;

/// A name with its place in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// The name as written, e.g. `galera.primary`.
    pub text: String,
    /// Bytes of the expression that it covers.
    pub span: Range<usize>,
}

/// A set of nodes.
#[derive(Clone, Debug, PartialEq)]
pub enum SetExpression {
    /// A signal, a node or a group of nodes.
    Name(Name),
    /// `{server1, server2}`.
    Literal(Vec<Name>),
    /// `a & b`.
    Meet(Box<SetExpression>, Box<SetExpression>),
    /// `a | b`.
    Join(Box<SetExpression>, Box<SetExpression>),
    /// `a - b`.
    Without(Box<SetExpression>, Box<SetExpression>),
}

/// A comparison of two counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `>=`
    AtLeast,
    /// `>`
    MoreThan,
    /// `<=`
    AtMost,
    /// `<`
    LessThan,
    /// `==`
    Equal,
    /// `!=`
    Different,
}

/// A whole number: the size of a set, or a constant.
#[derive(Clone, Debug, PartialEq)]
pub enum CountExpression {
    /// `count(set)`.
    Count(SetExpression),
    /// A constant, with its place in the text.
    Number(u64, Range<usize>),
}

/// True or false.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// `true` or `false`.
    Constant(bool),
    /// `any(set)`: the set has a member.
    Any(SetExpression),
    /// `all(set)`: the set has every node that it can have.
    All(SetExpression),
    /// `majority(set)`: more than half of the nodes that it can have.
    Majority(SetExpression),
    /// `count(set) >= 2`.
    Compare(CountExpression, Comparison, CountExpression),
    /// `a and b`.
    And(Vec<Condition>),
    /// `a or b`.
    Or(Vec<Condition>),
    /// `not a`.
    Not(Box<Condition>),
}

/// A number between 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub enum ShareExpression {
    /// `share(a, b)`: the part of `b` that is in `a`; 0 where `b` is empty.
    Share(SetExpression, SetExpression),
    /// A constant.
    Constant(f64),
    /// `a * b`.
    Product(Box<ShareExpression>, Box<ShareExpression>),
    /// `min(a, b)`.
    Least(Box<ShareExpression>, Box<ShareExpression>),
    /// `if(condition)`: 1 or 0.
    If(Box<Condition>),
}

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntaxError {
    /// One sentence.
    pub message: String,
    /// Bytes of the expression.
    pub span: Range<usize>,
    /// What to do.
    pub help: Option<String>,
}

/// Parses a condition, e.g. `any(vip & web)`.
pub fn parse_condition(text: &str) -> Result<Condition, SyntaxError> {
    whole(text, "the end of the condition, `and` or `or`", |parser| {
        parser.condition()
    })
}

/// Parses a set, e.g. `proc.nginx & node.up`.
pub fn parse_set(text: &str) -> Result<SetExpression, SyntaxError> {
    whole(text, "the end of the set, `&`, `|` or `-`", |parser| {
        parser.set()
    })
}

/// Parses a share, e.g. `share(vip & web, vip)`.
pub fn parse_share(text: &str) -> Result<ShareExpression, SyntaxError> {
    whole(text, "the end of the share, or `*`", |parser| {
        parser.share()
    })
}

/// Parses a count, e.g. `count(node.up)`.
pub fn parse_count(text: &str) -> Result<CountExpression, SyntaxError> {
    whole(text, "the end of the count", |parser| {
        parser.count("count(...)")
    })
}

fn whole<T>(
    text: &str,
    end: &str,
    rule: fn(&mut Parser<'_>) -> Result<T, SyntaxError>,
) -> Result<T, SyntaxError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
        text,
    };
    let result = rule(&mut parser)?;
    match parser.peek() {
        Token::End => Ok(result),
        _ => Err(parser.unexpected(end)),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Number(f64),
    Symbol(&'static str),
    End,
}

const SYMBOLS: [&str; 15] = [
    ">=", "<=", "==", "!=", ">", "<", "(", ")", "{", "}", ",", "&", "|", "-", "*",
];

fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, SyntaxError> {
    if text.len() > MAX_LENGTH {
        return Err(SyntaxError {
            message: format!("the expression is longer than {MAX_LENGTH} bytes"),
            span: 0..0,
            help: Some("give parts of it names under [signals]".into()),
        });
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, len) =
            token_at(&text[at..], first).ok_or_else(|| no_token(&text[at..], first, at))?;
        found.push((token, at..at + len));
        at += len;
    }
    found.push((Token::End, text.len()..text.len()));
    Ok(found)
}

fn no_token(rest: &str, first: char, at: usize) -> SyntaxError {
    if first.is_ascii_digit() {
        let len = number_length(rest);
        return SyntaxError {
            message: format!("`{}` is no number", &rest[..len]),
            span: at..at + len,
            help: None,
        };
    }
    let help = match first {
        '!' => "to say that a condition does not hold write `not`",
        '=' => "to compare a count write `==`",
        '+' => "to unite two sets write `|`",
        _ => "sets combine with &, | and -; conditions with and, or, not",
    };
    SyntaxError {
        message: format!("`{first}` has no meaning in an expression"),
        span: at..at + first.len_utf8(),
        help: Some(help.into()),
    }
}

fn number_length(rest: &str) -> usize {
    rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(rest.len())
}

fn token_at(rest: &str, first: char) -> Option<(Token, usize)> {
    if first.is_ascii_alphabetic() || first == '_' {
        let len = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
            .unwrap_or(rest.len());
        return Some((Token::Word(rest[..len].to_owned()), len));
    }
    if first.is_ascii_digit() {
        let len = number_length(rest);
        return rest[..len]
            .parse()
            .ok()
            .map(|value| (Token::Number(value), len));
    }
    SYMBOLS
        .iter()
        .find(|symbol| rest.starts_with(**symbol))
        .map(|symbol| (Token::Symbol(symbol), symbol.len()))
}

struct Parser<'a> {
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    depth: usize,
    text: &'a str,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn span(&self) -> Range<usize> {
        self.tokens[self.at].1.clone()
    }

    fn advance(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let hit = matches!(self.peek(), Token::Symbol(s) if *s == symbol);
        if hit {
            self.advance();
        }
        hit
    }

    fn accept_word(&mut self, word: &str) -> bool {
        let hit = matches!(self.peek(), Token::Word(w) if w == word);
        if hit {
            self.advance();
        }
        hit
    }

    fn expect(&mut self, symbol: &str) -> Result<(), SyntaxError> {
        if self.accept(symbol) {
            Ok(())
        } else {
            let mut error = self.unexpected(&format!("`{symbol}`"));
            if *self.peek() == Token::End && symbol != "(" {
                error.help = Some("a bracket is opened and never closed".to_owned());
            }
            Err(error)
        }
    }

    fn unexpected(&self, wanted: &str) -> SyntaxError {
        let span = self.span();
        let found = match self.peek() {
            Token::End => "the expression ends here".to_owned(),
            _ => format!("found `{}`", &self.text[span.clone()]),
        };
        SyntaxError {
            message: format!("expected {wanted}, but {found}"),
            help: self.mixed_up(),
            span,
        }
    }

    /// The two kinds of "and" are easily mixed up.
    fn mixed_up(&self) -> Option<String> {
        let help = match self.peek() {
            Token::Symbol("&") => {
                "conditions combine with `and`; `&` is for sets, inside any(...) and the like"
            }
            Token::Symbol("|") => {
                "conditions combine with `or`; `|` is for sets, inside any(...) and the like"
            }
            Token::Word(word) if word == "and" => "sets combine with `&`; `and` is for conditions",
            Token::Word(word) if word == "or" => "sets combine with `|`; `or` is for conditions",
            Token::Word(word) if word == "not" => {
                "for sets write `a - b`: what is in a and not in b"
            }
            Token::Word(word) if matches!(word.as_str(), "any" | "all" | "majority") => {
                "any(...), all(...) and majority(...) are conditions: they hold or not, and have no members"
            }
            Token::Word(word) if matches!(word.to_lowercase().as_str(), "and" | "or" | "not") => {
                "write `and`, `or`, `not` in small letters"
            }
            _ => return None,
        };
        Some(help.to_owned())
    }

    fn nested<T>(
        &mut self,
        rule: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SyntaxError {
                message: format!("the expression is nested more than {MAX_DEPTH} deep"),
                span: self.span(),
                help: Some("give parts of it names under [signals]".into()),
            });
        }
        let result = rule(self);
        self.depth -= 1;
        result
    }

    fn condition(&mut self) -> Result<Condition, SyntaxError> {
        let mut parts = vec![self.conjunction()?];
        while self.accept_word("or") {
            parts.push(self.conjunction()?);
        }
        Ok(single_or(parts, Condition::Or))
    }

    fn conjunction(&mut self) -> Result<Condition, SyntaxError> {
        let mut parts = vec![self.negation()?];
        while self.accept_word("and") {
            parts.push(self.negation()?);
        }
        Ok(single_or(parts, Condition::And))
    }

    fn negation(&mut self) -> Result<Condition, SyntaxError> {
        if self.accept_word("not") {
            let inner = self.nested(Self::negation)?;
            return Ok(Condition::Not(Box::new(inner)));
        }
        if self.accept("(") {
            let inner = self.nested(Self::condition)?;
            self.expect(")")?;
            return Ok(inner);
        }
        self.test()
    }

    fn test(&mut self) -> Result<Condition, SyntaxError> {
        let word = match self.peek() {
            Token::Word(word) => word.clone(),
            _ => String::new(),
        };
        match word.as_str() {
            "true" | "false" => {
                self.advance();
                Ok(Condition::Constant(word == "true"))
            }
            "any" => self.of_set().map(Condition::Any),
            "all" => self.of_set().map(Condition::All),
            "majority" => self.of_set().map(Condition::Majority),
            "" | "count" => self.comparison(),
            word if RESERVED.contains(&word) => {
                Err(self.unexpected("a condition such as any(...) or count(...) >= 2"))
            }
            _ => Err(SyntaxError {
                message: format!("`{word}` is a set of nodes where a condition is needed"),
                span: self.span(),
                help: Some(format!(
                    "write any({word}), all({word}), majority({word}) or count({word}) >= 1"
                )),
            }),
        }
    }

    fn of_set(&mut self) -> Result<SetExpression, SyntaxError> {
        self.advance();
        self.expect("(")?;
        let set = self.nested(Self::set)?;
        self.expect(")")?;
        Ok(set)
    }

    fn comparison(&mut self) -> Result<Condition, SyntaxError> {
        let left = self.count("a condition such as any(...) or count(...) >= 2")?;
        let comparison = match self.peek() {
            Token::Symbol(">=") => Comparison::AtLeast,
            Token::Symbol(">") => Comparison::MoreThan,
            Token::Symbol("<=") => Comparison::AtMost,
            Token::Symbol("<") => Comparison::LessThan,
            Token::Symbol("==") => Comparison::Equal,
            Token::Symbol("!=") => Comparison::Different,
            _ => return Err(self.unexpected("a comparison (>=, >, <=, <, == or !=)")),
        };
        self.advance();
        let right = self.count("a whole number or count(...)")?;
        Ok(Condition::Compare(left, comparison, right))
    }

    fn count(&mut self, wanted: &str) -> Result<CountExpression, SyntaxError> {
        let span = self.span();
        match self.peek().clone() {
            Token::Number(value) if value.fract() == 0.0 && value < 1e6 => {
                self.advance();
                Ok(CountExpression::Number(value as u64, span))
            }
            Token::Word(word) if word == "count" => self.of_set().map(CountExpression::Count),
            Token::Number(_) => Err(SyntaxError {
                message: format!(
                    "nodes are counted in whole numbers, and `{}` is none",
                    &self.text[span.clone()]
                ),
                span,
                help: Some("write a whole number below a million".into()),
            }),
            _ => Err(self.unexpected(wanted)),
        }
    }

    fn share(&mut self) -> Result<ShareExpression, SyntaxError> {
        let mut left = self.factor()?;
        while self.accept("*") {
            left = ShareExpression::Product(Box::new(left), Box::new(self.factor()?));
        }
        Ok(left)
    }

    fn factor(&mut self) -> Result<ShareExpression, SyntaxError> {
        let span = self.span();
        match self.peek().clone() {
            Token::Number(value) if (0.0..=1.0).contains(&value) => {
                self.advance();
                Ok(ShareExpression::Constant(value))
            }
            Token::Number(value) => Err(SyntaxError {
                message: format!("a share lies between 0 and 1, and {value} does not"),
                span,
                help: None,
            }),
            Token::Word(word) if word == "share" => {
                let (part, whole) = self.pair(Self::set)?;
                Ok(ShareExpression::Share(part, whole))
            }
            Token::Word(word) if word == "min" => {
                let (a, b) = self.pair(Self::share)?;
                Ok(ShareExpression::Least(Box::new(a), Box::new(b)))
            }
            Token::Word(word) if word == "if" => {
                self.advance();
                self.expect("(")?;
                let condition = self.nested(Self::condition)?;
                self.expect(")")?;
                Ok(ShareExpression::If(Box::new(condition)))
            }
            _ => Err(self.unexpected("share(part, whole), if(condition), min(a, b) or a number")),
        }
    }

    fn pair<T>(
        &mut self,
        rule: fn(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<(T, T), SyntaxError> {
        self.advance();
        self.expect("(")?;
        let first = self.nested(rule)?;
        self.expect(",")?;
        let second = self.nested(rule)?;
        self.expect(")")?;
        Ok((first, second))
    }

    fn set(&mut self) -> Result<SetExpression, SyntaxError> {
        let mut left = self.meet()?;
        while self.accept("|") {
            left = SetExpression::Join(Box::new(left), Box::new(self.meet()?));
        }
        Ok(left)
    }

    fn meet(&mut self) -> Result<SetExpression, SyntaxError> {
        let mut left = self.rest()?;
        while self.accept("&") {
            left = SetExpression::Meet(Box::new(left), Box::new(self.rest()?));
        }
        Ok(left)
    }

    fn rest(&mut self) -> Result<SetExpression, SyntaxError> {
        let mut left = self.atom()?;
        while self.accept("-") {
            left = SetExpression::Without(Box::new(left), Box::new(self.atom()?));
        }
        Ok(left)
    }

    fn atom(&mut self) -> Result<SetExpression, SyntaxError> {
        if self.accept("(") {
            let set = self.nested(Self::set)?;
            self.expect(")")?;
            return Ok(set);
        }
        if self.accept("{") {
            let mut names = vec![self.name()?];
            while self.accept(",") {
                names.push(self.name()?);
            }
            self.expect("}")?;
            return Ok(SetExpression::Literal(names));
        }
        self.name().map(SetExpression::Name)
    }

    fn name(&mut self) -> Result<Name, SyntaxError> {
        let span = self.span();
        match self.peek().clone() {
            Token::Word(text) if !RESERVED.contains(&text.as_str()) => {
                self.advance();
                Ok(Name { text, span })
            }
            _ => Err(self.unexpected("the name of a signal, a node or a group")),
        }
    }
}

impl SetExpression {
    /// Adds all names in the order in which they are written.
    pub fn names<'a>(&'a self, found: &mut Vec<&'a Name>) {
        match self {
            SetExpression::Name(name) => found.push(name),
            SetExpression::Literal(names) => found.extend(names),
            SetExpression::Meet(a, b)
            | SetExpression::Join(a, b)
            | SetExpression::Without(a, b) => {
                a.names(found);
                b.names(found);
            }
        }
    }
}

impl Condition {
    /// Adds all names in the order in which they are written.
    pub fn names<'a>(&'a self, found: &mut Vec<&'a Name>) {
        match self {
            Condition::Constant(_) => {}
            Condition::Any(set) | Condition::All(set) | Condition::Majority(set) => {
                set.names(found)
            }
            Condition::Compare(a, _, b) => {
                for side in [a, b] {
                    if let CountExpression::Count(set) = side {
                        set.names(found);
                    }
                }
            }
            Condition::And(parts) | Condition::Or(parts) => {
                parts.iter().for_each(|part| part.names(found))
            }
            Condition::Not(part) => part.names(found),
        }
    }
}

/// Words that cannot name a signal, a node or a group.
pub const RESERVED: [&str; 12] = [
    "any", "all", "majority", "count", "share", "min", "if", "and", "or", "not", "true", "false",
];

fn single_or(mut parts: Vec<Condition>, combine: fn(Vec<Condition>) -> Condition) -> Condition {
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        combine(parts)
    }
}

impl fmt::Display for SetExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetExpression::Name(name) => f.write_str(&name.text),
            SetExpression::Literal(names) => {
                let texts: Vec<_> = names.iter().map(|n| n.text.as_str()).collect();
                write!(f, "{{{}}}", texts.join(", "))
            }
            SetExpression::Meet(a, b) => write!(f, "({a} & {b})"),
            SetExpression::Join(a, b) => write!(f, "({a} | {b})"),
            SetExpression::Without(a, b) => write!(f, "({a} - {b})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_binds_tighter_than_and_which_binds_tighter_than_or() {
        let set = parse_set("a | b & c - d").unwrap();
        assert_eq!(set.to_string(), "(a | (b & (c - d)))");
    }

    #[test]
    fn conditions_nest() {
        let text = "any(vip & web) and (count(node.up) >= 2 or not all({a, b}))";
        let Condition::And(parts) = parse_condition(text).unwrap() else {
            panic!("not a conjunction");
        };
        assert_eq!(parts.len(), 2);
        assert!(matches!(&parts[1], Condition::Or(_)));
    }

    #[test]
    fn errors_point_at_the_column() {
        let error = parse_condition("any(vip & )").unwrap_err();
        assert_eq!(error.span, 10..11);
        let error = parse_condition("vip and any(web)").unwrap_err();
        assert_eq!(error.span, 0..3);
        assert!(error.help.unwrap().contains("any(vip)"));
        assert!(parse_condition("any(a) any(b)").is_err());
        assert!(parse_share("share(a, b) * 1.5").is_err());
    }

    #[test]
    fn mixed_up_words_get_advice() {
        for (text, advice) in [
            ("any(a) & any(b)", "`and`"),
            ("any(a and b)", "`&`"),
            ("any(a) AND any(b)", "small letters"),
            ("count(any(a)) > 1", "are conditions"),
            ("!any(a)", "`not`"),
            ("count(a) >= 1.5", "whole number"),
        ] {
            let help = parse_condition(text).unwrap_err().help.unwrap_or_default();
            assert!(help.contains(advice), "{text}: {help}");
        }
        assert_eq!(
            parse_condition("count(a) > 1.2.3").unwrap_err().span,
            11..16
        );
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow() {
        let text = format!("{}any(a){}", "(".repeat(5000), ")".repeat(5000));
        assert!(parse_condition(&text).is_err());
        let text = format!("any({}a{})", "(".repeat(5000), ")".repeat(5000));
        assert!(parse_condition(&text).is_err());
        let text = "not ".repeat(5000) + "any(a)";
        assert!(parse_condition(&text).is_err());
    }
}
