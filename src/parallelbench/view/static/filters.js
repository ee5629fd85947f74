/* The filters over the list: each offers its values with the number of samples that the other filters leave. */

import {byId, make, number} from "./dom.js";
import {FILTERS} from "./address.js";

const EMPTY = {model: "all models", task: "all tasks", decoder: "all decoders", outcome: "right and wrong", reason: "any reason"};
const WAIT = 150;  /* milliseconds after the last letter of the text */

export function listen(changed) {
  const form = byId("filters");
  let timer = 0;
  const report = () => changed(Object.fromEntries(FILTERS.map(name => [name, form.elements[name].value])));
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("change", event => { if (event.target.name !== "text") report(); });
  form.elements.text.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(report, WAIT); });
  form.addEventListener("reset", event => {
    event.preventDefault();
    changed(Object.fromEntries(FILTERS.map(name => [name, ""])));
  });
}

export function show(state, options) {
  const {elements} = byId("filters");
  for (const [name, values] of Object.entries(options)) {
    const select = elements[name];
    const listed = values.map(({value, label, count}) => [value, `${label} (${number(count)})`]);
    if (state[name] && !values.some(one => one.value === state[name])) listed.push([state[name], `${state[name]} (0)`]);
    const texts = [["", EMPTY[name]], ...listed];
    const same = texts.length === select.options.length
      && texts.every(([value, text], place) => select.options[place].value === value && select.options[place].textContent === text);
    if (!same) select.replaceChildren(...texts.map(([value, textContent]) => make("option", {value, textContent})));
    select.value = state[name];
  }
  elements.order.value = state.order;
  if (document.activeElement !== elements.text) elements.text.value = state.text;
}
