// Events as a table.

import { moment } from "../format.js";
import { events } from "../events.js";
import { h } from "../dom.js";
import { table } from "../table.js";

/** Those that `wanted` lets through. */
export function happened(id, caption, wanted = () => true) {
  return table({
    id,
    caption,
    rows: events.filter(wanted),
    key: (event) => event.number,
    empty: "nothing yet",
    columns: [
      { title: "Time", cell: (event) => moment(event.at), sort: (event) => event.number },
      { title: "About", cell: (event) => event.subject, text: (event) => `${event.subject} ${event.kind}` },
      { title: "Kind", minor: true, cell: (event) => event.kind },
      {
        title: "What happened",
        wide: true,
        text: (event) => event.text,
        cell: (event) =>
          h(
            "span",
            { class: event.bad ? "bad" : null },
            event.bad && h("span", { class: "hidden" }, "attention: "),
            event.text,
          ),
      },
    ],
  });
}
