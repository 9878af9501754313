// The last checks of a backend over time: the higher a bar, the longer the answer took.

import { h } from "../dom.js";
import { microseconds, milliseconds } from "../format.js";

const WIDTH = 600;
const HEIGHT = 100;
/** Room for the marks of those that did not pass. */
const HEAD = 16;

/** Results as the daemon lists them, the newest first. */
export function timeline(results) {
  if (results.length === 0) return null;
  const span = Math.max(1, results[results.length - 1].ago_ms);
  const slowest = Math.max(1, ...results.map((result) => result.latency_us));
  const width = Math.max(2, Math.min(14, WIDTH / results.length - 2));
  const failed = results.filter((result) => result.finding === "failed").length;
  const words = `${results.length} checks in ${milliseconds(span)}, ${failed} failed, the slowest took ${microseconds(slowest)}`;
  const x = (result) => (WIDTH - width) * (1 - result.ago_ms / span);
  return [
    h(
      "svg",
      {
        class: "timeline",
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        preserveAspectRatio: "none",
        role: "img",
        "aria-label": words,
      },
      results.map((result) => {
        const height = Math.max(2, ((HEIGHT - HEAD) * result.latency_us) / slowest);
        return h("rect", {
          class: result.finding,
          x: x(result).toFixed(1),
          y: HEIGHT - height,
          width,
          height,
        });
      }),
      // Not by colour alone.
      results
        .filter((result) => result.finding !== "passed")
        .map((result) =>
          h("rect", { class: result.finding, x: x(result).toFixed(1), y: 2, width, height: HEAD - 6 }),
        ),
    ),
    h("p", { class: "muted" }, `${words}. The newest is at the right; marks at the top did not pass.`),
  ];
}
