// One backend of a pool, with the history of its checks.

import { answer } from "../daemon.js";
import { h } from "../dom.js";
import { count, duration, microseconds, milliseconds, share } from "../format.js";
import { happened } from "../parts/happened.js";
import { backendState, facts, failure, link, rateColumns } from "../parts/marks.js";
import { timeline } from "../parts/timeline.js";
import { poolPlace, vipPlace } from "../route.js";
import { table } from "../table.js";
import { remark } from "./pool.js";

const HEALTH = "/v1/health";
const healthOf = (pool, name) =>
  `/v1/pools/${encodeURIComponent(pool)}/backends/${encodeURIComponent(name)}/health`;

export const title = ([, pool, , name]) => `Backend ${pool}/${name}`;

/** The results of a backend that is checked, which the health of all tells. */
export function needs([, pool, , name]) {
  const all = { path: HEALTH, every: 5_000 };
  return isChecked(pool, name) ? [all, { path: healthOf(pool, name) }] : [all];
}

function isChecked(pool, name) {
  const found = answer(HEALTH)?.value?.pools.find((it) => it.name === pool);
  return found?.backends.some((it) => it.name === name) ?? false;
}

export function draw([, poolName, , name], { status, rates }) {
  const pool = status.pools.find((it) => it.name === poolName);
  // One that was removed comes after another of its name.
  const backend = pool?.backends.find((it) => it.name === name);
  const back = link(poolPlace(poolName), `To pool ${poolName}`);
  if (!backend) return h("p", {}, `There is no backend ${name} in pool ${poolName}. `, back, ".");
  const hop = backend.next_hop;
  return [
    h("p", { class: "crumbs" }, back),
    facts([
      ["State", [backendState(backend.state), backend.backup && " (backup)"]],
      ["Remark", remark(backend)],
      ["Address", backend.address],
      ["Weight", count(backend.weight)],
      [
        "Slots",
        `${count(backend.slots)} (${share(backend.slots, pool.slots)}), ${count(backend.slots_wanted)} by its weight`,
      ],
      ["Pins", count(backend.pins)],
      ["Delivery", backend.delivery],
      ["Next hop", hop && `${hop.neighbour} (${hop.mac}) by ${hop.interface}`],
      ["Largest packet", backend.mtu && `${backend.mtu} bytes`],
      [
        "Delivered",
        `${count(backend.traffic.packets)} packets, ${count(backend.traffic.new_flows)} new flows`,
      ],
    ]),
    isChecked(poolName, name)
      ? checks(answer(healthOf(poolName, name)))
      : h("p", { class: "muted" }, "It is not checked."),
    vips(status, rates, backend),
    happened(
      "backend-events",
      "Events of this backend",
      (event) => event.pool === poolName && event.backend === name,
    ),
  ].map((part, index) => h("div", { key: index }, part));
}

function checks(known) {
  if (known?.error) return failure(known.error);
  const health = known?.value;
  if (!health) return null;
  const { penalty } = health;
  return [
    h("h3", {}, "Checks"),
    facts([
      ["Check", health.check],
      [
        "Verdict",
        [
          h("span", { class: health.verdict === "up" ? "good" : "bad" }, health.verdict),
          ` for ${duration(health.held_seconds)}`,
        ],
      ],
      ["In service", health.in_service ? "yes" : "no"],
      ["In a row", `${health.passed} passed, ${health.failed} failed`],
      ["Reason", health.reason],
      ["Trouble", health.trouble],
      [
        "Penalty",
        penalty &&
          `went down ${penalty.falls} times: every check must pass for ${milliseconds(penalty.needs_ms)}, ${milliseconds(penalty.left_ms)} more`,
      ],
      ["Share of its weight", share(health.share_per_mille, 1_000)],
      ["Load", health.load],
    ]),
    timeline(health.results),
    table({
      id: "results",
      caption: "Last results",
      rows: health.results,
      key: (result) => health.results.length - health.results.indexOf(result),
      empty: "no result yet",
      filterable: false,
      columns: [
        { title: "Ago", number: true, cell: (result) => milliseconds(result.ago_ms) },
        {
          title: "Result",
          cell: (result) =>
            h("span", { class: result.finding === "passed" ? "good" : "bad" }, result.finding),
        },
        { title: "Took", number: true, cell: (result) => microseconds(result.latency_us) },
        { title: "Answer", wide: true, cell: (result) => result.detail },
      ],
    }),
  ];
}

function vips(status, rates, backend) {
  const isIt = (it) => it.name === backend.name && it.address === backend.address;
  const rows = status.vips.flatMap((vip) => vip.backends.filter(isIt).map((it) => ({ vip: vip.name, it })));
  return table({
    id: "backend-vips",
    caption: "Delivered, by VIP",
    rows,
    key: (row) => row.vip,
    empty: "nothing was delivered yet",
    columns: [
      {
        title: "VIP",
        cell: (row) => link(vipPlace(row.vip), row.vip),
        sort: (row) => row.vip,
        text: (row) => row.vip,
      },
      {
        title: "Packets",
        number: true,
        cell: (row) => count(row.it.traffic.packets),
        sort: (row) => row.it.traffic.packets,
      },
      ...rateColumns((row) => rates.vipBackend(row.vip, row.it)),
    ],
  });
}
