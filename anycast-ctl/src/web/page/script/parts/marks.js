// Small things that many views show.

import { h } from "../dom.js";
import { NOTHING, bits, perSecond, share } from "../format.js";
import { backendPlace } from "../route.js";
import { isMissing } from "../words.js";

export const link = (href, text) => h("a", { href }, text);

/** A list of names and what belongs to them; what is nothing is left out. */
export function facts(entries) {
  const told = entries.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h(
    "dl",
    { class: "facts" },
    told.map(([name, value]) => [h("dt", { key: name }, name), h("dd", { key: `${name}:` }, value)]),
  );
}

/** A part of a whole as a bar, with the share beside it. */
export function bar(part, whole) {
  const width = whole > 0 ? `${Math.min(100, (100 * part) / whole)}%` : "0%";
  return [
    h("span", { class: "bar", "aria-hidden": "true" }, h("i", { style: { width } })),
    ` ${share(part, whole)}`,
  ];
}

/** A backend's state. */
export function backendState(state) {
  const kind = isMissing(state) ? "bad" : state === "up" ? "good" : state === "draining" ? "warn" : "muted";
  return h("span", { class: kind }, state);
}

/** Where a VIP's announcement is. */
export function phase(announcement) {
  if (!announcement) return h("span", { class: "muted" }, NOTHING);
  const kind = { announced: "good", withdrawn: "muted" }[announcement.phase] ?? "warn";
  return h("span", { class: announcement.trouble ? "bad" : kind }, announcement.phase);
}

/** The last results of checks as a strip of signs, the newest last. */
export function strip(signs) {
  const failed = [...signs].filter((sign) => sign === "x").length;
  const label = `the last ${[...signs].length} checks, ${failed} of them failed`;
  const shown = [...signs].map((sign) => h("span", { class: /[x?d]/.test(sign) ? "bad" : "good" }, sign));
  return h("span", { class: "strip", role: "img", "aria-label": label }, shown);
}

/** A curve of samples, the newest at the right; where there is none, there is a gap. */
export function spark(samples, label) {
  const top = Math.max(1, ...samples.filter((sample) => sample !== null));
  const width = Math.max(12, samples.length) - 1;
  let isDown = false;
  const points = samples.map((sample, index) => {
    if (sample === null) {
      isDown = false;
      return "";
    }
    const move = isDown ? "L" : "M";
    isDown = true;
    return `${move}${index + 1 + width - samples.length} ${(30 - (28 * sample) / top).toFixed(2)}`;
  });
  return h(
    "svg",
    {
      class: "spark",
      viewBox: `0 0 ${width} 32`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": label,
    },
    h("path", { d: points.join("") || "M0 0" }),
  );
}

/** Columns that say which backend of a pool a row is about. */
export function backendColumns(pool) {
  return [
    {
      title: "Backend",
      cell: (it) => link(backendPlace(pool, it.name), it.name),
      sort: (it) => it.name,
      text: (it) => it.name,
    },
    {
      title: "Address",
      minor: true,
      cell: (it) => it.address,
      sort: (it) => it.address,
      text: (it) => it.address,
    },
  ];
}

/** Columns of rates, for rows whose rates `of` looks up. */
export function rateColumns(of) {
  const column = (title, name, shown, minor) => ({
    title,
    number: true,
    minor,
    cell: (row) => shown(of(row)[name]),
    sort: (row) => of(row)[name],
  });
  return [
    column("Packets/s", "packets", perSecond, false),
    column("Traffic", "bytes", bits, false),
    column("New flows/s", "new_flows", perSecond, true),
  ];
}

/** What could not be asked for. */
export function failure(error) {
  return h("p", { class: "bad", role: "alert" }, error.message);
}

/** While the first answer is under way. */
export const waiting = () => h("p", { class: "muted" }, "Asking the daemon …");
