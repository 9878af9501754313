// Every view by the first word of its place. A view has a `title(words)`, `needs(words, status)` beside the status, and
// `draw(words, daemon)`.

import { place } from "./route.js";
import * as announcements from "./views/announcements.js";
import * as backend from "./views/backend.js";
import * as catchment from "./views/catchment.js";
import * as events from "./views/events.js";
import * as explain from "./views/explain.js";
import * as health from "./views/health.js";
import * as overview from "./views/overview.js";
import * as pool from "./views/pool.js";
import * as vip from "./views/vip.js";

/** What the head of the page leads to. */
export const NAVIGATION = [
  { title: "Overview", href: "#/", view: overview },
  ...Object.entries({ health, announcements, events, catchment, explain }).map(([word, view]) => ({
    title: view.title([]),
    href: place(word),
    view,
  })),
];

/** The view of a place; `undefined` where there is none. */
export function viewOf([first, second, third, fourth]) {
  if (first === undefined) return overview;
  if (first === "vip" && second) return vip;
  if (first === "pool" && second) return third === "backend" && fourth ? backend : pool;
  return { health, announcements, events, catchment, explain }[first];
}
