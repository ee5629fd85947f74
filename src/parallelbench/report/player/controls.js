/* The controls of a player: buttons, slider and keys that choose a forward, and what the colours of tokens mean. */

import {make} from "./dom.js";
import {COLOURS, SHADES} from "./player.js";

const LONGEST = 40_000;
const EACH = 700;  /* milliseconds a forward, less where all would take longer than LONGEST */

export function button(name, textContent, label, action) {
  const made = make("button", {type: "button", className: name, textContent, title: label, "aria-label": label});
  made.addEventListener("click", action);
  return made;
}

export class Controls {
  /* forwards: how many there are; step and colour: called with the forward and the kind of colour that the reader chose. */
  constructor(forwards, step, colour) {
    this.forwards = forwards;
    this.chosen = step;
    this.forward = forwards;
    this.timer = 0;
    this.slider = make("input", {type: "range", min: 0, max: forwards, "aria-label": "forward"});
    this.slider.addEventListener("input", () => this.step(Number(this.slider.value)));
    this.count = make("output", {className: "count"});
    this.player = button("play", "▶", "play", () => this.toggle());
    this.colour = make("select", {name: "colour"}, ...Object.entries(COLOURS).map(([value, textContent]) => make("option", {value, textContent})));
    this.colour.addEventListener("change", () => colour(this.colour.value));
    this.legend = make("p", {className: "legend"});
    this.lines = forwards ? [
      make("div", {className: "line steps"}, button("back", "‹", "one forward back", () => this.step(this.forward - 1)), this.player,
        button("on", "›", "one forward on", () => this.step(this.forward + 1)), this.slider, this.count),
      make("div", {className: "line"}, make("label", {}, "coloured by ", this.colour), this.legend),
    ] : [];
  }

  show(forward, colour) {
    this.forward = forward;
    this.slider.value = forward;
    this.slider.setAttribute("aria-valuetext", `forward ${forward} of ${this.forwards}`);
    this.count.textContent = `${forward} of ${this.forwards}`;
    this.colour.value = colour;
    this.legend.replaceChildren(...legend(colour));
  }

  step(to) { this.chosen(Math.max(0, Math.min(this.forwards, to))); }

  get playing() { return this.timer !== 0; }

  toggle() {
    if (this.playing) this.stop();
    else this.play();
  }

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
    this.named("▶", "play");
  }

  named(sign, label) {
    Object.assign(this.player, {textContent: sign, title: label, ariaLabel: label});
  }

  /* What a key does, where it does something here. */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return undefined;
    const actions = {
      ArrowLeft: () => this.step(this.forward - 1), ArrowRight: () => this.step(this.forward + 1),
      Home: () => this.step(0), End: () => this.step(this.forwards),
    };
    if (!/^(BUTTON|A|SUMMARY)$/.test(event.target.tagName)) actions[" "] = () => this.toggle();
    return this.forwards ? actions[event.key] : undefined;
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

