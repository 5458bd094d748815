//! `[load]` and the `demand` of a service: the work, where it lands, and what
//! nodes can bear.

use super::names::named_tables;
use crate::scenario::ServiceSpec;
use crate::scenario::document::{self, Item, Value};
use crate::scenario::error::{Origin, Result, ScenarioError};
use crate::scenario::load::{Demand, Discipline, Documented, Level, LoadSettings, MAX_QUEUE, Work};
use crate::scenario::parameters::{LocatedSet, Parameters, located_set};
use crate::scenario::reader::{self, Reader};

/// Defaults of `[load]`, each with its source.
const DEFAULTS: &str = include_str!("../../../models/load.toml");
/// Hours of a day.
const HOURS: usize = 24;
/// The most nodes' worth of work that one entry can name.
const MAX_NODES_OF_WORK: f64 = 1024.0;
/// The most times that all demands can be what is written.
const MAX_SCALE: f64 = 1e6;
/// Entries of `base`, and figures of a document.
const MAX_LIST: usize = 1024;
/// The most cores of a node.
const MAX_CORES: i64 = 4096;

/// Reads `[load]`.
pub fn settings(r: &Reader<'_>) -> Result<LoadSettings> {
    let defaults = document::parse("models/load.toml", DEFAULTS)?;
    let nothing = document::parse("[load]", "")?;
    let defaults = Parameters::new("load", &defaults, &nothing)?;
    let own = r.item("load").unwrap_or(&nothing);
    let t = Reader::new(own, "[load]")?;
    let pick = |key| t.item(key).unwrap_or_else(|| defaults.item(key));
    let load = LoadSettings {
        limit: limit(pick("limit"))?,
        scale: scale(pick("scale"))?,
        slow: reader::duration(pick("slow"))?,
        cores: reader::integer(pick("cores"), 1, MAX_CORES)? as u32,
        discipline: reader::word(
            pick("discipline"),
            &[
                ("fcfs", Discipline::FirstComeFirstServed),
                ("processor_sharing", Discipline::ProcessorSharing),
            ],
        )?,
        day: t.item("day").map_or(Ok(vec![1.0]), day)?,
        base: t.item("base").map_or(Ok(Vec::new()), base)?,
        levels: named_tables(&t, "levels")?
            .into_iter()
            .map(level)
            .collect::<Result<_>>()?,
        documented: t
            .item("documented")
            .map_or(Ok(Documented::default()), documented)?,
    };
    t.finish()?;
    Ok(load)
}

fn limit(item: &Item) -> Result<f64> {
    let limit = reader::share(item)?;
    if limit > 0.0 {
        return Ok(limit);
    }
    Err(ScenarioError::at(
        &item.origin,
        "a utilisation limit of zero allows no work at all",
        "must be more than 0, at most 1",
    ))
}

fn scale(item: &Item) -> Result<f64> {
    let scale = match &item.value {
        Value::Text(text) => percent(text),
        _ => Some(reader::number(item)?),
    };
    match scale {
        Some(scale) if scale > 0.0 && scale <= MAX_SCALE => Ok(scale),
        _ => Err(ScenarioError::at(
            &item.origin,
            "the demands cannot be scaled by this",
            format!("must be more than 0, at most {MAX_SCALE}"),
        )
        .help("write for example 1.5 or \"150%\"")),
    }
}

/// The daily profile: 24 factors, or a shape.
fn day(item: &Item) -> Result<Vec<f64>> {
    let factors = match &item.value {
        Value::Array(_) => factors(item)?,
        _ => shape(item)?,
    };
    let mean = factors.iter().sum::<f64>() / HOURS as f64;
    Ok(factors.iter().map(|factor| factor / mean).collect())
}

fn factors(item: &Item) -> Result<Vec<f64>> {
    let items = reader::list(item)?;
    let factors: Vec<f64> = items.iter().map(reader::number).collect::<Result<_>>()?;
    if let Some(odd) = factors.iter().position(|f| !(0.0..=1e6).contains(f)) {
        return Err(ScenarioError::at(
            &items[odd].origin,
            format!("{} is no share of a day's demand", factors[odd]),
            "must lie between 0 and 1e6",
        ));
    }
    if factors.len() != HOURS || factors.iter().all(|f| *f == 0.0) {
        return Err(ScenarioError::at(
            &item.origin,
            format!("a day has {HOURS} hours, and demand in one of them at least"),
            format!("{} numbers", factors.len()),
        )
        .help("or give a shape: day = { shape = \"wave\", peak = 1.8, at = \"14h\" }"));
    }
    Ok(factors)
}

/// `{ shape = "wave", peak, at }` or `{ shape = "hours", peak, from, to }`.
fn shape(item: &Item) -> Result<Vec<f64>> {
    let t = Reader::new(item, "a daily profile")?;
    let is_wave = reader::word(t.required("shape")?, &[("wave", true), ("hours", false)])?;
    let peak_item = t.required("peak")?;
    let peak = reader::number(peak_item)?;
    let too_high = |most: f64| {
        ScenarioError::at(
            &peak_item.origin,
            format!("a peak of {peak} times the day's mean is not possible in this shape"),
            format!("must lie between 1 and {most}"),
        )
    };
    let factors = if is_wave {
        let at = hour(t.required("at")?)?;
        if !(1.0..=2.0).contains(&peak) {
            return Err(too_high(2.0).help("more than twice the mean would need a negative night"));
        }
        (0..HOURS).map(|h| wave(h, at, peak)).collect()
    } else {
        let (from, to) = (t.required("from")?, t.required("to")?);
        let busy = busy_hours(hour(from)?, hour(to)?, to)?;
        let count = busy.iter().filter(|is_busy| **is_busy).count() as f64;
        let most = HOURS as f64 / count;
        if !(1.0..=most).contains(&peak) {
            return Err(too_high(most).help("the busy hours alone would have more than the day"));
        }
        let rest = (HOURS as f64 - peak * count) / (HOURS as f64 - count).max(1.0);
        let factor = |is_busy: &bool| if *is_busy { peak } else { rest };
        busy.iter().map(factor).collect()
    };
    t.finish()?;
    Ok(factors)
}

/// The mean over one hour of `1 + (peak - 1) cos(2 pi (t - at) / 24 h)`.
fn wave(hour: usize, at: f64, peak: f64) -> f64 {
    let angle = |t: f64| std::f64::consts::TAU * (t - at) / HOURS as f64;
    let integral = |t: f64| angle(t).sin() * HOURS as f64 / std::f64::consts::TAU;
    1.0 + (peak - 1.0) * (integral(hour as f64 + 1.0) - integral(hour as f64))
}

fn busy_hours(from: f64, to: f64, origin: &Item) -> Result<Vec<bool>> {
    if from.fract() != 0.0 || to.fract() != 0.0 || from == to {
        return Err(ScenarioError::at(
            &origin.origin,
            "busy hours begin and end at full hours, and not at the same one",
            "not possible",
        ));
    }
    let (from, to) = (from as usize, to as usize);
    let inside = |h: usize| match from < to {
        true => (from..to).contains(&h),
        false => h >= from || h < to,
    };
    Ok((0..HOURS).map(inside).collect())
}

/// A time of the day, in hours.
fn hour(item: &Item) -> Result<f64> {
    let hour = reader::duration_s(item)? / 3600.0;
    if hour <= HOURS as f64 {
        return Ok(hour);
    }
    Err(ScenarioError::at(
        &item.origin,
        "this is no time of a day",
        "at most \"24h\"",
    ))
}

/// `base = [{ on = "...", busy = "...", memory = "..." }]`
fn base(item: &Item) -> Result<Vec<(LocatedSet, Work)>> {
    reader::list_up_to(item, MAX_LIST)?
        .iter()
        .map(|item| set_and_work(item, "a base load"))
        .collect()
}

fn set_and_work(item: &Item, what: &str) -> Result<(LocatedSet, Work)> {
    let t = Reader::new(item, what)?;
    let found = (located_set(t.required("on")?)?, work(&t)?);
    t.finish()?;
    Ok(found)
}

fn work(t: &Reader<'_>) -> Result<Work> {
    Ok(Work {
        cpu: t.item("busy").map_or(Ok(0.0), nodes_of_work)?,
        memory: t.item("memory").map_or(Ok(0.0), nodes_of_work)?,
    })
}

/// `{ rate = "50/s", busy = "25% of one node", on = "vip & web", ... }`.
pub fn demand(item: &Item, load: &LoadSettings) -> Result<Demand> {
    let t = Reader::new(item, "a demand")?;
    let rate_per_s = reader::rate(t.required("rate")?)?;
    let mut work = work(&t)?;
    if let Some(time) = t.item("time") {
        if let Some(busy) = t.item("busy") {
            return Err(ScenarioError::at(
                &busy.origin,
                "a demand has `busy` or `time`: with the rate, one follows from the other",
                "one too many",
            )
            .help("busy = rate x time / cores"));
        }
        work.cpu = rate_per_s * reader::duration_s(time)? / f64::from(load.cores);
        if work.cpu > MAX_NODES_OF_WORK {
            return Err(ScenarioError::at(
                &time.origin,
                format!(
                    "at this rate the work of {:.0} nodes comes together",
                    work.cpu
                ),
                format!("at most {MAX_NODES_OF_WORK} are possible"),
            ));
        }
    }
    let timeout = t.duration_if_any("timeout")?;
    let places = t.integer_if_any("queue", 0, i64::from(MAX_QUEUE))?;
    let demand = Demand {
        rate_per_s,
        work,
        on: t.item("on").map(located_set).transpose()?,
        each: t
            .item("each")
            .map(|item| set_and_work(item, "the work of each"))
            .transpose()?,
        timeout,
        places: places.map(|n| n as u32),
    };
    t.finish()?;
    Ok(demand.scaled(load.scale))
}

/// `"25% of one node"`, or a number of nodes.
fn nodes_of_work(item: &Item) -> Result<f64> {
    let nodes = match &item.value {
        Value::Text(text) => {
            let text = text.trim();
            percent(text.strip_suffix("of one node").unwrap_or(text))
        }
        _ => Some(reader::number(item)?),
    };
    match nodes {
        Some(nodes) if (0.0..=MAX_NODES_OF_WORK).contains(&nodes) => Ok(nodes),
        _ => Err(ScenarioError::at(&item.origin, "this is no share of a node", "cannot be read")
            .help("write for example \"25% of one node\"; \"250% of one node\" is the work of two and a half")),
    }
}

/// `"150%"` is 1.5; none where it is no percentage.
fn percent(text: &str) -> Option<f64> {
    let number = text.trim().strip_suffix('%')?;
    Some(number.trim().parse::<f64>().ok()? / 100.0)
}

/// Levels of load need a load.
pub fn check_levels(load: &LoadSettings, services: &[ServiceSpec]) -> Result<()> {
    match load.levels.first() {
        Some(level) if services.iter().all(|service| service.demand.is_none()) => {
            Err(ScenarioError::at(
                &level.origin,
                format!("`load.{}` would never have a member", level.name),
                "no service has a demand",
            )
            .help("give one, e.g. demand = { rate = \"50/s\", busy = \"25% of one node\" }"))
        }
        _ => Ok(()),
    }
}

/// `levels = { hot = "80%" }`
fn level((name, origin, item): (&str, &Origin, &Item)) -> Result<Level> {
    Ok(Level {
        name: name.to_owned(),
        utilisation: nodes_of_work(item)?,
        origin: origin.clone(),
    })
}

/// `documented = { cpu = ["25%", ...], memory = [...] }`
fn documented(item: &Item) -> Result<Documented> {
    let t = Reader::new(item, "what is documented")?;
    let figures = |key| match t.item(key) {
        None => Ok(Vec::new()),
        Some(list) => reader::list_up_to(list, MAX_LIST)?
            .iter()
            .map(nodes_of_work)
            .collect::<Result<Vec<_>>>(),
    };
    let documented = Documented {
        cpu: figures("cpu")?,
        memory: figures("memory")?,
    };
    t.finish()?;
    Ok(documented)
}
