// What the daemon says, asked for again and again while somebody looks.

import { Refused, ask } from "./ask.js";
import { Rates } from "./rates.js";
import { redraw } from "./redraw.js";
import { note } from "./trace.js";

/** Milliseconds between two statuses; more where an answer takes long, so that asking is never the daemon's main work. */
const INTERVAL = 1_000;
const TIMES_THE_ANSWER = 5;
/** Milliseconds in which many reasons to ask come to one question. */
const SOON = 100;

/** What is known. */
export const daemon = {
  /** The last status; `null` before the first. */
  status: null,
  rates: new Rates(null, null, 0),
  /** While nobody answers: since when, and why. */
  gone: null,
  /** The version that this page came with. */
  version: null,
};

/** Milliseconds over which a rate is taken at least. */
const LEAST_SPAN = 700;

/** An earlier status, and when it was taken by the browser's clock: rates are since then. */
let earlier = { status: null, taken: 0 };
let timer = null;
let isAsking = false;
let needs = () => [];
let onTurn = () => {};
/** Answers beside the status, by path. */
const answers = new Map();

/** Begins. `wanted` answers with what the view needs beside the status: `{ path, every?, mark? }`, see `isDue`. */
export function follow(wanted) {
  needs = wanted;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) return;
    // A rate over the time that nobody looked would be none of the present.
    earlier = { status: null, taken: 0 };
    poll();
  });
  poll();
}

/** Has `turned(gone)` called whenever the daemon goes, and when it is there again: then `gone` is `null`. */
export function onTurnOfDaemon(turned) {
  onTurn = turned;
}

/** What was answered last, `{ value, error }`; `undefined` before the first answer. */
export function answer(path) {
  return answers.get(path);
}

/** Asks for what a view needs that was just gone to. */
export function askNow() {
  if (daemon.status && !daemon.gone) lookup();
}

/** Has the daemon asked before it is time, as something happened. */
export function askSoon() {
  if (document.hidden || isAsking || daemon.gone) return;
  clearTimeout(timer);
  timer = setTimeout(poll, SOON);
}

async function poll() {
  clearTimeout(timer);
  const asked = performance.now();
  isAsking = true;
  try {
    accept(await ask("/v1/status"), (asked + performance.now()) / 2);
    lookup();
  } catch (error) {
    const why = error instanceof Refused ? error.message : "nobody answers";
    const isTurn = daemon.gone === null;
    daemon.gone = { since: daemon.gone?.since ?? new Date(), why };
    if (isTurn) onTurn(daemon.gone);
    // Whoever comes next may be another daemon: what it holds is asked for anew.
    answers.forEach((known) => (known.asked = -Infinity));
  }
  isAsking = false;
  redraw();
  const took = performance.now() - asked;
  // Another one may have begun meanwhile, when the page came into sight.
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(poll, Math.max(INTERVAL - took, TIMES_THE_ANSWER * took));
}

function accept(status, taken) {
  const span = taken - earlier.taken;
  daemon.version ??= status.version;
  daemon.rates = new Rates(earlier.status, status, span / 1_000);
  daemon.status = status;
  if (daemon.gone !== null) {
    daemon.gone = null;
    onTurn(null);
  }
  // A status that was asked for out of turn is compared with the one that its forerunner was compared with.
  if (span < LEAST_SPAN) return;
  earlier = { status, taken };
  note(status, daemon.rates);
}

/** Asks for what is due, all at once. What nobody needs any more is forgotten. */
async function lookup() {
  const wanted = needs();
  const paths = new Set(wanted.map((need) => need.path));
  for (const path of answers.keys()) if (!paths.has(path)) answers.delete(path);
  await Promise.all(wanted.filter(isDue).map(one));
  redraw();
}

/** Whether it is time: after `every` milliseconds, or when the `mark` of what it depends on is another one. */
function isDue({ path, every = INTERVAL, mark }) {
  const known = answers.get(path);
  if (!known) return true;
  if (known.under_way) return false;
  if (mark !== undefined && mark === known.mark && !known.error) return known.asked === -Infinity;
  return performance.now() - known.asked >= Math.max(every * 0.9, TIMES_THE_ANSWER * known.took);
}

async function one({ path, mark }) {
  const known = answers.get(path) ?? { took: 0 };
  answers.set(path, known);
  known.asked = performance.now();
  known.under_way = true;
  try {
    known.value = await ask(path);
    known.error = null;
    known.mark = mark;
  } catch (error) {
    known.error = error;
  }
  known.under_way = false;
  known.took = performance.now() - known.asked;
}
