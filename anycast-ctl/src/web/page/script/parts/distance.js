// How far away a network is, as a colour: the same classes and colours as `anycast-ctl flows catchment --svg`.

import { h } from "../dom.js";
import { share } from "../format.js";

/** Near to far: ColorBrewer's YlGnBu, which people who see red and green alike can tell apart. */
const COLOURS = ["#ffffcc", "#c7e9b4", "#7fcdbb", "#41b6c4", "#2c7fb8", "#253494"];
const UNKNOWN = "#bdbdbd";
/** Where each class but the last ends, in milliseconds of the median round trip. */
const BOUNDS = [10, 25, 50, 100, 200];

/** A network's share of all packets as a bar, in the colour of its distance. */
export function distanceBar({ share: part, rtt_us: rtt }) {
  const bar = h("i", { style: { width: `${100 * part}%`, "background-color": colourOf(rtt) } });
  return [h("span", { class: "bar", "aria-hidden": "true" }, bar), ` ${share(part, 1)}`];
}

/** What the colours say. */
export function distanceLegend() {
  const names = BOUNDS.map((bound, index) =>
    index === 0 ? `below ${bound} ms` : `${BOUNDS[index - 1]}–${bound} ms`,
  );
  const all = [...names, `from ${BOUNDS.at(-1)} ms`, "not known"];
  const swatch = (name, index) => [
    h("span", { class: "swatch", style: { "background-color": COLOURS[index] ?? UNKNOWN } }),
    `${name}  `,
  ];
  return h("p", { class: "muted" }, "Median round trip: ", all.map(swatch));
}

function colourOf(rtt) {
  if (!rtt) return UNKNOWN;
  return COLOURS[BOUNDS.filter((bound) => rtt.median >= bound * 1_000).length];
}
