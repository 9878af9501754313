// What happened, as the daemon tells it, the newest first.

import { askSoon, onTurnOfDaemon } from "./daemon.js";
import { redraw } from "./redraw.js";
import { read } from "./stream.js";
import { words } from "./words.js";

/** Events that are kept. */
const KEPT = 1_000;
/** Milliseconds before a stream that ended is asked for again; twice as many each time that there is none. */
const PAUSE = 1_000;
const LONGEST_PAUSE = 16_000;
/** How far back a daemon that keeps events is asked to begin. */
const SINCE = "1h";

/** `{ number, at, kind, subject, text, bad, vip, pool, backend }`. */
export const events = [];

let stop = null;
let timer = null;
let lastId = null;
let number = 0;
let pause = PAUSE;

/** Begins, and goes on while somebody looks. */
export function listen() {
  document.addEventListener("visibilitychange", () => (document.hidden ? stop?.abort() : again()));
  onTurnOfDaemon(turned);
  again();
}

/** Who comes back has been silent: it is asked at once, and not when the pause is over. */
function turned(gone) {
  const text = gone ? `the daemon is gone: ${gone.why}` : "the daemon is there again";
  add({ kind: "page", subject: "this page", text, bad: gone !== null });
  if (!gone) again();
}

function add(event) {
  events.unshift({ number: ++number, at: new Date(), ...event });
  events.length = Math.min(events.length, KEPT);
  redraw();
}

async function again() {
  if (document.hidden || stop) return;
  stop = new AbortController();
  const headers = lastId === null ? {} : { "last-event-id": lastId };
  try {
    await read(lastId === null ? `/v1/events?since=${SINCE}` : "/v1/events", headers, stop.signal, take);
  } catch {
    // The status says that the daemon is gone, and since when.
  }
  stop = null;
  if (document.hidden) return;
  clearTimeout(timer);
  timer = setTimeout(again, pause);
  pause = Math.min(pause * 2, LONGEST_PAUSE);
}

function take({ name, data, id }) {
  pause = PAUSE;
  if (id !== null) {
    if (id === lastId) return;
    lastId = id;
  }
  const told = JSON.parse(data);
  // The first of every stream says how things are, as the status does.
  if (name === "hello") return;
  add({ ...words(name, told), at: told.at ? new Date(told.at) : new Date() });
  askSoon();
}
