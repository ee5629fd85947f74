/* The list of samples: one link each, so that it can be opened, copied and reached with the keyboard. */

import {byId, make, number, plural} from "./dom.js";
import {address, named} from "./address.js";

export function show(reply, state, {append = false} = {}) {
  const rows = byId("rows");
  const several = {
    model: reply.options.model.length > 1 && !state.model,
    task: reply.options.task.length > 1 && !state.task,
  };
  const items = reply.samples.map(sample => make("li", {}, link(sample, state, several)));
  if (append) rows.append(...items);
  else rows.replaceChildren(...items);
  const percentage = reply.count ? `, ${(100 * reply.right / reply.count).toFixed(1)} % right` : "";
  byId("count").textContent = `${plural(reply.count, "sample")}${percentage}`;
  const left = reply.count - rows.children.length;
  const more = byId("more");
  more.hidden = left <= 0 || !reply.samples.length;
  more.textContent = `show ${number(Math.min(left, reply.page))} more of ${number(left)}`;
}

function link(sample, state, several) {
  const name = named(sample.cell, sample.index);
  const right = sample.accuracy === 1;
  const mark = right ? "right" : sample.accuracy === null ? "unknown" : "wrong";
  const where = [several.task || !state.task ? sample.task : "", `#${sample.index}`, sample.seed ? `seed ${sample.seed}` : ""];
  const speed = sample.nfe === null ? "" : plural(sample.nfe, "forward");
  return make("a", {href: address({...state, sample: name, with: "", forward: ""}), className: `row ${mark}`, "data-sample": name},
    make("span", {className: "mark", textContent: right ? "✓" : mark === "wrong" ? "✗" : "?", "aria-label": mark, role: "img"}),
    make("span", {className: "which"}, make("b", {textContent: where.filter(Boolean).join(" ")}),
      make("span", {className: "decoder", textContent: sample.decoder}),
      several.model ? make("span", {className: "model", textContent: sample.model}) : null),
    make("span", {className: "said", textContent: sample.text || "(empty)"}),
    make("span", {className: "why", textContent: [sample.reasons.join(", "), speed].filter(Boolean).join(" · ")}));
}

export function mark(sample) {
  for (const one of byId("rows").querySelectorAll("a")) {
    if (one.dataset.sample === sample) one.setAttribute("aria-current", "true");
    else one.removeAttribute("aria-current");
  }
}

/* The sample that lies so many rows after the one that is shown; undefined at the ends of the list. */
export function neighbour(sample, by) {
  const names = [...byId("rows").querySelectorAll("a")].map(one => one.dataset.sample);
  const at = names.indexOf(sample);
  return at < 0 ? undefined : names[at + by];
}

/* Up and down move between the rows. */
export function listen() {
  byId("rows").addEventListener("keydown", event => {
    const by = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (!by) return;
    const rows = [...byId("rows").querySelectorAll("a")];
    rows[rows.indexOf(document.activeElement) + by]?.focus();
    event.preventDefault();
  });
}
