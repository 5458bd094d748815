//! What `quorate load` found, as text.

use super::numbers::{length, percent, significant};
use super::table::{folded, plain_table};
use crate::estimate::Estimate;
use crate::runner::RunOutcome;
use crate::runner::outcome::{NodeLoad, Utilisation};
use crate::runner::survey::{Busy, Row, ServiceRow, Survey};
use std::fmt::Write;

/// More than this between the busiest node and the mean is worth a sentence.
const UNEVEN: f64 = 1.5;

/// Tables for people.
pub fn human(survey: &Survey) -> String {
    let mut text = format!(
        "{}: {} lost {}; utilisation limit {}\n",
        survey.scenario,
        rows_in_words(survey),
        survey.how,
        percent(survey.limit),
    );
    let _ = writeln!(text, "{}", utilisation(survey));
    let _ = writeln!(text, "{}", services(survey));
    text.push_str(&folded(&remarks(survey)));
    text
}

fn rows_in_words(survey: &Survey) -> String {
    match survey.rows.len() {
        0 | 1 => "no node".to_owned(),
        n => format!("0 to {} nodes", n - 1),
    }
}

/// Has somebody printed figures for processors, for memory?
fn is_documented(survey: &Survey) -> [bool; 2] {
    let any = |of: fn(&Row) -> &Busy| survey.rows.iter().any(|row| of(row).documented.is_some());
    [any(|row| &row.cpu), any(|row| &row.memory)]
}

/// Is there memory to speak of?
fn has_memory(survey: &Survey) -> bool {
    survey.rows.iter().any(|row| row.memory.worst > 0.0)
}

fn utilisation(survey: &Survey) -> comfy_table::Table {
    let shown = columns(survey);
    let mut table = plain_table();
    let header = ["lost", "choices"].map(str::to_owned).into_iter();
    let titles = shown.iter().flat_map(|(name, documented, _)| {
        let all = [
            Some(format!("{name}\nmean")),
            Some("\nworst".to_owned()),
            documented.then(|| "\ndocument".to_owned()),
        ];
        all.into_iter().flatten()
    });
    table.set_header(header.chain(titles).chain(["largest\ndemand".to_owned()]));
    for row in &survey.rows {
        let cells = shown.iter().flat_map(|(_, documented, of)| {
            let busy = of(row);
            let all = [
                Some(with_peak(survey, busy.mean, busy.peak_mean)),
                Some(with_peak(survey, busy.worst, busy.peak_worst)),
                documented.then(|| busy.documented.map_or(String::new(), percent)),
            ];
            all.into_iter().flatten()
        });
        let lost = [row.lost.to_string(), choices(row)].into_iter();
        table.add_row(lost.chain(cells).chain([capacity(row)]));
    }
    narrow(table)
}

/// A table without space at its sides.
fn narrow(mut table: comfy_table::Table) -> comfy_table::Table {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    if let Some(last) = table.column_iter_mut().last() {
        last.set_padding((0, 0));
    }
    table
}

type Column = (&'static str, bool, fn(&Row) -> &Busy);

fn columns(survey: &Survey) -> Vec<Column> {
    let [cpu, memory] = is_documented(survey);
    let mut shown: Vec<Column> = vec![("CPU", cpu, |row| &row.cpu)];
    if has_memory(survey) {
        shown.push(("memory", memory, |row| &row.memory));
    }
    shown
}

fn with_peak(survey: &Survey, mean: f64, peak: f64) -> String {
    if survey.peak_factor > 1.0 {
        format!("{}\npeak {}", percent(mean), percent(peak))
    } else {
        percent(mean)
    }
}

fn choices(row: &Row) -> String {
    if row.choices as f64 == row.of_choices {
        row.choices.to_string()
    } else {
        format!("{} of {}", row.choices, significant(row.of_choices, 3))
    }
}

fn capacity(row: &Row) -> String {
    let capacity = &row.capacity;
    match (&capacity.node, capacity.resource) {
        _ if capacity.factor == 0.0 => "none".to_owned(),
        (Some(node), Some(resource)) => {
            format!("x {} ({node}, {resource})", significant(capacity.factor, 3))
        }
        _ => "no bound".to_owned(),
    }
}

/// Mean waits, and where a service is up at all.
fn services(survey: &Survey) -> comfy_table::Table {
    let mut table = plain_table();
    let lost = survey.rows.iter().map(|row| format!("{} lost", row.lost));
    table.set_header(std::iter::once("mean wait".to_owned()).chain(lost));
    let count = survey.rows.first().map_or(0, |row| row.services.len());
    for index in 0..count {
        let name = survey.rows[0].services[index].service.clone();
        let cells = survey.rows.iter().map(|row| {
            let service = &row.services[index];
            match service.up {
                0 => "down".to_owned(),
                up if up == row.choices => wait(survey, service),
                up => format!("{}\nup in {up} of {}", wait(survey, service), row.choices),
            }
        });
        table.add_row(std::iter::once(name).chain(cells));
    }
    narrow(table)
}

fn wait(survey: &Survey, service: &ServiceRow) -> String {
    let one = one_wait;
    if survey.peak_factor > 1.0 {
        format!("{}\npeak {}", one(service.wait_s), one(service.peak_wait_s))
    } else {
        one(service.wait_s)
    }
}

fn one_wait(seconds: Option<f64>) -> String {
    match seconds {
        None => String::new(),
        Some(seconds) if seconds.is_infinite() => "grows".to_owned(),
        Some(seconds) if seconds < 1e-6 => "0 s".to_owned(),
        Some(seconds) => length(seconds),
    }
}

fn remarks(survey: &Survey) -> String {
    let mut text = String::new();
    if let Some(row) = survey.rows.first()
        && row.cpu.worst > UNEVEN * row.cpu.mean
    {
        let _ = writeln!(
            text,
            "The busiest node bears {} where the mean is {}: work is not shared evenly, and the \
             mean says little.",
            percent(row.cpu.worst),
            percent(row.cpu.mean),
        );
    }
    for row in &survey.rows {
        let lost = match row.lost {
            0 => "With every node up".to_owned(),
            1 => "After the loss of 1 node".to_owned(),
            n => format!("After the loss of {n} nodes"),
        };
        overfull(&lost, "the memory no longer fits", &row.memory, &mut text);
        overfull(
            &lost,
            "more work comes than a node can do",
            &row.cpu,
            &mut text,
        );
        if !row.capacity.not_up.is_empty() {
            let _ = writeln!(
                text,
                "{lost} not up, or not after every choice: {}.",
                row.capacity.not_up.join(", ")
            );
        }
    }
    let _ = writeln!(
        text,
        "Largest demand: how many times today's{} fits below {} on every node after every \
         choice of lost nodes, and who is the first to reach it.",
        if survey.peak_factor > 1.0 {
            " (in the busiest hour)"
        } else {
            ""
        },
        percent(survey.limit)
    );
    text
}

fn overfull(lost: &str, what: &str, busy: &Busy, text: &mut String) {
    if busy.peak_worst <= 1.0 + 1e-9 {
        return;
    }
    let document = busy.documented.map_or(String::new(), |d| {
        format!(" (the document says {})", percent(d))
    });
    let _ = writeln!(
        text,
        "{lost} {what}: {} of one node{document}.",
        percent(busy.peak_worst),
    );
}

/// What a run has to say about load: nothing where no service has a demand.
pub fn of_run(outcome: &RunOutcome) -> String {
    let Some(nodes) = &outcome.load else {
        return String::new();
    };
    let mut table = plain_table();
    table.set_header([
        "requests",
        "per second",
        "failed",
        "delayed",
        "mean wait",
        "failed per outage\np50, p99",
        "most\nqueued",
    ]);
    for (name, service) in &outcome.services {
        let Some(load) = &service.load else {
            continue;
        };
        let share = |estimate: &Estimate| match estimate.estimate {
            0.0 => format!("< {}", percent(estimate.high)),
            // The tail of a formula, not something that was seen.
            share if share < 1e-9 => "< 1e-7%".to_owned(),
            share => percent(share),
        };
        let count = |requests: f64| significant(requests, 3);
        let per_outage = load.failed_per_outage.as_ref();
        table.add_row([
            name.clone(),
            significant(load.requests_per_s, 3),
            share(&load.failed_share),
            share(&load.delayed_share),
            one_wait(load.mean_wait_s.map(|wait| wait.estimate)),
            per_outage.map_or("none seen".to_owned(), |q| {
                format!("{}, {}", count(q.p50), count(q.p99))
            }),
            load.queued_per_outage
                .as_ref()
                .map_or(String::new(), |q| count(q.max)),
        ]);
    }
    let mut text = format!("{}\n", narrow(table));
    let busiest = |resource: fn(&NodeLoad) -> &Utilisation| {
        let mean = |node: &(String, NodeLoad)| resource(&node.1).mean.estimate;
        let all = nodes.nodes.iter();
        all.max_by(|a, b| mean(a).total_cmp(&mean(b)))
            .map_or(String::new(), |node| {
                let found = resource(&node.1);
                format!(
                    "{} {} (at most {})",
                    node.0,
                    percent(found.mean.estimate),
                    percent(found.peak)
                )
            })
    };
    text.push_str(&folded(&format!(
        "Busiest node: CPU {}, memory {}. Above {} in {} of the time, overloaded in {}.\n",
        busiest(|node| &node.cpu),
        busiest(|node| &node.memory),
        percent(nodes.limit),
        percent(nodes.above_limit.estimate),
        percent(nodes.overload.estimate),
    )));
    text
}

/// One row for each number of lost nodes and service.
pub fn csv(survey: &Survey) -> String {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let mut write = |row: &[String]| {
        writer.write_record(row).expect("memory takes every row");
    };
    let header = [
        "scenario",
        "lost",
        "how",
        "choices",
        "cpu_mean",
        "cpu_worst",
        "cpu_peak_mean",
        "cpu_peak_worst",
        "cpu_documented",
        "memory_mean",
        "memory_worst",
        "memory_peak_mean",
        "memory_peak_worst",
        "memory_documented",
        "limit",
        "capacity_factor",
        "capacity_node",
        "capacity_resource",
        "service",
        "up",
        "wait_s",
        "peak_wait_s",
        "failed_share",
    ];
    write(&header.map(str::to_owned));
    for row in &survey.rows {
        for service in &row.services {
            let number = |value: Option<f64>| value.map_or(String::new(), |v| v.to_string());
            let busy = |busy: &Busy| {
                [
                    busy.mean.to_string(),
                    busy.worst.to_string(),
                    busy.peak_mean.to_string(),
                    busy.peak_worst.to_string(),
                    number(busy.documented),
                ]
            };
            let mut cells = vec![
                survey.scenario.clone(),
                row.lost.to_string(),
                survey.how.to_owned(),
                row.choices.to_string(),
            ];
            cells.extend(busy(&row.cpu));
            cells.extend(busy(&row.memory));
            cells.extend([
                survey.limit.to_string(),
                row.capacity.factor.to_string(),
                row.capacity.node.clone().unwrap_or_default(),
                row.capacity.resource.unwrap_or_default().to_owned(),
                service.service.clone(),
                service.up.to_string(),
                number(service.wait_s),
                number(service.peak_wait_s),
                service.failed_share.to_string(),
            ]);
            write(&cells);
        }
    }
    let bytes = writer.into_inner().expect("memory takes every row");
    String::from_utf8(bytes).expect("names and numbers are text")
}

/// A Markdown table, for documents.
pub fn markdown(survey: &Survey) -> String {
    let shown = columns(survey);
    let mut text = "| lost |".to_owned();
    let mut line = "| --- |".to_owned();
    for (name, documented, _) in &shown {
        let _ = write!(text, " {name}, mean | {name}, worst node |");
        line += " --- | --- |";
        if *documented {
            let _ = write!(text, " {name}, document |");
            line += " --- |";
        }
    }
    let _ = writeln!(text, " largest demand |\n{line} --- |");
    for row in &survey.rows {
        let _ = write!(text, "| {} |", row.lost);
        for (_, documented, of) in &shown {
            let busy = of(row);
            let one = |mean, peak| with_peak(survey, mean, peak).replace('\n', ", ");
            let _ = write!(text, " {} |", one(busy.mean, busy.peak_mean));
            let _ = write!(text, " {} |", one(busy.worst, busy.peak_worst));
            if *documented {
                let _ = write!(
                    text,
                    " {} |",
                    busy.documented.map_or(String::new(), percent)
                );
            }
        }
        let _ = writeln!(text, " {} |", capacity(row));
    }
    text
}
