//! From the text of a statement to its tree.

use super::language::{
    Asked, Compared, CourseTest, CourseTime, Dimension, How, Lengths, LoadQuantity, LossTest,
    Measure, Number, OfService, Part, Quantity, Relation, Statement, Value, When, Who, Word,
};
use super::tokens::{Token, tokens};
use crate::scenario::expression::{SyntaxError, parse_condition};
use crate::scenario::nearest::suggestion;
use std::ops::Range;

/// Deeper nesting than this is refused.
const MAX_DEPTH: usize = 32;
/// Larger numbers of lost nodes than this are refused.
const MAX_LOST: usize = 64;

const DAY_S: f64 = 86_400.0;
const YEAR_S: f64 = 8766.0 * 3600.0;

const UNITS: [(&str, f64); 8] = [
    ("ms", 1e-3),
    ("s", 1.0),
    ("min", 60.0),
    ("h", 3600.0),
    ("d", DAY_S),
    ("y", YEAR_S),
    ("year", YEAR_S),
    ("years", YEAR_S),
];

const LOSS_TESTS: [(&str, Asked); 3] = [
    ("survives", Asked::Survives),
    ("readable", Asked::Readable),
    ("returns", Asked::Returns),
];

const COURSE_TESTS: [(&str, When); 3] = [
    ("always", When::Always),
    ("ever", When::Ever),
    ("at_end", When::AtEnd),
];

const OF_SERVICE: [(&str, OfService); 8] = [
    ("availability", OfService::Availability),
    ("unavailability", OfService::Unavailability),
    ("request_availability", OfService::RequestAvailability),
    ("downtime", OfService::Downtime),
    ("planned_downtime", OfService::PlannedDowntime),
    ("outages", OfService::Outages),
    ("mttf", OfService::Mttf),
    ("failed_requests", OfService::FailedRequests),
];

const LENGTHS: [(&str, Lengths); 2] =
    [("failover", Lengths::Failover), ("outage", Lengths::Outage)];

const LOAD: [(&str, LoadQuantity); 5] = [
    ("cpu", LoadQuantity::Cpu),
    ("memory", LoadQuantity::Memory),
    ("mean_cpu", LoadQuantity::MeanCpu),
    ("mean_memory", LoadQuantity::MeanMemory),
    ("capacity", LoadQuantity::Capacity),
];

const COURSE_TIMES: [(&str, CourseTime); 4] = [
    ("time_to", CourseTime::TimeTo),
    ("time_while", CourseTime::TimeWhile),
    ("recovery", CourseTime::Recovery),
    ("interruption", CourseTime::Interruption),
];

const TALLY: &str = "mean";

/// Parses a statement.
pub fn parse(text: &str) -> Result<Statement, SyntaxError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
        text,
    };
    let statement = parser.statement()?;
    match parser.peek() {
        Token::End => Ok(statement),
        _ => Err(parser.unexpected("the end of the statement, `and` or `or`")),
    }
}

struct Parser<'a> {
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    depth: usize,
    text: &'a str,
}

type Parsed<T> = Result<T, SyntaxError>;

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn span(&self) -> Range<usize> {
        self.tokens[self.at].1.clone()
    }

    fn since(&self, start: usize) -> Range<usize> {
        let end = self.tokens[self.at.saturating_sub(1)].1.end;
        start..end.max(start)
    }

    fn advance(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    fn accept(&mut self, sign: &str) -> bool {
        let hit = matches!(self.peek(), Token::Sign(s) if *s == sign);
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

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.accept(sign) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{sign}`")))
        }
    }

    fn unexpected(&self, wanted: &str) -> SyntaxError {
        let span = self.span();
        let found = match self.peek() {
            Token::End => "the statement ends here".to_owned(),
            _ => format!("found `{}`", &self.text[span.clone()]),
        };
        SyntaxError {
            message: format!("expected {wanted}, but {found}"),
            span,
            help: None,
        }
    }

    fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SyntaxError {
                message: format!("the statement is nested more than {MAX_DEPTH} deep"),
                span: self.span(),
                help: Some("make two claims of it, or give its cases names".to_owned()),
            });
        }
        let result = rule(self);
        self.depth -= 1;
        result
    }

    fn statement(&mut self) -> Parsed<Statement> {
        let mut parts = vec![self.conjunction()?];
        while self.accept_word("or") {
            parts.push(self.conjunction()?);
        }
        Ok(one_or(parts, Statement::Or))
    }

    fn conjunction(&mut self) -> Parsed<Statement> {
        let mut parts = vec![self.negation()?];
        while self.accept_word("and") {
            parts.push(self.negation()?);
        }
        Ok(one_or(parts, Statement::And))
    }

    fn negation(&mut self) -> Parsed<Statement> {
        if self.accept_word("not") {
            let inner = self.nested(Self::negation)?;
            return Ok(Statement::Not(Box::new(inner)));
        }
        if matches!(self.peek(), Token::Sign("(")) {
            return self.bracket();
        }
        let Token::Word(word) = self.peek().clone() else {
            return self.comparison();
        };
        if let Some(asked) = known(&LOSS_TESTS, &word) {
            return self.loss_test(asked);
        }
        if let Some(when) = known(&COURSE_TESTS, &word) {
            return self.course_test(when);
        }
        self.comparison()
    }

    /// A bracket encloses a statement or a value: which, its inside tells.
    fn bracket(&mut self) -> Parsed<Statement> {
        let start = self.at;
        let value = self.nested(Self::comparison);
        let Err(as_value) = value else {
            return value;
        };
        let reached = self.at;
        self.at = start;
        self.advance();
        let inner = self.nested(Self::statement);
        match inner {
            Ok(inner) if self.accept(")") => Ok(inner),
            Ok(_) => Err(self.unexpected("`)`")),
            // Whichever reading got further is the one that was meant.
            Err(_) if reached > self.at => Err(as_value),
            Err(as_statement) => Err(as_statement),
        }
    }

    fn loss_test(&mut self, asked: Asked) -> Parsed<Statement> {
        self.advance();
        self.expect("(")?;
        let service = self.name("the name of a service")?;
        self.expect(",")?;
        let who = self.who()?;
        let how = self.how()?;
        self.expect(")")?;
        Ok(Statement::Loss(LossTest {
            asked,
            service,
            who,
            how,
            design: self.design()?,
        }))
    }

    fn who(&mut self) -> Parsed<Who> {
        if self.accept_word("any") {
            return Ok(Who::Any(self.count()?));
        }
        if self.accept("{") {
            let mut nodes = vec![self.name("the name of a node")?];
            while self.accept(",") {
                nodes.push(self.name("the name of a node")?);
            }
            self.expect("}")?;
            return Ok(Who::These(nodes));
        }
        Err(self.unexpected("the nodes that are lost, e.g. any 2 or {server1, server2}"))
    }

    fn how(&mut self) -> Parsed<Option<How>> {
        let pairs = [
            ("at", Some("once"), Some(How::AtOnce)),
            ("in", Some("sequence"), Some(How::InSequence)),
            ("stopped", None, Some(How::Stopped)),
            ("cut", Some("off"), Some(How::CutOff)),
            ("down", None, None),
        ];
        for (first, second, how) in pairs {
            if self.accept_word(first) {
                if let Some(second) = second
                    && !self.accept_word(second)
                {
                    return Err(self.unexpected(&format!("`{second}`")));
                }
                return Ok(how);
            }
        }
        match self.peek() {
            Token::Sign(")") => Ok(None),
            _ => Err(self
                .unexpected("how they are lost: at once, in sequence, stopped, cut off or down")),
        }
    }

    fn course_test(&mut self, when: When) -> Parsed<Statement> {
        self.advance();
        self.expect("(")?;
        let script = self.quoted("the name of a fault script")?;
        self.expect(",")?;
        let condition = self.condition()?;
        self.expect(")")?;
        Ok(Statement::Course(CourseTest {
            when,
            script,
            condition,
            design: self.design()?,
        }))
    }

    fn comparison(&mut self) -> Parsed<Statement> {
        let start = self.span().start;
        let left = self.value()?;
        let relation = match self.peek() {
            Token::Sign(">=") => Relation::AtLeast,
            Token::Sign(">") => Relation::MoreThan,
            Token::Sign("<=") => Relation::AtMost,
            Token::Sign("<") => Relation::LessThan,
            Token::Sign("==") => Relation::Equal,
            _ => return Err(self.unexpected("a comparison (>=, >, <=, < or ==)")),
        };
        self.advance();
        let right = self.value()?;
        let tolerance = match self.accept("+-") {
            true => Some(self.value()?),
            false => None,
        };
        let span = self.since(start);
        let dimension = left.dimension();
        for other in std::iter::once(&right).chain(&tolerance) {
            if other.dimension() != dimension {
                return Err(SyntaxError {
                    message: "a time is compared with a plain number".to_owned(),
                    span,
                    help: Some("give the number a unit, e.g. 5 s".to_owned()),
                });
            }
        }
        Ok(Statement::Compare(Box::new(Compared {
            left,
            relation,
            right,
            tolerance,
            span,
        })))
    }

    fn value(&mut self) -> Parsed<Value> {
        let mut left = self.product()?;
        loop {
            let start = self.span().start;
            let combine: fn(Box<Value>, Box<Value>) -> Value = if self.accept("+") {
                Value::Sum
            } else if self.accept("-") {
                Value::Difference
            } else {
                return Ok(left);
            };
            let right = self.product()?;
            if left.dimension() != right.dimension() {
                return Err(SyntaxError {
                    message: "a time and a plain number cannot be added".to_owned(),
                    span: self.since(start),
                    help: Some("give the number a unit, e.g. 5 s".to_owned()),
                });
            }
            left = combine(Box::new(left), Box::new(right));
        }
    }

    fn product(&mut self) -> Parsed<Value> {
        let mut left = self.factor()?;
        loop {
            let combine: fn(Box<Value>, Box<Value>) -> Value = if self.accept("*") {
                Value::Product
            } else if self.accept("/") {
                Value::Ratio
            } else {
                return Ok(left);
            };
            left = combine(Box::new(left), Box::new(self.factor()?));
        }
    }

    fn factor(&mut self) -> Parsed<Value> {
        if self.accept("(") {
            let inner = self.nested(Self::value)?;
            self.expect(")")?;
            return Ok(inner);
        }
        match self.peek().clone() {
            Token::Number(value, decimals) => Ok(Value::Number(self.number(value, decimals))),
            Token::Word(word) => self.measure(&word).map(Value::Measure),
            _ => Err(self.unexpected("a number or a measure such as availability(service)")),
        }
    }

    fn number(&mut self, value: f64, decimals: usize) -> Number {
        self.advance();
        if self.accept("%") {
            return Number {
                value: value / 100.0,
                dimension: Dimension::Plain,
                decimals: decimals + 2,
            };
        }
        let unit = match self.peek() {
            Token::Word(word) => known(&UNITS, word),
            _ => None,
        };
        if unit.is_some() {
            self.advance();
        }
        Number {
            value: value * unit.unwrap_or(1.0),
            dimension: unit.map_or(Dimension::Plain, |_| Dimension::Seconds),
            decimals,
        }
    }

    fn measure(&mut self, word: &str) -> Parsed<Measure> {
        let span = self.span();
        let start = span.start;
        let what = if let Some(of) = known(&OF_SERVICE, word) {
            Quantity::OfService(of, self.argument("the name of a service")?)
        } else if let Some(lengths) = known(&LENGTHS, word) {
            let service = self.argument("the name of a service")?;
            let part = self
                .part()?
                .ok_or_else(|| self.unexpected("`.p99` or another part"))?;
            Quantity::Lengths(lengths, service, part)
        } else if word == TALLY {
            Quantity::Tally(self.argument("the name of a tally")?)
        } else if let Some(load) = known(&LOAD, word) {
            Quantity::Load(load, self.lost()?)
        } else if let Some(course) = known(&COURSE_TIMES, word) {
            self.course_time(course)?
        } else {
            return Err(unknown_word(word, span));
        };
        Ok(Measure {
            what,
            design: self.design()?,
            span: self.since(start),
        })
    }

    fn course_time(&mut self, course: CourseTime) -> Parsed<Quantity> {
        self.advance();
        self.expect("(")?;
        let script = self.quoted("the name of a fault script")?;
        self.expect(",")?;
        let subject = match course {
            CourseTime::TimeTo | CourseTime::TimeWhile => self.condition()?,
            CourseTime::Recovery | CourseTime::Interruption => {
                self.name("the name of a service")?
            }
        };
        self.expect(")")?;
        Ok(Quantity::Course(course, script, subject, self.part()?))
    }

    fn argument(&mut self, wanted: &str) -> Parsed<Word> {
        self.advance();
        self.expect("(")?;
        let name = self.name(wanted)?;
        self.expect(")")?;
        Ok(name)
    }

    /// `(2 lost)`.
    fn lost(&mut self) -> Parsed<usize> {
        self.advance();
        self.expect("(")?;
        let lost = self.count()?;
        if !self.accept_word("lost") {
            return Err(self.unexpected("`lost`"));
        }
        self.expect(")")?;
        Ok(lost)
    }

    fn count(&mut self) -> Parsed<usize> {
        let span = self.span();
        match *self.peek() {
            Token::Number(value, 0) if value <= MAX_LOST as f64 => {
                self.advance();
                Ok(value as usize)
            }
            Token::Number(..) => Err(SyntaxError {
                message: format!("nodes are counted in whole numbers up to {MAX_LOST}"),
                span,
                help: None,
            }),
            _ => Err(self.unexpected("a number of nodes")),
        }
    }

    fn part(&mut self) -> Parsed<Option<Part>> {
        if !self.accept(".") {
            return Ok(None);
        }
        let found = match self.peek() {
            Token::Word(word) => known(&Part::WORDS, word),
            _ => None,
        };
        let part = found.ok_or_else(|| self.unexpected("min, p50, p95, p99, max or mean"))?;
        self.advance();
        Ok(Some(part))
    }

    fn design(&mut self) -> Parsed<Option<Word>> {
        match self.accept_word("in") {
            true => self.name("the name of a design").map(Some),
            false => Ok(None),
        }
    }

    fn name(&mut self, wanted: &str) -> Parsed<Word> {
        let span = self.span();
        match self.peek().clone() {
            Token::Word(text) | Token::Quoted(text) => {
                self.advance();
                Ok(Word { text, span })
            }
            _ => Err(self.unexpected(wanted)),
        }
    }

    fn quoted(&mut self, wanted: &str) -> Parsed<Word> {
        let span = self.span();
        match self.peek().clone() {
            Token::Quoted(text) => {
                self.advance();
                Ok(Word { text, span })
            }
            _ => Err(self.unexpected(&format!("{wanted} in quotation marks"))),
        }
    }

    fn condition(&mut self) -> Parsed<Word> {
        let word = self.quoted("a condition")?;
        let inside = word.span.start + 1;
        parse_condition(&word.text).map_err(|error| SyntaxError {
            span: inside + error.span.start..inside + error.span.end,
            ..error
        })?;
        Ok(word)
    }
}

fn known<T: Copy>(words: &[(&str, T)], word: &str) -> Option<T> {
    let mut found = words.iter().filter(|(known, _)| *known == word);
    found.next().map(|(_, value)| *value)
}

fn one_or(mut parts: Vec<Statement>, combine: fn(Vec<Statement>) -> Statement) -> Statement {
    match parts.len() {
        1 => parts.remove(0),
        _ => combine(parts),
    }
}

fn unknown_word(word: &str, span: Range<usize>) -> SyntaxError {
    let names = |words: &mut dyn Iterator<Item = &'static str>| words.collect::<Vec<_>>();
    let mut all = names(&mut LOSS_TESTS.iter().map(|(name, _)| *name));
    all.extend(COURSE_TESTS.iter().map(|(name, _)| *name));
    all.extend(OF_SERVICE.iter().map(|(name, _)| *name));
    all.extend(LENGTHS.iter().map(|(name, _)| *name));
    all.extend(LOAD.iter().map(|(name, _)| *name));
    all.extend(COURSE_TIMES.iter().map(|(name, _)| *name));
    all.push(TALLY);
    SyntaxError {
        message: format!("`{word}` cannot be measured"),
        span,
        help: suggestion(word, all)
            .or_else(|| Some("e.g. availability(service), survives(service, any 1)".to_owned())),
    }
}

impl Value {
    /// What the value measures. A product of a time and a number is a time; a ratio of
    /// two times is a number.
    pub fn dimension(&self) -> Dimension {
        let either = |a: &Value, b: &Value| match (a.dimension(), b.dimension()) {
            (Dimension::Plain, Dimension::Plain) => Dimension::Plain,
            _ => Dimension::Seconds,
        };
        match self {
            Value::Number(number) => number.dimension,
            Value::Measure(measure) => measure.what.dimension(),
            Value::Sum(a, _) | Value::Difference(a, _) => a.dimension(),
            Value::Product(a, b) => either(a, b),
            Value::Ratio(a, b) if a.dimension() == b.dimension() => Dimension::Plain,
            Value::Ratio(a, b) => either(a, b),
        }
    }
}

impl Quantity {
    fn dimension(&self) -> Dimension {
        match self {
            Quantity::OfService(
                OfService::Downtime | OfService::PlannedDowntime | OfService::Mttf,
                _,
            )
            | Quantity::Lengths(..)
            | Quantity::Course(..) => Dimension::Seconds,
            Quantity::OfService(..) | Quantity::Tally(_) | Quantity::Load(..) => Dimension::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read_as_they_are_said() {
        for text in [
            "survives(database_write, any 2 at once)",
            "survives(web, any 1 down) and not survives(web, {server1, server2} in sequence)",
            "availability(login) >= 99.99% and downtime(login) < 3 s",
            "(availability(login) in three - availability(login)) / 2 > 0",
            "(mean(servers) >= 3.9 or ever('x', 'any(vip)')) and readable(a, any 3 cut off)",
            "time_to('server1-dies', \"any(vip & server2)\").p99 <= 3 s",
            "recovery('server1-dies', everything) <= 5 s",
            "cpu(2 lost) == 50% +- 1%",
            "failover(portal).p99 <= 5 s",
        ] {
            assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn a_percentage_keeps_its_digits() {
        let Ok(Statement::Compare(compared)) = parse("availability(a) >= 99.999999%") else {
            panic!("not read");
        };
        let Value::Number(number) = compared.right else {
            panic!("no number");
        };
        assert_eq!(number.decimals, 8);
    }

    #[test]
    fn what_is_wrong_is_said_where_it_is() {
        let wrong = |text: &str| parse(text).expect_err(text);
        assert!(
            wrong("availabilty(a) > 1")
                .help
                .is_some_and(|h| h.contains("availability"))
        );
        assert!(
            wrong("availability(a) > 1 s")
                .message
                .contains("a time is compared")
        );
        assert!(
            wrong("survives(a, any 2 at twice)")
                .message
                .contains("`once`")
        );
        assert!(wrong("at_end('x', 'any(')").message.contains("expected"));
        assert!(wrong("failover(a) < 5 s").message.contains(".p99"));
        assert!(
            wrong("survives(a, any 2")
                .message
                .contains("how they are lost")
        );
        assert!(wrong("'open").message.contains("never closed"));
        assert!(wrong("").message.contains("ends here"));
    }
}
