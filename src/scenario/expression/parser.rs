//! From the text of an expression to its tree.

mod quorum;

use super::{
    Comparison, Condition, CountExpression, Name, RESERVED, SetExpression, ShareExpression,
    SyntaxError,
};
use std::ops::Range;

/// Deeper nesting than this is refused.
const MAX_DEPTH: usize = 64;
/// Longer expressions than this (in bytes) are refused.
const MAX_LENGTH: usize = 4096;
/// What may stand where a number of things is needed.
const A_COUNT: &str =
    "count(set), votes(set), level(name), if(condition), min(a, b), max(a, b) or a whole number";

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

const SYMBOLS: [&str; 16] = [
    ">=", "<=", "==", "!=", ">", "<", "(", ")", "{", "}", ",", "&", "|", "-", "*", "+",
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
            Token::Symbol("+") => {
                "`+` adds counts; to unite two sets write `|`, to join conditions `or`"
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
            "majority" => self.majority(),
            "covers" => self.of_groups(Condition::Covers),
            "grid" => self.of_groups(Condition::Grid),
            "hierarchical" => self.of_groups(Condition::Hierarchical),
            "tree" => self.of_set().map(Condition::Tree),
            "" | "count" | "votes" | "level" | "if" | "min" | "max" => self.comparison(),
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
        self.in_brackets(Self::set)
    }

    /// A word that has been seen, then what stands in brackets after it.
    fn in_brackets<T>(
        &mut self,
        rule: fn(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        self.advance();
        self.expect("(")?;
        let inner = self.nested(rule)?;
        self.expect(")")?;
        Ok(inner)
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
        let mut parts = vec![self.product(wanted)?];
        loop {
            if self.accept("+") {
                parts.push(self.product(A_COUNT)?);
            } else if self.accept("-") {
                let before = Box::new(single_or(parts, CountExpression::Sum));
                let less = Box::new(self.product(A_COUNT)?);
                parts = vec![CountExpression::Difference(before, less)];
            } else {
                return Ok(single_or(parts, CountExpression::Sum));
            }
        }
    }

    fn product(&mut self, wanted: &str) -> Result<CountExpression, SyntaxError> {
        let mut left = self.countable(wanted)?;
        while self.accept("*") {
            left = CountExpression::Product(Box::new(left), Box::new(self.countable(A_COUNT)?));
        }
        Ok(left)
    }

    fn countable(&mut self, wanted: &str) -> Result<CountExpression, SyntaxError> {
        let span = self.span();
        match self.peek().clone() {
            Token::Number(value) if value.fract() == 0.0 && value < 1e6 => {
                self.advance();
                Ok(CountExpression::Number(value as u64, span))
            }
            Token::Word(word) if word == "count" => self.of_set().map(CountExpression::Count),
            Token::Word(word) if word == "votes" => self.votes(),
            Token::Word(word) if word == "level" => {
                self.in_brackets(Self::name).map(CountExpression::Level)
            }
            Token::Word(word) if word == "if" => {
                let condition = self.in_brackets(Self::condition)?;
                Ok(CountExpression::If(Box::new(condition)))
            }
            Token::Word(word) if word == "min" => {
                let (a, b) = self.pair(|parser| parser.count(A_COUNT))?;
                Ok(CountExpression::Least(Box::new(a), Box::new(b)))
            }
            Token::Word(word) if word == "max" => {
                let (a, b) = self.pair(|parser| parser.count(A_COUNT))?;
                Ok(CountExpression::Greatest(Box::new(a), Box::new(b)))
            }
            Token::Symbol("(") => {
                self.advance();
                let inner = self.nested(|parser| parser.count(A_COUNT))?;
                self.expect(")")?;
                Ok(inner)
            }
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
        let mut parts = vec![self.share_product()?];
        while self.accept("+") {
            parts.push(self.share_product()?);
        }
        Ok(single_or(parts, ShareExpression::Sum))
    }

    fn share_product(&mut self) -> Result<ShareExpression, SyntaxError> {
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
            Token::Word(word) if word == "ratio" => {
                let (part, whole) = self.pair(|parser| parser.count(A_COUNT))?;
                Ok(ShareExpression::Ratio(part, whole))
            }
            Token::Word(word) if word == "min" => {
                let (a, b) = self.pair(Self::share)?;
                Ok(ShareExpression::Least(Box::new(a), Box::new(b)))
            }
            Token::Word(word) if word == "if" => {
                let condition = self.in_brackets(Self::condition)?;
                Ok(ShareExpression::If(Box::new(condition)))
            }
            _ => Err(self.unexpected(
                "share(part, whole), ratio(count, count), if(condition), min(a, b) or a number",
            )),
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

fn single_or<T>(mut parts: Vec<T>, combine: fn(Vec<T>) -> T) -> T {
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        combine(parts)
    }
}
