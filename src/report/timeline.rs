//! What a replay has shown: for people, as JSON, and as CSV for comparison with
//! the real daemons.

use super::numbers;
use crate::automaton::{Node, NodeSet, SetId};
use crate::engine::changes::{Change, What};
use crate::engine::replay::Plan;
use crate::model::Model;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The timeline of one replication, with names instead of numbers.
#[derive(Clone, Debug)]
pub struct Timeline {
    replication: u64,
    until_s: f64,
    lines: Vec<Line>,
}

#[derive(Clone, Debug)]
struct Line {
    t_s: f64,
    what: Event,
}

/// What a line tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// A fault of the script.
    Fault(String),
    /// A signal, and the nodes that it has from now on.
    Signal(String, Vec<String>),
    /// A service, its condition, and the share of requests that succeed.
    Service(String, &'static str, f64),
}

impl Timeline {
    /// Puts names to the changes of a replay.
    pub fn new<const W: usize>(
        model: &Model<W>,
        plan: &Plan<W>,
        replication: u64,
        changes: &[Change<W>],
    ) -> Timeline {
        let until_s = plan.until().seconds();
        let fault = |index| plan.fault_text(index).to_owned();
        Timeline::named(model, replication, changes, (0.0, until_s), fault)
    }

    /// Puts names to what happened by chance from one time to another; times are told from
    /// the beginning.
    pub fn of_chance<const W: usize>(
        model: &Model<W>,
        replication: u64,
        changes: &[Change<W>],
        from_s: f64,
        until_s: f64,
    ) -> Timeline {
        let nothing = |_| String::new();
        Timeline::named(model, replication, changes, (from_s, until_s), nothing)
    }

    fn named<const W: usize>(
        model: &Model<W>,
        replication: u64,
        changes: &[Change<W>],
        (from_s, until_s): (f64, f64),
        fault: impl Fn(usize) -> String,
    ) -> Timeline {
        let name = |set: NodeSet<W>| -> Vec<String> {
            set.iter()
                .map(|n: Node| model.blueprint().node_name(n).to_owned())
                .collect()
        };
        let lines = changes
            .iter()
            .map(|change| Line {
                t_s: change.at.seconds() - from_s,
                what: match change.what {
                    What::Fault(index) => Event::Fault(fault(index)),
                    What::Signal(id, value) => {
                        Event::Signal(model.blueprint().set_info(id).name.clone(), name(value))
                    }
                    What::Service(index, reading) => Event::Service(
                        model.services()[index].name.clone(),
                        reading.condition.word(),
                        reading.success,
                    ),
                },
            })
            .collect();
        Timeline {
            replication,
            until_s: until_s - from_s,
            lines,
        }
    }

    /// What happens, each with its time in seconds.
    pub fn events(&self) -> impl Iterator<Item = (f64, &Event)> {
        self.lines.iter().map(|line| (line.t_s, &line.what))
    }

    /// Every signal that it tells of.
    pub fn signals(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (_, event) in self.events() {
            if let Event::Signal(name, _) = event
                && !names.contains(name)
            {
                names.push(name.clone());
            }
        }
        names
    }

    /// Its end, in seconds.
    pub fn until_s(&self) -> f64 {
        self.until_s
    }

    /// The replication that it shows.
    pub fn replication(&self) -> u64 {
        self.replication
    }

    /// A line for each change, and one for the end. Of the services those that are asked
    /// for, of the signals these (`None`: all).
    pub fn lines(&self, services: &[String], signals: Option<&[String]>) -> String {
        let mut text = String::new();
        for line in &self.lines {
            let words = match &line.what {
                Event::Fault(fault) => format!("** {fault}"),
                Event::Signal(name, _) if signals.is_some_and(|names| !names.contains(name)) => {
                    continue;
                }
                Event::Signal(name, nodes) if nodes.is_empty() => format!("   {name} = nobody"),
                Event::Signal(name, nodes) => format!("   {name} = {}", nodes.join(", ")),
                Event::Service(name, ..) if !asked(services, name) => continue,
                Event::Service(name, state, success) if *success < 1.0 && *state == "degraded" => {
                    format!(
                        "=> {name} is degraded: {} of requests succeed",
                        numbers::percent(*success)
                    )
                }
                Event::Service(name, state, _) => {
                    format!("=> {name} is {}", state.replace('_', " "))
                }
            };
            let _ = writeln!(text, "{:>10.3} s  {words}", line.t_s);
        }
        let _ = writeln!(text, "{:>10.3} s  end", self.until_s);
        text
    }

    /// The changes of services, faults, and these signals, as JSON.
    pub fn lines_as_json(&self, services: &[String], signals: &[String]) -> serde_json::Value {
        let told = |line: &&Line| match &line.what {
            Event::Signal(name, _) => signals.contains(name),
            Event::Service(name, ..) => asked(services, name),
            Event::Fault(_) => true,
        };
        let lines: Vec<JsonLine<'_>> = self.lines.iter().filter(told).map(JsonLine::new).collect();
        serde_json::to_value(lines).unwrap_or_default()
    }
}

/// Is this service among those that are asked for? An empty list asks for all.
fn asked(services: &[String], name: &str) -> bool {
    services.is_empty() || services.iter().any(|service| service == name)
}

/// The names of the signals that these services read, for their condition and for who
/// is to blame; an empty list: all services.
pub fn signals_of_services<const W: usize>(model: &Model<W>, services: &[String]) -> Vec<String> {
    let mut ids: Vec<SetId> = Vec::new();
    for service in model.services() {
        if asked(services, &service.name) {
            service.signals(&mut ids);
            ids.push(service.blame.alive());
        }
    }
    ids.sort();
    ids.dedup();
    ids.into_iter()
        .map(|id| model.blueprint().set_info(id).name.clone())
        .collect()
}

/// A timeline for people: one line for each change, one block for each replication.
/// Of the services those that are asked for, of the signals these (`None`: all).
pub fn human(
    title: &str,
    timelines: &[Timeline],
    services: &[String],
    signals: Option<&[String]>,
) -> String {
    let mut text =
        format!("{title}\n(**: the script; =: who is in it from now on; =>: what users notice)\n");
    for timeline in timelines {
        if timelines.len() > 1 {
            let _ = writeln!(text, "\nreplication {}", timeline.replication);
        }
        text.push_str(&timeline.lines(services, signals));
    }
    text
}

#[derive(Serialize)]
struct JsonTimeline<'a> {
    schema: u32,
    replication: u64,
    until_s: f64,
    timeline: Vec<JsonLine<'a>>,
    services: BTreeMap<&'a str, Vec<JsonState<'a>>>,
    signals: BTreeMap<&'a str, Vec<JsonNodes<'a>>>,
}

#[derive(Serialize)]
struct JsonLine<'a> {
    t_s: f64,
    what: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
}

impl<'a> JsonLine<'a> {
    fn new(line: &'a Line) -> Self {
        let (what, name, nodes, state) = match &line.what {
            Event::Fault(text) => ("fault", text, None, None),
            Event::Signal(name, nodes) => ("signal", name, Some(nodes.as_slice()), None),
            Event::Service(name, state, _) => ("service", name, None, Some(*state)),
        };
        JsonLine {
            t_s: line.t_s,
            what,
            name,
            nodes,
            state,
        }
    }
}

#[derive(Serialize)]
struct JsonState<'a> {
    t_s: f64,
    state: &'a str,
    success: f64,
}

#[derive(Serialize)]
struct JsonNodes<'a> {
    t_s: f64,
    nodes: &'a [String],
}

impl<'a> JsonTimeline<'a> {
    fn new(timeline: &'a Timeline) -> Self {
        let mut json = JsonTimeline {
            schema: crate::runner::outcome::SCHEMA,
            replication: timeline.replication,
            until_s: timeline.until_s,
            timeline: Vec::new(),
            services: BTreeMap::new(),
            signals: BTreeMap::new(),
        };
        for line in &timeline.lines {
            json.add(line);
        }
        json
    }

    fn add(&mut self, line: &'a Line) {
        let t_s = line.t_s;
        match &line.what {
            Event::Fault(_) => {}
            Event::Signal(name, nodes) => {
                let change = JsonNodes { t_s, nodes };
                self.signals.entry(name).or_default().push(change);
            }
            Event::Service(name, state, success) => {
                let change = JsonState {
                    t_s,
                    state,
                    success: *success,
                };
                self.services.entry(name).or_default().push(change);
            }
        }
        self.timeline.push(JsonLine::new(line));
    }
}

/// One object for a single replication; `{"replications": [...]}` for several.
pub fn json(timelines: &[Timeline]) -> String {
    #[derive(Serialize)]
    struct Many<'a> {
        schema: u32,
        replications: Vec<JsonTimeline<'a>>,
    }
    match timelines {
        [one] => super::json::pretty(&JsonTimeline::new(one)),
        many => super::json::pretty(&Many {
            schema: crate::runner::outcome::SCHEMA,
            replications: many.iter().map(JsonTimeline::new).collect(),
        }),
    }
}

/// A row `replication,t_s,kind,name,value` for every change; nodes are separated by spaces.
pub fn csv(timelines: &[Timeline]) -> String {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let mut write = |row: [&str; 5]| writer.write_record(row).expect("memory takes every row");
    write(["replication", "t_s", "kind", "name", "value"]);
    for timeline in timelines {
        for line in &timeline.lines {
            let (replication, t_s) = (timeline.replication.to_string(), line.t_s.to_string());
            match &line.what {
                Event::Fault(text) => write([&replication, &t_s, "fault", "script", text]),
                Event::Signal(name, nodes) => {
                    write([&replication, &t_s, "signal", name, &nodes.join(" ")]);
                }
                Event::Service(name, state, _) => {
                    write([&replication, &t_s, "service", name, state])
                }
            }
        }
    }
    let bytes = writer.into_inner().expect("memory takes every row");
    String::from_utf8(bytes).expect("names and numbers are text")
}
