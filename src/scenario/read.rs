//! Reads a scenario file and checks everything that can be checked without a model.

use super::document::{self, Item, Value};
use super::error::{Origin, Result, ScenarioError};
use super::expression::{self, RESERVED};
use super::nearest::suggestion;
use super::overrides;
use super::parameters::{Parameters, in_expression, located_set};
use super::reader::{self, Reader};
use super::{
    Battery, Claim, Component, ComponentKind, Crew, Demand, Files, Group, Hits, NodeSpec,
    OperatorSpec, PartitionSpec, ProcessSpec, ProtocolSpec, RestartRule, RunSettings, Scenario,
    ServiceSpec, Shock, SignalSpec, Split, TallySpec, delay, library,
};
use crate::automaton::{Distribution, MAX_NODES, Nanos};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The version of the scenario format that this program reads.
pub const SCHEMA: i64 = 1;
/// At most this many processes, services, protocols and the like in one scenario.
const MAX_ENTRIES: usize = 1000;
/// The longest horizon of one replication, in years.
const MAX_HORIZON_YEARS: f64 = 200.0;

/// What the reader has to know of the protocols: each kind and its model file.
pub type Catalogue<'a> = &'a [(&'static str, &'static str)];

/// What surrounds the scenario file.
pub struct Surroundings<'a> {
    /// Finds the files that the scenario names.
    pub files: &'a dyn Files,
    /// The protocols that exist.
    pub catalogue: Catalogue<'a>,
    /// A failure profile instead of the scenario's own: a name or a path.
    pub profile: Option<&'a str>,
    /// `--set` arguments: path and value.
    pub overrides: &'a [(String, String)],
}

/// Reads and checks a scenario.
pub fn scenario(name: &str, text: &str, around: &Surroundings<'_>) -> Result<Scenario> {
    let mut item = document::parse(name, text)?;
    for (path, value) in around.overrides {
        overrides::apply(&mut item, path, value)?;
    }
    let r = Reader::new(&item, "a scenario")?;
    let schema = r.required("schema")?;
    if reader::integer(schema, 0, i64::MAX)? != SCHEMA {
        return Err(ScenarioError::at(
            &schema.origin,
            "this scenario has another schema than this program reads",
            "unknown schema",
        )
        .help(format!("this program reads schema = {SCHEMA}")));
    }
    let profile = Profile::find(&r, around)?;
    let run = run_settings(&r)?;
    let crews = crews(&r)?;
    let (nodes, groups, mut components) = nodes(&r, &profile, &crews, around)?;
    let names = NodeNames { nodes: &nodes, groups: &groups };
    components.extend(components_of(&r, &names, around)?);
    components.extend(profile.components(&names, around)?);
    let mut shocks = shocks_of(&r, &names, around)?;
    shocks.extend(profile.shocks(&names, around)?);
    let mut partitions = partitions_of(&r, &names, around)?;
    partitions.extend(profile.partitions(&names, around)?);
    let scenario = Scenario {
        name: r.text("name")?.to_owned(),
        description: r.text_if_any("description")?.unwrap_or_default().to_owned(),
        profile: profile.name.clone(),
        run,
        crews,
        components,
        shocks,
        partitions,
        processes: processes(&r, &names, around)?,
        protocols: protocols(&r, &names, around)?,
        signals: signals(&r)?,
        operators: operators(&r, around)?,
        services: services(&r)?,
        tallies: tallies(&r)?,
        claims: claims(&r)?,
        fingerprint: fingerprint(text, around, profile.text.as_deref()),
        groups,
        nodes,
    };
    r.finish()?;
    Ok(scenario)
}

fn fingerprint(text: &str, around: &Surroundings<'_>, profile: Option<&str>) -> u64 {
    // DefaultHasher::new() has fixed keys: the same text, the same hash.
    let mut hasher = DefaultHasher::new();
    (text, around.overrides, profile).hash(&mut hasher);
    hasher.finish()
}

/// A failure profile: defaults for nodes, and trouble that nodes share.
struct Profile {
    name: Option<String>,
    text: Option<String>,
    item: Option<Item>,
}

impl Profile {
    fn find(r: &Reader<'_>, around: &Surroundings<'_>) -> Result<Profile> {
        let own = r.item("profile");
        let (name, origin) = match (around.profile, own) {
            (Some(name), _) => (name.to_owned(), r.origin().clone()),
            (None, Some(item)) => (reader::text(item)?.to_owned(), item.origin.clone()),
            (None, None) => return Ok(Profile { name: None, text: None, item: None }),
        };
        let (file, text) = match library::profile(&name) {
            Some(text) => (format!("models/profiles/{name}.toml"), text.to_owned()),
            None => match around.files.read(&name) {
                Ok(text) => (name.clone(), text),
                Err(_) => {
                    return Err(ScenarioError::at(
                        &origin,
                        format!("there is no failure profile `{name}`"),
                        "neither built in nor a readable file",
                    )
                    .maybe_help(suggestion(&name, library::profile_names())));
                }
            },
        };
        let item = document::parse(&file, &text)?;
        let p = Reader::new(&item, "a failure profile")?;
        for key in ["name", "description", "node", "component", "shock", "partition", "reference"] {
            let _ = p.item(key);
        }
        p.finish()?;
        Ok(Profile { name: Some(name), text: Some(text), item: Some(item) })
    }

    fn node_default(&self, key: &str) -> Option<&Item> {
        let Some(Item { value: Value::Table(table), .. }) = &self.item else {
            return None;
        };
        match &table.get("node")?.value {
            Value::Table(node) => node.get(key),
            _ => None,
        }
    }

    fn reader(&self) -> Result<Option<Reader<'_>>> {
        self.item.as_ref().map(|item| Reader::new(item, "a failure profile")).transpose()
    }

    fn components(&self, names: &NodeNames<'_>, around: &Surroundings<'_>) -> Result<Vec<Component>> {
        self.reader()?.map_or(Ok(Vec::new()), |r| components_of(&r, names, around))
    }

    fn shocks(&self, names: &NodeNames<'_>, around: &Surroundings<'_>) -> Result<Vec<Shock>> {
        self.reader()?.map_or(Ok(Vec::new()), |r| shocks_of(&r, names, around))
    }

    fn partitions(&self, names: &NodeNames<'_>, around: &Surroundings<'_>) -> Result<Vec<PartitionSpec>> {
        self.reader()?.map_or(Ok(Vec::new()), |r| partitions_of(&r, names, around))
    }
}

fn run_settings(r: &Reader<'_>) -> Result<RunSettings> {
    let mut run = RunSettings {
        horizon: Nanos::from_seconds(10.0 * Nanos::SECONDS_PER_YEAR),
        warm_up: Nanos::ZERO,
        replications: 1000,
        seed: 1,
        confidence: 0.95,
        max_events: 1_000_000_000,
    };
    let Some(item) = r.item("run") else {
        return Ok(run);
    };
    let t = Reader::new(item, "[run]")?;
    if let Some(horizon) = t.item("horizon") {
        run.horizon = reader::duration(horizon)?;
        if run.horizon == Nanos::ZERO || run.horizon.years() > MAX_HORIZON_YEARS {
            return Err(ScenarioError::at(
                &horizon.origin,
                "the horizon of a replication must be longer than zero and at most 200 years",
                "here",
            )
            .help("for more simulated time ask for more replications"));
        }
    }
    if let Some(warm_up) = t.duration_if_any("warm_up")? {
        run.warm_up = warm_up;
    }
    if let Some(n) = t.integer_if_any("replications", 1, 1_000_000_000)? {
        run.replications = n as u64;
    }
    if let Some(seed) = t.integer_if_any("seed", 0, i64::MAX)? {
        run.seed = seed as u64;
    }
    if let Some(item) = t.item("confidence") {
        run.confidence = reader::share(item)?;
        if !(0.5..=0.9999).contains(&run.confidence) {
            return Err(ScenarioError::at(&item.origin, "a confidence level lies between 0.5 and 0.9999", "here"));
        }
    }
    if let Some(n) = t.integer_if_any("max_events", 1, 1_000_000_000_000)? {
        run.max_events = n as u64;
    }
    t.finish()?;
    Ok(run)
}

fn crews(r: &Reader<'_>) -> Result<Vec<Crew>> {
    let mut crews: Vec<Crew> = Vec::new();
    for item in r.list_if_any("crew")? {
        let t = Reader::new(item, "a crew")?;
        let name = new_name(t.required("name")?, crews.iter().map(|c| c.name.as_str()))?;
        let size = t.integer_if_any("size", 1, 1000)?.unwrap_or(1) as usize;
        t.finish()?;
        crews.push(Crew { name, size });
    }
    Ok(crews)
}

type NodesAndGroups = (Vec<NodeSpec>, Vec<Group>, Vec<Component>);

fn nodes(
    r: &Reader<'_>,
    profile: &Profile,
    crews: &[Crew],
    around: &Surroundings<'_>,
) -> Result<NodesAndGroups> {
    let mut nodes: Vec<NodeSpec> = Vec::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut common_causes = Vec::new();
    let list = r.required("node")?;
    for item in reader::list(list)? {
        let t = Reader::new(item, "a node")?;
        let name_item = t.required("name")?;
        let taken = nodes.iter().map(|n| n.name.as_str()).chain(groups.iter().map(|g| g.name.as_str()));
        let name = new_name(name_item, taken)?;
        let count_item = t.item("count");
        let count = count_item.map_or(Ok(1), |i| reader::integer(i, i64::MIN, i64::MAX))?;
        let total = i64::try_from(nodes.len()).unwrap_or(i64::MAX).saturating_add(count);
        if count < 1 || total > MAX_NODES as i64 {
            let at = count_item.map_or(&name_item.origin, |i| &i.origin);
            return Err(ScenarioError::at(
                at,
                format!("{count} nodes are not possible"),
                format!("a scenario has 1 to {MAX_NODES} nodes"),
            ));
        }
        let beta = match t.item("beta").or(profile.node_default("beta")) {
            Some(item) => reader::share(item)?,
            None => 0.0,
        };
        let crew = crew_of(&t, crews)?;
        let failure = node_time(&t, profile, "failure", Some("never"), around)?;
        let repair = node_time(&t, profile, "repair", None, around)?;
        let boot = node_time(&t, profile, "boot", Some("0s"), around)?;
        t.finish()?;
        let group = groups.len();
        let first = nodes.len();
        for index in 0..count {
            let node = if count_item.is_some() { format!("{name}{}", index + 1) } else { name.clone() };
            nodes.push(NodeSpec {
                name: node,
                group,
                failure: without_common_part(&failure, beta),
                repair: repair.clone(),
                boot: boot.clone(),
                crew,
            });
        }
        let members: Vec<usize> = (first..nodes.len()).collect();
        if beta > 0.0 && count > 1 {
            common_causes.push(common_cause(&name, &members, beta, &failure, &repair));
        }
        groups.push(Group { name, members });
    }
    if nodes.is_empty() {
        return Err(ScenarioError::at(&list.origin, "a scenario needs at least one node", "empty"));
    }
    Ok((nodes, groups, common_causes))
}

/// The share `1 - beta` of the failures that a node has for itself.
fn without_common_part(failure: &Distribution, beta: f64) -> Distribution {
    if beta <= 0.0 {
        return failure.clone();
    }
    if beta >= 1.0 {
        return Distribution::Never;
    }
    Distribution::Scaled { factor: 1.0 / (1.0 - beta), base: Box::new(failure.clone()) }
}

/// Beta factor (Fleming 1974): the share `beta` of the failures hits the whole group.
fn common_cause(
    group: &str,
    members: &[usize],
    beta: f64,
    failure: &Distribution,
    repair: &Distribution,
) -> Component {
    Component {
        name: format!("{group}_common_cause"),
        kind: ComponentKind::Power,
        nodes: members.to_vec(),
        failure: Distribution::Scaled { factor: 1.0 / beta, base: Box::new(failure.clone()) },
        repair: repair.clone(),
        battery: None,
    }
}

fn node_time(
    t: &Reader<'_>,
    profile: &Profile,
    key: &str,
    default: Option<&str>,
    around: &Surroundings<'_>,
) -> Result<Distribution> {
    match t.item(key).or(profile.node_default(key)) {
        Some(item) => delay::distribution(item, around.files),
        None => match (key, default) {
            (_, Some("never")) => Ok(Distribution::Never),
            (_, Some(_)) => Ok(Distribution::Deterministic { value: 0.0 }),
            // A node that never fails needs no repair.
            ("repair", None) if t.item("failure").or(profile.node_default("failure")).is_none() => {
                Ok(Distribution::Never)
            }
            _ => Err(ScenarioError::at(
                t.origin(),
                format!("a node that fails needs `{key}`"),
                format!("`{key}` is missing here"),
            )
            .help("give it here, or name a failure profile: profile = \"textbook-99\"")),
        },
    }
}

fn crew_of(t: &Reader<'_>, crews: &[Crew]) -> Result<Option<usize>> {
    let Some(item) = t.item("crew") else {
        return Ok(None);
    };
    let name = reader::text(item)?;
    let index = crews.iter().position(|c| c.name == name).ok_or_else(|| {
        ScenarioError::at(&item.origin, format!("there is no crew `{name}`"), "unknown crew")
            .maybe_help(suggestion(name, crews.iter().map(|c| c.name.as_str())))
    })?;
    Ok(Some(index))
}

/// Looks up nodes and groups by name.
struct NodeNames<'a> {
    nodes: &'a [NodeSpec],
    groups: &'a [Group],
}

impl NodeNames<'_> {
    /// The nodes that a text or a list of texts names; all where there is none.
    fn resolve(&self, item: Option<&Item>) -> Result<Vec<usize>> {
        let Some(item) = item else {
            return Ok((0..self.nodes.len()).collect());
        };
        let mut found = Vec::new();
        for (name, origin) in reader::texts(item)? {
            let members = self.one(name, origin)?;
            for member in members {
                if found.contains(&member) {
                    return Err(ScenarioError::at(
                        origin,
                        format!("`{}` is listed twice", self.nodes[member].name),
                        "here again",
                    ));
                }
                found.push(member);
            }
        }
        if found.is_empty() {
            return Err(ScenarioError::at(&item.origin, "at least one node is needed here", "empty"));
        }
        Ok(found)
    }

    fn one(&self, name: &str, origin: &Origin) -> Result<Vec<usize>> {
        if let Some(group) = self.groups.iter().find(|g| g.name == name) {
            return Ok(group.members.clone());
        }
        if let Some(index) = self.nodes.iter().position(|n| n.name == name) {
            return Ok(vec![index]);
        }
        let known = self.groups.iter().map(|g| g.name.as_str()).chain(self.nodes.iter().map(|n| n.name.as_str()));
        Err(ScenarioError::at(origin, format!("there is no node or group `{name}`"), "unknown")
            .maybe_help(suggestion(name, known)))
    }
}

fn components_of(r: &Reader<'_>, names: &NodeNames<'_>, around: &Surroundings<'_>) -> Result<Vec<Component>> {
    const KINDS: [(&str, ComponentKind); 3] = [
        ("power", ComponentKind::Power),
        ("switch", ComponentKind::Switch),
        ("site", ComponentKind::Site),
    ];
    let mut components: Vec<Component> = Vec::new();
    for item in r.list_if_any("component")? {
        let t = Reader::new(item, "a component")?;
        let name = new_name(t.required("name")?, components.iter().map(|c| c.name.as_str()))?;
        let component = Component {
            name,
            kind: reader::word(t.required("kind")?, &KINDS)?,
            nodes: names.resolve(t.item("nodes"))?,
            failure: delay::distribution(t.required("failure")?, around.files)?,
            repair: delay::distribution(t.required("repair")?, around.files)?,
            battery: t.item("battery").map(battery).transpose()?,
        };
        t.finish()?;
        components.push(component);
    }
    Ok(components)
}

fn battery(item: &Item) -> Result<Battery> {
    let t = Reader::new(item, "a battery")?;
    let battery = Battery {
        autonomy: reader::duration(t.required("autonomy")?)?,
        fail_on_demand: t.share_if_any("fail_on_demand")?.unwrap_or(0.0),
    };
    t.finish()?;
    Ok(battery)
}

fn shocks_of(r: &Reader<'_>, names: &NodeNames<'_>, around: &Surroundings<'_>) -> Result<Vec<Shock>> {
    let mut shocks: Vec<Shock> = Vec::new();
    for item in r.list_if_any("shock")? {
        let t = Reader::new(item, "a shock")?;
        let name = new_name(t.required("name")?, shocks.iter().map(|s| s.name.as_str()))?;
        let shock = Shock {
            name,
            every: delay::distribution(t.required("every")?, around.files)?,
            nodes: names.resolve(t.item("nodes"))?,
            hits: hits(&t)?,
        };
        t.finish()?;
        shocks.push(shock);
    }
    Ok(shocks)
}

fn hits(t: &Reader<'_>) -> Result<Hits> {
    match (t.item("hits"), t.item("sizes")) {
        (Some(item), None) => Ok(Hits::Each(reader::share(item)?)),
        (None, Some(item)) => {
            let mut sizes = Vec::new();
            for entry in reader::list(item)? {
                let s = Reader::new(entry, "a size")?;
                let size = reader::integer(s.required("nodes")?, 1, MAX_NODES as i64)? as usize;
                let weight = reader::positive(s.required("weight")?)?;
                s.finish()?;
                sizes.push((size, weight));
            }
            if sizes.is_empty() {
                return Err(ScenarioError::at(&item.origin, "at least one size is needed", "empty"));
            }
            Ok(Hits::Sizes(sizes))
        }
        _ => Err(ScenarioError::at(
            t.origin(),
            "a shock needs either `hits` (a probability for each node) or `sizes`",
            "here",
        )),
    }
}

fn partitions_of(r: &Reader<'_>, names: &NodeNames<'_>, around: &Surroundings<'_>) -> Result<Vec<PartitionSpec>> {
    let mut partitions: Vec<PartitionSpec> = Vec::new();
    for item in r.list_if_any("partition")? {
        let t = Reader::new(item, "a partition")?;
        let name = new_name(t.required("name")?, partitions.iter().map(|p| p.name.as_str()))?;
        let split = match (t.item("split"), t.item("groups")) {
            (Some(item), None) => reader::word(item, &[("one_node", 0), ("halves", 1)])
                .map(|which| if which == 0 { Split::OneNode } else { Split::Halves })?,
            (None, Some(item)) => {
                let groups = reader::list(item)?;
                Split::Groups(groups.iter().map(|g| names.resolve(Some(g))).collect::<Result<_>>()?)
            }
            _ => {
                return Err(ScenarioError::at(
                    t.origin(),
                    "a partition needs either `split` (\"one_node\" or \"halves\") or `groups`",
                    "here",
                ));
            }
        };
        let partition = PartitionSpec {
            name,
            every: delay::distribution(t.required("every")?, around.files)?,
            lasts: delay::distribution(t.required("lasts")?, around.files)?,
            split,
        };
        t.finish()?;
        partitions.push(partition);
    }
    Ok(partitions)
}

fn processes(r: &Reader<'_>, names: &NodeNames<'_>, around: &Surroundings<'_>) -> Result<Vec<ProcessSpec>> {
    const RULES: [(&str, RestartRule); 4] = [
        ("no", RestartRule::No),
        ("on-failure", RestartRule::OnFailure),
        ("on-abnormal", RestartRule::OnAbnormal),
        ("always", RestartRule::Always),
    ];
    let mut processes = Vec::new();
    let mut origins = Vec::new();
    for (name, origin, item) in named_tables(r, "process")? {
        let t = Reader::new(item, "a process")?;
        let time = |key: &str, default: f64| match t.item(key) {
            Some(item) => delay::distribution(item, around.files),
            None => Ok(Distribution::Deterministic { value: default }),
        };
        let words = |key: &str| -> Result<Vec<String>> {
            t.item(key).map_or(Ok(Vec::new()), |item| {
                Ok(reader::texts(item)?.into_iter().map(|(name, _)| name.to_owned()).collect())
            })
        };
        let process = ProcessSpec {
            name: name.to_owned(),
            nodes: names.resolve(t.item("on"))?,
            requires: words("requires")?,
            after: words("after")?,
            start: time("start", 0.0)?,
            stop: time("stop", 0.0)?,
            restart: t.word_if_any("restart", &RULES)?.unwrap_or(RestartRule::No),
            // systemd.service(5): RestartSec=100ms; systemd.unit(5): 5 starts in 10 s.
            restart_delay: t.duration_if_any("restart_delay")?.unwrap_or(Nanos(100_000_000)),
            start_limit_burst: t.integer_if_any("start_limit_burst", 0, 10_000)?.unwrap_or(5) as u32,
            start_limit_interval: t.duration_if_any("start_limit_interval")?.unwrap_or(Nanos(10_000_000_000)),
            enabled: t.flag_if_any("enabled")?.unwrap_or(true),
            failure: match t.item("failure") {
                Some(item) => delay::distribution(item, around.files)?,
                None => Distribution::Never,
            },
            start_timeout: t.duration_if_any("start_timeout")?,
            ready: t.item("ready").map(located_set).transpose()?,
        };
        t.finish()?;
        processes.push(process);
        origins.push((origin, item));
    }
    check_dependencies(&processes, &origins)?;
    Ok(processes)
}

/// Every name in `requires` and `after` exists, and nothing depends on itself.
fn check_dependencies(processes: &[ProcessSpec], origins: &[(&Origin, &Item)]) -> Result<()> {
    let find = |name: &str| processes.iter().position(|p| p.name == name);
    let needs = |p: &ProcessSpec| -> Vec<String> { p.requires.iter().chain(&p.after).cloned().collect() };
    for (process, (origin, item)) in processes.iter().zip(origins) {
        for name in needs(process) {
            if find(&name).is_none() {
                let at = dependency_origin(item, &name).unwrap_or(origin);
                return Err(ScenarioError::at(
                    at,
                    format!("`{}` depends on `{name}`, which is no process here", process.name),
                    "unknown process",
                )
                .maybe_help(suggestion(&name, processes.iter().map(|p| p.name.as_str()))));
            }
        }
    }
    for (start, (origin, item)) in origins.iter().enumerate() {
        let mut seen = vec![false; processes.len()];
        let mut open = vec![(start, vec![processes[start].name.clone()])];
        while let Some((at, path)) = open.pop() {
            for next in needs(&processes[at]).iter().filter_map(|name| find(name)) {
                if next == start {
                    let first = path.get(1).unwrap_or(&path[0]);
                    let place = dependency_origin(item, first).unwrap_or(origin);
                    return Err(ScenarioError::at(
                        place,
                        format!("a cycle of `requires`: {} -> {}", path.join(" -> "), processes[start].name),
                        "none of them could ever start",
                    ));
                }
                if !seen[next] {
                    seen[next] = true;
                    let mut longer = path.clone();
                    longer.push(processes[next].name.clone());
                    open.push((next, longer));
                }
            }
        }
    }
    Ok(())
}

fn dependency_origin<'a>(item: &'a Item, name: &str) -> Option<&'a Origin> {
    let Value::Table(table) = &item.value else {
        return None;
    };
    ["requires", "after"].iter().find_map(|key| {
        let texts = reader::texts(table.get(key)?).ok()?;
        texts.into_iter().find(|(text, _)| *text == name).map(|(_, origin)| origin)
    })
}

fn protocols(r: &Reader<'_>, names: &NodeNames<'_>, around: &Surroundings<'_>) -> Result<Vec<ProtocolSpec>> {
    let mut protocols = Vec::new();
    for (name, origin, item) in named_tables(r, "protocol")? {
        let Value::Table(table) = &item.value else {
            return Err(ScenarioError::at(&item.origin, "a protocol must be a table", "here"));
        };
        let kind_item = table.get("kind").ok_or_else(|| {
            ScenarioError::at(origin, format!("protocol `{name}` needs `kind`"), "`kind` is missing here")
                .maybe_help(suggestion(name, around.catalogue.iter().map(|(kind, _)| *kind)))
        })?;
        let kind = reader::text(kind_item)?;
        let (_, defaults) = around.catalogue.iter().find(|(known, _)| *known == kind).ok_or_else(|| {
            ScenarioError::at(&kind_item.origin, format!("there is no protocol `{kind}`"), "unknown protocol")
                .maybe_help(suggestion(kind, around.catalogue.iter().map(|(kind, _)| *kind)))
        })?;
        let defaults = document::parse(&format!("models/{kind}.toml"), defaults)?;
        protocols.push(ProtocolSpec {
            name: name.to_owned(),
            kind: kind.to_owned(),
            nodes: names.resolve(table.get("on"))?,
            parameters: Parameters::new(name, &defaults, item)?,
        });
    }
    Ok(protocols)
}

fn signals(r: &Reader<'_>) -> Result<Vec<SignalSpec>> {
    named_tables(r, "signals")?
        .into_iter()
        .map(|(name, _, item)| {
            let located = located_set(item)?;
            Ok(SignalSpec {
                name: name.to_owned(),
                expression: located.expression,
                origin: located.origin,
            })
        })
        .collect()
}

fn operators(r: &Reader<'_>, around: &Surroundings<'_>) -> Result<Vec<OperatorSpec>> {
    let mut operators: Vec<OperatorSpec> = Vec::new();
    for (name, _, item) in named_tables(r, "operator")? {
        let t = Reader::new(item, "an operator")?;
        let when = t.required("when")?;
        let action = t.required("action")?;
        operators.push(OperatorSpec {
            name: name.to_owned(),
            when: condition(when)?,
            when_origin: when.origin.clone(),
            notices: delay::distribution(t.required("notices")?, around.files)?,
            acts: delay::distribution(t.required("acts")?, around.files)?,
            protocol: t.text("protocol")?.to_owned(),
            action: reader::text(action)?.to_owned(),
            action_origin: action.origin.clone(),
        });
        t.finish()?;
    }
    Ok(operators)
}

fn condition(item: &Item) -> Result<expression::Condition> {
    expression::parse_condition(reader::text(item)?)
        .map_err(|e| in_expression(&item.origin, &e.span, e.message, e.help))
}

fn services(r: &Reader<'_>) -> Result<Vec<ServiceSpec>> {
    let mut services = Vec::new();
    for (name, _, item) in named_tables(r, "service")? {
        let t = Reader::new(item, "a service")?;
        let up = t.required("up")?;
        let read_only = match t.item("read_only") {
            Some(item) => Some((condition(item)?, item.origin.clone())),
            None => None,
        };
        let success = t
            .item("success")
            .map(|i| {
                expression::parse_share(reader::text(i)?)
                    .map(|share| (share, i.origin.clone()))
                    .map_err(|e| in_expression(&i.origin, &e.span, e.message, e.help))
            })
            .transpose()?;
        services.push(ServiceSpec {
            name: name.to_owned(),
            up: condition(up)?,
            up_origin: up.origin.clone(),
            read_only,
            success,
            demand: t.item("demand").map_or(Ok(Demand::default()), demand)?,
            claimed: t.share_if_any("claimed")?,
        });
        t.finish()?;
    }
    Ok(services)
}

/// `{ rate = "50/s", busy = "25% of one node" }`
fn demand(item: &Item) -> Result<Demand> {
    let t = Reader::new(item, "a demand")?;
    let rate_per_s = reader::rate(t.required("rate")?)?;
    let busy_nodes = match t.item("busy") {
        None => 0.0,
        Some(busy) => {
            let text = reader::text(busy)?;
            let number = text.trim().strip_suffix("of one node").unwrap_or(text).trim();
            let value = number.strip_suffix('%').map(|n| n.trim().parse::<f64>());
            match value {
                Some(Ok(percent)) if (0.0..=100_000.0).contains(&percent) => percent / 100.0,
                _ => {
                    return Err(ScenarioError::at(&busy.origin, "this is no share of a node", "here")
                        .help("write for example \"25% of one node\""));
                }
            }
        }
    };
    t.finish()?;
    Ok(Demand { rate_per_s, busy_nodes })
}

fn tallies(r: &Reader<'_>) -> Result<Vec<TallySpec>> {
    let mut tallies = Vec::new();
    for (name, _, item) in named_tables(r, "tally")? {
        let t = Reader::new(item, "a tally")?;
        let of = t.required("of")?;
        let text = reader::text(of)?;
        tallies.push(TallySpec {
            name: name.to_owned(),
            of: expression::parse_count(text)
                .map_err(|e| in_expression(&of.origin, &e.span, e.message, e.help))?,
            origin: of.origin.clone(),
        });
        t.finish()?;
    }
    Ok(tallies)
}

fn claims(r: &Reader<'_>) -> Result<Vec<Claim>> {
    let mut claims: Vec<Claim> = Vec::new();
    for item in r.list_if_any("claim")? {
        let t = Reader::new(item, "a claim")?;
        let id_item = t.required("id")?;
        let id = reader::text(id_item)?.to_owned();
        if claims.iter().any(|c| c.id == id) {
            return Err(ScenarioError::at(&id_item.origin, format!("two claims are named `{id}`"), "here again"));
        }
        claims.push(Claim { id, text: t.text("text")?.to_owned() });
        t.finish()?;
    }
    Ok(claims)
}

/// The tables under `[key.NAME]`, their names checked.
fn named_tables<'a>(r: &Reader<'a>, key: &str) -> Result<Vec<(&'a str, &'a Origin, &'a Item)>> {
    let Some(item) = r.item(key) else {
        return Ok(Vec::new());
    };
    let outer = Reader::new(item, &format!("[{key}]"))?;
    let entries: Vec<_> = outer.entries().collect();
    if entries.len() > MAX_ENTRIES {
        return Err(ScenarioError::at(
            &item.origin,
            format!("[{key}] has {} entries; at most {MAX_ENTRIES} are possible", entries.len()),
            "too many",
        ));
    }
    for (name, origin, _) in &entries {
        check_name(name, origin)?;
    }
    Ok(entries)
}

fn new_name<'a>(item: &Item, taken: impl IntoIterator<Item = &'a str>) -> Result<String> {
    let name = reader::text(item)?;
    check_name(name, &item.origin)?;
    if taken.into_iter().any(|other| other == name) {
        return Err(ScenarioError::at(&item.origin, format!("the name `{name}` is taken"), "here again"));
    }
    Ok(name.to_owned())
}

/// Names must be usable in expressions.
fn check_name(name: &str, origin: &Origin) -> Result<()> {
    let first_ok = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest_ok = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    if first_ok && rest_ok && name.len() <= 64 && !RESERVED.contains(&name) {
        return Ok(());
    }
    Err(ScenarioError::at(origin, format!("`{name}` cannot be used as a name"), "here").help(
        "a name begins with a letter, has letters, digits, _ and . only, at most 64 of them, and is no word of the expression language",
    ))
}
