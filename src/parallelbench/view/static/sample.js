/* One open sample, or two next to each other in step, with the controls that both follow. */

import {byId, make} from "./dom.js";
import {get} from "./requests.js";
import {Panel} from "./panel.js";
import {COLOURS, SHADES} from "./player.js";

const LONGEST = 40_000;
const EACH = 700;  /* milliseconds a forward, less where all would take longer than LONGEST */

export class OpenSample {
  /* changed: called with what the reader chose, as a part of the state; go: with -1 or 1 for the sample before or after. */
  constructor(changed, go) {
    this.section = byId("sample");
    this.changed = changed;
    this.go = go;
    this.panels = [];
    this.timer = 0;
    this.turn = 0;
    this.section.addEventListener("forward", event => this.step(event.detail));
    document.addEventListener("keydown", event => this.key(event));
  }

  get open() { return !this.section.hidden; }
  get forwards() { return Math.max(0, ...this.panels.map(panel => panel.steps)); }
  get forward() { return this.state.forward === "" ? this.forwards : Math.min(Number(this.state.forward) || 0, this.forwards); }

  async load(state, where) {
    const turn = ++this.turn;
    this.stop();
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
    this.stop();
    this.panels = [];
    this.section.hidden = true;
    this.section.replaceChildren();
    document.body.classList.remove("opened");
  }

  bar(sample) {
    const button = (name, textContent, label, action) => {
      const made = make("button", {type: "button", className: name, textContent, title: label, "aria-label": label});
      made.addEventListener("click", action);
      return made;
    };
    this.slider = make("input", {type: "range", min: 0, max: this.forwards, "aria-label": "forward"});
    this.slider.addEventListener("input", () => this.step(Number(this.slider.value)));
    this.count = make("output", {className: "count"});
    this.player = button("play", "▶", "play", () => this.playing ? this.stop() : this.play());
    const colour = make("select", {name: "colour"}, ...Object.entries(COLOURS).map(([value, textContent]) => make("option", {value, textContent})));
    colour.addEventListener("change", () => this.changed({colour: colour.value}));
    this.colour = colour;
    const other = make("select", {name: "with"}, make("option", {value: "", textContent: sample.same.length ? "nothing" : "no other cell has this question"}),
      ...sample.same.map(one => make("option", {value: one.cell, textContent: one.model === sample.model ? one.decoder : `${one.decoder}, ${one.model}`})));
    other.value = this.state.with;
    other.addEventListener("change", () => this.changed({with: other.value}));
    this.legend = make("p", {className: "legend"});
    const steps = [
      button("back", "‹", "one forward back", () => this.step(this.forward - 1)), this.player,
      button("on", "›", "one forward on", () => this.step(this.forward + 1)), this.slider, this.count,
    ];
    return make("div", {className: "bar"},
      make("div", {className: "line"}, button("close", "✕ close", "close the sample", () => this.changed({sample: "", with: "", forward: ""})),
        button("before", "↑ previous", "the sample before", () => this.go(-1)), button("after", "↓ next", "the sample after", () => this.go(1)),
        make("label", {className: "next-to"}, "next to ", other)),
      ...(this.forwards ? [make("div", {className: "line steps"}, ...steps), make("div", {className: "line"}, make("label", {}, "coloured by ", colour), this.legend)] : []));
  }

  show(state) {
    this.state = state;
    const {forward} = this, colour = state.colour in COLOURS ? state.colour : "confidence";
    for (const panel of this.panels) panel.show(forward, colour);
    this.slider.value = forward;
    this.slider.setAttribute("aria-valuetext", `forward ${forward} of ${this.forwards}`);
    this.count.textContent = `${forward} of ${this.forwards}`;
    this.colour.value = colour;
    this.legend.replaceChildren(...legend(colour));
  }

  step(to) {
    const forward = Math.max(0, Math.min(this.forwards, to));
    this.changed({forward: forward === this.forwards ? "" : String(forward)});
  }

  get playing() { return this.timer !== 0; }

  play() {
    if (this.forward >= this.forwards) this.step(0);
    this.timer = setInterval(() => {
      this.step(this.forward + 1);
      if (this.forward >= this.forwards) this.stop();
    }, Math.min(EACH, LONGEST / Math.max(1, this.forwards)));
    this.named("❚❚", "pause");
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
    if (this.player) this.named("▶", "play");
  }

  named(sign, label) {
    Object.assign(this.player, {textContent: sign, title: label, ariaLabel: label});
  }

  key(event) {
    if (!this.open || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const actions = {
      ArrowLeft: () => this.step(this.forward - 1), ArrowRight: () => this.step(this.forward + 1),
      Home: () => this.step(0), End: () => this.step(this.forwards), Escape: () => this.changed({sample: "", with: "", forward: ""}),
      n: () => this.go(1), p: () => this.go(-1),
    };
    if (!/^(BUTTON|A|SUMMARY)$/.test(event.target.tagName)) actions[" "] = () => this.playing ? this.stop() : this.play();
    if (!(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  }
}

function legend(colour) {
  const sign = (className, text) => make("span", {className: "sign"}, make("i", {className}), text);
  const ramp = (first, last) => [make("span", {className: "ramp"}, `${first} `, ...Array.from({length: SHADES}, (_, at) => make("i", {className: `s${at}`})), ` ${last}`)];
  const kinds = {
    confidence: () => ramp("0", "1"),
    step: () => ramp("first", "last"),
    action: () => [sign("commit", "commit"), sign("edit", "edit"), sign("remask", "masked again")],
  };
  return [...kinds[colour](), sign("given", "given"), sign("now", "this forward"), sign("broken", "collided")];
}

