//! What became of claims: for people, as a document, and as JSON.

use super::numbers;
use super::timeline::Timeline;
use crate::estimate::Estimate;
use crate::runner::claims::{
    About, Answer, Comparison, Fact, LossFound, Measured, TimesFound, Truth, Verdict,
};
use crate::runner::outcome::SCHEMA;
use crate::scenario::claims::Binding;
use crate::scenario::claims::language::{Asked, When};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Choices of lost nodes that are named one by one.
const NAMED: usize = 3;
/// Causes of downtime that are named.
const CAUSES: usize = 3;

/// The claims of one or several documents, under the names that scripts rely on.
#[derive(Clone, Debug, Serialize)]
pub struct ClaimsReport {
    /// Version of this format.
    pub schema: u32,
    /// Version of the program.
    pub version: &'static str,
    /// Was the check stopped before it was complete?
    pub interrupted: bool,
    /// Claims by verdict.
    pub summary: BTreeMap<&'static str, usize>,
    /// The claims, document by document, in their order.
    pub claims: Vec<ClaimReport>,
}

/// One claim.
#[derive(Clone, Debug, Serialize)]
pub struct ClaimReport {
    /// What the document is about.
    pub document: String,
    /// A short name.
    pub id: String,
    /// The document.
    pub source: String,
    /// The place in it.
    pub section: String,
    /// The claim in words.
    pub text: String,
    /// What it was bound to, case by case.
    pub holds: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub because: String,
    /// Where it depends: on what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Where it is undecided: what would decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// What was measured.
    pub measured: Vec<MeasuredReport>,
    /// The cases of the claim, where it has several.
    pub cases: Vec<CaseReport>,
    /// A course of events that shows why it does not hold.
    pub counterexample: Option<ExampleReport>,
}

/// One case of a claim.
#[derive(Clone, Debug, Serialize)]
pub struct CaseReport {
    /// Its name.
    pub case: String,
    /// What became of it.
    pub verdict: Verdict,
}

/// One measured value.
#[derive(Clone, Debug, Serialize)]
pub struct MeasuredReport {
    /// What was measured.
    pub what: String,
    /// The design.
    pub design: String,
    /// The engine.
    pub engine: &'static str,
    /// `s` or nothing.
    pub unit: &'static str,
    /// The value.
    pub value: Estimate,
}

/// A course of events that `replay` reproduces.
#[derive(Clone, Debug, Serialize)]
pub struct ExampleReport {
    /// The file of the scenario.
    pub scenario: String,
    /// What is changed in it.
    pub set: Vec<String>,
    /// The fault script.
    pub script: String,
    /// The seed.
    pub seed: u64,
    /// The replication.
    pub replication: u64,
    /// The command that plays it, where the script lies in a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Everything that happens.
    pub timeline: serde_json::Value,
    /// The same for people.
    #[serde(skip)]
    pub lines: String,
}

impl ExampleReport {
    /// An example with its timeline; of the signals only these are told.
    pub fn new(
        scenario: String,
        set: Vec<String>,
        script: String,
        seed: u64,
        timeline: &Timeline,
        signals: &[String],
        services: &[String],
    ) -> ExampleReport {
        ExampleReport {
            scenario,
            set,
            script,
            seed,
            replication: timeline.replication(),
            command: None,
            timeline: timeline.lines_as_json(services, signals),
            lines: timeline.lines(services, Some(signals)),
        }
    }
}

impl ClaimsReport {
    /// A report of these claims.
    pub fn new(claims: Vec<ClaimReport>, interrupted: bool) -> ClaimsReport {
        let count = |verdict| {
            claims
                .iter()
                .filter(|claim| claim.verdict == verdict)
                .count()
        };
        ClaimsReport {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            interrupted,
            summary: Verdict::ALL
                .map(|verdict| (verdict.word(), count(verdict)))
                .into(),
            claims,
        }
    }
}

impl ClaimReport {
    /// What became of a claim of a document, with an example where there is one.
    pub fn new(document: &str, answer: &Answer<'_>, example: Option<ExampleReport>) -> ClaimReport {
        let (claim, judged) = (answer.claim, &answer.judged);
        let facts = &judged.facts;
        let (holds, because) = match &claim.binding {
            Binding::Unbound(reason) => (Vec::new(), reason.clone()),
            Binding::Holds(cases) => {
                let holds = cases.iter().map(|case| case.text.clone()).collect();
                (holds, because(facts, judged.verdict))
            }
        };
        ClaimReport {
            document: document.to_owned(),
            id: claim.id.clone(),
            source: claim.source.clone(),
            section: claim.section.clone(),
            text: claim.text.clone(),
            holds,
            verdict: judged.verdict,
            because,
            condition: (judged.verdict == Verdict::Depends)
                .then(|| condition(&judged.cases, facts)),
            decided_by: (judged.verdict == Verdict::Undecided).then(|| decided_by(facts)),
            measured: facts
                .iter()
                .flat_map(measured)
                .map(MeasuredReport::of)
                .collect(),
            cases: judged.cases.iter().map(CaseReport::of).collect(),
            counterexample: example,
        }
    }
}

impl CaseReport {
    fn of((case, truth): &(String, Truth)) -> CaseReport {
        CaseReport {
            case: case.clone(),
            verdict: truth.verdict(),
        }
    }
}

impl MeasuredReport {
    fn of(measured: &Measured) -> MeasuredReport {
        MeasuredReport {
            what: measured.what.clone(),
            design: measured.design.clone(),
            engine: measured.engine,
            unit: if measured.seconds { "s" } else { "" },
            value: measured.value,
        }
    }
}

fn measured(fact: &Fact) -> &[Measured] {
    match &fact.about {
        About::Values(comparison) => &comparison.measured,
        _ => &[],
    }
}

/// The facts behind a verdict: of those that decide it each once.
fn because(facts: &[Fact], verdict: Verdict) -> String {
    let decisive = |fact: &&Fact| match verdict {
        Verdict::Refuted => fact.supports() == Truth::No,
        Verdict::Undecided => fact.supports() == Truth::Unknown,
        _ => true,
    };
    let mut chosen: Vec<&Fact> = facts.iter().filter(decisive).collect();
    if chosen.is_empty() {
        chosen = facts.iter().collect();
    }
    let mut sentences: Vec<(String, Vec<&'static str>)> = Vec::new();
    for fact in chosen {
        let sentence = match fact.case.as_str() {
            "" => sentence(fact),
            case => format!("{case}: {}", sentence(fact)),
        };
        let how = match &fact.about {
            About::Loss(found) => Some(found.how.words()),
            _ => None,
        };
        // Losses that differ only in how they come are told together.
        match sentences.iter_mut().find(|(known, _)| *known == sentence) {
            Some((_, ways)) => {
                let new = how.filter(|how| !ways.contains(how));
                ways.extend(new);
            }
            None => sentences.push((sentence, how.into_iter().collect())),
        }
    }
    let told = |(sentence, ways): &(String, Vec<&str>)| match ways.is_empty() {
        true => sentence.clone(),
        false => format!("{sentence} {}", ways.join(", ")),
    };
    sentences.iter().map(told).collect::<Vec<_>>().join("; ")
}

fn sentence(fact: &Fact) -> String {
    match &fact.about {
        About::Loss(found) => of_loss(found),
        About::Course {
            when,
            condition,
            script,
            held,
            of,
        } => {
            let when = match when {
                When::Always => "all the time",
                When::Ever => "at some time",
                When::AtEnd => "at the end",
            };
            let share = match (*held, *of) {
                (0, _) => "never".to_owned(),
                (held, of) if held == of => "always".to_owned(),
                (held, of) => format!("in {held} of {of} replications"),
            };
            format!("in `{script}`, `{condition}` holds {when}: {share}")
        }
        About::Values(comparison) => of_values(comparison, fact.truth),
        About::Times(times) => of_times(times),
    }
}

/// What is left after a loss; how it came is told after it.
fn of_loss(found: &LossFound) -> String {
    let (word, back) = match found.asked {
        Asked::Survives => ("served", ""),
        Asked::Readable => ("readable", ""),
        Asked::Returns => ("served again", " and the return"),
    };
    let nodes = match found.nodes {
        1 => "1 node".to_owned(),
        n => format!("{n} nodes"),
    };
    let service = &found.service;
    let failing: Vec<&(Vec<String>, f64)> = found
        .choices
        .iter()
        .filter(|(_, share)| *share < 1.0)
        .collect();
    let always = failing.iter().all(|(_, share)| *share == 0.0);
    let (count, total) = (failing.len(), found.choices.len());
    if count == 0 && total > 1 {
        return format!("{service} is {word} after every loss{back} of {nodes}");
    }
    if count == 0 {
        let lost = found
            .choices
            .first()
            .map_or(String::new(), |(lost, _)| braces(lost));
        return format!("{service} is {word} after the loss{back} of {lost}");
    }
    if count == total && total > NAMED && always {
        return format!("{service} is not {word} after any loss{back} of {nodes}");
    }
    let named: Vec<String> = failing
        .iter()
        .take(NAMED)
        .map(|choice| named(choice))
        .collect();
    let more = if count > NAMED { " and others" } else { "" };
    let of = match total {
        1 => String::new(),
        total => format!(" ({count} of {total} choices)"),
    };
    let named = named.join(" or ");
    format!("{service} is not {word} after the loss{back} of {named}{more}{of}")
}

fn braces(nodes: &[String]) -> String {
    format!("{{{}}}", nodes.join(", "))
}

fn named((nodes, share): &(Vec<String>, f64)) -> String {
    match *share {
        0.0 => braces(nodes),
        share => format!(
            "{} ({} of phases)",
            braces(nodes),
            numbers::percent(1.0 - share)
        ),
    }
}

fn of_values(comparison: &Comparison, truth: Truth) -> String {
    let mut parts: Vec<String> = comparison.measured.iter().map(value).collect();
    if parts.len() > 1 || parts.is_empty() {
        let (left, right) = (&comparison.left, &comparison.right);
        let number = |estimate: &Estimate| amount(estimate.estimate, comparison.seconds);
        parts.push(format!("{} against {}", number(left), number(right)));
    }
    let mut text = parts.join(", ");
    if truth == Truth::No && !comparison.causes.is_empty() {
        let causes = comparison.causes.iter().take(CAUSES);
        let shares: Vec<String> = causes
            .map(|cause| format!("{} {}", numbers::percent(cause.share), cause.cause))
            .collect();
        let _ = write!(text, "; of the downtime {}", shares.join(", "));
    }
    text
}

/// E.g. `availability(login) in four is 99.98% (99.97%..99.99%, simulate)`.
fn value(measured: &Measured) -> String {
    let Measured {
        what,
        design,
        engine,
        value,
        seconds,
    } = measured;
    let of = if what.contains(" in ") {
        String::new()
    } else {
        format!(" in {design}")
    };
    if what.starts_with("availability(") {
        let (text, interval) = numbers::availability(&value.complement());
        let exact = interval.split("..").all(|end| text.starts_with(end));
        let interval = if exact {
            String::new()
        } else {
            format!("{interval}, ")
        };
        return format!("{what}{of} is {text} ({interval}{engine})");
    }
    let number = |x: f64| amount(x, *seconds);
    if value.low == value.high {
        return format!("{what}{of} is {} ({engine})", number(value.estimate));
    }
    format!(
        "{what}{of} is {} ({}..{}, {engine})",
        number(value.estimate),
        number(value.low),
        number(value.high)
    )
}

fn amount(value: f64, seconds: bool) -> String {
    match (seconds, value.is_finite()) {
        (true, true) => numbers::length(value),
        (true, false) => "for ever".to_owned(),
        (false, _) => numbers::significant(value, 4),
    }
}

fn of_times(times: &TimesFound) -> String {
    let [least, median, most] = times.times_s.map(|time| amount(time, true));
    let spread = if least == most {
        least
    } else {
        format!("{least} to {most}, half of them within {median}")
    };
    let held = numbers::percent(times.held as f64 / times.of.max(1) as f64);
    format!(
        "{}: {spread}; it holds in {held} of {} replications",
        times.text, times.of
    )
}

/// What a claim that depends, depends on.
fn condition(cases: &[(String, Truth)], facts: &[Fact]) -> String {
    let (mut holds, mut not) = (Vec::new(), Vec::new());
    if cases.is_empty() {
        for fact in facts {
            match fact.supports() {
                Truth::Yes | Truth::Depends => holds.push(label(fact)),
                Truth::No => not.push(label(fact)),
                Truth::Unknown => {}
            }
        }
    } else {
        for (case, truth) in cases {
            match truth {
                Truth::Yes => holds.push(case.clone()),
                Truth::No => not.push(case.clone()),
                Truth::Depends => holds.push(format!("{case} (in part)")),
                Truth::Unknown => {}
            }
        }
    }
    let mut text = format!("it holds: {}", join(&holds));
    if !not.is_empty() {
        let _ = write!(text, "; not: {}", join(&not));
    }
    text
}

fn join(labels: &[String]) -> String {
    if labels.is_empty() {
        "nowhere".to_owned()
    } else {
        labels.join(", ")
    }
}

fn label(fact: &Fact) -> String {
    let share = |held: u64, of: u64| {
        let share = held as f64 / of.max(1) as f64;
        let share = if fact.contrary { 1.0 - share } else { share };
        format!("in {} of replications", numbers::percent(share))
    };
    match &fact.about {
        About::Loss(found) => format!("{} lost {}", found.nodes, found.how.words()),
        About::Course { held, of, .. } => share(*held, *of),
        About::Values(comparison) => comparison.text.clone(),
        About::Times(times) => share(times.held, times.of),
    }
}

/// What would decide a claim that is undecided.
fn decided_by(facts: &[Fact]) -> String {
    let more = facts.iter().filter_map(|fact| match &fact.about {
        About::Values(comparison) => comparison.more,
        _ => None,
    });
    match more.fold(0.0, f64::max) {
        0.0 => "the value lies on the bound: no number of replications decides".to_owned(),
        times => format!(
            "about {} times as many replications (--replications)",
            numbers::grouped(times.ceil().min(1e15) as u64)
        ),
    }
}

/// Verdicts with their reasons for people.
pub fn human(report: &ClaimsReport, examples: bool) -> String {
    let mut text = String::new();
    let mut document = "";
    for claim in &report.claims {
        if claim.document != document {
            document = &claim.document;
            let _ = writeln!(text, "{document}: {}", summary(report, document));
        }
        let line = format!(
            "{:<6} {:<9}  {}",
            claim.id,
            claim.verdict.word(),
            claim.text
        );
        text.push_str(&hanging(&line));
        for detail in [
            Some(&claim.because),
            claim.condition.as_ref(),
            claim.decided_by.as_ref(),
        ]
        .into_iter()
        .flatten()
        {
            text.push_str(&indented(detail));
        }
        if let Some(example) = claim.counterexample.as_ref().filter(|_| examples) {
            text.push_str(&example.lines);
            text.push('\n');
        }
    }
    if report.interrupted {
        text.push_str("stopped: the rest was not checked\n");
    }
    text
}

/// Where the words of a claim begin, and of what is said of it.
const INDENT: usize = 18;
const WIDTH: usize = 100;

fn indented(detail: &str) -> String {
    hanging(&format!("{:INDENT$}{detail}", ""))
}

/// A line that is broken between words; what is continued is indented.
fn hanging(line: &str) -> String {
    let mut text = String::new();
    let mut length = 0;
    for (index, word) in line.split(' ').enumerate() {
        let long = word.chars().count();
        if index > 0 && length > INDENT && length + 1 + long > WIDTH {
            let _ = write!(text, "\n{:INDENT$}", "");
            length = INDENT;
        } else if index > 0 {
            text.push(' ');
            length += 1;
        }
        text.push_str(word);
        length += long;
    }
    text.push('\n');
    text
}

fn summary(report: &ClaimsReport, document: &str) -> String {
    let claims = || {
        report
            .claims
            .iter()
            .filter(|claim| claim.document == document)
    };
    let counts: Vec<String> = Verdict::ALL
        .into_iter()
        .map(|verdict| {
            (
                verdict,
                claims().filter(|claim| claim.verdict == verdict).count(),
            )
        })
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {}", verdict.word()))
        .collect();
    format!("{} claims: {}", claims().count(), counts.join(", "))
}

/// A row for each claim.
pub fn markdown(report: &ClaimsReport) -> String {
    let mut text =
        String::from("| claim | says | verdict | because |\n| --- | --- | --- | --- |\n");
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    for claim in &report.claims {
        let details = [
            Some(&claim.because),
            claim.condition.as_ref(),
            claim.decided_by.as_ref(),
        ];
        let because: Vec<&str> = details.into_iter().flatten().map(String::as_str).collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            cell(&claim.id),
            cell(&claim.text),
            claim.verdict.word(),
            cell(&because.join("; "))
        );
    }
    text
}

/// A row `id,verdict,text,because` for each claim.
pub fn csv(report: &ClaimsReport) -> String {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let mut write = |row: [&str; 5]| writer.write_record(row).expect("memory takes every row");
    write(["document", "id", "verdict", "text", "because"]);
    for claim in &report.claims {
        write([
            &claim.document,
            &claim.id,
            claim.verdict.word(),
            &claim.text,
            &claim.because,
        ]);
    }
    let bytes = writer.into_inner().expect("memory takes every row");
    String::from_utf8(bytes).expect("only text was written")
}
