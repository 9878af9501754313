// The site's looking glass: what is announced and why, and what the routing daemon tells whom.

import { answer } from "../daemon.js";
import { h } from "../dom.js";
import { duration, milliseconds } from "../format.js";
import { facts, failure, link, phase, waiting } from "../parts/marks.js";
import { happened } from "../parts/happened.js";
import { vipPlace } from "../route.js";
import { table } from "../table.js";

const ANNOUNCEMENTS = "/v1/announcements";

export const title = () => "Announcements";

export const needs = () => [{ path: ANNOUNCEMENTS }];

export function draw() {
  const known = answer(ANNOUNCEMENTS);
  if (known?.error) return failure(known.error);
  const all = known?.value;
  if (!all) return waiting();
  if (!all.daemon) {
    return h("p", {}, "This site announces nothing: [announce] in the site file turns it on. ", all.summary);
  }
  return [
    h("p", { class: all.alarm ? "bad" : null }, `${all.alarm ? "Alarm: " : ""}${all.summary}.`),
    all.maintenance && h("p", { class: "warn" }, maintenance(all.maintenance)),
    vips(all),
    routingDaemon(all.daemon),
    peers(all.daemon),
    happened("announcement-events", "Events of announcements", (event) => event.kind === "announce"),
  ].map((part, index) => part && h("div", { key: index }, part));
}

function maintenance({ since, until, holds, by }) {
  const end = until ? `, flows that are left are given up at ${until}` : "";
  return `The site is in maintenance since ${since}, by ${by}${end}${holds ? ", routes stay until all hosts may leave" : ""}.`;
}

function vips({ vips }) {
  const seen = (it) => it.seen?.level ?? "not there";
  const told = (it) => (it.seen?.exported_to ? it.seen.exported_to.join(", ") || "nobody" : "");
  return table({
    id: "announced",
    caption: "VIPs",
    rows: vips,
    key: (it) => it.name,
    empty: "no VIP",
    columns: [
      {
        title: "VIP",
        cell: (it) => link(vipPlace(it.name), it.name),
        sort: (it) => it.name,
        text: (it) => `${it.name} ${it.prefix}`,
      },
      { title: "Prefix", minor: true, cell: (it) => it.prefix, sort: (it) => it.prefix },
      { title: "Phase", cell: phase, sort: (it) => it.phase, text: (it) => it.phase },
      {
        title: "Since",
        number: true,
        cell: (it) => duration(it.since_seconds),
        sort: (it) => it.since_seconds,
      },
      {
        title: "Well",
        number: true,
        minor: true,
        cell: (it) => `${it.healthy} of ${it.active}`,
        sort: (it) => it.healthy,
      },
      {
        title: "Needed",
        number: true,
        minor: true,
        cell: (it) => String(it.needed),
        sort: (it) => it.needed,
      },
      { title: "Daemon has it", minor: true, cell: seen, sort: seen },
      { title: "Told to", cell: told, text: told },
      { title: "Why", wide: true, cell: why, text: (it) => `${it.why} ${it.trouble ?? ""}` },
    ],
  });
}

function why(it) {
  const next = it.next && `; ${it.next.phase} in ${milliseconds(it.next.in_ms)} at the latest`;
  const trouble = it.trouble ?? it.seen?.trouble;
  return [trouble && h("span", { class: "bad" }, `${trouble}; `), it.why, next];
}

function routingDaemon(daemon) {
  const {
    driver,
    version,
    connected,
    since_seconds: since,
    error,
    attempts,
    lease_seconds: lease,
    watched,
  } = daemon;
  const state = h("span", { class: connected ? "good" : "bad" }, connected ? "driven" : "not driven");
  return [
    h("h3", {}, "Routing daemon"),
    facts([
      ["Driver", driver],
      ["It calls itself", version],
      ["State", [state, ` for ${duration(since)}`]],
      [
        "Error",
        error && h("span", { class: "bad" }, attempts > 0 ? `${error} (tried ${attempts} times)` : error),
      ],
      [
        "Lease",
        lease > 0
          ? `routes are withdrawn ${duration(lease)} after this daemon's last sign, ${watched ? "and that is watched" : "but nobody watches it"}`
          : "none",
      ],
    ]),
  ];
}

function peers(daemon) {
  return table({
    id: "peers",
    caption: "Peers",
    rows: daemon.peers,
    key: (peer) => `${peer.name} ${peer.address ?? ""}`,
    empty: "it names no peer",
    columns: [
      { title: "Peer", cell: (peer) => peer.name, sort: (peer) => peer.name, text: (peer) => peer.name },
      {
        title: "Address",
        cell: (peer) => peer.address ?? "",
        sort: (peer) => peer.address ?? "",
        text: (peer) => peer.address ?? "",
      },
      { title: "AS", number: true, cell: (peer) => peer.asn ?? "", sort: (peer) => peer.asn },
      {
        title: "State",
        cell: (peer) => h("span", { class: peer.established ? "good" : "bad" }, peer.state),
        sort: (peer) => peer.state,
        text: (peer) => peer.state,
      },
      { title: "Since", minor: true, cell: (peer) => peer.since ?? "" },
      { title: "Complaint", wide: true, minor: true, cell: (peer) => peer.error ?? "" },
    ],
  });
}
