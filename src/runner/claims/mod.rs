//! Holds the claims of a document against its designs.
//!
//! A claim is judged by facts alone: losses of nodes and fault scripts are replayed with
//! fresh phases, numbers come from runs with their intervals. Nothing here knows what
//! anybody expects.

mod compare;
mod courses;
mod evidence;
mod finding;
mod losses;
mod values;

use super::{RunError, Watcher};
use crate::scenario::claims::language::{
    CourseTest, CourseTime, How, LossTest, Quantity, Statement, When, Who, Word,
};
use crate::scenario::claims::{Binding, Case, ClaimBook, ClaimSpec};
use crate::scenario::error::ScenarioError;
use crate::scenario::expression::parse_condition;
use crate::scenario::faults::FaultScript;
use crate::scenario::nearest::suggestion;
use crate::scenario::{Files, Scenario};
use courses::{Course, Watched};
use evidence::Evidence;
pub use finding::{
    About, Comparison, Example, Fact, Judged, LossFound, Measured, TimesFound, Truth, Verdict,
};
use losses::Question;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// A design that claims speak of, ready to be run.
pub struct Design<'a> {
    /// Its name in the claims.
    pub name: String,
    /// Its scenario.
    pub scenario: Scenario,
    /// Where the scenario finds its files.
    pub files: &'a dyn Files,
}

impl Design<'_> {
    /// Its nodes by name.
    fn nodes(&self) -> Vec<String> {
        let nodes = self.scenario.nodes.iter();
        nodes.map(|node| node.name.clone()).collect()
    }
}

/// How much is tried.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The seed instead of the scenarios' own.
    pub seed: Option<u64>,
    /// Replications of runs instead of the scenarios' own.
    pub replications: Option<u64>,
    /// Replications of each fault script and each loss, with fresh phases.
    pub plays: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            seed: None,
            replications: None,
            plays: 40,
        }
    }
}

/// Fault scripts by the names that claims use: the text, and what it says.
pub type Scripts = BTreeMap<String, (String, FaultScript)>;

/// What became of one claim.
pub struct Answer<'b> {
    /// The claim.
    pub claim: &'b ClaimSpec,
    /// What was found.
    pub judged: Judged,
}

/// Judges the claims of a book that `asked` for. Stops at the first claim after somebody
/// asks for it, with what is there by then; then the second value is true.
pub fn judge<'b>(
    book: &'b ClaimBook,
    designs: &[Design<'_>],
    scripts: &Scripts,
    settings: Settings,
    asked: &dyn Fn(&ClaimSpec) -> bool,
    watcher: &dyn Watcher,
) -> Result<(Vec<Answer<'b>>, bool), RunError> {
    let names = book.designs.iter().map(|design| design.name.as_str());
    let mut judge = Judge {
        designs,
        names: names.collect(),
        scripts,
        settings,
        evidence: Evidence::new(settings, designs.len(), watcher),
    };
    let claims: Vec<&ClaimSpec> = book.claims.iter().filter(|claim| asked(claim)).collect();
    for claim in &claims {
        judge.check(claim)?;
    }
    let mut answers = Vec::new();
    for claim in &claims {
        if watcher.stop().load(Ordering::Relaxed) {
            return Ok((answers, true));
        }
        let judged = judge.claim(claim)?;
        answers.push(Answer { claim, judged });
        watcher.progress(answers.len() as u64, claims.len() as u64);
    }
    Ok((answers, false))
}

struct Judge<'a> {
    designs: &'a [Design<'a>],
    names: Vec<&'a str>,
    scripts: &'a Scripts,
    settings: Settings,
    evidence: Evidence<'a>,
}

impl Judge<'_> {
    fn claim(&mut self, claim: &ClaimSpec) -> Result<Judged, RunError> {
        let Binding::Holds(cases) = &claim.binding else {
            return Ok(Judged {
                verdict: Verdict::Unbound,
                cases: Vec::new(),
                facts: Vec::new(),
            });
        };
        let mut facts = Vec::new();
        let mut truths = Vec::new();
        for case in cases {
            let from = facts.len();
            let truth = self.statement(case, &case.statement, &mut facts)?;
            facts[from..]
                .iter_mut()
                .for_each(|fact| fact.case.clone_from(&case.name));
            truths.push((case.name.clone(), truth));
        }
        let truth = Truth::of_cases(truths.iter().map(|(_, truth)| *truth));
        Ok(Judged {
            verdict: truth.verdict(),
            cases: if truths.len() > 1 { truths } else { Vec::new() },
            facts,
        })
    }

    fn statement(
        &mut self,
        case: &Case,
        statement: &Statement,
        facts: &mut Vec<Fact>,
    ) -> Result<Truth, RunError> {
        match statement {
            Statement::And(parts) => {
                let mut truth = Truth::Yes;
                for part in parts {
                    truth = truth.and(self.statement(case, part, facts)?);
                }
                Ok(truth)
            }
            Statement::Or(parts) => {
                let mut truth = Truth::No;
                for part in parts {
                    truth = truth.or(self.statement(case, part, facts)?);
                }
                Ok(truth)
            }
            Statement::Not(inner) => {
                let from = facts.len();
                let truth = self.statement(case, inner, facts)?;
                facts[from..]
                    .iter_mut()
                    .for_each(|fact| fact.contrary ^= true);
                Ok(truth.contrary())
            }
            Statement::Loss(test) => self.loss(case, test, facts),
            Statement::Course(test) => {
                let fact = self.course_test(case, test)?;
                let truth = fact.truth;
                facts.push(fact);
                Ok(truth)
            }
            Statement::Compare(compared) => {
                let fact = self.compare(case, compared)?;
                let truth = fact.truth;
                facts.push(fact);
                Ok(truth)
            }
        }
    }

    fn loss(
        &mut self,
        case: &Case,
        test: &LossTest,
        facts: &mut Vec<Fact>,
    ) -> Result<Truth, RunError> {
        let index = self.design_of(case, test.design.as_ref());
        let design = &self.designs[index];
        let choices = match &test.who {
            Who::Any(count) => losses::choices(&design.nodes(), *count)?,
            Who::These(nodes) => vec![nodes.iter().map(|node| node.text.clone()).collect()],
        };
        let service = self.service(case, index, &test.service)?;
        let question = Question {
            design: (index, design),
            asked: test.asked,
            service,
            seed: self.seed(index),
            replications: self.settings.plays,
        };
        let one = choices.first().map_or(0, Vec::len) == 1;
        let ways: &[How] = match &test.how {
            Some(how) => std::slice::from_ref(how),
            // One node is lost at once and in sequence alike.
            None if one => &[How::AtOnce, How::Stopped],
            None => &How::DOWN,
        };
        let mut truths = Vec::new();
        for how in ways {
            let fact = losses::test(&question, *how, &choices)?;
            truths.push(fact.truth);
            facts.push(fact);
        }
        Ok(Truth::of_cases(truths))
    }

    fn course_test(&mut self, case: &Case, test: &CourseTest) -> Result<Fact, RunError> {
        let index = self.design_of(case, test.design.as_ref());
        let courses = self.watched(case, index, &test.script, &test.condition)?;
        let holds: Vec<bool> = courses
            .iter()
            .map(|course| course.holds(test.when))
            .collect();
        let held = holds.iter().filter(|holds| **holds).count();
        // `ever` is about what can happen, the others are about what does.
        let truth = match held {
            0 => Truth::No,
            held if held == holds.len() => Truth::Yes,
            _ if test.when == When::Ever => Truth::Yes,
            _ => Truth::Depends,
        };
        let shows = holds.iter().position(|holds| !holds).unwrap_or(0);
        Ok(Fact {
            case: String::new(),
            contrary: false,
            design: self.designs[index].name.clone(),
            about: About::Course {
                when: test.when,
                condition: test.condition.text.clone(),
                script: test.script.text.clone(),
                held: held as u64,
                of: holds.len() as u64,
            },
            truth,
            example: Some(Example {
                design: index,
                script: self.scripts[&test.script.text].0.clone(),
                replication: shows as u64,
                services: Vec::new(),
            }),
        })
    }

    /// How a condition fares in the course of a script.
    fn watched(
        &self,
        case: &Case,
        index: usize,
        script: &Word,
        condition: &Word,
    ) -> Result<Vec<Course>, RunError> {
        let parsed = parse_condition(&condition.text).map_err(|error| {
            RunError::Scenario(case.wrong(&condition.span, error.message, None))
        })?;
        let watched = Watched::Condition(&parsed, case.place(&condition.span));
        self.play(index, &watched, script)
    }

    /// How what a time is about fares in the course of a script.
    fn course(
        &self,
        case: &Case,
        index: usize,
        which: CourseTime,
        script: &Word,
        subject: &Word,
    ) -> Result<Vec<Course>, RunError> {
        match which {
            CourseTime::TimeTo | CourseTime::TimeWhile => {
                self.watched(case, index, script, subject)
            }
            CourseTime::Recovery | CourseTime::Interruption => {
                let service = self.service(case, index, subject)?;
                self.play(index, &Watched::Service(service), script)
            }
        }
    }

    fn play(
        &self,
        index: usize,
        watched: &Watched<'_>,
        script: &Word,
    ) -> Result<Vec<Course>, RunError> {
        let (_, script) = &self.scripts[&script.text];
        let (seed, plays) = (self.seed(index), self.settings.plays);
        let mut played = courses::play(&self.designs[index], watched, &[script], seed, plays)?;
        Ok(played.pop().unwrap_or_default())
    }

    fn seed(&self, index: usize) -> u64 {
        let own = self.designs[index].scenario.run.seed;
        self.settings.seed.unwrap_or(own)
    }

    fn design_of(&self, case: &Case, named: Option<&Word>) -> usize {
        let named = named.and_then(|word| self.names.iter().position(|name| *name == word.text));
        named.unwrap_or(case.design)
    }

    fn service(&self, case: &Case, index: usize, word: &Word) -> Result<usize, RunError> {
        let services = &self.designs[index].scenario.services;
        let found = services
            .iter()
            .position(|service| service.name == word.text);
        found.ok_or_else(|| {
            let message = format!("`{}` has no service `{}`", self.names[index], word.text);
            let help = suggestion(&word.text, services.iter().map(|s| &s.name));
            RunError::Scenario(case.wrong(&word.span, message, help))
        })
    }

    /// Looks up every name of a claim before anything is run.
    fn check(&self, claim: &ClaimSpec) -> Result<(), RunError> {
        let Binding::Holds(cases) = &claim.binding else {
            return Ok(());
        };
        for case in cases {
            self.check_statement(case, &case.statement)?;
            let mut scripts = Vec::new();
            case.statement.scripts(&mut scripts);
            for script in scripts {
                if !self.scripts.contains_key(&script.text) {
                    let message = format!("there is no fault script `{}`", script.text);
                    let help = suggestion(&script.text, self.scripts.keys());
                    return Err(RunError::Scenario(case.wrong(&script.span, message, help)));
                }
            }
        }
        Ok(())
    }

    fn check_statement(&self, case: &Case, statement: &Statement) -> Result<(), RunError> {
        match statement {
            Statement::And(parts) | Statement::Or(parts) => parts
                .iter()
                .try_for_each(|part| self.check_statement(case, part)),
            Statement::Not(inner) => self.check_statement(case, inner),
            Statement::Loss(test) => {
                let index = self.design_of(case, test.design.as_ref());
                self.service(case, index, &test.service)?;
                match &test.who {
                    Who::Any(_) => Ok(()),
                    Who::These(nodes) => nodes
                        .iter()
                        .try_for_each(|node| self.check_node(case, index, node)),
                }
            }
            Statement::Course(_) => Ok(()),
            Statement::Compare(_) => {
                let mut measures = Vec::new();
                statement.measures(&mut measures);
                measures.into_iter().try_for_each(|measure| {
                    let index = self.design_of(case, measure.design.as_ref());
                    self.check_quantity(case, index, &measure.what)
                })
            }
        }
    }

    fn check_quantity(&self, case: &Case, index: usize, what: &Quantity) -> Result<(), RunError> {
        match what {
            Quantity::OfService(_, service)
            | Quantity::Lengths(_, service, _)
            | Quantity::Course(CourseTime::Recovery | CourseTime::Interruption, _, service, _) => {
                self.service(case, index, service).map(|_| ())
            }
            Quantity::Tally(name) => {
                let tallies = &self.designs[index].scenario.tallies;
                if tallies.iter().any(|tally| tally.name == name.text) {
                    return Ok(());
                }
                let message = format!("`{}` has no tally `{}`", self.names[index], name.text);
                let help = suggestion(&name.text, tallies.iter().map(|t| &t.name));
                Err(RunError::Scenario(case.wrong(&name.span, message, help)))
            }
            Quantity::Load(..) | Quantity::Course(..) => Ok(()),
        }
    }

    fn check_node(&self, case: &Case, index: usize, node: &Word) -> Result<(), RunError> {
        let nodes = self.designs[index].nodes();
        if nodes.contains(&node.text) {
            return Ok(());
        }
        let message = format!("`{}` has no node `{}`", self.names[index], node.text);
        let help = suggestion(&node.text, &nodes);
        let error: Box<ScenarioError> = case.wrong(&node.span, message, help);
        Err(RunError::Scenario(error))
    }
}
