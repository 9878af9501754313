// Everything at a glance.

import { alarms, well } from "../alarm.js";
import { answer } from "../daemon.js";
import { h } from "../dom.js";
import { bits, count, perSecond } from "../format.js";
import { backendState, bar, link, phase, rateColumns, spark } from "../parts/marks.js";
import { poolPlace, vipPlace } from "../route.js";
import { siteTrace } from "../trace.js";
import { sum } from "../rates.js";
import { table } from "../table.js";

const ANNOUNCEMENTS = "/v1/announcements";

export const title = () => "Overview";

export function needs(_words, status) {
  return status.announcements ? [{ path: ANNOUNCEMENTS, every: 3_000 }] : [];
}

export function draw(_words, { status, rates }) {
  return [
    alarmList(status),
    tiles(status),
    vips(status, rates),
    pools(status, rates),
    interfaces(status),
    maps(status),
    reasons(status, rates),
  ].map((part, index) => h("div", { key: index }, part));
}

function alarmList(status) {
  const found = alarms(status);
  const item = ({ text, href, note }) =>
    h("li", { class: note ? "note" : null }, href ? link(href, text) : text);
  const shown = found.length ? found.map(item) : [h("li", {}, well(status))];
  const isWell = found.length === 0;
  return h(
    "ul",
    { class: isWell ? "alarms well" : "alarms", "aria-label": isWell ? "State" : "Alarms" },
    shown,
  );
}

function tiles(status) {
  const backends = status.pools.flatMap((pool) => pool.backends).filter((it) => it.state !== "removed");
  const up = backends.filter((it) => it.state === "up").length;
  const moving = status.pools.reduce((total, pool) => total + pool.transition.slots, 0);
  const curve = (name, what, shown) => {
    const samples = siteTrace(name);
    const words = shown(samples.at(-1));
    return [what, words, spark(samples, `${what}, the last two minutes`)];
  };
  const { revision, applied } = status.desired;
  const all = [
    curve("packets", "Packets/s", perSecond),
    curve("bytes", "Traffic", bits),
    curve("new_flows", "New flows/s", perSecond),
    ["Backends up", [String(up), h("small", {}, ` of ${backends.length}`)]],
    ["Slots in transition", [count(moving), h("small", {}, ` of ${count(status.maps.slots.used)}`)]],
    [
      "Revision",
      [String(revision), h("small", {}, applied >= revision ? " applied" : ` desired, ${applied} applied`)],
    ],
  ];
  return h(
    "dl",
    { class: "tiles", id: "tiles" },
    all.map(([name, value, extra]) => h("div", { key: name }, h("dt", {}, name), h("dd", {}, value, extra))),
  );
}

function vips(status, rates) {
  const announced = new Map((answer(ANNOUNCEMENTS)?.value?.vips ?? []).map((it) => [it.name, it]));
  const refused = (vip) => vip.reasons.reduce((total, reason) => total + reason.packets, 0);
  return table({
    id: "vips",
    caption: "VIPs",
    rows: status.vips,
    key: (vip) => vip.name,
    empty: "no VIP: `anycast-ctl vip add` adds one",
    columns: [
      {
        title: "VIP",
        cell: (vip) => link(vipPlace(vip.name), vip.name),
        sort: (vip) => vip.name,
        text: (vip) => vip.name,
      },
      {
        title: "Address",
        cell: (vip) => vip.address,
        sort: (vip) => vip.address,
        text: (vip) => vip.address,
      },
      {
        title: "Services",
        minor: true,
        cell: (vip) => vip.services.join(", "),
        text: (vip) => vip.services.join(" "),
      },
      {
        title: "Pool",
        minor: true,
        cell: (vip) => link(poolPlace(vip.pool), vip.pool),
        sort: (vip) => vip.pool,
        text: (vip) => vip.pool,
      },
      ...(status.announcements
        ? [
            {
              title: "Route",
              cell: (vip) => phase(announced.get(vip.name)),
              sort: (vip) => announced.get(vip.name)?.phase ?? "",
              text: (vip) => announced.get(vip.name)?.phase ?? "",
            },
          ]
        : []),
      ...rateColumns((vip) => rates.vip(vip.name)),
      {
        title: "Packets",
        number: true,
        cell: (vip) => count(vip.traffic.packets),
        sort: (vip) => vip.traffic.packets,
      },
      {
        title: "Not delivered",
        number: true,
        minor: true,
        cell: (vip) => count(refused(vip)),
        sort: refused,
      },
    ],
  });
}

function pools(status, rates) {
  const there = (pool) => pool.backends.filter((it) => it.state !== "removed");
  const up = (pool) => pool.backends.filter((it) => it.state === "up").length;
  const rate = (pool) => {
    const known = pool.backends.map((it) => rates.backend(pool.name, it)).filter((it) => it.packets !== null);
    return known.length ? sum(known) : { packets: null, bytes: null, new_flows: null };
  };
  const others = (pool) => {
    const states = new Set(there(pool).map((it) => it.state));
    states.delete("up");
    return [...states].map((state) => [" ", backendState(state)]);
  };
  return table({
    id: "pools",
    caption: "Pools",
    rows: status.pools,
    key: (pool) => pool.name,
    empty: "no pool: `anycast-ctl pool add` adds one",
    columns: [
      {
        title: "Pool",
        cell: (pool) => link(poolPlace(pool.name), pool.name),
        sort: (pool) => pool.name,
        text: (pool) => pool.name,
      },
      {
        title: "Backends up",
        number: true,
        cell: (pool) => `${up(pool)} of ${there(pool).length}`,
        sort: up,
      },
      { title: "Others", minor: true, cell: others },
      {
        title: "In transition",
        number: true,
        cell: (pool) => count(pool.transition.slots),
        sort: (pool) => pool.transition.slots,
      },
      ...rateColumns(rate),
    ],
  });
}

function interfaces(status) {
  return table({
    id: "interfaces",
    caption: "Interfaces",
    rows: status.interfaces,
    key: (it) => it.index,
    empty: "no interface",
    columns: [
      { title: "Interface", cell: (it) => it.name },
      { title: "XDP mode", cell: (it) => (it.present ? it.mode : h("span", { class: "bad" }, "gone")) },
      {
        title: "Remark",
        wide: true,
        cell: (it) => it.detail ?? (it.mode === "generic" ? "slow: in the stack, not in the driver" : ""),
      },
    ],
  });
}

function maps(status) {
  const names = { pins: "Pins", embryonic: "Embryonic flows", slots: "Slots" };
  return table({
    id: "maps",
    caption: "Maps",
    rows: Object.entries(status.maps),
    key: ([name]) => name,
    filterable: false,
    columns: [
      { title: "Map", cell: ([name]) => names[name] ?? name },
      { title: "Used", number: true, cell: ([, map]) => count(map.used) },
      { title: "Capacity", number: true, cell: ([, map]) => count(map.capacity) },
      { title: "Fill", cell: ([, map]) => bar(map.used, map.capacity) },
    ],
  });
}

function reasons(status, rates) {
  return table({
    id: "reasons",
    caption: "Not delivered, because",
    rows: status.reasons.filter((reason) => reason.packets > 0),
    key: (reason) => reason.code,
    empty: "every packet to a VIP was delivered",
    columns: [
      {
        title: "Reason",
        cell: (reason) => reason.reason,
        sort: (reason) => reason.reason,
        text: (reason) => reason.reason,
      },
      {
        title: "Verdict",
        cell: (reason) => reason.verdict,
        sort: (reason) => reason.verdict,
        text: (reason) => reason.verdict,
      },
      {
        title: "Packets",
        number: true,
        cell: (reason) => count(reason.packets),
        sort: (reason) => reason.packets,
      },
      {
        title: "Packets/s",
        number: true,
        cell: (reason) => perSecond(rates.reason(reason.code)),
        sort: (reason) => rates.reason(reason.code),
      },
    ],
  });
}
