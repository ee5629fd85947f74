"use strict";
/* Draws the figures when they come into view, and lets the reader change units, decoders, order and selection. */

const unpack = async id => {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), c => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
};
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const make = (tag, attributes = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(...children);
  return element;
};
/* Settings have short names; the provenance of the page has a table of them with all of their parameters. */
const whole = new Map(all("#settings tbody tr").map(row => [...row.cells].map(cell => cell.textContent)));
const inFull = name => (whole.get(name) === name ? undefined : whole.get(name));
for (const cell of all("td:not([title]), .cell code")) {
  const names = cell.textContent.split(" or ").map(inFull).filter(Boolean);
  if (names.length) cell.title = names.join(" or ");
}
const views = new Map();
const state = {speed: null, hidden: [], chosen: [], focus: ""};
let shown = null;
let moved = false;
for (const kind of ["wheel", "keydown", "pointerdown", "touchstart"])
  window.addEventListener(kind, () => { moved = true; }, {passive: true});

/* Figures */

const tip = make("div", {id: "tip", hidden: true});
tip.setAttribute("role", "status");
const tooltip = (handler, event, item, value) => {
  tip.hidden = !value;
  if (!value) return;
  const entries = typeof value === "object" ? Object.entries(value) : [["", value]];
  if (inFull(value.decoder)) entries.push(["in full", inFull(value.decoder)]);
  tip.replaceChildren(...entries.filter(([, text]) => text !== "NaN" && text !== "undefined" && text !== "null").map(
    ([key, text]) => make("div", {}, make("span", {textContent: key}), make("b", {textContent: String(text)}))));
  const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
  tip.style.left = `${Math.max(4, Math.min(room, event.clientX + 14)) + window.scrollX}px`;
  tip.style.top = `${event.clientY + 14 + window.scrollY}px`;
};
const GAP = 18;
function fitted(spec, width) {
  /* How many panels stand side by side, and how wide each is. */
  const child = spec.signals?.find(signal => signal.name === "child_width");
  const target = child ?? spec;
  const wanted = child ? child.value : spec.width;
  if (typeof wanted !== "number") return spec;
  const margin = child ? spec.margin : 180;
  const columns = child ? Math.max(1, Math.min(spec.panels, Math.floor((width + GAP) / (wanted + margin + GAP)))) : 1;
  const each = Math.floor(width / columns) - margin - (columns > 1 ? GAP : 0);
  if (child) {
    child.value = Math.max(150, spec.panels < columns ? wanted : Math.min(each, 860));
    spec.layout.columns = columns;
  } else target.width = Math.max(150, Math.min(wanted, each));
  return spec;
}
function drawn(element) {
  if (views.has(element) || !shown) return;
  const {spec, columns, rows, units, margin} = shown.figures[element.dataset.figure];
  const copy = {...structuredClone(spec), margin};
  const values = rows.map(row => Object.fromEntries(columns.map((name, at) => [name, row[at]]).filter(([, value]) => value !== null)));
  copy.data.find(one => one.name === "rows").values = values;
  copy.panels = new Set(values.map(row => row.panel ?? row.task)).size;
  fitted(copy, element.clientWidth);
  const view = new vega.View(vega.parse(copy), {renderer: "svg", hover: true}).tooltip(tooltip);
  if (units.length) signals(view, shown.figures[element.dataset.figure]);
  const inside = make("div");  /* Vega labels its container anew, and the label of the figure stays outside */
  element.replaceChildren(inside);
  view.initialize(inside).run();
  inside.setAttribute("aria-hidden", "true");
  element.dataset.drawn = units.length ? view.signal("speed") : "as it is";
  view.addEventListener("click", (event, item) => item?.datum?.label && openSamples(item.datum));
  view.addEventListener("mouseover", (event, item) => item?.datum?.family && pointed(item.datum.family));
  element.addEventListener("mouseleave", () => pointed(""));
  views.set(element, view);
}
function signals(view, figure) {
  const {units} = figure;
  view.signal("speed", units.includes(state.speed) ? state.speed : units[0]).signal("hidden", state.hidden);
  return signalOf(figure, "full") ? view.signal("chosen", state.chosen).signal("focus", state.focus) : view;
}
const changed = () => {
  for (const [element, view] of views) {
    const figure = shown.figures[element.dataset.figure];
    if (!figure.units.length) continue;
    signals(view, figure).run();
    element.dataset.drawn = view.signal("speed");
  }
};
/* Where some families are pale, one that the reader points at, in a figure or in the list, is drawn in full. */
function pointed(family) {
  if (family === state.focus || !document.querySelector("#controls.many")) return;
  state.focus = family;
  for (const [element, view] of views) {
    const {units} = shown.figures[element.dataset.figure];
    if (units.length && signalOf(shown.figures[element.dataset.figure], "full")) view.signal("focus", family).run();
  }
}
/* The families that the first figure shows in full by itself. */
function inFirst() {
  const first = Object.values(shown.figures).find(figure => figure.units.length && signalOf(figure, "full"));
  const speed = first?.units.includes(state.speed) ? state.speed : first?.units[0];
  return first ? new Set(Object.values(signalOf(first, "full")[speed]).flat()) : null;
}
const signalOf = (figure, name) => figure.spec.signals.find(one => one.name === name)?.value;
function ticks() {
  const full = inFirst();
  for (const box of all("#controls input"))
    box.checked = !state.hidden.includes(box.value) && (!full || full.has(box.value) || state.chosen.includes(box.value));
  const button = document.getElementById("everyone");
  button.hidden = !full || all("#controls input").length === full.size;
  button.textContent = state.chosen.length || state.hidden.length ? "as at first" : "all in full";
}
function ticked(box) {
  const full = inFirst(), without = names => names.filter(name => name !== box.value);
  state.hidden = without(state.hidden);
  state.chosen = without(state.chosen);
  if (!box.checked && (!full || full.has(box.value))) state.hidden.push(box.value);
  if (box.checked && full && !full.has(box.value)) state.chosen.push(box.value);
}
function controls() {
  const bar = document.getElementById("controls");
  const used = Object.values(shown.figures).map(figure => figure.units).filter(units => units.length);
  if (!bar || !used.length) return;
  const units = Object.keys(shown.names).filter(name => used.some(one => one.includes(name)));
  const select = document.getElementById("speed");
  select.append(...units.map(name => make("option", {value: name, textContent: shown.names[name]})));
  state.speed = units.includes(state.speed) ? state.speed : units[0];
  select.value = state.speed;
  const redraw = () => { address(); ticks(); changed(); };
  select.addEventListener("change", () => { state.speed = select.value; redraw(); });
  for (const label of all("#controls .family")) {
    const box = label.querySelector("input");
    box.addEventListener("change", () => { ticked(box); redraw(); });
    for (const kind of ["mouseenter", "focusin"]) label.addEventListener(kind, () => pointed(box.value));
    for (const kind of ["mouseleave", "focusout"]) label.addEventListener(kind, () => pointed(""));
  }
  document.getElementById("everyone").addEventListener("click", () => {
    const first = state.chosen.length || state.hidden.length;
    state.chosen = first ? [] : all("#controls input").map(box => box.value);
    state.hidden = [];
    redraw();
  });
  ticks();
  bar.hidden = false;
}
async function figures() {
  const charts = all(".chart");
  if (!charts.length) return;
  if (typeof DecompressionStream === "undefined") {
    document.getElementById("old").hidden = false;
    return;
  }
  const [library, data] = await Promise.all([unpack("vega"), unpack("figures")]);
  new Function(library)();
  shown = JSON.parse(data);
  controls();
  const seen = new IntersectionObserver(entries => {
    for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); drawn(entry.target); }
  }, {rootMargin: "400px"});
  charts.forEach((chart, place) => place ? seen.observe(chart) : drawn(chart));
  performance.mark("first-chart");
  /* The others follow while nothing else happens, so that find, print and screen readers have them. */
  const rest = () => {
    const next = charts.find(chart => !views.has(chart) && chart.offsetParent !== null);
    if (!next) {
      if (!moved) openTarget();  /* figures that were drawn since have pushed it down */
      document.documentElement.dataset.ready = "1";
      return;
    }
    drawn(next);
    (window.requestIdleCallback ?? setTimeout)(rest);
  };
  (window.requestIdleCallback ?? setTimeout)(rest);
  window.addEventListener("beforeprint", () => charts.forEach(drawn));
}

/* The address holds what the reader chose, so that a link brings the same view back. */

function address() {
  const chosen = new URLSearchParams();
  const first = document.querySelector("#speed option")?.value;
  if (state.speed && state.speed !== first) chosen.set("speed", state.speed);
  if (state.hidden.length) chosen.set("hide", state.hidden.join("|"));
  if (state.chosen.length) chosen.set("full", state.chosen.join("|"));
  const query = chosen.toString();
  try { history.replaceState(null, "", (query ? `?${query}` : location.pathname) + location.hash); } catch { /* file: in a sandbox */ }
}
function readAddress() {
  const chosen = new URLSearchParams(location.search);
  state.speed = chosen.get("speed");
  const names = key => (chosen.get(key) ?? "").split("|").filter(Boolean);
  state.hidden = names("hide");
  state.chosen = names("full");
}
const target = () => (location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null);
function openTarget() {
  const found = target();
  if (!found) return;
  for (let at = found; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  const inside = found.querySelector(":scope > details");
  if (inside) inside.open = true;
  found.scrollIntoView({behavior: "instant"});
}

/* Samples: the text of each is replaced by its player when it is opened. */

let players = null;
async function played(article) {
  if (article.dataset.played || typeof DecompressionStream === "undefined") return;
  article.dataset.played = "1";
  players ??= unpack("players").then(JSON.parse);
  const sample = (await players)[article.id];
  if (sample) article.querySelector(".still").replaceChildren(player.solo(sample));
}
for (const cell of all("details.cell")) {
  cell.addEventListener("toggle", async () => {
    if (!cell.open) return;
    await Promise.all(all(".example", cell).map(played));
    if (!moved && target() && cell.contains(target())) target().scrollIntoView({behavior: "instant"});
  });
}

function openSamples(datum) {
  const examples = all(".example");
  const rank = one => (one.dataset.labels.split("|").includes(datum.label) ? 2 : 0) + (one.dataset.family === datum.family ? 1 : 0);
  const best = examples.sort((a, b) => rank(b) - rank(a))[0];
  if (!best || rank(best) < 2) return;
  moved = false;  /* the reader asks for this sample, which may still move while it is unpacked */
  location.hash = best.id;
  openTarget();
  best.tabIndex = -1;
  best.focus({preventScroll: true});
}

readAddress();
document.body.append(tip);
window.addEventListener("hashchange", openTarget);
figures().then(openTarget);
