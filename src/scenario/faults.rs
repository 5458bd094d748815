//! Fault scripts: what `quorate replay` does to a cluster, and when.
//!
//! ```toml
//! [[fault]]
//! at = "60s"                    # or at = ["60s", "62s"]: uniform between the two
//! do = "power_off"
//! nodes = ["server1"]
//!
//! [[fault]]
//! after = { signal = "vip", is = ["server2"], plus = "1s" }
//! do = "start"
//! nodes = ["server1"]
//! ```

use super::document::{self, Item, Value};
use super::error::{Origin, Result, ScenarioError};
use super::reader::{self, Reader};
use crate::automaton::{KillTarget, Nanos};

/// At most this many faults in one script.
const MAX_FAULTS: usize = 10_000;
/// How long the timeline goes on after the last fault, where the script does not say.
const DEFAULT_TAIL: Nanos = Nanos(300 * 1_000_000_000);

/// A list of names, each with its place in the file.
pub type Names = Vec<(String, Origin)>;

/// A checked fault script. Names of nodes and processes are looked up by the model.
#[derive(Clone, Debug)]
pub struct FaultScript {
    /// What it shows, in words.
    pub name: String,
    /// The end of the timeline.
    pub until: Nanos,
    /// The faults, in the order of the file.
    pub faults: Vec<Fault>,
}

/// One fault.
#[derive(Clone, Debug)]
pub struct Fault {
    /// When it happens.
    pub when: When,
    /// What happens.
    pub action: Action,
    /// Where the fault stands in the file.
    pub origin: Origin,
}

/// When a fault happens.
#[derive(Clone, Debug)]
pub enum When {
    /// At this time, or anywhere between two times (a fresh phase for each replication).
    At { low: Nanos, high: Nanos },
    /// So long after a signal has had these members for the first time since
    /// the previous fault of the script.
    After {
        signal: String,
        is: Names,
        plus: Nanos,
        origin: Origin,
    },
}

/// What happens.
#[derive(Clone, Debug)]
pub enum Action {
    /// To whole nodes, or to one process on them.
    Do {
        verb: Verb,
        nodes: Names,
        process: Option<(String, Origin)>,
    },
    /// A cable is pulled, or packets are filtered (`carrier = true`).
    CutNodes { nodes: Names, carrier: bool },
    /// The path between two places; "clients" is where the users are.
    CutLink((String, Origin), (String, Origin)),
    /// The network falls into these groups; "clients" may be a member of one.
    Partition(Vec<Names>),
    /// Cuts are undone: of these nodes, or all.
    Heal(Names),
    /// The cut of one path is undone.
    HealLink((String, Origin), (String, Origin)),
    /// Something happens that comes by chance, e.g. `rack1.failure`.
    Happen((String, Origin)),
    /// A round of maintenance begins.
    Maintain { name: (String, Origin), bad: bool },
    /// A person acts.
    Operator {
        protocol: Option<(String, Origin)>,
        action: (String, Origin),
        nodes: Names,
    },
}

/// What is done to a node or a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Nodes only.
    PowerOff,
    /// Nodes only.
    Crash,
    /// Processes only.
    Kill(KillTarget),
    /// Either.
    Stop,
    /// Either.
    Start,
    /// Processes only: a stop and a start.
    Restart,
    /// Either.
    Freeze,
    /// Either.
    Thaw,
}

#[derive(Clone, Copy)]
enum Word {
    Verb(Verb),
    Cut,
    Heal,
    Partition,
    Operator,
    Maintain,
    Happen,
}

const WORDS: [(&str, Word); 14] = [
    ("power_off", Word::Verb(Verb::PowerOff)),
    ("crash", Word::Verb(Verb::Crash)),
    ("kill", Word::Verb(Verb::Kill(KillTarget::All))),
    ("stop", Word::Verb(Verb::Stop)),
    ("start", Word::Verb(Verb::Start)),
    ("restart", Word::Verb(Verb::Restart)),
    ("freeze", Word::Verb(Verb::Freeze)),
    ("thaw", Word::Verb(Verb::Thaw)),
    ("cut", Word::Cut),
    ("heal", Word::Heal),
    ("partition", Word::Partition),
    ("operator", Word::Operator),
    ("maintain", Word::Maintain),
    ("happen", Word::Happen),
];

/// Reads a fault script.
pub fn script(name: &str, text: &str) -> Result<FaultScript> {
    let item = document::parse(name, text)?;
    let r = Reader::new(&item, "a fault script")?;
    if let Some(schema) = r.item("schema") {
        reader::integer(schema, 1, 1)?;
    }
    let title = r.text_if_any("name")?.unwrap_or(name).to_owned();
    let until = r.item("until");
    let list = r.list_if_any("fault")?;
    if let Some(extra) = list.get(MAX_FAULTS) {
        return Err(ScenarioError::at(
            &extra.origin,
            format!("a script of {} faults is too long", list.len()),
            format!("at most {MAX_FAULTS} are possible"),
        ));
    }
    let faults = list.iter().map(fault).collect::<Result<Vec<_>>>()?;
    r.finish()?;
    Ok(FaultScript {
        name: title,
        until: end(until, &faults)?,
        faults,
    })
}

/// The end of the timeline: what the script says, or some minutes after its
/// last fault, as far as that can be known beforehand.
fn end(until: Option<&Item>, faults: &[Fault]) -> Result<Nanos> {
    let last = faults
        .iter()
        .fold(Nanos::ZERO, |last, fault| match &fault.when {
            When::At { high, .. } => last.max(*high),
            When::After { plus, .. } => last + *plus,
        });
    let Some(item) = until else {
        return Ok(last + DEFAULT_TAIL);
    };
    let until = reader::duration(item)?;
    let late = faults
        .iter()
        .find(|fault| matches!(fault.when, When::At { high, .. } if high > until));
    match late {
        None => Ok(until),
        Some(fault) => Err(ScenarioError::at(
            &fault.origin,
            "this fault would happen after the end of the script",
            format!("the script ends at {until}"),
        )
        .help("let `until` be later, or leave it out")),
    }
}

fn fault(item: &Item) -> Result<Fault> {
    let r = Reader::new(item, "a fault")?;
    let when = when(&r)?;
    let word_item = r.required("do")?;
    let action = match reader::word(word_item, &WORDS)? {
        Word::Verb(verb) => verb_action(&r, verb, word_item)?,
        Word::Cut => cut(&r)?,
        Word::Heal => match r.item("link") {
            Some(item) => {
                let (a, b) = link(item)?;
                Action::HealLink(a, b)
            }
            None => Action::Heal(r.item("nodes").map_or(Ok(Vec::new()), names)?),
        },
        Word::Partition => Action::Partition(groups(r.required("groups")?)?),
        Word::Happen => Action::Happen(name(r.required("event")?)?),
        Word::Maintain => Action::Maintain {
            name: name(r.required("name")?)?,
            bad: r.flag_if_any("bad")?.unwrap_or(false),
        },
        Word::Operator => Action::Operator {
            protocol: r.item("protocol").map(name).transpose()?,
            action: name(r.required("action")?)?,
            nodes: r.item("nodes").map_or(Ok(Vec::new()), members)?,
        },
    };
    r.finish()?;
    Ok(Fault {
        when,
        action,
        origin: item.origin.clone(),
    })
}

fn when(r: &Reader<'_>) -> Result<When> {
    match (r.item("at"), r.item("after")) {
        (Some(item), None) => match &item.value {
            Value::Array(pair) => window(item, pair),
            _ => {
                let at = reader::duration(item)?;
                Ok(When::At { low: at, high: at })
            }
        },
        (None, Some(item)) => {
            let t = Reader::new(item, "`after`")?;
            let signal = t.required("signal")?;
            let when = When::After {
                signal: reader::text(signal)?.to_owned(),
                is: members(t.required("is")?)?,
                plus: t.duration_if_any("plus")?.unwrap_or(Nanos::ZERO),
                origin: signal.origin.clone(),
            };
            t.finish()?;
            Ok(when)
        }
        _ => Err(ScenarioError::at(r.origin(), "a fault needs either `at` or `after`, and not both", "this fault")
            .help("write at = \"60s\", or after = { signal = \"vip\", is = [\"server2\"], plus = \"1s\" }")),
    }
}

/// `["60s", "62s"]`: somewhere between the two.
fn window(item: &Item, pair: &[Item]) -> Result<When> {
    let [first, second] = pair else {
        return Err(ScenarioError::at(
            &item.origin,
            "a window of time has two ends",
            format!("{} here", pair.len()),
        )
        .help("write at = [\"60s\", \"62s\"]"));
    };
    let (low, high) = (reader::duration(first)?, reader::duration(second)?);
    if low > high {
        return Err(ScenarioError::at(
            &second.origin,
            "the second time is before the first",
            "the earlier one",
        ));
    }
    Ok(When::At { low, high })
}

fn groups(item: &Item) -> Result<Vec<Names>> {
    let groups: Vec<Names> = reader::list(item)?
        .iter()
        .map(names)
        .collect::<Result<_>>()?;
    if groups.is_empty() {
        return Err(
            ScenarioError::at(&item.origin, "a partition has at least one group", "empty")
                .help("nodes that no group names form one more"),
        );
    }
    let mut all: Vec<&(String, Origin)> = groups.iter().flatten().collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    match all.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        None => Ok(groups),
        Some(pair) => Err(ScenarioError::at(
            &pair[1].1,
            format!("`{}` is in a partition twice", pair[1].0),
            "here again",
        )),
    }
}

fn verb_action(r: &Reader<'_>, verb: Verb, word_item: &Item) -> Result<Action> {
    let process = r.item("process").map(name).transpose()?;
    let verb = match verb {
        Verb::Kill(_) => {
            const TARGETS: [(&str, KillTarget); 3] = [
                ("all", KillTarget::All),
                ("parent", KillTarget::Parent),
                ("child", KillTarget::Child),
            ];
            Verb::Kill(r.word_if_any("which", &TARGETS)?.unwrap_or(KillTarget::All))
        }
        other => other,
    };
    match (verb, &process) {
        (Verb::Kill(_), None) => {
            return Err(ScenarioError::at(
                &word_item.origin,
                "`kill` needs a `process`",
                "kills what?",
            )
            .help("to take a whole node away use power_off or crash"));
        }
        (Verb::Restart, None) => {
            return Err(ScenarioError::at(
                &word_item.origin,
                "`restart` needs a `process`",
                "restarts what?",
            )
            .help("to reboot a node, stop it and start it when it would be back"));
        }
        (Verb::PowerOff | Verb::Crash, Some((_, origin))) => {
            return Err(ScenarioError::at(
                origin,
                "a process cannot lose power or crash like a node",
                "a process",
            )
            .help("use kill, stop or freeze for a process"));
        }
        _ => {}
    }
    Ok(Action::Do {
        verb,
        nodes: names(r.required("nodes")?)?,
        process,
    })
}

fn cut(r: &Reader<'_>) -> Result<Action> {
    match (r.item("nodes"), r.item("link")) {
        (Some(item), None) => Ok(Action::CutNodes {
            nodes: names(item)?,
            carrier: r.flag_if_any("carrier")?.unwrap_or(false),
        }),
        (None, Some(item)) => {
            let (a, b) = link(item)?;
            Ok(Action::CutLink(a, b))
        }
        _ => Err(ScenarioError::at(
            r.origin(),
            "`cut` needs either `nodes` or `link`, and not both",
            "this fault",
        )),
    }
}

fn link(item: &Item) -> Result<((String, Origin), (String, Origin))> {
    let ends = names(item)?;
    match <[(String, Origin); 2]>::try_from(ends) {
        Ok([a, b]) if a.0 == b.0 => Err(ScenarioError::at(
            &b.1,
            "a link has two different ends",
            "the same again",
        )),
        Ok([a, b]) => Ok((a, b)),
        Err(ends) => Err(ScenarioError::at(
            &item.origin,
            "a link has two ends",
            format!("{} here", ends.len()),
        )
        .help("write link = [\"server1\", \"server2\"]")),
    }
}

fn name(item: &Item) -> Result<(String, Origin)> {
    Ok((reader::text(item)?.to_owned(), item.origin.clone()))
}

/// Names of nodes, or none: a script may wait until a signal has no members.
fn members(item: &Item) -> Result<Names> {
    Ok(reader::texts(item)?
        .into_iter()
        .map(|(text, origin)| (text.to_owned(), origin.clone()))
        .collect())
}

fn names(item: &Item) -> Result<Names> {
    let names = members(item)?;
    if names.is_empty() {
        return Err(ScenarioError::at(
            &item.origin,
            "at least one name is needed here",
            "empty",
        ));
    }
    Ok(names)
}
