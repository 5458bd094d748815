"""Derives the values of textbook.toml without any part of Quorate, and prints the table.

Closed forms where there are any; otherwise small Markov chains written down from the
description and solved by elimination without subtractions (Grassmann, Taksar and Heyman
1985) with 40 digits. Run it as: python3 tests/data/textbook.py > tests/data/textbook.toml
"""

from itertools import product
from math import comb

from mpmath import e1, exp, factorial, gammainc, inf, matrix, mp, mpf, quad, sqrt, expm, zeros

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
