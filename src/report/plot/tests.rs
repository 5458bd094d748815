//! All charts over plausible, crowded and degenerate data: every text must lie
//! on the page and on no other text. Set `QUORATE_PLOT_GALLERY` to a directory to
//! keep the files and look at them.

use std::path::PathBuf;

use super::scene::{Mark, Scene};
use super::*;

const DESIGNS: [&str; 6] = [
    "one node",
    "two nodes",
    "three nodes",
    "four nodes",
    "textbook: independent",
    "two sites with a witness",
];
const SERVICES: [&str; 4] = [
    "portal",
    "login",
    "database_write",
    "batch queue submission",
];
const CAUSES: [&str; 10] = [
    "disk failure",
    "network partition",
    "software crash",
    "split brain, manual recovery",
    "planned maintenance",
    "power of the room",
    "operator error",
    "failover time",
    "clock drift",
    "certificate expired",
];

/// Deterministic noise in 0..1.
fn noise(index: usize) -> f64 {
    let mixed = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1_u64 << 53) as f64
}

fn caption(title: &str) -> Caption {
    Caption::new(title, "event simulation", Some(20_261_120), 1_000_000)
}

fn cells(designs: usize, services: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..services).flat_map(move |s| (0..designs).map(move |d| (d, s)))
}

fn availability(designs: usize, services: usize, claim: bool) -> Availability {
    let exponents = [-2.0, -3.4, -4.1, -4.6, -7.6, -5.0];
    let row = |(d, s): (usize, usize)| {
        let unavailability = match (d, s) {
            (4, 1) => 0.0,
            _ => 10_f64.powf(exponents[d] - 0.8 * noise(7 * d + s)),
        };
        AvailabilityRow {
            design: DESIGNS[d].to_owned(),
            service: SERVICES[s].to_owned(),
            unavailability,
            low: if (d, s) == (4, 0) {
                0.0
            } else {
                unavailability * 0.7
            },
            high: if (d, s) == (4, 1) {
                3e-8
            } else {
                unavailability * 1.4
            },
        }
    };
    Availability {
        caption: caption("Availability by design"),
        interval: "95% confidence interval".to_owned(),
        rows: cells(designs, services).map(row).collect(),
        claim: claim.then(|| Claim {
            label: "claimed 99.999999%".to_owned(),
            unavailability: 1e-8,
        }),
    }
}

fn attribution(designs: usize, services: usize, causes: usize) -> Attribution {
    let scale = [3e5, 1.2e4, 2.5e3, 800.0, 0.4, 310.0];
    let row = |(d, s): (usize, usize)| AttributionRow {
        design: DESIGNS[d].to_owned(),
        service: SERVICES[s].to_owned(),
        causes: (0..causes)
            .map(|c| Cause {
                name: CAUSES[c].to_owned(),
                downtime: match (d, s) {
                    (4, 1) => 0.0,
                    _ => scale[d] * noise(100 * d + 10 * s + c).powi(3),
                },
            })
            .collect(),
    };
    Attribution {
        caption: caption("Downtime by cause"),
        rows: cells(designs, services).map(row).collect(),
    }
}

fn yearly(designs: usize) -> YearlyDowntimes {
    let zero = [0.0, 0.1, 0.37, 0.62, 0.9997, 0.5];
    let median = [9e4, 4e3, 1.5e3, 900.0, 12.0, 300.0];
    let year = |d: usize, i: usize| match noise(10_000 * d + 2 * i) < zero[d] {
        true => 0.0,
        false => median[d] * (3.0 * noise(10_000 * d + 2 * i + 1) - 1.5).exp().powi(2),
    };
    let design = |d: usize| YearlyDowntime {
        design: DESIGNS[d].to_owned(),
        downtime: Distribution::from_samples((0..4_000).map(|i| year(d, i))).unwrap(),
    };
    YearlyDowntimes {
        caption: caption("Downtime from year to year"),
        designs: (0..designs).map(design).collect(),
    }
}

fn failover(designs: usize, services: usize, spread: f64) -> Failover {
    let latency = |(d, s): (usize, usize)| {
        let sample = |i: usize| {
            let u = noise(1_000 * d + 77_777 * s + i);
            2.0 + d as f64 + 3.0 * s as f64 - spread * (1.0 - 0.999 * u).ln()
        };
        FailoverLatency {
            design: DESIGNS[d].to_owned(),
            service: SERVICES[s].to_owned(),
            latency: Distribution::from_samples((0..500).map(sample)).unwrap(),
        }
    };
    Failover {
        caption: caption("Failover latency"),
        of: DurationsOf::Failovers,
        latencies: cells(designs, services).map(latency).collect(),
    }
}

fn planned(designs: usize, services: usize) -> Planned {
    let row = |(d, s): (usize, usize)| {
        let downtime = |seconds: f64| Downtime {
            estimate: seconds,
            low: 0.7 * seconds,
            high: 1.6 * seconds,
        };
        let planned = 40.0 * noise(31 * d + s) * (d % 3) as f64;
        PlannedRow {
            design: DESIGNS[d].to_owned(),
            service: SERVICES[s].to_owned(),
            planned: downtime(planned),
            unplanned: downtime(10_f64.powf(1.0 + 6.0 * noise(d + 17 * s))),
        }
    };
    Planned {
        caption: caption("Planned and unplanned downtime"),
        interval: "95% confidence interval".to_owned(),
        rows: cells(designs, services).map(row).collect(),
    }
}

fn found(value: usize, unavailability: f64) -> Found {
    Found {
        value,
        unavailability,
        low: 0.6 * unavailability,
        high: match unavailability > 0.0 {
            true => 1.5 * unavailability,
            false => 3e-6,
        },
    }
}

fn axis(name: &str, labels: &[String], numbers: bool) -> Swept {
    Swept {
        name: name.to_owned(),
        labels: labels.to_vec(),
        numbers: numbers.then(|| (0..labels.len()).map(|i| 1.0 + i as f64).collect()),
    }
}

fn lines(labels: &[String], numbers: bool, services: usize) -> Lines {
    let point = |s: usize, v: usize| match (s, v) {
        (0, 3) => found(v, 0.0),
        _ => found(v, 10_f64.powf(-2.0 - s as f64 - 0.6 * noise(9 * s + v))),
    };
    Lines {
        caption: caption("Availability by galera.evs.suspect_timeout"),
        interval: "95% confidence interval".to_owned(),
        swept: axis("galera.evs.suspect_timeout", labels, numbers),
        lines: (0..services)
            .map(|s| ServiceLine {
                service: SERVICES[s].to_owned(),
                points: (0..labels.len()).map(|v| point(s, v)).collect(),
            })
            .collect(),
    }
}

fn heat(rows: &[String], columns: &[String], done: usize) -> Heat {
    let cell = |value: usize| match value {
        2 => found(value, 0.0),
        _ => found(value, 10_f64.powf(-2.0 - 4.0 * noise(value))),
    };
    Heat {
        caption: caption("Nines of the portal"),
        rows: axis("nodes", rows, true),
        columns: axis("keepalived.advert_int", columns, true),
        cells: (0..done.min(rows.len() * columns.len()))
            .map(cell)
            .collect(),
        scale: (2.0, 6.0),
    }
}

fn load(rows: usize, peak: f64, documented: bool) -> Load {
    let panel = |name: &str, all: f64| LoadPanel {
        name: name.to_owned(),
        points: (0..rows)
            .map(|lost| {
                let mean = all / (rows - lost) as f64;
                let worst = if lost % 2 == 0 { mean } else { all };
                LoadPoint {
                    lost,
                    mean,
                    worst,
                    peak: [peak * mean, peak * worst],
                    documented: documented.then_some(mean.min(1.0)),
                }
            })
            .collect(),
    };
    Load {
        caption: caption("four servers: load over the number of lost nodes"),
        limit: 0.8,
        limit_name: "limit 80%".to_owned(),
        panels: vec![panel("CPU", 1.0), panel("memory", 1.6)],
    }
}

fn counted(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("{n}s")).collect()
}

/// Charts of sweeps, from one point to far too many.
fn sweeps() -> Vec<(&'static str, Option<Chart>)> {
    let names = DESIGNS.map(str::to_owned);
    let long = [1, 2].map(|n| format!("{n}: {}", "a value as long as a sentence ".repeat(4)));
    let mut good = lines(&counted(2), true, 1);
    good.lines[0].points = vec![found(0, 3e-13), found(1, 2e-2)];
    vec![
        ("lines", lines(&counted(6), true, 3).chart()),
        ("lines-names", lines(&names, false, 4).chart()),
        ("lines-long", lines(&long, false, 2).chart()),
        ("lines-single", lines(&counted(1), true, 1).chart()),
        ("lines-crowded", lines(&counted(90), true, 4).chart()),
        ("lines-thirteen", good.chart()),
        ("load", load(4, 1.0, true).chart()),
        ("load-peak", load(8, 1.5, false).chart()),
        ("load-many", load(40, 1.0, true).chart()),
        ("load-single", load(1, 1.0, false).chart()),
        ("heat", heat(&counted(4), &counted(5), 99).chart()),
        ("heat-single", heat(&counted(1), &counted(1), 1).chart()),
        ("heat-partial", heat(&counted(9), &counted(12), 50).chart()),
        (
            "heat-crowded",
            heat(&counted(70), &counted(80), 9999).chart(),
        ),
        ("heat-long", heat(&long, &long, 4).chart()),
    ]
}

/// Every chart worth a look, by file name.
fn gallery() -> Vec<(&'static str, Chart)> {
    let zeros = |mut chart: Availability, high: f64| {
        for row in &mut chart.rows {
            (row.unavailability, row.low, row.high) = (0.0, 0.0, high);
        }
        chart
    };
    let mut narrow = availability(4, 1, false);
    for (i, row) in narrow.rows.iter_mut().enumerate() {
        let value = 2e-4 + 1e-4 * i as f64;
        (row.unavailability, row.low, row.high) = (value, 0.9 * value, 1.1 * value);
    }
    let mut broken = availability(2, 1, true);
    broken.rows[0].unavailability = f64::NAN;
    broken.rows[1].unavailability = 1.0;
    let mut none = attribution(2, 2, 3);
    none.rows.iter_mut().for_each(|row| row.causes.clear());
    let single = |times: &[f64]| Distribution::from_samples(times.iter().copied()).unwrap();
    let mut one_year = yearly(1);
    one_year.designs[0].downtime = single(&[75.0]);
    let mut no_year = yearly(2);
    no_year
        .designs
        .iter_mut()
        .for_each(|d| d.downtime = single(&[0.0, 0.0]));
    let mut one_failover = failover(1, 1, 1.0);
    one_failover.latencies[0].latency = single(&[4.2]);
    let mut stuck = failover(2, 1, 1.0);
    stuck.latencies[0].latency = single(&[0.0, 0.0, 4.0, f64::INFINITY]);
    stuck.latencies[1].latency = single(&[f64::INFINITY]);
    let mut long = availability(2, 1, true);
    long.rows[0].design = "MMMMMMMMMMMMMMMMMMMMMMMM and <more> & \"more\" than that".to_owned();
    long.rows[0].service = "a service whose name is a whole sentence ".repeat(4);
    long.caption.title = "A title that says far more than there is room for ".repeat(4);
    let charts = [
        ("availability", availability(5, 3, true).chart()),
        ("availability-crowded", availability(6, 4, true).chart()),
        ("availability-single", availability(1, 1, false).chart()),
        (
            "availability-zeros",
            zeros(availability(3, 2, false), 2e-6).chart(),
        ),
        (
            "availability-unbounded",
            zeros(availability(3, 1, false), 0.0).chart(),
        ),
        ("availability-narrow", narrow.chart()),
        ("availability-broken", broken.chart()),
        ("availability-long", long.chart()),
        ("attribution", attribution(5, 3, 6).chart()),
        ("attribution-crowded", attribution(6, 4, 10).chart()),
        ("attribution-single", attribution(1, 1, 1).chart()),
        ("attribution-none", none.chart()),
        ("yearly", yearly(5).chart()),
        ("yearly-crowded", yearly(6).chart()),
        ("yearly-single", one_year.chart()),
        ("yearly-none", no_year.chart()),
        ("failover", failover(4, 3, 1.6).chart()),
        ("failover-crowded", failover(6, 4, 60.0).chart()),
        ("planned", planned(3, 4).chart()),
        ("planned-crowded", planned(6, 4).chart()),
        ("planned-one", planned(1, 1).chart()),
        ("failover-single", one_failover.chart()),
        ("failover-stuck", stuck.chart()),
    ];
    charts
        .into_iter()
        .chain(sweeps())
        .map(|(name, chart)| (name, chart.expect(name)))
        .collect()
}

/// Text with its box: left, top, right, bottom.
fn boxes(scene: &Scene) -> Vec<(String, [f64; 4])> {
    let text_box = |mark: &Mark| match mark {
        Mark::Text(label) => {
            let (left, right) = label.extent();
            // Capitals reach 0.73 em above the baseline, descenders 0.24 em below.
            let (top, bottom) = (
                label.baseline - 0.73 * label.px,
                label.baseline + 0.24 * label.px,
            );
            Some((label.text.clone(), [left, top, right, bottom]))
        }
        _ => None,
    };
    scene.marks.iter().filter_map(text_box).collect()
}

#[test]
fn every_text_lies_on_the_page_and_on_no_other() {
    for (name, chart) in gallery() {
        let boxes = boxes(&chart.scene);
        for (i, (text, b)) in boxes.iter().enumerate() {
            let inside = b[0] >= 0.0 && b[1] >= 0.0;
            let inside = inside && b[2] <= chart.scene.width && b[3] <= chart.scene.height;
            assert!(inside, "{name}: {text:?} leaves the page: {b:?}");
            for (other, o) in &boxes[..i] {
                let apart = b[2] <= o[0] || o[2] <= b[0] || b[3] <= o[1] || o[3] <= b[1];
                assert!(apart, "{name}: {text:?} lies on {other:?}");
            }
        }
    }
}

#[test]
fn text_is_never_smaller_than_fourteen_pixels() {
    for (name, chart) in gallery() {
        for mark in &chart.scene.marks {
            if let Mark::Text(label) = mark {
                assert!(label.px >= 14.0, "{name}: {:?}", label.text);
            }
        }
    }
}

#[test]
fn the_same_data_give_the_same_bytes() {
    let (one, two) = (
        availability(2, 2, true).chart(),
        availability(2, 2, true).chart(),
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.svg().unwrap(), two.svg().unwrap());
    assert_eq!(one.png().unwrap(), two.png().unwrap());
}

#[test]
fn nothing_to_draw_gives_no_chart() {
    assert!(availability(0, 0, true).chart().is_none());
    assert!(attribution(0, 0, 3).chart().is_none());
    assert!(yearly(0).chart().is_none());
    assert!(failover(0, 0, 1.0).chart().is_none());
    assert!(planned(0, 0).chart().is_none());
    assert!(lines(&[], true, 2).chart().is_none());
    assert!(lines(&counted(501), true, 1).chart().is_none());
    assert!(heat(&counted(2), &counted(2), 0).chart().is_none());
    assert!(heat(&counted(121), &counted(2), 9).chart().is_none());
}

#[test]
fn the_whole_gallery_can_be_written() {
    let kept = std::env::var_os("QUORATE_PLOT_GALLERY").map(PathBuf::from);
    let dir = kept.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("quorate-gallery-{}", std::process::id()))
    });
    std::fs::create_dir_all(&dir).unwrap();
    // Drawing all of it takes a while; without a reader the main charts are enough.
    for (name, chart) in gallery() {
        if kept.is_some() || !name.contains('-') {
            let written = chart.write(&dir, name).unwrap();
            assert!(std::fs::metadata(written.png).unwrap().len() > 5_000);
        }
    }
    if kept.is_none() {
        std::fs::remove_dir_all(dir).unwrap();
    }
}
