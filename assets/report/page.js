"use strict";
// Draws the report from the data inside the page. Texts are set as text, never as markup.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const data = read("data");
  const strings = read("strings");
  const root = document.documentElement;
  const state = { language: root.lang in strings.language ? root.lang : "en", service: null, verdict: null };
  const YEAR_S = 8766 * 3600;

  // --- words and numbers ------------------------------------------------------------
  const word = (key, ...values) => {
    const entry = strings[key];
    const text = entry ? (entry[state.language] ?? entry.en) : key;
    return text.replace(/\{(\d)\}/g, (_, i) => values[i] ?? "");
  };
  const known = (key) => word(key.replaceAll(" ", "_"));
  const digits = (x, n = 3) => {
    if (!Number.isFinite(x)) return "\u221e";
    if (x === 0) return "0";
    const places = Math.max(0, n - 1 - Math.floor(Math.log10(Math.abs(x))));
    return x.toLocaleString(state.language, { maximumFractionDigits: Math.min(places, 12), useGrouping: true });
  };
  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"], [0.001, "ms"]];
  const unitOf = (s) => UNITS.find(([size]) => Math.abs(s) >= size) ?? UNITS[3];
  const time = (s, n = 3) => {
    if (s === null || s === undefined) return "\u2013";
    const [size, unit] = unitOf(s);
    return `${digits(s / size, n)} ${word("unit_" + unit)}`;
  };
  const percent = (share, n = 2) => `${digits(100 * share, n)}%`;
  // As many digits as the unavailability has to say.
  const availability = (u) => {
    const places = u > 0 ? Math.min(12, Math.max(1, 1 - Math.floor(Math.log10(u)) - 2)) : 4;
    // Rounded down: nobody is promised more than there is.
    const scale = 10 ** places;
    return `${(Math.floor(100 * (1 - u) * scale + 1e-6) / scale).toFixed(places)}%`;
  };
  const nines = (u) => (u > 0 ? (-Math.log10(u)).toFixed(1) : "\u221e");
  // Both ends in the unit of the larger one.
  const range = (low, high) => {
    const [size, unit] = unitOf(high);
    const places = high > 0 ? Math.max(0, 2 - Math.floor(Math.log10(high / size))) : 0;
    const one = (s) => (s / size).toLocaleString(state.language, { maximumFractionDigits: places });
    return `${one(low)} \u2026 ${one(high)} ${word("unit_" + unit)}`;
  };

  // --- elements ---------------------------------------------------------------------
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "on") for (const [event, f] of Object.entries(value)) element.addEventListener(event, f);
      else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined).map((c) => (c instanceof Node ? c : String(c))));
    return element;
  };
  const section = (id, ...children) => make("section", { "aria-labelledby": "h-" + id }, make("h2", { id: "h-" + id }, word(id)), ...children);

  // A table whose headings sort it; cells are [text, value] or text or elements.
  const table = (headings, rows) => {
    const body = make("tbody");
    const cell = (c) => (Array.isArray(c) ? c : [c, c instanceof Node ? c.textContent : c]);
    const fill = (list) => body.replaceChildren(...list.map((row) => make("tr", {}, row.map((c) => {
      const [shown, value] = cell(c);
      return make("td", { class: typeof value === "number" ? "number" : null }, shown);
    }))));
    let order = [...rows];
    const heads = headings.map((text, column) => {
      const isNumber = rows.some((row) => typeof cell(row[column])[1] === "number");
      const head = make("th", { scope: "col", class: isNumber ? "number" : null });
      head.append(make("button", { type: "button", on: { click: () => {
        const falling = head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        const value = (row) => cell(row[column])[1];
        order = [...rows].sort((a, b) => {
          const [x, y] = [value(a), value(b)];
          const least = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
          return falling ? -least : least;
        });
        fill(order);
      } } }, text));
      return head;
    });
    fill(order);
    return make("div", { class: "scroll" }, make("table", {}, make("thead", {}, make("tr", {}, heads)), body));
  };

  // --- what is there ----------------------------------------------------------------
  const designs = data.compare?.designs ?? (data.run ? [data.run] : []);
  const services = [...new Set(designs.flatMap((design) => Object.keys(design.services)))];
  const lack = (design, service) => design.services[service]?.unavailability;
  const worst = () => {
    // The service that tells designs apart most, and of equal ones the last: what needs all of it.
    const spread = (service) => Math.max(...designs.map((design) => lack(design, service)?.estimate ?? 0));
    return services.reduce((best, service) => (best === null || spread(service) >= 0.999 * spread(best) ? service : best), null);
  };
  state.service = data.service ?? worst();
  const ranked = () => designs.filter((d) => lack(d, state.service)).sort((a, b) => lack(a, state.service).estimate - lack(b, state.service).estimate);

  // --- first screen -----------------------------------------------------------------
  const advice = () => {
    const changes = data.advise?.changes ?? [];
    const of = (change) => change.services?.[state.service]?.saved_minutes_per_year ?? (change.service === state.service ? change.saved_minutes_per_year : null);
    return changes.map((change) => [change, of(change)]).filter(([, saved]) => saved).sort(([, a], [, b]) => b.estimate - a.estimate);
  };
  const headline = () => {
    const [best] = ranked();
    if (!best) return null;
    const down = lack(best, state.service);
    const text = [designs.length > 1
      ? word("best_of", designs.length, state.service, best.scenario, availability(down.estimate), time(down.estimate * YEAR_S))
      : word("one_design", best.scenario, state.service, availability(down.estimate), time(down.estimate * YEAR_S))];
    const claims = designs.map((d) => d.services[state.service]?.claimed).filter((c) => c);
    if (claims.length) {
      const boldest = Math.max(...claims);
      text.push(word("claimed_gap", `${Number((100 * boldest).toPrecision(12))}%`, time((1 - boldest) * YEAR_S, 2)));
    }
    // A change of the design itself rather than another design.
    const helps = advice().filter(([, saved]) => saved.low > 0);
    const first = helps.find(([c]) => typeof c.cost_per_year === "number") ?? helps[0];
    const causes = best.services[state.service].attribution.filter(({ share }) => share >= 0.05).slice(0, 3);
    if (causes.length) text.push(word("held_back", causes.map(({ cause, share }) => `${cause} ${percent(share)}`).join(", ")));
    if (first) text.push(word("first_change", data.advise.scenario, first[0].text.replace(/\.$/, ""), time(first[1].estimate * 60)));
    return make("p", { class: "lead" }, text.join(" "));
  };
  const card = (design, isBest) => {
    const service = design.services[state.service];
    const u = service.unavailability;
    const seen = u.estimate > 0;
    const rows = [
      [word("down_a_year"), seen ? time(u.estimate * YEAR_S) : `< ${time(u.high * YEAR_S)}`],
      [word("interval"), range(u.low * YEAR_S, u.high * YEAR_S)],
      [word("outages_a_year"), digits(service.outages_per_year.estimate, 2)],
      service.claimed ? [word("claimed"), `${Number((100 * service.claimed).toPrecision(12))}%`] : null,
    ].filter((row) => row);
    return make("div", { class: isBest ? "card best" : "card" },
      make("div", { class: "name" }, design.scenario),
      make("div", { class: "nines" }, seen ? nines(u.estimate) : `> ${nines(u.high)}`, " ", make("span", { class: "unit" }, word("nines"))),
      make("div", {}, seen ? availability(u.estimate) : `> ${availability(u.high)}`),
      make("dl", {}, rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])));
  };
  const verdict = () => {
    if (!designs.length) return null;
    const confidence = percent(designs[0].confidence);
    return make("section", { "aria-label": data.title }, headline(),
      make("div", { class: "cards" }, ranked().map((design, index) => card(design, index === 0 && designs.length > 1))),
      make("p", { class: "soft" }, word("reading", confidence)));
  };

  // --- why, and what to change --------------------------------------------------------
  const bars = (shares) => shares.map(({ cause, share }) => make("div", { class: "bar" },
    make("div", { class: "cause" }, cause),
    make("div", { class: "track" }, make("div", { class: "fill", style: `width:${Math.max(0, Math.min(100, 100 * share))}%` })),
    make("div", { class: "share" }, percent(share))));
  const why = () => {
    const shown = ranked();
    if (!shown.length) return null;
    return section("why", make("p", {}, word("why_text", state.service)), shown.map((design) => {
      const service = design.services[state.service];
      const causes = service.attribution.filter(({ share }) => share >= 0.001).slice(0, 5);
      const lost = service.nodes_down.filter(({ share }) => share >= 0.005).map(({ nodes, share }) => `${nodes}${nodes === 3 ? "+" : ""}: ${percent(share)}`);
      return make("div", {}, make("h3", {}, `${design.scenario} \u2013 ${time(service.unavailability.estimate * YEAR_S)} ${word("down_a_year")}`),
        causes.length ? bars(causes) : make("p", { class: "soft" }, word("no_downtime")),
        lost.length ? make("p", { class: "soft" }, word("nodes_down", lost.join(", "))) : null);
    }));
  };
  const change = () => {
    const list = advice();
    if (!list.length) return null;
    const certain = list.filter(([, saved]) => saved.low > 0 || saved.high < 0);
    const open = list.filter(([, saved]) => saved.low <= 0 && saved.high >= 0).map(([c]) => c.id);
    const rows = certain.map(([c, saved]) => [
      make("span", {}, make("strong", {}, c.id), ` ${c.text}`),
      [make("span", { class: saved.low > 0 ? "up" : "down" }, `${saved.estimate > 0 ? "" : "\u2212"}${time(Math.abs(saved.estimate) * 60)}`,
        make("br"), make("span", { class: "soft" }, saved.low > 0 ? range(saved.low * 60, saved.high * 60) : `\u2212(${range(-saved.high * 60, -saved.low * 60)})`)), saved.estimate],
      c.cost_per_year === null || c.cost_per_year === undefined ? ["\u2013", Infinity] : [digits(c.cost_per_year), c.cost_per_year],
    ]);
    const notTried = (data.advise.changes ?? []).filter((c) => !c.applies).map((c) => `${c.id}: ${c.because}`);
    return section("change_first", make("p", {}, word("change_text", data.advise.scenario, state.service)),
      table([word("change"), word("saves"), word("costs", data.advise.currency ?? "")], rows),
      open.length ? make("p", { class: "soft" }, `${word("no_effect")}: ${open.join(", ")}`) : null,
      notTried.length ? make("p", { class: "soft" }, word("not_tried", notTried.join("; "))) : null);
  };

  const matters = () => {
    const found = data.reasons;
    if (!found?.importance?.length) return null;
    const times = found.sensitivity.map((one) => [one.parameter, one.value, [`${one.elasticity.estimate > 0 ? "+" : "\u2212"}${Math.abs(one.elasticity.estimate).toFixed(2)}`, one.elasticity.estimate],
      `${one.elasticity.low.toFixed(2)}\u00a0\u2026\u00a0${one.elasticity.high.toFixed(2)}`]);
    const signed = (minutes) => `${minutes > 0 ? "+" : "\u2212"}${time(Math.abs(minutes) * 60)}`;
    const flips = (found.flips ?? []).slice(0, 12).map(({ parameter, value, to, minutes_per_year: more }) => [
      parameter, `${value} \u2192 ${to}`,
      [make("span", { class: more.high < 0 ? "up" : "down" }, signed(more.estimate)), more.estimate],
      `${signed(more.low)} \u2026 ${signed(more.high)}`]);
    const waited = (found.waited_for ?? []).filter(({ share }) => share.estimate >= 0.0005).slice(0, 8)
      .map((one) => ({ cause: one.part ? `${one.part}: ${one.words}` : word("not_over"), share: one.share.estimate }));
    return section("matters",
      waited.length ? make("p", {}, word("waited_text", found.service, found.scenario)) : null,
      waited.length ? bars(waited) : null,
      make("p", {}, word("matters_text", found.service, found.scenario)),
      bars(found.importance.slice(0, 8).map((one) => ({ cause: one.component, share: one.fussell_vesely.estimate }))),
      times.length ? make("p", {}, word("times_text")) : null,
      times.length ? table([word("parameter"), word("now"), word("elasticity"), word("interval")], times) : null,
      flips.length ? make("p", {}, word("flips_text")) : null,
      flips.length ? table([word("option"), word("turned"), word("more_downtime"), word("interval")], flips) : null);
  };

  // --- timelines ----------------------------------------------------------------------
  const SVG = "http://www.w3.org/2000/svg";
  const svg = (tag, attributes, ...children) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const player = (lines) => {
    // Times of change; at the first of them things only stand as they are.
    const times = [...new Set(lines.map((line) => line.t_s))];
    const nodes = [...new Set(lines.flatMap((line) => line.nodes ?? []))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    const names = [...new Set(lines.filter((line) => line.what === "service").map((line) => line.name))];
    const until = (t) => {
      const now = { signals: {}, services: {} };
      for (const line of lines) {
        if (line.t_s > t) break;
        if (line.what === "signal") now.signals[line.name] = line.nodes;
        if (line.what === "service") now.services[line.name] = line.state;
      }
      return now;
    };
    let at = times.length > 1 ? 1 : 0;
    let timer = null;
    const board = make("div");
    const events = make("ol", { class: "events" });
    const label = make("span", { class: "soft", "aria-live": "polite" });
    const words = (line) => {
      if (line.what === "signal") return `${line.name}: ${(line.nodes ?? []).join(", ") || word("nobody")}`;
      if (line.what === "service") return `\u21d2 ${line.name}: ${known(line.state)}`;
      return `** ${line.name}`;
    };
    const colour = (s) => (s === "up" ? "var(--good)" : s === "down" ? "var(--bad)" : "var(--open)");
    const lanes = () => {
      const [width, left, height] = [720, 130, 26];
      const span = Math.max(times.length - 1, 1);
      const x = (i) => left + ((width - left - 10) * i) / span;
      const picture = svg("svg", { class: "lanes", viewBox: `0 0 ${width} ${names.length * height + 24}`, role: "img" });
      names.forEach((name, row) => {
        picture.append(svg("text", { x: 0, y: row * height + 17 }, name.length > 18 ? name.slice(0, 17) + "\u2026" : name));
        times.forEach((t, i) => {
          if (i === span) return;
          const s = until(t).services[name];
          picture.append(svg("rect", { x: x(i), y: row * height + 4, width: Math.max(x(i + 1) - x(i), 1), height: height - 8, fill: colour(s), opacity: s === "up" ? 0.35 : 0.9 }));
        });
      });
      const y = names.length * height;
      picture.append(svg("line", { x1: x(at), x2: x(at), y1: 0, y2: y, stroke: "currentColor", "stroke-width": 2 }));
      const text = svg("text", { x: Math.min(x(at), width - 60), y: y + 16, class: "dim", "text-anchor": "middle" }, time(times[at]));
      picture.append(text);
      return picture;
    };
    const draw = () => {
      const now = until(times[at]);
      const up = now.signals["node.up"] ?? nodes;
      board.replaceChildren(lanes(), make("div", { class: "nodes" }, nodes.map((node) => make("div", { class: up.includes(node) ? "node" : "node off" },
        make("strong", {}, node), make("br"),
        make("span", { class: "soft" }, Object.entries(now.signals).filter(([name, members]) => name !== "node.up" && members.includes(node)).map(([name]) => name).join(" ") || "\u2013")))));
      [...events.children].forEach((li) => {
        const isNow = Number(li.dataset.t) === times[at];
        if (isNow) li.setAttribute("aria-current", "step"); else li.removeAttribute("aria-current");
      });
      const current = events.querySelector("[aria-current]");
      if (current && timer !== null) events.scrollTop = current.offsetTop - events.offsetTop - 40;
      label.textContent = word("step", at + 1, times.length);
    };
    const go = (to) => { at = Math.min(Math.max(to, 0), times.length - 1); draw(); };
    const playing = make("button", { type: "button", on: { click: () => {
      if (timer !== null) { clearInterval(timer); timer = null; } else {
        if (at === times.length - 1) at = 0;
        timer = setInterval(() => { if (at === times.length - 1) { clearInterval(timer); timer = null; playing.textContent = word("play"); } else go(at + 1); }, 700);
      }
      playing.textContent = word(timer === null ? "play" : "pause");
    } } }, word("play"));
    events.append(...lines.filter((line) => line.t_s > times[0] || line.what !== "signal").map((line) => make("li", { "data-t": line.t_s, class: line.what === "service" ? (line.state === "up" ? "up" : "down") : null }, `${time(line.t_s, 6)}  ${words(line)}`)));
    draw();
    return make("div", { class: "player" }, make("div", { class: "steps" },
      make("button", { type: "button", on: { click: () => go(at - 1) } }, word("previous")),
      make("button", { type: "button", on: { click: () => go(at + 1) } }, word("next")), playing, label), board, events);
  };
  const outage = () => {
    const told = data.explain?.outage;
    if (!told?.timeline?.length) return null;
    return section("outage", make("p", {}, word("outage_text", told.number, data.explain.service, time(told.lasted_s))), player(told.timeline));
  };

  // --- claims -------------------------------------------------------------------------
  const VERDICTS = ["supported", "refuted", "depends", "undecided", "unbound"];
  const claims = () => {
    const all = data.claims?.claims ?? [];
    if (!all.length) return null;
    const list = make("div");
    const one = (claim) => {
      const inside = make("div", { class: "inside" });
      const item = make("details", { class: "claim" }, make("summary", {}, make("span", {}, claim.id),
        make("span", { class: `badge ${claim.verdict}` }, word(claim.verdict)), make("span", { class: "text" }, claim.text)), inside);
      // What is inside is made when somebody looks, or prints.
      const open = () => {
        if (inside.childElementCount) return;
        const line = (key, text) => (text ? make("p", {}, make("strong", {}, word(key)), ": ", text) : null);
        inside.append(...[line("because", claim.because), line("condition", claim.condition), line("decided_by", claim.decided_by),
          claim.holds?.length ? make("p", { class: "soft" }, `${word("tested")}: `, make("code", {}, claim.holds.join("  |  "))) : null,
          [claim.source, claim.section].filter((text) => text).length ? make("p", { class: "soft" }, [claim.source, claim.section].filter((text) => text).join(", ")) : null].filter((e) => e));
        const example = claim.counterexample;
        if (example) {
          inside.append(make("h3", {}, word("counterexample")));
          if (example.timeline?.length) inside.append(player(example.timeline));
          inside.append(make("p", { class: "soft" }, word("plays_it")), make("pre", {}, example.command ?? example.script));
        }
      };
      item.addEventListener("toggle", () => item.open && open());
      return item;
    };
    const fill = () => list.replaceChildren(...all.filter((claim) => state.verdict === null || claim.verdict === state.verdict).map(one));
    const filters = make("div", { class: "steps filters", role: "group" });
    const button = (verdict, count) => make("button", { type: "button", "aria-pressed": String(state.verdict === verdict), on: { click: () => { state.verdict = verdict; buttons(); fill(); } } }, `${verdict === null ? word("all") : word(verdict)} ${count}`);
    const buttons = () => filters.replaceChildren(button(null, all.length), ...VERDICTS.map((v) => [v, all.filter((claim) => claim.verdict === v).length]).filter(([, count]) => count).map(([v, count]) => button(v, count)));
    buttons();
    fill();
    return section("claims", filters, list);
  };

  // --- tables ---------------------------------------------------------------------------
  const comparison = () => {
    if (!designs.length) return null;
    const rows = services.map((service) => [service, ...designs.map((design) => {
      const u = lack(design, service);
      if (!u) return ["\u2013", Infinity];
      return [make("span", {}, u.estimate > 0 ? time(u.estimate * YEAR_S) : `< ${time(u.high * YEAR_S)}`, make("br"),
        make("span", { class: "soft" }, range(u.low * YEAR_S, u.high * YEAR_S))), u.estimate];
    })]);
    const figure = document.createElement("div");
    figure.className = "figure";
    const drawn = data.figure ? new DOMParser().parseFromString(data.figure, "image/svg+xml").documentElement : null;
    if (drawn && drawn.nodeName === "svg") figure.append(document.importNode(drawn, true));
    return section("comparison", make("p", {}, word("comparison_text", percent(designs[0].confidence))),
      table([word("service"), ...designs.map((design) => design.scenario)], rows),
      drawn ? make("p", { class: "soft" }, word("figure_text")) : null, drawn ? figure : null);
  };
  const objectives = () => {
    const list = Object.entries(data.slo?.services ?? {});
    if (!list.length) return null;
    const rows = list.flatMap(([name, o]) => [["month", o.month], ["year", o.year]].filter(([, p]) => p).map(([key, p]) => {
      const breach = p.breach_probability;
      return [name, [`${Number((100 * o.target).toPrecision(12))}%`, o.target], word(key), [breach.estimate > 0 ? percent(breach.estimate) : `< ${percent(breach.high)}`, breach.estimate],
        [percent(p.budget_used.estimate), p.budget_used.estimate], [time(p.p95_s.estimate), p.p95_s.estimate], [time(p.p99_s.estimate), p.p99_s.estimate]];
    }));
    return section("objectives", make("p", { class: "soft" }, data.slo.scenario), table(["service", "target", "period", "broken", "used", "bad_one", "worst_one"].map((key) => word(key)), rows));
  };
  const survives = () => {
    const found = data.explore?.survivability;
    if (!found?.length) return null;
    const ways = [...new Set(found.map((row) => row.how))];
    const names = Object.keys(data.explore.start ?? found[0].services);
    const rows = names.flatMap((service) => Array.from({ length: data.explore.lost }, (_, i) => i + 1).map((lost) => [service, [String(lost), lost], ...ways.map((how) => {
      const sets = found.filter((row) => row.how === how && row.lost.length === lost);
      const up = sets.filter((row) => ["up", "degraded"].includes(row.services[service])).length;
      const tone = up === sets.length ? "up" : up === 0 ? "down" : "between";
      return [make("span", { class: tone }, word("up_of", up, sets.length)), sets.length ? up / sets.length : 0];
    })]));
    return section("survives", make("p", {}, word("survives_text")), make("p", { class: "soft" }, data.explore.scenario), table([word("service"), word("lost"), ...ways.map(known)], rows));
  };
  const method = () => {
    const list = [...designs, ...[data.claims, data.advise, data.explore, data.slo].filter((x) => x && x.scenario && x.engine)];
    const rows = list.map((x) => [x.scenario, x.engine + (x.method ? `: ${x.method}` : ""), [String(x.seed ?? ""), Number(x.seed ?? 0)], [x.replications ? digits(x.replications, 12) : "\u2013", x.replications ?? 0], [x.simulated_years ? digits(x.simulated_years, 6) : "\u2013", x.simulated_years ?? 0], x.fingerprint ?? ""]);
    const notes = designs.flatMap((d) => [...(d.warnings ?? []), ...(d.notes ?? [])].map((text) => `${d.scenario}: ${text}`)).concat((data.explore?.notes ?? []).map((text) => `explore: ${text}`));
    return section("method", make("p", {}, word("method_text")),
      rows.length ? table(["design", "engine", "seed", "replications", "years", "fingerprint"].map((key) => word(key)), rows) : null,
      notes.length ? make("h3", {}, word("notes")) : null, notes.length ? make("ul", {}, notes.map((text) => make("li", {}, text))) : null,
      make("h3", {}, word("reproduce")), make("pre", {}, data.commands.join("\n")));
  };

  // --- the page ---------------------------------------------------------------------------
  const draw = () => {
    root.lang = state.language;
    const parts = [verdict, why, change, matters, claims, comparison, objectives, survives, outage, method];
    document.getElementById("main").replaceChildren(...parts.map((part) => part()).filter((part) => part));
    const isDark = root.dataset.theme === "dark";
    const pick = (label, options, value, f) => make("select", { "aria-label": label, on: { change: (event) => f(event.target.value) } }, options.map(([key, text]) => make("option", { value: key, selected: key === value ? "" : null }, text)));
    document.getElementById("controls").replaceChildren(
      ...(services.length > 1 ? [pick(word("service"), services.map((service) => [service, service]), state.service, (service) => { state.service = service; draw(); })] : []),
      pick("language", Object.entries(strings.language), state.language, (language) => { state.language = language; draw(); }),
      make("button", { type: "button", "aria-pressed": String(isDark), on: { click: () => { root.dataset.theme = isDark ? "light" : "dark"; draw(); } } }, word(isDark ? "light" : "dark")));
    root.dataset.drawn = String(document.querySelectorAll("main section").length);
  };
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  root.dataset.theme = dark.matches ? "dark" : "light";
  dark.addEventListener("change", () => { root.dataset.theme = dark.matches ? "dark" : "light"; draw(); });
  // On paper everything is open.
  window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; d.dispatchEvent(new Event("toggle")); }));
  draw();
})();
