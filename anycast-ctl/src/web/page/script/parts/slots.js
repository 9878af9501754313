// A pool's slot table: picture, legend, and what is under the pointer or the cursor.

import { colourOf, css } from "./colour.js";
import { h } from "../dom.js";
import { count, share } from "../format.js";
import { redraw } from "../redraw.js";
import { paint } from "./slot_picture.js";
import { NONE, SlotTable } from "./slot_table.js";

/** Of the table in sight: it is laid out and painted once for as long as it stays as it is. */
let view = { status: null };
let order = "owner";
let only = null;

/** Of what `GET /v1/pools/{pool}/slots` answered. */
export function slotTable(status) {
  if (view.status !== status) {
    const isOther = view.status?.pool !== status.pool;
    const { at, shape } = isOther ? { at: null } : view;
    view = { status, table: new SlotTable(status), at, shape };
    if (isOther || only >= status.backends.length) only = null;
  }
  const { table } = view;
  if (view.order !== order) {
    view.order = order;
    view.slots = order === "owner" ? table.byOwner() : table.byNumber();
  }
  if (table.size === 0) return h("p", {}, "Nobody owns a slot: the pool has no usable backend.");
  const moving = table.inTransition;
  const words = `${count(table.size)} slots, ${moving === 0 ? "all stable" : `${count(moving)} in transition`}`;
  return h(
    "section",
    { key: "slots", "aria-label": "Slot table" },
    h("h3", {}, "Slot table"),
    h(
      "p",
      {},
      `${words}. `,
      moving > 0 &&
        "Slots in transition are in full colour, hatched in that of their base owner; the others are pale.",
    ),
    orderChoice(),
    h(
      "output",
      { class: "readout", "aria-live": "polite" },
      view.at === null ? "Point at a slot, or use the arrow keys." : table.words(slotAt()),
    ),
    h("div", { class: "picture" }, picture(words), legend(table)),
  );
}

function picture(words) {
  return h(
    "div",
    { class: "slots" },
    h("canvas", {
      tabindex: "0",
      role: "img",
      "aria-label": `Picture of the slot table: ${words}. Arrow keys read it slot by slot.`,
      hook: painted,
      on: { pointermove: pointed, keydown: moved },
    }),
    view.at !== null && cursor(),
  );
}

function orderChoice() {
  const radio = (value, title) =>
    h(
      "label",
      { class: "switch" },
      h("input", {
        type: "radio",
        name: "order",
        value,
        checked: order === value,
        on: { change: () => reorder(value) },
      }),
      title,
    );
  return h(
    "div",
    { class: "form", role: "radiogroup", "aria-label": "Order of slots" },
    radio("owner", "by owner"),
    radio("number", "by number"),
  );
}

function reorder(value) {
  order = value;
  redraw();
}

function legend(table) {
  const counts = table.counts();
  const row = (backend, place) => {
    const { own, moving, base } = counts[place];
    const choose = () => {
      only = only === place ? null : place;
      redraw();
    };
    const swatch = h("span", { class: "swatch", style: { "background-color": css(colourOf(place)) } });
    const name = h(
      "button",
      { type: "button", "aria-pressed": String(only === place), on: { click: choose } },
      swatch,
      backend.name,
    );
    return h(
      "tr",
      { key: `${backend.name} ${backend.address}` },
      h("th", { scope: "row" }, name),
      h("td", { class: "number" }, count(own)),
      h("td", { class: "number" }, share(own, table.size)),
      h("td", { class: "number" }, count(moving)),
      h("td", { class: "number" }, count(base)),
    );
  };
  const heads = ["Slots", "Share", "In transition", "Base owner of"].map((title) =>
    h("th", { scope: "col", class: "number" }, title),
  );
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { id: "legend" },
      h("caption", {}, "Owners; press one to see its slots alone"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Backend"), heads)),
      h("tbody", {}, table.backends.map(row)),
    ),
  );
}

/** Paints when the table, the order, the room or the ground is another. */
function painted(canvas) {
  const room = Math.floor(canvas.parentElement.clientWidth);
  const ground = getComputedStyle(document.body).backgroundColor;
  const mark = [room, ground, order, only].join();
  if (room === 0 || view.painted === mark) return;
  view.shape = paint(canvas, view.table, view.slots, room, only);
  view.painted = mark;
}

function cursor() {
  const { cell, columns } = view.shape;
  const [x, y] = [view.at % columns, Math.floor(view.at / columns)].map((at) => `${at * cell}px`);
  return h("div", { class: "cursor", style: { left: x, top: y, width: `${cell}px`, height: `${cell}px` } });
}

const slotAt = () => view.slots[Math.min(view.at, view.slots.length - 1)];

function pointed(event) {
  const { cell, columns } = view.shape;
  const at = Math.floor(event.offsetY / cell) * columns + Math.floor(event.offsetX / cell);
  if (event.offsetX >= columns * cell || at < 0 || at >= view.slots.length || at === view.at) return;
  view.at = at;
  redraw();
}

function moved(event) {
  const { columns } = view.shape;
  const last = view.slots.length - 1;
  const from = view.at ?? -1;
  const to = {
    ArrowRight: from + 1,
    ArrowLeft: from - 1,
    ArrowDown: from + columns,
    ArrowUp: from - columns,
    Home: 0,
    End: last,
    t: nextMoving(from),
  }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  view.at = Math.max(0, Math.min(last, to));
  redraw();
}

/** The next slot in transition, from the front again after the last; where it was if there is none. */
function nextMoving(from) {
  const { slots, table } = view;
  const isMoving = (index) => table.base[slots[index]] !== NONE;
  for (let step = 1; step <= slots.length; step += 1) {
    const index = (from + step) % slots.length;
    if (isMoving(index)) return index;
  }
  return from;
}

addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
