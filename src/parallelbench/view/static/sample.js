/* One open sample, or two next to each other in step, with the controls that both follow. */

import {byId, make} from "./dom.js";
import {get} from "./requests.js";
import {Controls, button} from "./controls.js";
import {Panel} from "./panel.js";
import {COLOURS} from "./player.js";

export class OpenSample {
  /* changed: called with what the reader chose, as a part of the state; go: with -1 or 1 for the sample before or after. */
  constructor(changed, go) {
    this.section = byId("sample");
    this.changed = changed;
    this.go = go;
    this.panels = [];
    this.controls = null;
    this.turn = 0;
    this.section.addEventListener("forward", event => this.controls.step(event.detail));
    document.addEventListener("keydown", event => this.key(event));
  }

  get open() { return !this.section.hidden; }
  get forwards() { return Math.max(0, ...this.panels.map(panel => panel.steps)); }
  get forward() { return this.state.forward === "" ? this.forwards : Math.min(Number(this.state.forward) || 0, this.forwards); }

  async load(state, where) {
    const turn = ++this.turn;
    this.controls?.stop();
    const cells = [where.cell, state.with].filter(Boolean);
    const samples = await Promise.all(cells.map(cell => get("sample", {cell, index: where.index})));
    if (turn !== this.turn) return;
    this.state = state;
    this.panels = samples.map(sample => new Panel(sample));
    this.section.replaceChildren(this.bar(samples[0]), make("div", {className: "panels"}, ...this.panels.map(panel => panel.element)));
    this.section.hidden = false;
    document.body.classList.add("opened");
    this.show(state);
    for (const panel of this.panels) this.law(panel, where.index, turn);
  }

  async law(panel, index, turn) {
    try {
      const sample = await get("sample", {cell: panel.sample.cell, index, law: 1});
      if (turn !== this.turn) return;
      panel.fill(sample);
      panel.show(this.forward, this.state.colour || "confidence");
    } catch (error) {
      if (turn === this.turn) panel.fail(error.message);
    }
    panel.element.dataset.law = "1";
  }

  close() {
    this.turn++;
    this.controls?.stop();
    this.panels = [];
    this.section.hidden = true;
    this.section.replaceChildren();
    document.body.classList.remove("opened");
  }

  bar(sample) {
    this.controls = new Controls(this.forwards, forward => this.changed({forward: forward === this.forwards ? "" : String(forward)}),
      colour => this.changed({colour}));
    const other = make("select", {name: "with"}, make("option", {value: "", textContent: sample.same.length ? "nothing" : "no other cell has this question"}),
      ...sample.same.map(one => make("option", {value: one.cell, textContent: one.model === sample.model ? one.decoder : `${one.decoder}, ${one.model}`})));
    other.value = this.state.with;
    other.addEventListener("change", () => this.changed({with: other.value}));
    return make("div", {className: "bar"},
      make("div", {className: "line"}, button("close", "✕ close", "close the sample", () => this.changed({sample: "", with: "", forward: ""})),
        button("before", "↑ previous", "the sample before", () => this.go(-1)), button("after", "↓ next", "the sample after", () => this.go(1)),
        make("label", {className: "next-to"}, "next to ", other)),
      ...this.controls.lines);
  }

  show(state) {
    this.state = state;
    const {forward} = this, colour = state.colour in COLOURS ? state.colour : "confidence";
    for (const panel of this.panels) panel.show(forward, colour);
    this.controls.show(forward, colour);
  }

  key(event) {
    if (!this.open) return;
    const actions = {Escape: () => this.changed({sample: "", with: "", forward: ""}), n: () => this.go(1), p: () => this.go(-1)};
    const typing = event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    const action = this.controls.key(event) ?? (typing ? undefined : actions[event.key]);
    if (!action) return;
    event.preventDefault();
    action();
  }
}
