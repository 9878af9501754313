// The keyboard, and the page that says how.

import { h, patch } from "./dom.js";
import { NAVIGATION } from "./views.js";

/** Where the reader's choice is kept: single keys get in the way of speech input (WCAG 2.2, 2.1.4). */
const CHOICE = "single-keys";

/** Begins to listen. */
export function watchKeys() {
  document.addEventListener("keydown", (event) => {
    const inField = event.target.closest?.("input, select, textarea");
    if (event.key === "Escape" && inField) inField.blur();
    if (inField || event.ctrlKey || event.metaKey || event.altKey || !isOn()) return;
    if (act(event.key)) event.preventDefault();
  });
}

/** Shows what keys there are. */
export function showHelp() {
  const dialog = document.getElementById("help");
  patch(dialog, help());
  if (!dialog.open) dialog.showModal();
}

function act(key) {
  if (document.getElementById("help").open) return false;
  const view = NAVIGATION[Number(key) - 1];
  if (view) {
    location.hash = view.href;
    return true;
  }
  if (key === "/") {
    const filter = document.querySelector("main input[type=search]");
    filter?.focus();
    return Boolean(filter);
  }
  if (key === "?") showHelp();
  return key === "?";
}

function help() {
  const row = (keys, what) => h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, keys)), h("td", {}, what));
  return [
    h("h2", { id: "help-title" }, "Keys"),
    h(
      "table",
      {},
      h("caption", { class: "hidden" }, "Keys and what they do"),
      h(
        "tbody",
        {},
        NAVIGATION.map((view, index) => row(String(index + 1), view.title)),
        row("/", "filter the table"),
        row("?", "this"),
        row("Esc", "leave a field, close this"),
        row(
          "arrows, Home, End, t",
          "in the picture of a slot table: move, first, last, next slot in transition",
        ),
      ),
    ),
    h(
      "label",
      { class: "switch" },
      h("input", {
        type: "checkbox",
        checked: isOn(),
        on: { change: (event) => choose(event.target.checked) },
      }),
      " single keys are on",
    ),
    h("p", {}, h("button", { on: { click: (event) => event.target.closest("dialog").close() } }, "Close")),
  ];
}

function isOn() {
  return localStorage.getItem(CHOICE) !== "off";
}

function choose(on) {
  localStorage.setItem(CHOICE, on ? "on" : "off");
}
