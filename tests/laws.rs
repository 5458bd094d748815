//! Laws that hold for every design of a kind, replication by replication: on
//! common random numbers they are exact, not a matter of statistics.

use proptest::prelude::*;
use quorate::engine::record::ReplicationRecord;
use quorate::engine::simulate::Simulator;
use quorate::model::{Model, build};
use quorate::protocol::CATALOGUE;
use quorate::scenario::{NoFiles, read};

const REPLICATIONS: u64 = 3;

/// A distribution by its kind, with this mean in hours.
fn distribution(kind: u8, mean: f64) -> String {
    match kind % 4 {
        0 => format!("{{ dist = \"exponential\", mean = \"{mean}h\" }}"),
        1 => format!("{{ dist = \"weibull\", shape = 0.7, mean = \"{mean}h\" }}"),
        2 => format!("{{ dist = \"lognormal\", sigma = 1, mean = \"{mean}h\" }}"),
        _ => format!("{{ dist = \"gamma\", shape = 3, mean = \"{mean}h\" }}"),
    }
}

#[derive(Clone, Debug)]
struct Servers {
    lives: u8,
    repairs: u8,
    mttf: f64,
    mttr: f64,
    seed: u64,
}

prop_compose! {
    fn servers()(
        lives in 0u8..4,
        repairs in 0u8..4,
        mttf in 20.0..400.0f64,
        mttr in 1.0..60.0f64,
        seed in 0u64..1 << 40,
    ) -> Servers {
        Servers { lives, repairs, mttf, mttr, seed }
    }
}

impl Servers {
    /// A `[[node]]` table; `more` is added to it.
    fn table(&self, more: &str, stretch: f64) -> String {
        format!(
            "[[node]]\n{more}\nfailure = {}\nrepair = {}\n",
            distribution(self.lives, self.mttf * stretch),
            distribution(self.repairs, self.mttr * stretch),
        )
    }

    fn group(&self, count: usize) -> String {
        self.table(&format!("name = \"server\"\ncount = {count}"), 1.0)
    }

    fn play(&self, body: &str, years: f64) -> Vec<ReplicationRecord> {
        let text = format!("schema = 1\nname = \"law\"\n{body}");
        let around = read::Surroundings {
            files: &NoFiles,
            catalogue: CATALOGUE,
            profile: None,
            overrides: &[],
        };
        let scenario = read::scenario("law.toml", &text, &around)
            .unwrap_or_else(|e| panic!("{:?}", miette::Report::new(*e)));
        let model: Model<1> = build::model(&scenario, &NoFiles)
            .unwrap_or_else(|e| panic!("{:?}", miette::Report::new(*e)));
        let seconds = years * quorate::automaton::Nanos::SECONDS_PER_YEAR;
        let horizon = quorate::automaton::Nanos::from_seconds(seconds);
        let mut simulator =
            Simulator::new(&model, self.seed, Default::default(), horizon, 100_000_000);
        (0..REPLICATIONS)
            .map(|replication| simulator.replicate(replication).expect("plays"))
            .collect()
    }
}

fn down(records: &[ReplicationRecord], service: usize) -> Vec<u64> {
    records
        .iter()
        .map(|r| r.services[service].down_ns)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn one_node_more_never_lowers_the_availability(servers in servers(), count in 1usize..6) {
        let any = "[service.s]\nup = \"any(node.up)\"\n";
        let less = servers.play(&(servers.group(count) + any), 3.0);
        let more = servers.play(&(servers.group(count + 1) + any), 3.0);
        for (more, less) in down(&more, 0).iter().zip(down(&less, 0)) {
            prop_assert!(*more <= less);
        }
        // Nor does it help where every node is needed.
        let all = "[service.s]\nup = \"all(node.up)\"\n";
        let less = servers.play(&(servers.group(count) + all), 3.0);
        let more = servers.play(&(servers.group(count + 1) + all), 3.0);
        for (more, less) in down(&more, 0).iter().zip(down(&less, 0)) {
            prop_assert!(*more >= less);
        }
    }

    #[test]
    fn the_order_of_nodes_does_not_matter(
        servers in servers(),
        order in Just(["a", "b", "c", "d"]).prop_shuffle(),
        crew in any::<bool>(),
    ) {
        let crews = "[[crew]]\nname = \"crew\"\nsize = 1\n";
        let joins = if crew { "crew = \"crew\"" } else { "" };
        let power = "[[component]]\nname = \"mains\"\nkind = \"power\"\n\
            failure = { dist = \"exponential\", mean = \"500h\" }\nrepair = \"2h\"\n";
        let rest = "[service.s]\nup = \"count(node.up) >= 2\"\n[service.pair]\nup = \"any(node.up & {a, b})\"\n";
        let play = |names: [&str; 4]| {
            let nodes: String = names
                .iter()
                .map(|name| servers.table(&format!("name = \"{name}\"\nboot = \"3m\"\n{joins}"), 1.0))
                .collect();
            servers.play(&[crews, &nodes, power, rest].concat(), 3.0)
        };
        prop_assert_eq!(play(order), play(["a", "b", "c", "d"]));
    }

    #[test]
    fn twice_the_times_are_twice_the_downtime(servers in servers(), count in 1usize..5) {
        let play = |stretch: f64| {
            let nodes = servers.table(&format!("name = \"server\"\ncount = {count}"), stretch);
            let body = nodes + "[service.s]\nup = \"majority(node.up)\"\n";
            servers.play(&body, 3.0 * stretch)
        };
        for (one, two) in play(1.0).iter().zip(play(2.0)) {
            prop_assert_eq!(one.events, two.events);
            let (one_s, two_s) = (&one.services[0], &two.services[0]);
            prop_assert_eq!(one_s.outages_ns.len(), two_s.outages_ns.len());
            // Every time is rounded to a nanosecond, and the roundings add up.
            let ends = 2 * (one_s.outages_ns.len() as u64 + 1);
            let rounding = ends * one.events * 3;
            prop_assert!(two_s.down_ns.abs_diff(2 * one_s.down_ns) <= rounding);
        }
    }

    #[test]
    fn the_more_are_needed_the_less_is_available(servers in servers(), count in 2usize..7) {
        let mut body = servers.group(count);
        for k in 1..=count {
            body += &format!("[service.k{k}]\nup = \"count(node.up) >= {k}\"\n");
        }
        body += "[service.quorum]\nup = \"majority(node.up)\"\n[tally.up]\nof = \"count(node.up)\"\n";
        for record in servers.play(&body, 3.0) {
            let down = |k: usize| record.services[k - 1].down_ns;
            for k in 1..count {
                prop_assert!(down(k) <= down(k + 1));
            }
            prop_assert_eq!(record.services[count].down_ns, down(count / 2 + 1));
            // The same out of the tally: fewer than k nodes are up.
            let levels = &record.tallies[0];
            for k in 1..=count {
                prop_assert_eq!(levels[..k].iter().sum::<u64>(), down(k));
            }
            // Downtime is attributed to the last nanosecond, and to the right years.
            for service in &record.services {
                prop_assert_eq!(service.cause_ns.iter().sum::<u64>(), service.down_ns);
                prop_assert_eq!(service.month_ns.iter().sum::<u64>(), service.down_ns);
                let outages: u64 = service.outages_ns.iter().sum();
                prop_assert_eq!(outages, service.down_ns);
            }
        }
    }

    #[test]
    fn a_crew_for_each_node_is_no_crew_at_all(servers in servers(), count in 1usize..5) {
        let tally = "[tally.up]\nof = \"count(node.up)\"\n";
        let crew = format!("[[crew]]\nname = \"crew\"\nsize = {count}\n");
        let joins = format!("name = \"server\"\ncount = {count}\ncrew = \"crew\"");
        let enough = crew + &servers.table(&joins, 1.0) + tally;
        let free = servers.group(count) + tally;
        prop_assert_eq!(servers.play(&enough, 3.0), servers.play(&free, 3.0));
    }
}
