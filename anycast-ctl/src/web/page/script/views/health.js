// What checks say of all backends.

import { answer } from "../daemon.js";
import { h } from "../dom.js";
import { duration, microseconds, milliseconds, share } from "../format.js";
import { failure, link, strip, waiting } from "../parts/marks.js";
import { backendPlace, poolPlace } from "../route.js";
import { table } from "../table.js";

const HEALTH = "/v1/health";
/** A check that starts this late shows that there are too many, in milliseconds. */
const LATE = 1_000;

export const title = () => "Health";

export const needs = () => [{ path: HEALTH }];

export function draw() {
  const known = answer(HEALTH);
  if (known?.error) return failure(known.error);
  const health = known?.value;
  if (!health) return waiting();
  const rows = health.pools.flatMap((pool) => pool.backends.map((backend) => ({ pool, backend })));
  const late = health.checker.late_ms;
  return [
    h(
      "p",
      { class: health.alarm ? "bad" : null, key: "summary" },
      `${health.alarm ? "Alarm: " : ""}${health.summary}.`,
    ),
    late >= LATE &&
      h(
        "p",
        { class: "warn", key: "late" },
        `The checks are ${milliseconds(late)} late: there are too many of them, or too short intervals.`,
      ),
    ...health.pools.filter((pool) => pool.panic || !pool.enough).map(poolTrouble),
    table({
      id: "health",
      caption: "Backends that are checked",
      rows,
      key: ({ pool, backend }) => `${pool.name}/${backend.name} ${backend.address}`,
      empty: "no pool is checked: give one a check with `anycast-ctl pool check`, or in the site file",
      columns: [
        {
          title: "Backend",
          cell: ({ pool, backend }) =>
            link(backendPlace(pool.name, backend.name), `${pool.name}/${backend.name}`),
          sort: ({ pool, backend }) => `${pool.name}/${backend.name}`,
          text: ({ pool, backend }) => `${pool.name}/${backend.name} ${backend.address}`,
        },
        {
          title: "State",
          cell: ({ backend }) => state(backend),
          sort: ({ backend }) => backend.verdict,
          text: ({ backend }) => backend.verdict,
        },
        {
          title: "Since",
          number: true,
          minor: true,
          cell: ({ backend }) => duration(backend.held_seconds),
          sort: ({ backend }) => backend.held_seconds,
        },
        {
          title: "Share",
          number: true,
          minor: true,
          cell: ({ backend }) => share(backend.share_per_mille, 1_000),
          sort: ({ backend }) => backend.share_per_mille,
        },
        {
          title: "Took",
          number: true,
          minor: true,
          cell: ({ backend }) => (backend.results[0] ? microseconds(backend.results[0].latency_us) : ""),
          sort: ({ backend }) => backend.results[0]?.latency_us,
        },
        { title: "History", cell: ({ backend }) => strip(backend.strip) },
        {
          title: "Last result",
          wide: true,
          minor: true,
          cell: ({ backend }) => remark(backend),
          text: ({ backend }) => remark(backend),
        },
      ],
    }),
    h(
      "p",
      { class: "muted", key: "signs" },
      "Of a history the newest is at the right: the higher a bar the slower, x failed, d asked to be drained, ? could not be asked.",
    ),
  ];
}

function poolTrouble(pool) {
  const { name, healthy, active, needed, panic } = pool;
  const words = panic
    ? `panic for ${duration(panic.seconds)}: ${panic.bad} of ${panic.of} fail at once, nobody is taken out`
    : `${healthy} of ${active} backends up, ${needed} needed`;
  return h("p", { class: "bad", key: `pool ${name}` }, "Pool ", link(poolPlace(name), name), `: ${words}`);
}

/** The state in a word or two, as `anycast-ctl health` has it. */
function state(backend) {
  const { verdict, in_service: inService, passed, failed } = backend;
  const of = (kind, text) => h("span", { class: kind }, backend.backup ? `${text}, backup` : text);
  if (verdict === "up" && backend.asks_drain) return of("warn", "drains itself");
  if (verdict === "up" && failed > 0) return of("warn", `up, ${failed} failed`);
  if (verdict === "up") return inService ? of("good", "up") : of("warn", "up, not yet in service");
  if (verdict === "down" && inService) return of("bad", "down, but kept");
  if (verdict === "down") return of("bad", passed > 0 ? `down, ${passed} passed` : "down");
  return of("muted", inService ? "unknown, steered to" : "waiting");
}

function remark({ trouble, reason, passed, results }) {
  if (trouble) return `not checked: ${trouble}`;
  if (reason && passed === 0) return reason;
  return results[0]?.detail ?? "no result yet";
}
