/* One sample on a page without a server, with its controls. */

import {make} from "./dom.js";
import {Controls} from "./controls.js";
import {Panel} from "./panel.js";

/* Returns an element that plays a sample, whose data are as `parallelbench.report.sample_data` makes them. */
export function solo(sample) {
  const panel = new Panel(sample);
  let at = panel.steps, colours = "confidence";
  const show = () => {
    panel.show(at, colours);
    controls.show(at, colours);
  };
  const controls = new Controls(panel.steps, forward => { at = forward; show(); }, colour => { colours = colour; show(); });
  const element = make("div", {className: "solo", tabIndex: 0, role: "group"}, make("div", {className: "bar"}, ...controls.lines), panel.element);
  element.setAttribute("aria-label", "how this answer was decoded; the arrow keys choose a forward, the space bar plays");
  element.addEventListener("forward", event => controls.step(event.detail));
  element.addEventListener("keydown", event => {
    const action = controls.key(event);
    if (!action) return;
    event.preventDefault();
    action();
  });
  show();
  return element;
}
