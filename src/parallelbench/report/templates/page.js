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
const state = {speed: null, hidden: []};
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
  const margin = child ? 56 : spec.margin ?? 180;
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
  const {spec, columns, rows, units} = shown.figures[element.dataset.figure];
  const copy = structuredClone(spec);
  const values = rows.map(row => Object.fromEntries(columns.map((name, at) => [name, row[at]]).filter(([, value]) => value !== null)));
  copy.data.find(one => one.name === "rows").values = values;
  copy.panels = new Set(values.map(row => row.panel ?? row.task)).size;
  fitted(copy, element.clientWidth);
  const view = new vega.View(vega.parse(copy), {renderer: "svg", hover: true}).tooltip(tooltip);
  if (units.length) view.signal("speed", units.includes(state.speed) ? state.speed : units[0]).signal("hidden", state.hidden);
  const inside = make("div");  /* Vega labels its container anew, and the label of the figure stays outside */
  element.replaceChildren(inside);
  view.initialize(inside).run();
  inside.setAttribute("aria-hidden", "true");
  element.dataset.drawn = units.length ? view.signal("speed") : "as it is";
  view.addEventListener("click", (event, item) => item?.datum?.label && openSamples(item.datum));
  views.set(element, view);
}
const changed = () => {
  for (const [element, view] of views) {
    const {units} = shown.figures[element.dataset.figure];
    if (!units.length) continue;
    const speed = units.includes(state.speed) ? state.speed : units[0];
    view.signal("speed", speed).signal("hidden", state.hidden).run();
    element.dataset.drawn = speed;
  }
};
function controls() {
  const bar = document.getElementById("controls");
  const used = Object.values(shown.figures).map(figure => figure.units).filter(units => units.length);
  if (!bar || !used.length) return;
  const units = Object.keys(shown.names).filter(name => used.some(one => one.includes(name)));
  const select = document.getElementById("speed");
  select.append(...units.map(name => make("option", {value: name, textContent: shown.names[name]})));
  state.speed = units.includes(state.speed) ? state.speed : units[0];
  select.value = state.speed;
  select.addEventListener("change", () => { state.speed = select.value; address(); changed(); });
  for (const box of all("#controls input")) {
    box.checked = !state.hidden.includes(box.value);
    box.addEventListener("change", () => {
      state.hidden = all("#controls input").filter(one => !one.checked).map(one => one.value);
      address();
      changed();
    });
  }
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
  const query = chosen.toString();
  try { history.replaceState(null, "", (query ? `?${query}` : location.pathname) + location.hash); } catch { /* file: in a sandbox */ }
}
function readAddress() {
  const chosen = new URLSearchParams(location.search);
  state.speed = chosen.get("speed");
  state.hidden = (chosen.get("hide") ?? "").split("|").filter(Boolean);
}
function openTarget() {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  const inside = target.querySelector(":scope > details");
  if (inside) inside.open = true;
  target.scrollIntoView({behavior: "instant"});
}

/* Samples */

function openSamples(datum) {
  const examples = all(".example");
  const rank = one => (one.dataset.labels.split("|").includes(datum.label) ? 2 : 0) + (one.dataset.family === datum.family ? 1 : 0);
  const best = examples.sort((a, b) => rank(b) - rank(a))[0];
  if (!best || rank(best) < 2) return;
  location.hash = best.id;
  openTarget();
  best.tabIndex = -1;
  best.focus({preventScroll: true});
}

readAddress();
document.body.append(tip);
window.addEventListener("hashchange", openTarget);
figures().then(openTarget);
