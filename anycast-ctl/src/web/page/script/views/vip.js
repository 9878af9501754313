// One VIP.

import { answer } from "../daemon.js";
import { h } from "../dom.js";
import { count, duration, milliseconds, moment, perSecond, share } from "../format.js";
import { happened } from "../parts/happened.js";
import { backendColumns, facts, failure, link, phase, rateColumns, spark } from "../parts/marks.js";
import { place, poolPlace } from "../route.js";
import { table } from "../table.js";
import { vipTrace } from "../trace.js";

const announcementOf = (name) => `/v1/vips/${encodeURIComponent(name)}/announcement`;

export const title = ([, name]) => `VIP ${name}`;

export function needs([, name], status) {
  return status.announcements ? [{ path: announcementOf(name), every: 2_000 }] : [];
}

export function draw([, name], { status, rates }) {
  const vip = status.vips.find((it) => it.name === name);
  if (!vip) return h("p", {}, `There is no VIP ${name}. `, link("#/", "To the overview"), ".");
  const rate = rates.vip(name);
  return [
    facts([
      ["Address", vip.address],
      ["Services", vip.services.join(", ")],
      ["Pool", link(poolPlace(vip.pool), vip.pool)],
      ["Other ports", vip.on_unknown_port],
      ["Pings", vip.echo ? "answered here" : "not answered here"],
      ["Delivered", `${count(vip.traffic.packets)} packets, ${count(vip.traffic.new_flows)} new flows`],
      [
        "Packets/s",
        [perSecond(rate.packets), spark(vipTrace(name), "Packets a second, the last two minutes")],
      ],
    ]),
    status.announcements && announcement(answer(announcementOf(name))),
    backends(vip, rates),
    reasons(vip, rates),
    details(vip),
    happened("vip-events", "Events of this VIP", (event) => event.vip === name),
  ].map((part, index) => part && h("div", { key: index }, part));
}

function announcement(known) {
  if (known?.error) return failure(known.error);
  const it = known?.value;
  if (!it) return null;
  const told = it.seen?.exported_to;
  return [
    h("h3", {}, link(place("announcements"), "Announcement")),
    facts([
      ["Phase", [phase(it), ` for ${duration(it.since_seconds)}`]],
      ["Prefix", it.prefix],
      ["Why", it.why],
      ["Next", it.next && `${it.next.phase} in ${milliseconds(it.next.in_ms)} at the latest`],
      ["Trouble", it.trouble && h("span", { class: "bad" }, it.trouble)],
      [
        "By hand",
        it.by_hand &&
          `${it.by_hand.what} by ${it.by_hand.by}${it.by_hand.until ? ` until ${it.by_hand.until}` : ""}`,
      ],
      ["Backends well", `${it.healthy} of ${it.active}, ${it.needed} needed`],
      ["Routing daemon has it", it.seen ? it.seen.level : "not"],
      ["Told to", told && (told.join(", ") || "nobody")],
    ]),
    (it.history ?? []).length > 0 &&
      table({
        id: "announcement-history",
        caption: "History of the announcement",
        rows: it.history,
        key: (row) => `${row.at} ${row.before} ${row.after}`,
        columns: [
          { title: "Time", cell: (row) => moment(new Date(row.at)) },
          { title: "From", cell: (row) => row.before },
          { title: "To", cell: (row) => row.after },
          { title: "Why", wide: true, cell: (row) => row.why },
        ],
      }),
  ];
}

function backends(vip, rates) {
  return table({
    id: "vip-backends",
    caption: "Delivered to",
    rows: vip.backends,
    key: (it) => `${it.name} ${it.address}`,
    empty: "nothing was delivered yet",
    columns: [
      ...backendColumns(vip.pool),
      {
        title: "Packets",
        number: true,
        cell: (it) => count(it.traffic.packets),
        sort: (it) => it.traffic.packets,
      },
      {
        title: "Share",
        number: true,
        cell: (it) => share(it.traffic.packets, vip.traffic.packets),
        sort: (it) => it.traffic.packets,
      },
      {
        title: "New flows",
        number: true,
        minor: true,
        cell: (it) => count(it.traffic.new_flows),
        sort: (it) => it.traffic.new_flows,
      },
      ...rateColumns((it) => rates.vipBackend(vip.name, it)),
    ],
  });
}

function reasons(vip, rates) {
  return table({
    id: "vip-reasons",
    caption: "Not delivered, because",
    rows: vip.reasons,
    key: (reason) => reason.code,
    empty: "every packet to it was delivered",
    columns: [
      { title: "Reason", cell: (reason) => reason.reason },
      { title: "Verdict", cell: (reason) => reason.verdict },
      {
        title: "Packets",
        number: true,
        cell: (reason) => count(reason.packets),
        sort: (reason) => reason.packets,
      },
      {
        title: "Packets/s",
        number: true,
        cell: (reason) => perSecond(rates.vipReason(vip.name, reason.code)),
      },
    ],
  });
}

function details(vip) {
  if (vip.details.length === 0) return null;
  return table({
    id: "vip-details",
    caption: "What else was special",
    rows: vip.details,
    key: (detail) => detail.code,
    columns: [
      { title: "Detail", cell: (detail) => detail.detail },
      {
        title: "Packets",
        number: true,
        cell: (detail) => count(detail.packets),
        sort: (detail) => detail.packets,
      },
    ],
  });
}
