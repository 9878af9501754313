// One pool, with its backends and its slot table.

import { answer } from "../daemon.js";
import { h } from "../dom.js";
import { count, duration, share } from "../format.js";
import { happened } from "../parts/happened.js";
import { backendColumns, backendState, facts, failure, link, rateColumns, strip } from "../parts/marks.js";
import { slotTable } from "../parts/slots.js";
import { vipPlace } from "../route.js";
import { table } from "../table.js";

const HEALTH = "/v1/health";
/** VIPs that are named. */
const NAMED = 20;
const slotsOf = (name) => `/v1/pools/${encodeURIComponent(name)}/slots`;

export const title = ([, name]) => `Pool ${name}`;

/** A slot table is large: it is asked for when the shares or the transition are others. */
export function needs([, name], status) {
  const pool = status.pools.find((it) => it.name === name);
  if (!pool) return [];
  const shares = pool.backends.map((it) => [it.name, it.address, it.state, it.slots]);
  const mark = JSON.stringify([
    status.pid,
    status.desired.revision,
    pool.slots,
    pool.transition.slots,
    shares,
  ]);
  return [
    { path: slotsOf(name), mark },
    { path: HEALTH, every: 2_000 },
  ];
}

export function draw([, name], { status, rates }) {
  const pool = status.pools.find((it) => it.name === name);
  if (!pool) return h("p", {}, `There is no pool ${name}. `, link("#/", "To the overview"), ".");
  const vips = status.vips.filter((vip) => vip.pool === name);
  const slots = answer(slotsOf(name));
  const { transition } = pool;
  const owners = transition.base_owners.map((it) => `${it.name} ${count(it.slots)}`).join(", ");
  return [
    facts([
      ["VIPs", vipLinks(vips)],
      ["Delivery", pool.delivery],
      ["UDP", pool.udp],
      ["When a backend is down", pool.on_down],
      ["When nobody is left", pool.on_empty],
      ["A flow may be silent for", duration(pool.idle_timeout_seconds)],
      ["Slots", count(pool.slots)],
      [
        "In transition",
        transition.slots
          ? `${count(transition.slots)} slots, for ${duration(transition.since_seconds ?? 0)}; base owners: ${owners}`
          : "none",
      ],
    ]),
    backends(pool, rates, healthOf(name)),
    slots?.error ? failure(slots.error) : slots?.value && slotTable(slots.value),
    happened("pool-events", "Events of this pool", (event) => event.pool === name),
  ].map((part, index) => h("div", { key: index }, part));
}

/** The first of them; all are on the overview, where a filter finds those of a pool. */
function vipLinks(vips) {
  if (vips.length === 0) return "none";
  const links = vips
    .slice(0, NAMED)
    .map((vip, index) => [index > 0 && ", ", link(vipPlace(vip.name), vip.name)]);
  return vips.length > NAMED ? [links, ` and ${count(vips.length - NAMED)} more`] : links;
}

function healthOf(pool) {
  const pools = answer(HEALTH)?.value?.pools ?? [];
  return new Map((pools.find((it) => it.name === pool)?.backends ?? []).map((it) => [it.name, it]));
}

function backends(pool, rates, health) {
  return table({
    id: "pool-backends",
    caption: "Backends",
    rows: pool.backends,
    key: (it) => `${it.name} ${it.address} ${it.state === "removed"}`,
    empty: "no backend: `anycast-ctl backend add` adds one",
    columns: [
      ...backendColumns(pool.name),
      {
        title: "State",
        cell: (it) => [backendState(it.state), it.backup && " (backup)"],
        sort: (it) => it.state,
        text: (it) => it.state,
      },
      { title: "Weight", number: true, minor: true, cell: (it) => count(it.weight), sort: (it) => it.weight },
      { title: "Slots", number: true, cell: (it) => count(it.slots), sort: (it) => it.slots },
      { title: "Share", number: true, cell: (it) => share(it.slots, pool.slots), sort: (it) => it.slots },
      { title: "Pins", number: true, minor: true, cell: (it) => count(it.pins), sort: (it) => it.pins },
      {
        title: "Checks",
        minor: true,
        cell: (it) => (health.has(it.name) && it.state !== "removed" ? strip(health.get(it.name).strip) : ""),
      },
      ...rateColumns((it) => rates.backend(pool.name, it)),
      { title: "Remark", wide: true, minor: true, cell: remark, text: (it) => it.detail ?? "" },
    ],
  });
}

/** Why it is as it is. */
export function remark({ detail, drain }) {
  if (!drain) return detail ?? "";
  const left =
    drain.remaining_seconds === null || drain.remaining_seconds === undefined
      ? ""
      : `, ${duration(drain.remaining_seconds)} to the deadline`;
  return drain.empty
    ? "drained: no flow is left"
    : `draining: ${count(drain.flows)} flows and ${count(drain.slots)} slots left${left}`;
}
