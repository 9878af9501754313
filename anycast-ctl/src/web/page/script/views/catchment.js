// Which clients arrive at this site, as it was measured last.

import { Refused } from "../ask.js";
import { answer } from "../daemon.js";
import { h } from "../dom.js";
import { NOTHING, bits, count, microseconds, milliseconds, moment, perSecond } from "../format.js";
import { distanceBar, distanceLegend } from "../parts/distance.js";
import { facts, failure, waiting } from "../parts/marks.js";
import { table } from "../table.js";

const CATCHMENT = "/v1/catchment";

export const title = () => "Catchment";

export const needs = () => [{ path: CATCHMENT, every: 10_000 }];

export function draw() {
  const known = answer(CATCHMENT);
  if (known?.error instanceof Refused && known.error.status === 404) return unmeasured();
  if (known?.error) return failure(known.error);
  const measured = known?.value;
  if (!measured) return waiting();
  return [summary(measured), distanceLegend(), prefixes(measured)].map((part, index) =>
    h("div", { key: index }, part),
  );
}

function unmeasured() {
  return h(
    "p",
    { id: "unmeasured" },
    "Not measured yet: ",
    h("code", {}, "anycast-ctl flows catchment"),
    " measures which clients arrive at this site.",
  );
}

function summary({
  who,
  began,
  milliseconds: took,
  sample,
  lost_packets: lost,
  total,
  handshakes,
  prefixes,
}) {
  const looked = sample > 1 ? `one flow in ${count(sample)}, ` : "";
  return facts([
    ["Measured", `${moment(new Date(began))}, for ${milliseconds(took)}, by ${who}`],
    ["Looked at", `${looked}${count(total.packets)} packets, ${count(total.new_flows)} new flows`],
    ["Lost", lost > 0 ? `${count(lost)} packets, as they came faster than they are read` : null],
    ["Networks", count(prefixes.length)],
    [
      "All together",
      `${perSecond(total.packets_per_second)} packets/s, ${bits(total.bits_per_second / 8)}, ${perSecond(total.new_flows_per_second)} new flows/s`,
    ],
    ["Hops", spread(total.hops, String)],
    ["Round trip", spread(total.rtt_us, microseconds)],
    ["Handshakes", `${count(handshakes.measured)} of ${count(handshakes.opened)} measured`],
  ]);
}

function prefixes(measured) {
  return table({
    id: "prefixes",
    caption: "Networks, the heaviest first",
    rows: measured.prefixes,
    key: (it) => it.prefix,
    empty: "nobody came",
    columns: [
      {
        title: "Network",
        cell: (it) => [it.prefix, it.rest && " (the rest)"],
        sort: (it) => it.prefix,
        text: (it) => it.prefix,
      },
      { title: "Share", cell: distanceBar, sort: (it) => it.share },
      {
        title: "Packets/s",
        number: true,
        cell: (it) => perSecond(it.packets_per_second),
        sort: (it) => it.packets_per_second,
      },
      {
        title: "Traffic",
        number: true,
        minor: true,
        cell: (it) => bits(it.bits_per_second / 8),
        sort: (it) => it.bits_per_second,
      },
      {
        title: "New flows/s",
        number: true,
        minor: true,
        cell: (it) => perSecond(it.new_flows_per_second),
        sort: (it) => it.new_flows_per_second,
      },
      { title: "Hops", number: true, cell: (it) => spread(it.hops, String), sort: (it) => it.hops?.median },
      {
        title: "Round trip",
        number: true,
        cell: (it) => spread(it.rtt_us, microseconds),
        sort: (it) => it.rtt_us?.median,
      },
    ],
  });
}

/** The middle, and from where to where. */
function spread(of, shown) {
  if (!of) return NOTHING;
  return of.min === of.max ? shown(of.median) : `${shown(of.median)} (${shown(of.min)}–${shown(of.max)})`;
}
