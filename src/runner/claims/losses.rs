//! What is left of a service after nodes are lost, and after they have come back.

use super::Design;
use super::courses::{self, Course, Watched, is_served};
use super::finding::{About, Example, Fact, LossFound, Truth};
use crate::model::measure::Condition as State;
use crate::runner::RunError;
use crate::scenario::claims::language::{Asked, CourseTime, How};
use crate::scenario::faults::{self, FaultScript};
use std::fmt::Write;

/// The first loss: late enough for the cluster to have begun.
const BEGIN_S: u64 = 3_600;
/// The first loss comes at any phase of what repeats at most so often.
const PHASE_S: u64 = 60;
/// Time after each loss in which a cluster comes to rest.
const REST_S: u64 = 4 * 3_600;
/// Choices of nodes at most.
const MAX_CHOICES: usize = 500;

/// What is asked of a service after a loss.
pub struct Question<'a> {
    /// The design, with its index.
    pub design: (usize, &'a Design<'a>),
    /// What is asked.
    pub asked: Asked,
    /// The service, by its index.
    pub service: usize,
    /// The seed and the number of replications.
    pub seed: u64,
    /// Replications for each choice.
    pub replications: u64,
}

/// Every choice of so many of the nodes, by name.
pub fn choices(nodes: &[String], count: usize) -> Result<Vec<Vec<String>>, RunError> {
    let mut found: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..count {
        found = found
            .into_iter()
            .flat_map(|chosen: Vec<usize>| {
                let next = chosen.last().map_or(0, |last| last + 1);
                (next..nodes.len()).map(move |node| {
                    let mut longer = chosen.clone();
                    longer.push(node);
                    longer
                })
            })
            .take(MAX_CHOICES + 1)
            .collect();
    }
    if found.len() > MAX_CHOICES || count > nodes.len() {
        return Err(RunError::Explore(format!(
            "there are too many or no choices of {count} of {} nodes (at most {MAX_CHOICES} are \
             tried): name the nodes that are lost, e.g. {{server1, server2}}",
            nodes.len()
        )));
    }
    let named = |choice: Vec<usize>| choice.into_iter().map(|i| nodes[i].clone()).collect();
    Ok(found.into_iter().map(named).collect())
}

/// What is found after each of these choices of nodes is lost in one way.
pub fn test(question: &Question<'_>, how: How, choices: &[Vec<String>]) -> Result<Fact, RunError> {
    let played = question.play(how, choices)?;
    let failing = played.iter().position(|(share, _)| *share == 0.0);
    let doubtful = played.iter().position(|(share, _)| *share < 1.0);
    let shown = failing.or(doubtful).unwrap_or(0);
    let example = choices.get(shown).map(|nodes| Example {
        design: question.design.0,
        script: script(how, nodes, question.asked == Asked::Returns),
        replication: played[shown].1.unwrap_or(0),
        services: vec![question.name().to_owned()],
    });
    let shares = choices
        .iter()
        .cloned()
        .zip(played.iter().map(|(share, _)| *share));
    Ok(Fact {
        case: String::new(),
        contrary: false,
        design: question.design.1.name.clone(),
        about: About::Loss(LossFound {
            asked: question.asked,
            service: question.name().to_owned(),
            how,
            nodes: choices.first().map_or(0, Vec::len),
            choices: shares.collect(),
        }),
        truth: match (failing, doubtful) {
            (Some(_), _) => Truth::No,
            (None, Some(_)) => Truth::Depends,
            (None, None) => Truth::Yes,
        },
        example,
    })
}

impl Question<'_> {
    fn name(&self) -> &str {
        &self.design.1.scenario.services[self.service].name
    }

    /// For each choice the share of replications after which the service is as asked, and
    /// the first in which it is not.
    fn play(&self, how: How, choices: &[Vec<String>]) -> Result<Vec<(f64, Option<u64>)>, RunError> {
        let as_asked = |course: &Course| match self.asked {
            Asked::Survives | Asked::Returns => is_served(course.at_end()),
            Asked::Readable => course.at_end() <= State::ReadOnly,
        };
        let of_choice = |courses: Vec<Course>| {
            let held = courses.iter().filter(|course| as_asked(course)).count();
            let first = courses.iter().position(|course| !as_asked(course));
            let share = held as f64 / courses.len().max(1) as f64;
            (share, first.map(|index| index as u64))
        };
        let played = self.courses(how, choices)?;
        Ok(played.into_iter().map(of_choice).collect())
    }

    fn courses(&self, how: How, choices: &[Vec<String>]) -> Result<Vec<Vec<Course>>, RunError> {
        let back = self.asked == Asked::Returns;
        let scripts: Vec<FaultScript> = choices
            .iter()
            .map(|nodes| faults::script("loss.toml", &script(how, nodes, back)))
            .collect::<Result<_, _>>()
            .map_err(RunError::Scenario)?;
        let scripts: Vec<&FaultScript> = scripts.iter().collect();
        let watched = Watched::Service(self.service);
        courses::play(
            self.design.1,
            &watched,
            &scripts,
            self.seed,
            self.replications,
        )
    }

    /// The least loss at one instant after which the service is down at rest; where there
    /// is none, the node whose loss interrupts it for the longest time.
    pub fn least_loss(&self) -> Result<Option<Example>, RunError> {
        let nodes: Vec<String> = self.design.1.nodes();
        let mut longest: Option<(f64, Example)> = None;
        for count in 1..=nodes.len() {
            let Ok(choices) = choices(&nodes, count) else {
                break;
            };
            let played = self.courses(How::AtOnce, &choices)?;
            for (choice, courses) in choices.iter().zip(played) {
                let shows = Example {
                    design: self.design.0,
                    script: script(How::AtOnce, choice, false),
                    replication: 0,
                    services: vec![self.name().to_owned()],
                };
                let Some(course) = courses.first() else {
                    continue;
                };
                if !is_served(course.at_end()) {
                    return Ok(Some(shows));
                }
                let down_s = course.time_s(CourseTime::Interruption);
                if down_s > longest.as_ref().map_or(0.0, |(most, _)| *most) {
                    longest = Some((down_s, shows));
                }
            }
        }
        Ok(longest.map(|(_, shows)| shows))
    }
}

/// A fault script that loses these nodes, and brings them back where that is asked.
pub fn script(how: How, nodes: &[String], back: bool) -> String {
    let list = |nodes: &[String]| {
        let quoted: Vec<String> = nodes.iter().map(|node| format!("\"{node}\"")).collect();
        format!("[{}]", quoted.join(", "))
    };
    let (lose, bring) = match how {
        How::AtOnce | How::InSequence => ("power_off", "start"),
        How::Stopped => ("stop", "start"),
        How::CutOff => ("cut", "heal"),
    };
    let stages: Vec<&[String]> = match how {
        How::AtOnce | How::CutOff => vec![nodes],
        How::InSequence | How::Stopped => nodes.chunks(1).collect(),
    };
    let mut text = format!(
        "name = \"loss of {} {}{}\"\n",
        nodes.join(", "),
        how.words(),
        if back { ", and return" } else { "" }
    );
    let losses = stages.len() as u64;
    let end = BEGIN_S + PHASE_S + REST_S * (losses + u64::from(back));
    let _ = writeln!(text, "until = \"{end}s\"");
    let mut fault = |verb: &str, at: u64, nodes: &[String]| {
        let late = at + PHASE_S;
        let _ = write!(
            text,
            "\n[[fault]]\nat = [\"{at}s\", \"{late}s\"]\ndo = \"{verb}\"\nnodes = {}\n",
            list(nodes)
        );
    };
    for (index, stage) in stages.iter().enumerate() {
        fault(lose, BEGIN_S + REST_S * index as u64, stage);
    }
    if back {
        fault(bring, BEGIN_S + REST_S * losses, nodes);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn every_choice_comes_once() {
        let of_four = choices(&names(&["a", "b", "c", "d"]), 2).expect("few");
        assert_eq!(of_four.len(), 6);
        assert_eq!(of_four[5], names(&["c", "d"]));
        assert!(choices(&names(&["a"]), 2).is_err());
    }

    #[test]
    fn scripts_are_read() {
        for how in [How::AtOnce, How::InSequence, How::Stopped, How::CutOff] {
            for back in [false, true] {
                let text = script(how, &names(&["a", "b"]), back);
                let read = faults::script("loss.toml", &text);
                assert!(read.is_ok(), "{text}");
            }
        }
    }
}
