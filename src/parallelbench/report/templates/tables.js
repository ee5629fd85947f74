"use strict";
/* Tables: sorted by a click on a column's name, filtered by words, copied as CSV and as LaTeX. */

const cells = row => [...row.cells].map(cell => cell.textContent.trim().replaceAll("\u00a0", " "));
const numeric = text => {
  const found = text.replaceAll(",", "").replace("\u2212", "-").match(/^[<>]?\s*([-+]?\d+(\.\d+)?(e[-+]?\d+)?)/i);
  return found ? Number(found[1]) : NaN;
};
function compared(a, b) {
  const [x, y] = [numeric(a), numeric(b)];
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
  return a.localeCompare(b, "en", {numeric: true});
}
function sortable(table) {
  all("thead th", table).forEach((head, place) => {
    const button = make("button", {type: "button", className: "sort"}, ...head.childNodes);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "ascending";
      all("th[aria-sort]", table).forEach(one => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const body = table.tBodies[0];
      const key = row => row.cells[place]?.textContent.trim() ?? "";
      body.append(...[...body.rows].sort((a, b) => (falling ? -1 : 1) * compared(key(a), key(b))));
    });
  });
}
function filter(table, holder) {
  const field = make("input", {type: "search", placeholder: "filter rows"});
  field.setAttribute("aria-label", "filter the rows of this table by words");
  const count = make("span", {className: "count"});
  count.setAttribute("role", "status");
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = [...table.tBodies[0].rows];
    for (const row of rows) row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
    count.textContent = words.length ? `${rows.filter(row => !row.hidden).length} of ${rows.length} rows` : "";
  });
  holder.append(field, count);
}
const shownRows = table => [table.tHead.rows[0], ...[...table.tBodies[0].rows].filter(row => !row.hidden)].map(cells);
const quoted = text => {
  const safe = /^[=@\t\r]|^[+-](?![\d.])/.test(text) ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
const csv = rows => rows.map(row => row.map(quoted).join(",")).join("\n") + "\n";
const ESCAPES = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"};
const tex = text => text.replace(/[\\~^&%$#_{}]/g, one => ESCAPES[one] ?? `\\${one}`);
function latex(rows) {
  const [head, ...body] = rows.map(row => `${row.map(tex).join(" & ")} \\\\`);
  const right = rows[0].map((_, at) => rows.slice(1).every(row => !row[at] || !Number.isNaN(numeric(row[at]))));
  return [`\\begin{tabular}{${right.map(one => (one ? "r" : "l")).join("")}}`, "\\toprule", head, "\\midrule", ...body,
    "\\bottomrule", "\\end{tabular}", ""].join("\n");
}
function copies(table, holder) {
  for (const [name, form] of [["CSV", csv], ["LaTeX", latex]]) {
    const button = make("button", {type: "button", textContent: `copy ${name}`});
    button.addEventListener("click", async () => {
      const text = form(shownRows(table));
      table.dataset.copied = text;
      try { await navigator.clipboard.writeText(text); button.textContent = `${name} copied`; } catch {
        const area = make("textarea", {value: text, readOnly: true, rows: 8});
        area.setAttribute("aria-label", `this table as ${name}`);
        holder.querySelector("textarea")?.remove();
        holder.append(area);
        area.select();
      }
    });
    holder.append(button);
  }
}
for (const table of all("table")) {
  const holder = make("div", {className: "tools"});
  if (table.tBodies[0].rows.length > 6) filter(table, holder);
  copies(table, holder);
  table.parentElement.before(holder);
  sortable(table);
}
