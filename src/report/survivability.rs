//! What `quorate explore` found, as text.

use super::table::{folded, plain_table};
use crate::engine::explore::survive::How;
use crate::model::measure::Condition;
use crate::runner::explore::{CutSequence, Exploration, Survival};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Exceptions that are named one by one.
const NAMED: usize = 3;

/// Tables and sentences for people.
pub fn human(found: &Exploration) -> String {
    let mut text = format!(
        "{}: what is left after the loss of up to {} of {} nodes, at rest, when nobody acts\n",
        found.scenario,
        found.lost,
        found.nodes.len()
    );
    let mut table = plain_table();
    let ways = ways(found);
    let titles = ways.iter().map(|how| how.replace(" with ", "\nwith "));
    table.set_header(
        ["service", "lost"]
            .map(str::to_owned)
            .into_iter()
            .chain(titles),
    );
    for line in lines(found, &ways) {
        table.add_row(line);
    }
    narrow(&mut table);
    let _ = writeln!(text, "{table}");
    text.push_str(
        "(of all sets of so many nodes: how many leave the service like that at worst;\n \
         ?: it depends on phases, chance, or the order)\n",
    );
    text.push_str(&sequences(found));
    text.push_str(&folded(&remarks(found)));
    text
}

/// Little space between columns, and cells that are folded where all is too wide.
fn narrow(table: &mut comfy_table::Table) {
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    table.set_width(100);
}

/// The ways of losing nodes that were tried, in their order.
fn ways(found: &Exploration) -> Vec<&'static str> {
    let mut ways: Vec<&'static str> = Vec::new();
    for row in &found.survivability {
        if !ways.contains(&row.how) {
            ways.push(row.how);
        }
    }
    ways
}

fn services(found: &Exploration) -> impl Iterator<Item = &str> {
    found.start.iter().map(|(name, _)| name.as_str())
}

/// A line for each service and number of lost nodes.
fn lines(found: &Exploration, ways: &[&'static str]) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    for service in services(found) {
        for lost in 1..=found.lost {
            let name = if lost == 1 { service } else { "" };
            let mut line = vec![name.to_owned(), lost.to_string()];
            line.extend(
                ways.iter()
                    .map(|how| cell(&select(found, how, lost), service)),
            );
            lines.push(line);
        }
    }
    lines
}

fn select<'f>(found: &'f Exploration, how: &str, lost: usize) -> Vec<&'f Survival> {
    found
        .survivability
        .iter()
        .filter(|row| row.how == how && row.lost.len() == lost)
        .collect()
}

/// `up`, or `up 5, down 1`.
fn cell(rows: &[&Survival], service: &str) -> String {
    let mut parts = Vec::new();
    for condition in [
        Condition::Up,
        Condition::Degraded,
        Condition::ReadOnly,
        Condition::Down,
    ] {
        let count = rows
            .iter()
            .filter(|row| row.worst(service) == Some(condition))
            .count();
        if count > 0 {
            parts.push((condition.word().replace('_', " "), count));
        }
    }
    let depends = rows
        .iter()
        .any(|row| row.alternatives.iter().any(|(name, _)| name == service));
    let mark = if depends { "?" } else { "" };
    let text = match &parts[..] {
        [] => "-".to_owned(),
        [(word, _)] => word.clone(),
        several => several
            .iter()
            .map(|(word, count)| format!("{word} {count}"))
            .collect::<Vec<_>>()
            .join(", "),
    };
    text + mark
}

/// Sentences about each service, then the notes.
fn remarks(found: &Exploration) -> String {
    let mut text = String::new();
    for (service, condition) in &found.start {
        if *condition > Condition::Degraded {
            let _ = writeln!(
                text,
                "{service} is {} before anything is lost",
                condition.word()
            );
            continue;
        }
        let _ = writeln!(text, "{}", survives(found, service));
        if let Some(window) = window(found, service) {
            let _ = writeln!(text, "{window}");
        }
        if let Some(stays) = stays(found, service) {
            let _ = writeln!(text, "{stays}");
        }
    }
    for note in &found.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

fn is_served(row: &Survival, service: &str) -> bool {
    row.worst(service).is_some_and(|c| c <= Condition::Degraded)
}

/// E.g. "login survives every loss of 1 node; of 2 none (at once), all but {a, b} (stopped)".
/// What users on the side of the lost nodes see is left to the table.
fn survives(found: &Exploration, service: &str) -> String {
    let ways: Vec<&str> = (ways(found).into_iter())
        .filter(|how| *how != How::WithUsers.words())
        .collect();
    let every = (1..=found.lost)
        .take_while(|lost| {
            let mut rows = ways.iter().flat_map(|how| select(found, how, *lost));
            rows.all(|row| is_served(row, service))
        })
        .count();
    let mut text = match every {
        0 => format!("{service} does not survive every loss of 1 node"),
        n => format!("{service} survives every loss of {}", up_to(n)),
    };
    if every == found.lost {
        return text;
    }
    let mut parts: Vec<(String, Vec<&str>)> = Vec::new();
    for how in ways {
        let rows = select(found, how, every + 1);
        if rows.is_empty() {
            continue;
        }
        let survived = survived(&rows, service);
        match parts.iter_mut().find(|(known, _)| *known == survived) {
            Some((_, ways)) => ways.push(how),
            None => parts.push((survived, vec![how])),
        }
    }
    let parts: Vec<String> = parts
        .into_iter()
        .map(|(survived, ways)| format!("{survived} ({})", ways.join(", ")))
        .collect();
    let _ = write!(text, "; of {}: {}", every + 1, parts.join(", "));
    text
}

fn survived(rows: &[&Survival], service: &str) -> String {
    let lost: Vec<&&Survival> = rows.iter().filter(|row| !is_served(row, service)).collect();
    match lost.len() {
        0 => "every one".to_owned(),
        n if n == rows.len() => "none".to_owned(),
        n if n <= NAMED => {
            let sets: Vec<String> = lost.iter().map(|row| braces(&row.lost)).collect();
            format!("all but {}", sets.join(" and "))
        }
        n => format!("{} of {}", rows.len() - n, rows.len()),
    }
}

fn up_to(nodes: usize) -> String {
    match nodes {
        1 => "1 node".to_owned(),
        n => format!("up to {n} nodes"),
    }
}

fn braces(names: &[String]) -> String {
    format!("{{{}}}", names.join(", "))
}

/// What "at once" means for a service.
fn window(found: &Exploration, service: &str) -> Option<String> {
    let windows = || found.windows.iter().filter(|w| w.service == service);
    let first = windows().next()?;
    let shortest = windows()
        .map(|w| w.shortest_s)
        .fold(f64::INFINITY, f64::min);
    let longest = windows().map(|w| w.longest_s).fold(0.0, f64::max);
    let others = match windows().count() - 1 {
        0 => String::new(),
        1 => " (and one more pair)".to_owned(),
        n => format!(" (and {n} more pairs)"),
    };
    Some(format!(
        "{service}: {}{others} stop it if the second fails within {shortest:.1} to {longest:.1} s \
         of the first",
        braces(&first.lost)
    ))
}

/// Where a service does not come back with the nodes.
fn stays(found: &Exploration, service: &str) -> Option<String> {
    let mut parts = Vec::new();
    for how in ways(found) {
        for lost in 1..=found.lost {
            let rows = select(found, how, lost);
            let stays = rows
                .iter()
                .filter(|row| {
                    let mut left = row.stays_after_repair.iter();
                    left.any(|(name, c)| name == service && *c > Condition::Degraded)
                })
                .count();
            if stays > 0 {
                parts.push(format!("{lost} {how} ({stays} of {})", rows.len()));
            }
        }
    }
    (!parts.is_empty()).then(|| {
        format!(
            "dead end: {service} may stay away after all nodes are back, until somebody acts: {}",
            parts.join(", ")
        )
    })
}

/// The shortest sequences of each service; of those that are alike the first.
fn sequences(found: &Exploration) -> String {
    let mut text = String::new();
    let mut alike: Vec<(&CutSequence, usize)> = Vec::new();
    for cut in &found.minimal_cut_sequences {
        let known = alike.iter_mut().find(|(first, _)| {
            first.service == cut.service && shape(first) == shape(cut) && first.ends == cut.ends
        });
        match known {
            Some((_, count)) => *count += 1,
            None => alike.push((cut, 1)),
        }
    }
    if alike.is_empty() {
        return text;
    }
    text.push_str(
        "the shortest sequences of faults that stop a service, without repairs between:\n",
    );
    let mut table = plain_table();
    table.set_header([
        "service",
        "faults",
        "e.g. (+: at once; then: after a rest)",
        "ends",
        "alike",
    ]);
    let mut last = "";
    for (cut, count) in alike {
        let name = if cut.service == last {
            ""
        } else {
            &cut.service
        };
        last = &cut.service;
        let stages: Vec<String> = cut.stages.iter().map(|stage| stage.join(" + ")).collect();
        let depends = if cut.probability < 1.0 - 1e-9 {
            "?"
        } else {
            ""
        };
        table.add_row([
            name.to_owned(),
            cut.order.to_string(),
            stages.join(", then "),
            cut.ends.word().replace('_', " ") + depends,
            count.to_string(),
        ]);
    }
    narrow(&mut table);
    let _ = writeln!(text, "{table}");
    text
}

/// How many of what kind fail in each stage: what a fault hits is left out.
fn shape(cut: &CutSequence) -> Vec<Vec<String>> {
    let kind = |what: &String| match what.split_once(" on ") {
        Some((process, _)) => process.to_owned(),
        None if what.contains('.') => what.clone(),
        None => String::new(),
    };
    cut.stages
        .iter()
        .map(|stage| {
            let mut kinds: Vec<String> = stage.iter().map(kind).collect();
            kinds.sort_unstable();
            kinds
        })
        .collect()
}

/// A file name and a fault script for each cut sequence.
pub fn scripts(found: &Exploration) -> impl Iterator<Item = (String, &str)> {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    found.minimal_cut_sequences.iter().map(move |cut| {
        let number = numbers.entry(&cut.service).or_default();
        *number += 1;
        (
            format!("cut-{}-{number}.toml", cut.service),
            cut.script.as_str(),
        )
    })
}

/// One row for each loss and service.
pub fn csv(found: &Exploration) -> String {
    let mut text = String::from("lost,how,service,worst,possible,after_repair,exhaustive\n");
    for row in &found.survivability {
        for (service, worst) in &row.services {
            let mut possible = row.possible(service);
            possible.sort();
            possible.dedup();
            let possible: Vec<&str> = possible.iter().map(|c| c.word()).collect();
            let repaired = row
                .stays_after_repair
                .iter()
                .find(|(name, _)| name == service)
                .map_or("up", |(_, condition)| condition.word());
            let _ = writeln!(
                text,
                "{},{},{service},{},{},{repaired},{}",
                row.lost.join(" "),
                row.how,
                worst.word(),
                possible.join(" "),
                row.exhaustive
            );
        }
    }
    text
}

/// The table of [`human`] for documents.
pub fn markdown(found: &Exploration) -> String {
    let ways = ways(found);
    let mut text = format!("| service | lost | {} |\n", ways.join(" | "));
    let _ = writeln!(text, "|{}", " --- |".repeat(ways.len() + 2));
    for line in lines(found, &ways) {
        let _ = writeln!(text, "| {} |", line.join(" | "));
    }
    text
}
