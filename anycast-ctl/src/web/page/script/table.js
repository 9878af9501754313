// Tables that are sorted, filtered and read page by page: only the rows in sight are drawn, however many there are.

import { h } from "./dom.js";
import { count } from "./format.js";
import { redraw } from "./redraw.js";

/** Rows of a page. */
const PAGE = 50;
/** Above so many rows there is a filter. */
const FEW = 8;

/** What readers chose, by table: `{ sort, descending, filter, page }`. */
const choices = new Map();

/**
 * A table. `id` tells it from others; `columns` are `{ title, cell(row), sort?(row), text?(row), number?, minor?, wide? }`, the
 * first heads its row; `key(row)` tells rows apart; `empty` is said when there are none. Columns that are `minor` are left
 * out on phones.
 */
export function table({
  id,
  caption,
  columns,
  rows,
  key,
  empty = "nothing",
  filterable = rows.length > FEW,
}) {
  const choice = choices.get(id) ?? { sort: null, descending: false, filter: "", page: 0 };
  choices.set(id, choice);
  const found = sorted(filtered(rows, columns, choice.filter), columns, choice);
  const pages = Math.max(1, Math.ceil(found.length / PAGE));
  choice.page = Math.min(choice.page, pages - 1);
  const shown = found.slice(choice.page * PAGE, (choice.page + 1) * PAGE);
  const hasTools = filterable || choice.filter !== "" || pages > 1;
  return h(
    "div",
    { key: id, class: "table" },
    hasTools && tools(id, caption, choice, pages, found.length, rows.length),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
      h(
        "table",
        { id },
        h("caption", {}, caption),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            columns.map((column, index) => head(column, index, choice)),
          ),
        ),
        h(
          "tbody",
          {},
          shown.map((row) =>
            h(
              "tr",
              { key: key(row) },
              columns.map((column, index) => cell(column, index, row)),
            ),
          ),
          shown.length === 0 &&
            h(
              "tr",
              { key: "empty" },
              h("td", { colspan: columns.length, class: "muted" }, rows.length ? "nothing matches" : empty),
            ),
        ),
      ),
    ),
  );
}

function head(column, index, choice) {
  const isSorted = choice.sort === index;
  const turn = () => {
    choice.descending = isSorted ? !choice.descending : Boolean(column.number);
    choice.sort = index;
    redraw();
  };
  const order = choice.descending ? "descending" : "ascending";
  return h(
    "th",
    { scope: "col", class: classes(column), "aria-sort": isSorted ? order : null },
    column.sort ? h("button", { type: "button", on: { click: turn } }, column.title) : column.title,
  );
}

function cell(column, index, row) {
  const shown = column.cell(row);
  return index === 0
    ? h("th", { scope: "row", class: classes(column) }, shown)
    : h("td", { class: classes(column) }, shown);
}

function classes({ number, minor, wide }) {
  return [number && "number", minor && "minor", wide && "text"].filter(Boolean).join(" ") || null;
}

function tools(id, caption, choice, pages, found, all) {
  const filter = (event) => {
    choice.filter = event.target.value;
    choice.page = 0;
    redraw();
  };
  const turn = (by) => () => {
    choice.page += by;
    redraw();
  };
  const button = (title, by, disabled) =>
    h("button", { type: "button", disabled, on: { click: turn(by) } }, title);
  return h(
    "div",
    { class: "tools" },
    h("label", {}, h("span", { class: "hidden" }, `Filter: ${caption}`), field(id, filter)),
    h("span", { class: "muted" }, found === all ? `${count(all)}` : `${count(found)} of ${count(all)}`),
    pages > 1 && button("Previous", -1, choice.page === 0),
    pages > 1 && h("span", {}, `page ${choice.page + 1} of ${pages}`),
    pages > 1 && button("Next", 1, choice.page === pages - 1),
  );
}

/** What was typed earlier is there again when the reader comes back. */
function field(id, input) {
  const restore = (element) => {
    if (element.dataset.known) return;
    element.dataset.known = "yes";
    element.value = choices.get(id).filter;
  };
  return h("input", { type: "search", placeholder: "filter ( / )", on: { input }, hook: restore });
}

function filtered(rows, columns, filter) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  const texts = columns.filter((column) => column.text);
  return rows.filter((row) => {
    const text = texts
      .map((column) => column.text(row))
      .join("\n")
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function sorted(rows, columns, { sort, descending }) {
  const by = columns[sort]?.sort;
  if (!by) return rows;
  const valued = rows.map((row) => [by(row), row]);
  valued.sort(([a], [b]) => (descending ? compare(b, a) : compare(a, b)));
  return valued.map(([, row]) => row);
}

/** What is not known comes below everything. */
function compare(a, b) {
  if (typeof a === "string" && typeof b === "string") return a.localeCompare(b, "en", { numeric: true });
  return (a ?? -Infinity) - (b ?? -Infinity) || 0;
}
