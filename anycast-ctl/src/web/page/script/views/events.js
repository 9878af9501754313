// What happens, as it happens.

import { h } from "../dom.js";
import { happened } from "../parts/happened.js";

export const title = () => "Events";

export function draw() {
  return [
    happened("events", "Events, the newest first"),
    h(
      "p",
      { class: "muted" },
      "The last thousand, while this page is in sight. ",
      h("code", {}, "anycast-ctl watch"),
      " follows them in a terminal.",
    ),
  ];
}
