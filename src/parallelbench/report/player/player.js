/* Shows how one answer was decoded: the canvas before and after each forward, which it changed, and what it wrote.

   data: {texts, start, steps: [{written: [[position, text, confidence]], masked: [position]}], collision, hidden}
   as `parallelbench.view.sample` makes it. Forward 0 is the canvas before the first one. */

import {make, plural} from "./dom.js";

export const COLOURS = {confidence: "confidence", step: "the forward that wrote it", action: "action"};
export const SHADES = 10;
const MASK = "░";
const shade = fraction => `s${Math.max(0, Math.min(SHADES - 1, Math.floor(fraction * SHADES)))}`;

/* The cells of the canvas after a forward: what each holds, since when, how sure, and what was done last. */
export function canvasAt(data, forward) {
  const cells = data.start.map(text => ({text, since: 0, sure: null, action: text === null ? "masked" : "given", now: false}));
  data.steps.slice(0, forward).forEach((step, at) => {
    const last = at === forward - 1;
    for (const position of step.masked) cells[position] = {text: null, since: at + 1, sure: null, action: "remask", now: last};
    for (const [position, text, sure] of step.written) {
      const action = cells[position].text === null ? "commit" : "edit";
      cells[position] = {text, since: at + 1, sure, action, now: last};
    }
  });
  return cells;
}

function classOf(cell, colour, steps) {
  if (cell.text === null) return cell.action === "remask" ? "mask remask" : "mask";
  if (cell.action === "given") return "given";
  if (colour === "action") return cell.action;
  if (colour === "step") return shade(steps < 2 ? 0 : (cell.since - 1) / (steps - 1) * 0.999);
  return cell.sure === null ? "unsure" : shade(cell.sure * 0.999);
}

export function sentence(data, forward) {
  const total = data.steps.length;
  if (!forward) return `Before the first of ${plural(total, "forward")}.`;
  const {written, masked} = data.steps[forward - 1];
  const words = written.map(([position, text, sure]) =>
    `“${data.texts[text]}” at ${position}${sure === null ? "" : ` (${sure.toFixed(2)})`}`);
  words.push(...masked.map(position => `position ${position} masked again`));
  const said = words.length > 12 ? [...words.slice(0, 12), `and ${words.length - 12} more`] : words;
  return `Forward ${forward} of ${total} wrote ${said.join(", ") || "nothing that is shown"}.`;
}

export class Player {
  constructor(data) {
    this.data = data;
    this.canvas = make("div", {className: "canvas", role: "group"});
    this.said = make("p", {className: "wrote", "aria-live": "polite"});
    this.cells = data.start.map(() => make("span"));
    this.canvas.append(...this.cells.flatMap((cell, at) => this.endsLine(at) ? [cell, make("br")] : [cell]));
    if (data.hidden) this.canvas.append(make("i", {textContent: `+ ${plural(data.hidden, "position")} behind the end of the answer`}));
  }

  /* A line of the answer ends where the token that is there at the end has a line end. */
  endsLine(position) {
    this.last ??= canvasAt(this.data, this.data.steps.length);
    const text = this.last[position].text;
    return text !== null && this.data.texts[text].endsWith("⏎");
  }

  show(forward, colour) {
    const {data} = this;
    const at = Math.min(forward, data.steps.length);
    const broke = data.collision;
    const broken = broke && at > broke.forward ? broke.positions : [];
    canvasAt(data, at).forEach((cell, position) => {
      const text = cell.text === null ? MASK : data.texts[cell.text];
      const names = [classOf(cell, colour, data.steps.length), cell.now ? "now" : "", broken.includes(position) ? "broken" : ""];
      const about = cell.text === null ? "masked" : cell.action === "given" ? "given"
        : `${cell.action} in forward ${cell.since}${cell.sure === null ? "" : `, confidence ${cell.sure.toFixed(2)}`}`;
      Object.assign(this.cells[position], {
        className: names.filter(Boolean).join(" "), textContent: text || "∅",
        title: `position ${position}: ${about}${broken.includes(position) ? ", collided" : ""}`,
      });
    });
    this.canvas.setAttribute("aria-label", `the canvas ${at ? `after forward ${at}` : "before the first forward"}`);
    this.canvas.dataset.forward = at;
    const fell = broke && at === broke.forward + 1 ? " After it no right answer is possible any more." : "";
    this.said.textContent = sentence(data, at) + fell;
  }
}
