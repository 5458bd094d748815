"""Derives the values of textbook.toml without any part of Quorate, and prints the table.

Closed forms where there are any; otherwise small Markov chains written down from the
description and solved by elimination without subtractions (Grassmann, Taksar and Heyman
1985) with 40 digits. Run it as: python3 tests/data/textbook.py > tests/data/textbook.toml
"""

from itertools import product
from math import comb

from mpmath import exp, expm, factorial, matrix, mp, mpf, quad, zeros

mp.dps = 40
HOUR = 3600
YEAR_H = mpf(8766)
CASES = []


def case(id, title, source, scenario, target, quantity, value, **more):
    """One row: `target` names a service or a tally of the scenario."""
    CASES.append(dict(id=id, title=title, source=source, scenario=scenario, target=target,
                      quantity=quantity, value=value, **more))


# ---------------------------------------------------------------- chains

def chain(start, steps):
    """All states that can be reached; steps(state) gives pairs of (rate, state)."""
    index, states, rows = {start: 0}, [start], []
    for state in states:
        row = {}
        for rate, to in steps(state):
            if to not in index:
                index[to] = len(states)
                states.append(to)
            row[index[to]] = row.get(index[to], mpf(0)) + rate
        rows.append(row)
    return states, rows


def steady(start, steps):
    """The share of time in each state in the long run."""
    states, rows = chain(start, steps)
    n = len(states)
    rate = [[mpf(0)] * n for _ in range(n)]
    for i, row in enumerate(rows):
        for j, r in row.items():
            if i != j:
                rate[i][j] += r
    for k in range(n - 1, 0, -1):
        out = sum(rate[k][:k])
        leaves = [j for j in range(k) if rate[k][j]]
        for i in range(k):
            if not rate[i][k]:
                continue
            rate[i][k] /= out
            for j in leaves:
                if i != j:
                    rate[i][j] += rate[i][k] * rate[k][j]
    weight = [mpf(1)]
    for k in range(1, n):
        weight.append(sum(weight[i] * rate[i][k] for i in range(k)))
    total = sum(weight)
    return {state: w / total for state, w in zip(states, weight)}


def share(start, steps, wanted):
    """The share of time in states that are wanted."""
    return sum(p for state, p in steady(start, steps).items() if wanted(state))


def frequency(start, steps, up):
    """Steps from up to down in unit time."""
    rates = 0
    for state, p in steady(start, steps).items():
        if up(state):
            rates += p * sum(rate for rate, to in steps(state) if not up(to))
    return rates


def first_passage(start, steps, up):
    """Mean time from the start until it is no longer up."""
    states, rows = chain(start, lambda s: steps(s) if up(s) else [])
    inner = [i for i, s in enumerate(states) if up(s)]
    place = {i: k for k, i in enumerate(inner)}
    a, b = zeros(len(inner)), matrix(len(inner), 1)
    for i in inner:
        b[place[i]] = 1
        for j, rate in rows[i].items():
            a[place[i], place[i]] += rate
            if j in place:
                a[place[i], place[j]] -= rate
    mp.dps = 60
    solved = mp.lu_solve(a, b)[place[0]]
    mp.dps = 40
    return solved


def at_time(start, steps, t, wanted):
    """The probability to be in a wanted state at time t."""
    states, rows = chain(start, steps)
    n = len(states)
    q = zeros(n)
    for i, row in enumerate(rows):
        for j, rate in row.items():
            q[i, j] += rate
            q[i, i] -= rate
    e = expm(q * t)
    return sum(e[0, j] for j, state in enumerate(states) if wanted(state))


def binomial(n, at_least, p):
    return sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(at_least, n + 1))


def enumerate_up(ps, works):
    """The probability that works(tuple of up or down) holds; independent nodes."""
    total = mpf(0)
    for up in product((True, False), repeat=len(ps)):
        if works(up):
            weight = mpf(1)
            for p, u in zip(ps, up):
                weight *= p if u else 1 - p
            total += weight
    return total


# ---------------------------------------------------------------- static quorums

P = mpf(9) / 10  # MTTF 90 h, MTTR 10 h
Q = 1 - P


def majority3(p):
    return 3 * p**2 - 2 * p**3


case("A10", "weighted voting, 7 votes on 5 copies", "Gifford 1979; enumeration",
     "weighted-votes", "writes", "unavailability",
     1 - enumerate_up([P] * 5, lambda u: 2 * u[0] + 2 * u[1] + u[2] + u[3] + u[4] >= 4))
case("A10", "weighted voting, a reader's 2 votes of 7 with r + w > 7", "Gifford 1979",
     "weighted-votes", "reads", "unavailability",
     1 - enumerate_up([P] * 5, lambda u: 2 * u[0] + 2 * u[1] + u[2] + u[3] + u[4] >= 2))
case("A11", "read one, write all, 3 copies", "elementary; ROWA", "rowa", "reads",
     "unavailability", Q**3)
case("A11", "read one, write all, 3 copies", "elementary; ROWA", "rowa", "writes",
     "availability", P**3)
grid_read = (1 - Q**3) ** 3
case("A12", "grid 3 x 3, reads", "Cheung, Ammar and Ahamad 1990", "grid", "reads",
     "unavailability", 1 - grid_read)
case("A12", "grid 3 x 3, writes", "Cheung, Ammar and Ahamad 1990", "grid", "writes",
     "unavailability", 1 - (grid_read - (1 - P**3 - Q**3) ** 3))
tree = P
for _ in range(2):
    tree = P * (1 - (1 - tree) ** 2) + (1 - P) * tree**2
case("A13", "tree quorum on 7 nodes", "Agrawal and El Abbadi 1991: recursion", "tree",
     "cluster", "unavailability", 1 - tree)
case("A14", "hierarchical quorum, 3 groups of 3", "Kumar 1991: majority of majorities",
     "hierarchical", "cluster", "unavailability", 1 - majority3(majority3(P)))
case("A15", "flexible quorums on 6 acceptors: leader election with 5",
     "Howard, Malkhi and Spiegelman 2016; binomial", "flexible-paxos", "phase1",
     "unavailability", 1 - binomial(6, 5, P))
case("A15", "flexible quorums on 6 acceptors: replication with 2",
     "Howard, Malkhi and Spiegelman 2016; binomial", "flexible-paxos", "phase2",
     "unavailability", 1 - binomial(6, 2, P))
case("A16", "five unlike nodes, majority", "enumeration", "unlike-nodes", "cluster",
     "unavailability",
     1 - enumerate_up([mpf(990) / 1000, mpf(495) / 500, mpf(190) / 200, mpf(90) / 100, mpf(80) / 100],
                      lambda u: sum(u) >= 3))
case("A17", "bridge network of five parts", "Barlow and Proschan 1975: pivoting", "bridge",
     "path", "unavailability",
     1 - (P * (1 - Q**2) ** 2 + Q * (1 - (1 - P**2) ** 2)))
case("A18", "two sites of two and a witness", "enumeration", "witness", "cluster",
     "unavailability", 1 - enumerate_up([P] * 5, lambda u: sum(u) >= 3 and any(u[:4])))

# ---------------------------------------------------------------- dynamic voting

def voting(n, rule, lam, mu, beta=0):
    """States: up copies, electorate, does anybody serve? Written from the papers."""
    everyone = frozenset(range(n))

    def quorum(up, last, serving):
        here = up & last
        most = 2 * len(here) > len(last)
        tie = 2 * len(here) == len(last) and min(last) in here
        if rule == "dynamic":
            return most
        if rule in ("dynamic_linear", "hybrid"):
            return most or tie
        if rule == "available_copy":
            return bool(here)
        if rule == "naive_available_copy":
            return bool(here) if serving else up == everyone
        return most if serving else last <= up

    def settle(up, last, serving):
        if not quorum(up, last, serving):
            return up, (everyone if rule == "naive_available_copy" else last), False
        kept = rule == "hybrid" and len(last) == 3 and len(up) < 3
        return up, (last if kept else up), True

    def steps(state):
        up, last, serving = state
        for node in everyone:
            if node in up:
                yield lam, settle(up - {node}, last, serving)
            else:
                yield mu, settle(up | {node}, last, serving)
        if beta and not serving and up:
            yield beta, (up, up, True)

    return (everyone, everyone, True), steps


def not_serving(n, rule, lam, mu, beta=0):
    start, steps = voting(n, rule, lam, mu, beta)
    return share(start, steps, lambda s: not s[2])


RHO = (mpf(1) / 100, mpf(1) / 10)  # rho = 0.1
JM = "Jajodia and Mutchler 1990; chain of all subsets"
for number, (rule, n) in enumerate([
        ("dynamic", 3), ("dynamic", 4), ("dynamic", 5), ("dynamic_linear", 3),
        ("dynamic_linear", 4), ("dynamic_linear", 5), ("hybrid", 4), ("hybrid", 5)]):
    case(f"F{10 + number}", f"{rule} voting, {n} copies", JM, "dynamic-voting", "cluster",
         "unavailability", not_serving(n, rule, *RHO), set=[f"voting.rule={rule}", f"nodes={n}"])
r = RHO[0] / RHO[1]
LP = "Long and Paris 1988"
case("F01", "available copy, 2 copies", LP, "available-copy", "data", "availability",
     (1 + 3 * r + r**2) / (1 + r) ** 3, set=["nodes=2"])
case("F02", "available copy, 3 copies", LP, "available-copy", "data", "unavailability",
     not_serving(3, "available_copy", *RHO))
case("F03", "naive available copy, 2 copies", LP, "available-copy", "data", "unavailability",
     not_serving(2, "naive_available_copy", *RHO),
     set=["copies.rule=naive_available_copy", "nodes=2"])
case("F04", "naive available copy, 3 copies", LP, "available-copy", "data", "unavailability",
     not_serving(3, "naive_available_copy", *RHO), set=["copies.rule=naive_available_copy"])
start, steps = voting(5, "dynamic", *RHO)
case("F18", "dynamic voting, 5 copies: an update that arrives at any site is served",
     "Jajodia and Mutchler 1990: site availability", "dynamic-voting", "cluster",
     "request_availability",
     sum(p * len(s[0]) / mpf(5) for s, p in steady(start, steps).items() if s[2]),
     set=["nodes=5"])
W3 = (mpf(1) / 990, mpf(1) / 10)
for n in (3, 4, 5):
    start, steps = voting(n, "primary_component", *W3, beta=1)
    more = {} if n == 3 else {"engines": ["solve"]}
    case("W3", f"primary component of {n} with an operator", "chain of all subsets",
         f"../benchmarks/w3-n{n}", "cluster", "unavailability",
         share(start, steps, lambda s: not s[2]), **more)
    case("W3", f"primary component of {n}: outages", "chain of all subsets",
         f"../benchmarks/w3-n{n}", "cluster", "outages_per_year",
         frequency(start, steps, lambda s: s[2]) * YEAR_H, **more)
    case("W3", f"primary component of {n} without an operator", "chain of all subsets",
         f"../benchmarks/w3-n{n}", "cluster", "unavailability",
         not_serving(n, "primary_component", *W3), set=["operator.admin.notices=never"], **more)

# ---------------------------------------------------------------- repair and standby

L, M = mpf(1) / 100, mpf(1) / 10  # MTTF 100 h, MTTR 10 h
R10 = L / M
SOLVE = {"engines": ["solve"]}
SIMULATE = {"engines": ["simulate"]}
TR = "Trivedi 2002, chapter 8"


def birth_death(births, deaths):
    """Steps of a chain 0, 1, 2 ...: births[k] leads from k to k + 1, deaths[k] back."""
    def steps(k):
        if k < len(births):
            yield mpf(births[k]), k + 1
        if k > 0:
            yield mpf(deaths[k - 1]), k - 1
    return steps


def case_down(id, title, source, scenario, target, steps, up, start=0, **more):
    case(id, title, source, scenario, target, "unavailability",
         share(start, steps, lambda s: not up(s)), **more)


case("C10", "cold standby, two repairers", TR, "standby", "work", "unavailability",
     (R10**2 / 2) / (1 + R10 + R10**2 / 2))
case("C11", "cold standby, one crew", TR, "cold-standby-crew", "work", "unavailability",
     R10**2 / (1 + R10 + R10**2))
case("C11", "cold standby, one crew: first outage", TR, "cold-standby-crew", "work", "mttf_s",
     (2 * L + M) / L**2 * HOUR, **SOLVE)
case_down("C12", "warm standby, dormancy 0.2, one crew", TR, "warm-standby", "work",
          birth_death([L * 1.2, L], [M, M]), lambda k: k < 2)
x = L * 50
case("C13", "two of three without repair: mean time", "Trivedi 2002, chapter 3", "mission", "two",
     "mttf_s", 5 / (6 * L) * HOUR, **SOLVE)
case("C13", "one of three without repair: mean time", "Trivedi 2002, chapter 3", "mission", "one",
     "mttf_s", 11 / (6 * L) * HOUR, **SOLVE)
case("C13", "three in series without repair: mean time", "Trivedi 2002, chapter 3", "mission",
     "series", "mttf_s", 1 / (3 * L) * HOUR, **SOLVE)
case("I02", "two of three without repair: reliability", "Trivedi 2002, chapter 3", "mission", "two",
     "no_outage", 3 * exp(-2 * x) - 2 * exp(-3 * x))
case("I10", "one of three without repair: reliability", "Trivedi 2002, chapter 3", "mission", "one",
     "no_outage", 1 - (1 - exp(-x)) ** 3)
case("I10", "three in series without repair: reliability", "Trivedi 2002, chapter 3", "mission",
     "series", "no_outage", exp(-3 * x))
case("C14", "two cold spares without repair: mean time", "Trivedi 2002, chapter 3",
     "standby-without-repair", "work", "mttf_s", 3 / L * HOUR, **SOLVE)
case("C14", "two cold spares without repair: reliability", "Trivedi 2002, chapter 3",
     "standby-without-repair", "work", "no_outage", exp(-1) * (1 + 1 + mpf(1) / 2))
spares = birth_death([mpf(2) / 50, mpf(2) / 50, mpf(2) / 50, mpf(1) / 50], [M] * 4)
case_down("C15", "two of four, cold spares, one crew", TR, "two-of-four-standby", "both", spares,
          lambda k: k <= 2)
case_down("C15", "one of four, cold spares, one crew", TR, "two-of-four-standby", "one", spares,
          lambda k: k <= 3)


def switching(state):
    """(works, takes over, failed) of two nodes."""
    works, starts, failed = state
    if works or starts:
        lost = (0, 0, 2) if failed else (0, 1, 1)
        yield L, lost
        if starts:
            yield mpf(1), (1, 0, failed)
        if failed:
            yield M, (works, starts, 0)
    else:
        yield 2 * M, (0, 1, 1)


case_down("C16", "cold standby with a switching delay", TR, "switching-delay", "work", switching,
          lambda s: s[0] == 1, start=(1, 0, 0))


def may_not_start(failed):
    if failed == 0:
        yield L * 9 / 10, 1
        yield L / 10, 2
    elif failed == 1:
        yield L, 2
        yield M, 0
    else:
        yield 2 * M * 9 / 10, 1


case_down("C17", "cold standby that starts with 0.9", "Birolini, chapter 6", "failure-to-start",
          "work", may_not_start, lambda k: k < 2)
case_down("C18", "load sharing, three times the rate alone", TR, "load-sharing", "work",
          birth_death([2 * L, 3 * L], [M, M]), lambda k: k < 2)
case_down("C28", "load sharing of two processes", TR, "worker-processes", "work",
          birth_death([2 * L, 3 * L], [M, 2 * M]), lambda k: k < 2)
poisson = [(4 * R10) ** j / factorial(j) for j in range(5)]
case("C19", "equal load on four", "Scheuer 1988; cut-off Poisson", "equal-load", "work",
     "unavailability", poisson[4] / sum(poisson))
case("C19", "equal load on four, three needed", "Scheuer 1988; cut-off Poisson", "equal-load",
     "three", "unavailability", sum(poisson[2:]) / sum(poisson))
case("C20", "three in series that stand still together", "Barlow and Proschan 1975",
     "suspended-animation", "line", "availability", 1 / (1 + 3 * R10))


def booting(state):
    yield from {"up": [(L, "broken")], "broken": [(M, "boots")],
                "boots": [(mpf(1), "up"), (L, "broken")]}[state]


case_down("C21", "repair, then boot", TR, "repair-then-boot", "server", booting,
          lambda s: s == "up", start="up")


def resync(state):
    alive, current, last, copying = state

    def settle(alive, current, last, copying):
        back = last & alive
        if not current and back:
            current, last = back, frozenset()
        stale = alive - current if current else frozenset()
        if copying not in stale:
            copying = min(stale) if stale else None
        return alive, current, last, copying

    for node in range(3):
        if node in alive:
            left = current - {node}
            gone = current if current and not left else last
            yield L, settle(alive - {node}, left, gone, copying)
        else:
            yield M, settle(alive | {node}, current, last, copying)
    if copying is not None:
        yield mpf(1) / 2, settle(alive, current | {copying}, last, None)


ALL3 = frozenset(range(3))
for target, least in (("data", 1), ("two", 2)):
    case_down("C22", f"resync, one at a time, {least} current", TR, "resync", target, resync,
              lambda s, least=least: len(s[1]) >= least, start=(ALL3, ALL3, frozenset(), None))
LIFE = [mpf(1) / 100, mpf(1) / 50, mpf(1) / 25]


def priorities(state):
    broken, at = state
    for node in range(3):
        if node not in broken:
            yield LIFE[node], (broken | {node}, node if at is None else at)
    if at is not None:
        rest = broken - {at}
        yield M, (rest, min(rest) if rest else None)


for node, target in ((0, "main"), (2, "third")):
    case_down("C23", "priority repair, one crew", "Cobham 1954, finite source", "priority-repair",
              target, priorities, lambda s, node=node: node not in s[0], start=(frozenset(), None))
PALM = birth_death([5 * L, 4 * L, 3 * L, 2 * L, L], [M, 2 * M, 2 * M, 2 * M, 2 * M])
case_down("C24", "five nodes, two repairers", "Palm 1947", "two-crews", "most", PALM,
          lambda k: k <= 2)
case("C24", "five nodes, two repairers: mean number up", "Palm 1947", "two-crews", "nodes_up", "mean",
     sum((5 - k) * p for k, p in steady(0, PALM).items()))
HOT = birth_death([4 * L, 3 * L, 2 * L, 5 * L], [M] * 4)
case_down("C25", "a rate that grows with load", "Iyer and Rossetti 1986", "hot-load", "pages", HOT,
          lambda k: k < 4)
case("C25", "a rate that grows with load: mean number up", "Iyer and Rossetti 1986", "hot-load",
     "nodes_up", "mean", sum((4 - k) * p for k, p in steady(0, HOT).items()))


def preferred(state):
    main, second = state
    yield (L, (0, second)) if main else (M, (1, second))
    if second:
        yield L, (main, 0)
    elif main:
        yield M, (main, 1)


case_down("C26", "preemptive repair: the first", "elementary", "preemptive-repair", "main", preferred,
          lambda s: s[0], start=(1, 1))
case_down("C26", "preemptive repair: the second", "finite source, preemptive resume",
          "preemptive-repair", "second", preferred, lambda s: s[1], start=(1, 1))
PAIR = birth_death([2 * L, L], [M, 2 * M])
case("C27", "pair with repair: first outage", TR, "repaired-pair", "pair", "mttf_s",
     (3 * L + M) / (2 * L**2) * HOUR, **SOLVE)
case("I04", "pair with repair: no outage in 100 h", TR, "repaired-pair", "pair", "no_outage",
     at_time(0, lambda k: PAIR(k) if k < 2 else [], 100, lambda k: k < 2))


def down_at(t):
    return L / (L + M) * (1 - exp(-(L + M) * t))


case("I07", "pair with repair: up after 100 h", "textbook: two independent units", "repaired-pair",
     "pair", "up_at_end", 1 - down_at(100) ** 2)
case("I07", "pair with repair: mean over 100 h", "textbook: two independent units", "repaired-pair",
     "pair", "unavailability", quad(lambda t: down_at(t) ** 2, [0, 20, 100]) / 100)
case("I07", "series of two: mean over 100 h", "textbook: two independent units", "repaired-pair",
     "both", "unavailability", quad(lambda t: 1 - (1 - down_at(t)) ** 2, [0, 20, 100]) / 100)
case("I05", "Weibull life, reliability", "Weibull 1951", "weibull-mission", "part", "no_outage",
     exp(-mpf(1) / 4), **SIMULATE)
case("I06", "alternating renewal", "Cox 1962", "alternating-renewal", "part", "unavailability",
     mpf(10) / 110, **SIMULATE)
x = mpf(720) / 10000
case("I08", "unseen failures and proof tests", "IEC 61508-6 Annex B", "proof-test", "protection",
     "unavailability", 1 - (1 - exp(-x)) / x, **SIMULATE)

# ---------------------------------------------------------------- coverage

l, m, delta, beta, c = mpf(1) / 1000, mpf(1) / 10, mpf(120), mpf(2), mpf(95) / 100
p1 = 2 * l / m
weights = dict(two=mpf(1), one=p1, failover=2 * l * c / delta, reboot=2 * l * (1 - c) / beta,
               none=l / m * p1)
total = sum(weights.values())
D03 = "Trivedi 2002, multiprocessor with reconfiguration and reboot"
case("D03", "two processors: all", D03, "coverage-reboot", "system", "unavailability",
     (weights["failover"] + weights["reboot"] + weights["none"]) / total)
case("D03", "two processors: covered failovers", D03, "coverage-reboot", "no_failover",
     "unavailability", weights["failover"] / total)
case("D03", "two processors: uncovered failures", D03, "coverage-reboot", "no_reboot",
     "unavailability", weights["reboot"] / total)
case("D03", "two processors: double failures", D03, "coverage-reboot", "not_both",
     "unavailability", weights["none"] / total)
c = mpf(9) / 10
case("D10", "two units with coverage 0.9: mean time", "Trivedi 2002, chapter 8", "coverage-mttf",
     "system", "mttf_s", (L * (1 + 2 * c) + M) / (2 * L * (L + M * (1 - c))) * HOUR, **SOLVE)
stay = 1 / (mpf(1) / 720 + mpf(1) / 336)
crash, planned = stay / 720 * 2, stay / 336 / 5
cycle = 240 + stay + crash + planned
HU = "Huang, Kintala, Kolettis and Fulton 1995"
case("D12", "software rejuvenation", HU, "rejuvenation", "software", "unavailability",
     (crash + planned) / cycle)
case("D12", "software rejuvenation: after crashes", HU, "rejuvenation", "no_crash",
     "unavailability", crash / cycle)

# ---------------------------------------------------------------- common causes

a, b, c = mpf(1) / 100, mpf(1) / 200, mpf(1) / 500
MO = "Marshall and Olkin 1967"
case("E10", "two parts with a common shock: mean time", MO, "marshall-olkin", "system", "mttf_s",
     (1 / (a + c) + 1 / (b + c) - 1 / (a + b + c)) * HOUR, **SOLVE)
case("E10", "two parts with a common shock: reliability", MO, "marshall-olkin", "system",
     "no_outage", exp(-100 * (a + c)) + exp(-100 * (b + c)) - exp(-100 * (a + b + c)))


def binomial_shocks(k):
    if k:
        yield k * L, k - 1
    if k < 3:
        yield (3 - k) * M, k + 1
    for hit in range(1, k + 1):
        p = mpf(3) / 10
        yield comb(k, hit) * p**hit * (1 - p) ** (k - hit) / 200, k - hit


for target, least in (("one", 1), ("two", 2)):
    case_down("E11", "binomial failure rate", "Vesely 1977; Atwood 1986", "binomial-shocks", target,
              binomial_shocks, lambda k, least=least: k >= least, start=3)
own, common = 100 / mpf("0.9"), 100 / mpf("0.1")
own, common = own / (own + 10), common / (common + 10)
case("E12", "two of three with a beta factor", "Fleming 1974", "beta-two-of-three", "quorum",
     "unavailability", 1 - common * majority3(own))


def shock_sizes(k):
    if k:
        yield k * L, k - 1
    if k < 4:
        yield (4 - k) * M, k + 1
    for size, weight in ((2, mpf(7) / 10), (3, mpf(3) / 10)):
        for hit in range(1, size + 1):
            ways = comb(k, hit) * comb(4 - k, size - hit)
            if ways:
                yield weight * ways / comb(4, size) / 200, k - hit


for target, least in (("one", 1), ("most", 3)):
    case_down("E13", "shocks of two sizes", "Mosleh 1991", "shock-sizes", target, shock_sizes,
              lambda k, least=least: k >= least, start=4)

# ---------------------------------------------------------------- durability

PGK = "Patterson, Gibson and Katz 1988"
l, m = mpf(1) / 10**6, mpf(1) / 10
case("G01", "mirrored pair: mean time to data loss", PGK, "mirror", "data", "mttf_s",
     (3 * l + m) / (2 * l**2) * HOUR, **SOLVE)
l, m = mpf(1) / 10**5, mpf(1) / 24
case("G02", "eight disks, one parity: mean time to data loss", PGK, "raid5", "data", "mttf_s",
     (15 * l + m) / (8 * 7 * l**2) * HOUR, **SOLVE)
case("G03", "six disks, two parities, one rebuild: mean time to data loss", PGK, "raid6", "data",
     "mttf_s", first_passage(0, birth_death([6 * l, 5 * l, 4 * l], [m] * 3), lambda k: k < 3) * HOUR,
     **SOLVE)
f, t = mpf(1) / 4380, mpf(1) / 2
case("G04", "three replicas: mean time to data loss", PGK, "three-replicas", "data", "mttf_s",
     first_passage(0, birth_death([3 * f, 2 * f, f], [t, 2 * t, 2 * t]), lambda k: k < 3) * HOUR,
     **SOLVE)
h = mpf(2) / 100


def latent(state):
    if state == 2:
        yield 2 * l, 1
    if state == 1:
        yield l + h * m, 0
        yield (1 - h) * m, 2


case("G05", "mirrored pair with latent errors: mean time to data loss", "Chen et al. 1994",
     "latent-errors", "data", "mttf_s", first_passage(2, latent, lambda s: s > 0) * HOUR, **SOLVE)
POOR = birth_death([mpf(2) / 1000, mpf(1) / 1000], [mpf(1) / 24, mpf(1) / 24])
case("G06", "mirrored pair: no loss in 1000 h", PGK, "mirror-mission", "data", "no_outage",
     at_time(0, lambda k: POOR(k) if k < 2 else [], 1000, lambda k: k < 2))
case("G07", "erasure code, four of six", "Weatherspoon and Kubiatowicz 2002", "erasure", "data",
     "unavailability", 1 - binomial(6, 4, P))
CI = "Cidon et al. 2013"
case("G08", "nine nodes in three groups", CI, "copysets-groups", "data", "unavailability",
     1 - (1 - Q**3) ** 3)
ring = 1 - enumerate_up([P] * 9, lambda u: not any(
    not (u[i] or u[(i + 1) % 9] or u[(i + 2) % 9]) for i in range(9)))
case("G09", "nine nodes in a ring", "van Renesse and Schneider 2004", "copysets-chained", "data",
     "unavailability", ring)
case("G09", "nine nodes in a ring: lost copysets", "linearity of the mean", "copysets-chained", "lost",
     "mean", 9 * Q**3)
case("G10", "seven nodes, every triple", CI, "copysets-random", "data", "unavailability",
     1 - binomial(7, 5, P))
case("G10", "seven nodes, every triple: lost copysets", "linearity of the mean", "copysets-random",
     "lost", "mean", 35 * Q**3)
case("G11", "nine nodes, six copysets: lost copysets", "linearity of the mean", "copysets-permuted",
     "lost", "mean", 6 * Q**3)

case("G12", "three of nine nodes lost at once, ring", CI, "correlated-loss", "data", "no_outage",
     1 - mpf(9) / 84, **SIMULATE)

# ---------------------------------------------------------------- queues

def erlang_b(servers, load):
    blocked = mpf(1)
    for k in range(1, servers + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked


load = mpf(28) / 10
B = erlang_b(4, load)
C = 4 * B / (4 - load * (1 - B))
case("H01", "Erlang C: probability of waiting", "Erlang 1917", "erlang-c", "no_wait",
     "unavailability", C)
case("H01", "Erlang C: mean response", "Erlang 1917", "erlang-c", "customers", "mean_time_s",
     1 + C / (4 - load))
case("H01", "Erlang C: busy servers", "Erlang 1917", "erlang-c", "busy", "mean", load)
case("H04", "Erlang B: blocked", "Erlang 1917", "erlang-b", "a_line_is_free", "unavailability", B)
r = mpf(8) / 10
room = [r**n for n in range(6)]
case("H02", "M/M/1/5: mean number", "Kleinrock 1975", "one-server", "customers", "mean",
     sum(n * w for n, w in enumerate(room)) / sum(room))
case("H03", "M/M/1/5: full", "Kleinrock 1975", "one-server", "not_full", "unavailability",
     room[5] / sum(room))
l, m, xi, eta = mpf(1) / 2, mpf(1), mpf(1) / 20, mpf(1) / 2
number = l * (m * xi + (xi + eta) ** 2) / ((xi + eta) * (m * eta - l * (xi + eta)))
WC = "White and Christie 1958; Avi-Itzhak and Naor 1963"
case("H05", "a server with breakdowns: mean number", WC, "breakdowns", "customers", "mean", number)
case("H05", "a server with breakdowns: mean response", WC, "breakdowns", "customers", "mean_time_s",
     number / l)


def two_servers(state):
    n, up = state
    if n < 40:
        yield mpf(8) / 10, (n + 1, up)
    if min(n, up):
        yield mpf(min(n, up)), (n - 1, up)
    if up:
        yield up / mpf(40), (n, up - 1)
    if up < 2:
        yield (2 - up) / mpf(10), (n, up + 1)


MA = "Mitrany and Avi-Itzhak 1968, room for 40"
case_down("H06", "two servers with breakdowns: full", MA, "breakdowns-of-two", "not_full", two_servers,
          lambda s: s[0] < 40, start=(0, 2), **SOLVE)
case("H06", "two servers with breakdowns: mean number", MA, "breakdowns-of-two", "customers", "mean",
     sum(s[0] * p for s, p in steady((0, 2), two_servers).items()))
r = mpf(7) / 10
PK = "Pollaczek 1930; Khinchine 1932"
case("H07", "M/E2/1: mean number", PK, "two-stages", "customers", "mean",
     r + r**2 * mpf("1.5") / (2 * (1 - r)))
case("H08", "M/D/1: mean number", PK, "constant-service", "customers", "mean",
     r + r**2 / (2 * (1 - r)), **SIMULATE)

PALM_A = birth_death([mpf("4.4")] * 100, [min(n, 4) + mpf(max(n - 4, 0)) / 2 for n in range(1, 101)])
here = steady(0, PALM_A)
case("H09", "Erlang A: probability of waiting", "Palm 1957", "impatience", "no_wait",
     "unavailability", sum(p for n, p in here.items() if n >= 4))
case("H09", "Erlang A: mean number that waits", "Palm 1957", "impatience", "waiting", "mean",
     sum(max(n - 4, 0) * p for n, p in here.items()))

# ---------------------------------------------------------------- timers, and a stack

case("J02", "split vote of two candidates", "Ongaro and Ousterhout 2014", "split-vote", "vote",
     "no_outage", (1 - mpf(15) / 150) ** 2, **SIMULATE)

case("K01", "three layers", "Barlow and Proschan 1975", "layers", "site", "unavailability",
     1 - (1 - Q**2) ** 2 * majority3(P))

def main():
    print("# Published and closed-form cases; tests/textbook.rs runs each. Values by textbook.py.")
    for row in CASES:
        print("\n[[case]]")
        for key, value in row.items():
            if isinstance(value, str):
                print(f'{key} = "{value}"')
            elif isinstance(value, (list, int, float)):
                print(f"{key} = {value!r}".replace("'", '"'))
            else:
                text = mp.nstr(value, 17)
                print(f"{key} = {text if '.' in text or 'e' in text else text + '.0'}")


if __name__ == "__main__":
    main()
