//! Queues in equilibrium and fluid backlogs: how long requests wait, and how many are lost.
//!
//! Arrivals are a Poisson stream, service times are exponential, `servers` (cores, workers)
//! stand side by side. The offered load is in erlangs: arrivals per second times mean service
//! time. Waiting times count from the arrival to the start of the service.
//!
//! | queue | who waits | formula |
//! | --- | --- | --- |
//! | M/M/c | everybody, as long as it takes | Erlang C (Erlang 1917) |
//! | M/M/c/c+K | who finds no free place leaves at once | truncated birth and death chain |
//! | M/M/c+D | who has waited so long leaves | Barrer 1957, Operations Research 5:644 |
//!
//! Under processor sharing the number of requests at a station with exponential service times
//! has the same distribution as under first come first served, so the mean delay is the same
//! and belongs to requests in proportion to their size (Kleinrock 1976, Queueing Systems II, 4.4;
//! for one server whatever the distribution of sizes).

/// Erlang's B formula: the share of requests that find all `servers` busy and leave, for an
/// `offered` load in erlangs (0 or more). Exact for any number of servers: the recursion adds
/// positive terms only.
#[must_use]
pub fn erlang_b(servers: u32, offered: f64) -> f64 {
    if offered <= 0.0 {
        return if servers == 0 { 1.0 } else { 0.0 };
    }
    // 1/B(n) = 1 + n/a * 1/B(n-1); beyond the range of a double the share is zero.
    let inverse = (1..=servers).fold(1.0, |inverse, n| 1.0 + inverse * f64::from(n) / offered);
    1.0 / inverse
}

/// Erlang's C formula: the share of requests that have to wait. 1 where the offered load is not
/// less than the number of servers, because then everybody does.
#[must_use]
pub fn erlang_c(servers: u32, offered: f64) -> f64 {
    let utilisation = offered / f64::from(servers);
    if servers == 0 || utilisation >= 1.0 {
        return 1.0;
    }
    let blocked = erlang_b(servers, offered);
    blocked / (1.0 - utilisation * (1.0 - blocked))
}

/// What happens to requests at a station.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Waiting {
    /// Share of the requests that are never served, 0 to 1.
    pub lost: f64,
    /// Share of the requests that are served after a wait longer than was asked about.
    pub late: f64,
    /// Mean wait of those that are served, in seconds; infinite in overload without a limit.
    pub mean_s: f64,
}

/// A station of equal servers with one queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Station {
    /// How many requests it serves at a time, at least 1.
    pub servers: u32,
    /// Offered load in erlangs, 0 or more.
    pub offered: f64,
    /// Mean service time in seconds, more than 0.
    pub service_s: f64,
}

impl Station {
    /// Offered load per server; above 1 without a limit the queue grows for ever.
    #[must_use]
    pub fn utilisation(&self) -> f64 {
        self.offered / f64::from(self.servers)
    }

    /// Requests that the busy station serves per second.
    fn capacity_per_s(&self) -> f64 {
        f64::from(self.servers) / self.service_s
    }

    /// M/M/c: everybody waits as long as it takes. `late` are those who wait longer than
    /// `threshold_s`.
    #[must_use]
    pub fn without_limit(&self, threshold_s: f64) -> Waiting {
        let spare = f64::from(self.servers) - self.offered;
        if spare <= 0.0 {
            return Waiting {
                lost: 0.0,
                late: 1.0,
                mean_s: f64::INFINITY,
            };
        }
        let waits = erlang_c(self.servers, self.offered);
        Waiting {
            lost: 0.0,
            late: waits * (-spare * threshold_s / self.service_s).exp(),
            mean_s: waits * self.service_s / spare,
        }
    }

    /// M/M/c+D: who is not being served after `patience_s` leaves and is lost. Holds in overload
    /// as well.
    #[must_use]
    pub fn with_patience(&self, patience_s: f64, threshold_s: f64) -> Waiting {
        if self.offered <= 0.0 {
            return Waiting {
                lost: 0.0,
                late: 0.0,
                mean_s: 0.0,
            };
        }
        // The virtual wait v, in units of the time between two departures of the busy station,
        // has the density rho p exp(g v) below the patience x; p is the probability of c - 1.
        let rho = self.utilisation();
        let growth = rho - 1.0;
        let patience = patience_s * self.capacity_per_s();
        let threshold = (threshold_s * self.capacity_per_s()).min(patience);
        // All weights are divided by the largest, so that none overflows.
        let scale = (growth * patience).max(0.0);
        let few = (-scale).exp() / erlang_b(self.servers - 1, self.offered);
        let waiting = rho * exponential_integral(growth, 0.0, patience, scale);
        let lost = rho * (growth * patience - scale).exp();
        let all = few + waiting + lost;
        let late = rho * exponential_integral(growth, threshold, patience, scale);
        let moment = rho * first_moment(growth, patience, scale);
        let served = few + waiting;
        Waiting {
            lost: lost / all,
            late: late / all,
            mean_s: if served > 0.0 {
                moment / served / self.capacity_per_s()
            } else {
                patience_s
            },
        }
    }

    /// M/M/c/c+K: who finds all servers busy and all `places` taken is lost. Holds in overload
    /// as well. The cost grows with the places.
    #[must_use]
    pub fn with_places(&self, places: u32, threshold_s: f64) -> Waiting {
        let rho = self.utilisation();
        // Weights of c, c + 1, ... requests, the largest of which is 1.
        let top = if rho > 1.0 {
            f64::from(places) * rho.ln()
        } else {
            0.0
        };
        let weight = |waiting: u32| (f64::from(waiting) * rho.ln() - top).exp();
        let blocked = erlang_b(self.servers, self.offered);
        let up_to_full = if self.offered > 0.0 {
            (-top).exp() / blocked
        } else {
            1.0
        };
        let departures = threshold_s * self.capacity_per_s();
        let (mut all, mut wait, mut late) = (up_to_full, 0.0, 0.0);
        // The probability of `waiting` or fewer departures within the threshold.
        let (mut log_term, mut few_departures) = (-departures, 0.0);
        for waiting in 0..places {
            if self.offered <= 0.0 {
                break;
            }
            if waiting > 0 {
                log_term += departures.ln() - f64::from(waiting).ln();
            }
            few_departures += log_term.exp();
            let found = weight(waiting);
            wait += found * f64::from(waiting + 1);
            late += found * f64::min(few_departures, 1.0);
            all += weight(waiting + 1);
        }
        let lost = if self.offered > 0.0 {
            weight(places)
        } else {
            0.0
        };
        Waiting {
            lost: lost / all,
            late: late / all,
            mean_s: if all > lost {
                wait / (all - lost) / self.capacity_per_s()
            } else {
                0.0
            },
        }
    }
}

/// The integral of exp(g v - scale) over v from `low` to `high`.
fn exponential_integral(growth: f64, low: f64, high: f64, scale: f64) -> f64 {
    if high <= low {
        return 0.0;
    }
    let x = growth * (high - low);
    let start = (growth * low - scale).exp();
    // exp(x) - 1 over x, without cancellation where the load is close to the capacity; taken
    // from the upper end where it grows, so that nothing overflows.
    if x > 0.0 {
        (growth * high - scale).exp() * (high - low) * (-(-x).exp_m1() / x)
    } else if x == 0.0 {
        start * (high - low)
    } else {
        start * (high - low) * (x.exp_m1() / x)
    }
}

/// The integral of v exp(g v - scale) over v from 0 to `high`.
fn first_moment(growth: f64, high: f64, scale: f64) -> f64 {
    let x = growth * high;
    if x.abs() < 1e-4 {
        // Three terms of the series: the closed form cancels here.
        return high * high * (0.5 + x / 3.0 + x * x / 8.0) * (-scale).exp();
    }
    let end = (x - scale).exp();
    (end * (x - 1.0) + (-scale).exp()) / (growth * growth)
}

/// How long a backlog of `requests` takes to drain while `arrivals_per_s` more arrive and
/// `capacity_per_s` are served, in seconds; infinite where there is no capacity to spare.
#[must_use]
pub fn drain_s(requests: f64, arrivals_per_s: f64, capacity_per_s: f64) -> f64 {
    if requests <= 0.0 {
        return 0.0;
    }
    let spare = capacity_per_s - arrivals_per_s;
    if spare > 0.0 {
        requests / spare
    } else {
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(got: f64, want: f64, relative: f64) {
        assert!(
            (got - want).abs() <= relative * want.abs().max(1e-300),
            "got {got:.17e}, want {want:.17e}"
        );
    }

    fn station(servers: u32, offered: f64) -> Station {
        Station {
            servers,
            offered,
            service_s: 1.0,
        }
    }

    #[test]
    fn erlang_b_as_in_the_published_tables() {
        // Traffic tables: 1% blocking at these loads (ITU-T handbook of teletraffic engineering).
        for (servers, offered) in [(1, 0.010_101), (5, 1.360_8), (10, 4.461_2), (20, 12.031)] {
            close(erlang_b(servers, offered), 0.01, 5e-4);
        }
        // Closed forms.
        close(erlang_b(1, 3.0), 0.75, 1e-15);
        close(erlang_b(2, 1.0), 0.2, 1e-15);
        assert_eq!(erlang_b(3, 0.0), 0.0);
        assert_eq!(erlang_b(0, 2.0), 1.0);
    }

    #[test]
    fn erlang_b_of_many_servers() {
        // At a load equal to the number of servers the share tends to sqrt(2/(pi c)).
        let servers = 1_000_000;
        close(
            erlang_b(servers, f64::from(servers)),
            (2.0 / (std::f64::consts::PI * f64::from(servers))).sqrt(),
            2e-3,
        );
        assert_eq!(erlang_b(10_000, 1.0), 0.0);
    }

    #[test]
    fn four_servers_at_seventy_percent() {
        // Case H01 of the reference cases.
        let waiting = station(4, 2.8).without_limit(0.0);
        close(erlang_c(4, 2.8), 0.428_654_318_232_537, 1e-14);
        close(waiting.mean_s, 0.357_211_931_860_448, 1e-14);
        close(1.0 + waiting.mean_s, 1.357_211_931_860_45, 1e-14);
        close(station(4, 2.8).utilisation(), 0.7, 1e-15);
    }

    #[test]
    fn one_server_in_closed_form() {
        for rho in [0.1, 0.5, 0.9, 0.99] {
            let waiting = station(1, rho).without_limit(2.0);
            close(waiting.mean_s, rho / (1.0 - rho), 1e-12);
            close(waiting.late, rho * (-(1.0 - rho) * 2.0).exp(), 1e-12);
            // M/M/1/1+K: truncated geometric.
            let places = 3;
            let lost = (1.0 - rho) * rho.powi(4) / (1.0 - rho.powi(5));
            close(station(1, rho).with_places(places, 0.0).lost, lost, 1e-12);
        }
        let overload = station(1, 1.5).without_limit(0.0);
        assert!(overload.mean_s.is_infinite() && overload.late == 1.0);
    }

    #[test]
    fn impatient_customers_of_one_server() {
        // M/M/1+D (Barrer 1957): (1 - rho) rho e / (1 - rho^2 e), e = exp(-(1 - rho) x).
        for (rho, patience) in [(0.5, 1.0), (0.9, 3.0), (1.4, 2.0), (3.0, 0.2)] {
            let rho: f64 = rho;
            let e = (-(1.0 - rho) * patience).exp();
            let lost = (1.0 - rho) * rho * e / (1.0 - rho * rho * e);
            close(
                station(1, rho).with_patience(patience, 0.0).lost,
                lost,
                1e-12,
            );
        }
        // At rho = 1 the limit of that is 1/(2 + x).
        close(station(1, 1.0).with_patience(3.0, 0.0).lost, 0.2, 1e-12);
    }

    #[test]
    fn no_patience_and_no_places_are_erlang_b() {
        for (servers, offered) in [(1, 0.3), (4, 2.8), (4, 7.0), (50, 60.0)] {
            let blocked = erlang_b(servers, offered);
            let s = station(servers, offered);
            close(s.with_patience(0.0, 0.0).lost, blocked, 1e-12);
            close(s.with_places(0, 0.0).lost, blocked, 1e-12);
        }
    }

    #[test]
    fn deep_overload_loses_what_does_not_fit() {
        let s = station(16, 160.0);
        close(s.with_patience(1e6, 0.0).lost, 0.9, 1e-9);
        close(s.with_places(10_000, 0.0).lost, 0.9, 1e-9);
        // Those who are served have waited nearly as long as they can.
        assert!(s.with_patience(1e3, 0.0).mean_s > 999.0);
    }

    #[test]
    fn backlogs_drain_with_what_is_to_spare() {
        assert_eq!(drain_s(100.0, 5.0, 15.0), 10.0);
        assert_eq!(drain_s(0.0, 5.0, 1.0), 0.0);
        assert!(drain_s(1.0, 5.0, 5.0).is_infinite());
    }

    proptest! {
        #[test]
        fn generous_limits_change_nothing(servers in 1u32..40, rho in 0.01..0.9f64, t in 0.0..3.0f64) {
            let s = station(servers, rho * f64::from(servers));
            let free = s.without_limit(t);
            for limited in [s.with_patience(1e4, t), s.with_places(5000, t)] {
                prop_assert!(limited.lost < 1e-9);
                prop_assert!((limited.late - free.late).abs() < 1e-9);
                prop_assert!((limited.mean_s - free.mean_s).abs() < 1e-9 * free.mean_s.max(1.0));
            }
        }

        #[test]
        fn shares_are_shares(servers in 1u32..100, load in 0.0..5.0f64, x in 0.0..50.0f64, t in 0.0..60.0f64, places in 0u32..300) {
            let s = station(servers, load * f64::from(servers));
            for w in [s.without_limit(t), s.with_patience(x, t), s.with_places(places, t)] {
                prop_assert!((0.0..=1.0).contains(&w.lost), "{w:?}");
                prop_assert!(w.late >= 0.0 && w.late + w.lost <= 1.0 + 1e-12, "{w:?}");
                prop_assert!(w.mean_s >= 0.0, "{w:?}");
            }
            prop_assert!(s.with_patience(x, 0.0).mean_s <= x + 1e-9);
        }

        #[test]
        fn more_load_loses_more(servers in 1u32..30, load in 0.05..3.0f64, x in 0.0..10.0f64) {
            let less = station(servers, load * f64::from(servers));
            let more = station(servers, (load + 0.05) * f64::from(servers));
            prop_assert!(less.with_patience(x, 0.0).lost <= more.with_patience(x, 0.0).lost + 1e-12);
            prop_assert!(less.with_places(3, 0.0).lost <= more.with_places(3, 0.0).lost + 1e-12);
        }
    }
}
