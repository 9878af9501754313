// The page: its head, the view of the place it is at, and what keeps both up to date.

import { alarms } from "./alarm.js";
import { askNow, daemon, follow } from "./daemon.js";
import { h, patch } from "./dom.js";
import { listen } from "./events.js";
import { moment } from "./format.js";
import { showHelp, watchKeys } from "./keys.js";
import { drawBy, redraw } from "./redraw.js";
import { here } from "./route.js";
import { NAVIGATION, viewOf } from "./views.js";

/** The place that was drawn last. */
let drawnAt = null;

drawBy(draw);
addEventListener("hashchange", () => {
  redraw();
  askNow();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  // The address is the view's: it must not become `#main`.
  event.preventDefault();
  document.getElementById("main").focus();
});
watchKeys();
follow(() => (daemon.status ? (viewOf(here())?.needs?.(here(), daemon.status) ?? []) : []));
listen();
redraw();

function draw() {
  const words = here();
  const view = viewOf(words);
  const title = view?.title(words) ?? "No such page";
  document.title = `${alarmSign()}${title} · anycast`;
  drawHead(view);
  if (!daemon.status) return;
  const content = view
    ? view.draw(words, daemon)
    : h("p", {}, "There is nothing here: ", h("a", { href: "#/" }, "to the overview"), ".");
  patch(document.getElementById("main"), [h("article", { key: location.hash }, h("h2", {}, title), content)]);
  arrive();
}

/** Who goes to another place begins at its top, and a screen reader reads it. */
function arrive() {
  if (drawnAt !== null && drawnAt !== location.hash) {
    scrollTo(0, 0);
    document.getElementById("main").focus({ preventScroll: true });
  }
  drawnAt = location.hash;
}

function drawHead(view) {
  const item = ({ title, href, view: its }) =>
    h("a", { key: href, href, "aria-current": its === view ? "page" : null }, title);
  const help = h(
    "button",
    { key: "help", type: "button", "aria-haspopup": "dialog", title: "Keys", on: { click: showHelp } },
    "?",
  );
  patch(document.getElementById("nav"), [...NAVIGATION.map(item), help]);
  const { gone, status, version } = daemon;
  const link = document.getElementById("link");
  link.classList.toggle("gone", gone !== null);
  document.body.classList.toggle("gone", gone !== null);
  const isOther = status && status.version !== version;
  patch(link, [
    gone
      ? `Daemon gone since ${moment(gone.since)}: ${gone.why}. Trying again.`
      : status
        ? `anycast-ctl ${status.version}, pid ${status.pid}`
        : "Asking the daemon …",
    ...(isOther
      ? [". It is another version than this page: ", h("a", { href: "/" }, "load the page anew")]
      : []),
  ]);
}

/** Before the title, so that a tab that nobody looks at says it. */
function alarmSign() {
  if (daemon.gone) return "✕ ";
  const count = daemon.status ? alarms(daemon.status).filter((it) => !it.note).length : 0;
  return count ? `(${count}) ` : "";
}
