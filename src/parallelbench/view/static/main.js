/* The explorer: the state is the address; every part is shown from it, and changes it. */

import {byId, make, plural, number} from "./dom.js";
import * as addresses from "./address.js";
import * as filters from "./filters.js";
import * as list from "./list.js";
import {get, latest} from "./requests.js";
import {OpenSample} from "./sample.js";

const FOLLOW = 1500, READING = 400;  /* milliseconds between two looks for new samples */
const PATIENCE = 200;  /* milliseconds after the last change, because browsers limit how often an address may change */
let state = addresses.read();
let version = -1;
let pending = 0;
const choose = latest("samples");
const sample = new OpenSample(changes => change(changes), by => go(by));

function change(changes, {push = "sample" in changes || "with" in changes} = {}) {
  const before = state;
  state = {...state, ...changes};
  if (push) {
    write(before);
    if (addresses.address(state) !== addresses.address(before)) history.pushState(null, "", addresses.address(state));
  } else {
    clearTimeout(pending);
    pending = setTimeout(() => write(state), PATIENCE);
  }
  return shown(before);
}

function write(of) {
  clearTimeout(pending);
  history.replaceState(null, "", addresses.address(of));
}

async function shown(before) {
  const differs = names => names.some(name => state[name] !== before?.[name]);
  try {
    if (!before || differs(addresses.FILTERS)) await load();
    if (!before || differs(["sample", "with"])) await open(before);
    else if (sample.open && differs(["forward", "colour"])) sample.show(state);
    fail("");
  } catch (error) {
    if (error.name !== "AbortError") fail(error.message);
  }
}

async function load() {
  const reply = await choose(addresses.filters(state));
  filters.show(state, reply.options);
  list.show(reply, state);
  list.mark(state.sample);
  about(reply);
}

async function open(before) {
  const where = addresses.sampleOf(state);
  list.mark(state.sample);
  document.title = where ? `${document.querySelector("#rows [aria-current] b")?.textContent ?? "sample"} · explorer` : "explorer · parallelbench";
  if (where) {
    await sample.load(state, where);
    if (before && state.sample !== before.sample) byId("sample").focus();
  } else {
    sample.close();
    document.querySelector(`#rows a[data-sample="${CSS.escape(before?.sample ?? "")}"]`)?.focus();
  }
}

function go(by) {
  const name = list.neighbour(state.sample, by);
  if (name) change({sample: name, with: "", forward: ""});
}

function about(reply) {
  version = reply.version;
  const planned = reply.total < reply.planned ? ` of ${number(reply.planned)}` : "";
  const going = reply.running ? " · the run goes on" : "";
  const reading = reply.whole ? "" : " · still reading";
  byId("about").textContent = `${reply.folders.join(", ")} · ${number(reply.total)}${planned} ${reply.total === 1 ? "sample" : "samples"}${going}${reading}`;
  const faults = byId("faults");
  faults.hidden = !reply.faults.length;
  faults.querySelector("summary").textContent = `${plural(reply.faults.length, "place")} could not be read`;
  faults.querySelector("ul").replaceChildren(...reply.faults.map(textContent => make("li", {textContent})));
  document.documentElement.dataset.ready = reply.whole ? "1" : "";
}

function fail(message) {
  byId("error").textContent = message;
  byId("error").hidden = !message;
}

async function follow() {
  let wait = FOLLOW;
  try {
    if (!document.hidden) {
      const reply = await get("about");
      if (reply.version !== version) await more(reply);
      wait = reply.whole ? FOLLOW : READING;
    }
  } catch (error) {
    if (error.name !== "AbortError") fail(error.message);
  }
  setTimeout(follow, wait);
}

/* New samples: the list is loaded again, unless the reader has gone further down in it. */
async function more(reply) {
  if (byId("rows").children.length <= 100) {
    const focused = document.activeElement?.dataset?.sample;
    await load();
    if (focused) document.querySelector(`#rows a[data-sample="${CSS.escape(focused)}"]`)?.focus({preventScroll: true});
  } else about(reply);
}

byId("more").addEventListener("click", async () => {
  const offset = byId("rows").children.length;
  try {
    list.show(await choose({...addresses.filters(state), offset}), state, {append: true});
  } catch (error) {
    return fail(error.name === "AbortError" ? "" : error.message);
  }
  list.mark(state.sample);
  byId("rows").children[offset]?.querySelector("a").focus();
});
byId("rows").addEventListener("click", event => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  change({sample: link.dataset.sample, with: "", forward: ""});
});
window.addEventListener("popstate", () => {
  const before = state;
  clearTimeout(pending);
  state = addresses.read();
  shown(before);
});
filters.listen(change);
list.listen();
shown(null).then(follow);
