/* What is shown of one sample: its name and verdict, the canvas, the answer next to a right one, and the ledger. */

import {make, makeSvg, plural} from "./dom.js";
import {Player, SHADES} from "./player.js";

const CELL = 10;

export class Panel {
  constructor(sample) {
    this.element = make("article", {className: "panel", "data-cell": sample.cell});
    this.fill(sample);
  }

  /* Called again when the law of the right answers has been looked at; what was opened stays open. */
  fill(sample) {
    const open = [...this.element.querySelectorAll("details[open]")].map(one => one.className);
    this.sample = sample;
    this.steps = sample.steps.length;
    this.player = this.steps ? new Player(sample) : null;
    this.verdict = make("p", {className: "verdict", textContent: sample.law || sample.right ? sample.verdict : looking(sample)});
    this.map = this.steps ? new StepMap(sample) : null;
    this.element.replaceChildren(
      ...heading(sample), this.verdict,
      ...(this.player ? [this.player.canvas, this.player.said, this.map.element]
        : [make("p", {className: "wrote", textContent: "This model does not say in which order it wrote its answer."})]),
      make("div", {className: "below"}, make("div", {className: "texts"}, ...texts(sample)), ledger(sample)),
    );
    for (const one of this.element.querySelectorAll("details")) if (open.includes(one.className)) one.open = true;
  }

  show(forward, colour) {
    this.player?.show(forward, colour);
    this.map?.show(Math.min(forward, this.steps));
  }

  fail(message) {
    this.verdict.textContent = `${this.sample.verdict} ${message}`;
  }
}

const looking = sample => `The answer is wrong${sample.reasons.length ? ` (${sample.reasons.join(", ")})` : ""}. Looking for the writes that broke it …`;

function heading(sample) {
  const kind = sample.right ? "right" : "wrong";
  return [
    make("h2", {}, make("span", {className: `mark ${kind}`, textContent: sample.right ? "✓" : "✗", role: "img", "aria-label": kind}),
      ` ${sample.task} #${sample.index}`),
    make("p", {className: "which"}, make("span", {className: "decoder", textContent: sample.decoder}),
      make("span", {className: "model", textContent: sample.model}), sample.seed ? make("span", {textContent: `seed ${sample.seed}`}) : null),
  ];
}

function texts(sample) {
  const shown = [labelled("answer", sample.answer || "(empty)", sample.right ? "right" : "wrong")];
  if (!sample.right) shown.push(labelled("a right answer", sample.expected, "right"));
  if (sample.thought) shown.push(fold("thought", "what the model thought", sample.thought));
  shown.push(fold("question", sample.law ? "question" : "prompt", sample.question));
  if (sample.prompt !== sample.question) shown.push(fold("prompt", "whole prompt", sample.prompt));
  return shown;
}

const labelled = (name, text, kind) =>
  make("div", {className: `text ${kind}`}, make("h3", {textContent: name}), make("pre", {textContent: text}));

const fold = (name, title, text) =>
  make("details", {className: name}, make("summary", {textContent: title}), make("pre", {textContent: text}));

function ledger(sample) {
  const rows = sample.numbers.map(([name, value]) => make("tr", {}, make("th", {scope: "row", textContent: name}), make("td", {textContent: value})));
  return make("table", {className: "ledger"}, make("caption", {textContent: "costs and scores"}), make("tbody", {}, ...rows));
}

/* Forwards from top to bottom, positions from left to right; a cell is filled where the forward wrote, outlined where it masked. */
class StepMap {
  constructor(sample) {
    const width = sample.start.length, steps = sample.steps.length;
    this.tall = Math.min(CELL, Math.max(2, 160 / steps));
    const box = (position, at) => `M${position * CELL} ${at * this.tall}h${CELL - 1}v${Math.max(1, this.tall - 1)}h${1 - CELL}z`;
    const filled = sample.steps.map((step, at) => makeSvg("path", {
      class: `s${steps < 2 ? 0 : Math.round(at * (SHADES - 1) / (steps - 1))}`,
      d: step.written.map(([position]) => box(position, at)).join(""),
    }));
    const masked = sample.steps.map((step, at) => step.masked.map(position => box(position, at)).join("")).join("");
    const broke = sample.collision;
    const marked = broke ? broke.positions.map(position => box(position, broke.forward)).join("") : "";
    this.here = makeSvg("rect", {class: "here", x: -2, width: width * CELL + 3, height: this.tall + 1});
    this.svg = makeSvg("svg", {
      viewBox: `-3 -3 ${width * CELL + 6} ${steps * this.tall + 6}`, role: "img",
      "aria-label": `map of ${plural(steps, "forward")} by ${plural(width, "position")}: where each forward wrote`,
    }, ...filled, makeSvg("path", {class: "taken", d: masked}), makeSvg("path", {class: "clash", d: marked}), this.here);
    this.svg.style.maxWidth = `${1.6 * width * CELL}px`;
    this.element = make("div", {className: "map"}, this.svg);
    this.svg.addEventListener("click", event => {
      const {top, height} = this.svg.getBoundingClientRect();
      const forward = Math.ceil((event.clientY - top) / height * steps);
      this.svg.dispatchEvent(new CustomEvent("forward", {bubbles: true, detail: Math.max(1, Math.min(steps, forward))}));
    });
  }

  show(forward) {
    this.here.setAttribute("y", (forward - 1) * this.tall - 1);
    this.here.style.display = forward ? "" : "none";
  }
}

