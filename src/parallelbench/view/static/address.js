/* The address holds the whole view: the filters, the open sample, the one next to it, the forward and the colours. */

export const FILTERS = ["model", "task", "decoder", "outcome", "reason", "text", "order"];
const OTHERS = ["sample", "with", "forward", "colour"];
const KNOWN = [...FILTERS, ...OTHERS];

export function read() {
  const given = new URLSearchParams(location.search);
  return Object.fromEntries(KNOWN.map(name => [name, given.get(name) ?? ""]));
}

export function address(state) {
  const kept = KNOWN.filter(name => state[name] !== "" && state[name] !== undefined).map(name => [name, state[name]]);
  const query = new URLSearchParams(kept).toString();
  return query ? `?${query}` : location.pathname;
}

export function filters(state) {
  return Object.fromEntries(FILTERS.filter(name => state[name]).map(name => [name, state[name]]));
}

/* A sample as the address names it: CELL/INDEX. */
export const named = (cell, index) => `${cell}/${index}`;

export function sampleOf(state) {
  const [cell, index] = state.sample.split("/");
  return cell && /^\d+$/.test(index ?? "") ? {cell, index} : null;
}
