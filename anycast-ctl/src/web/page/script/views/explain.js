// Where a packet would go, and why: a form for `GET /v1/explain`.

import { Refused, ask } from "../ask.js";
import { h } from "../dom.js";
import { redraw } from "../redraw.js";

/** What a packet can be to its flow. */
const PACKETS = { tcp: ["ack", "syn", "fin", "rst"], udp: ["datagram", "quic-initial"], icmp: [] };

const question = { from: "", to: "", protocol: "tcp", packet: "ack" };
/** `{ text }`, or `{ error }`; `null` before the first. */
let result = null;
let isAsking = false;

export const title = () => "Explain";

export function draw() {
  return [
    h(
      "p",
      {},
      "What the program does with a packet at this moment: where it goes, and why. Nothing is sent, and nothing changed.",
    ),
    form(),
    h("div", { key: "result", role: "status" }, shown()),
  ];
}

function form() {
  const field = (name, label, placeholder) =>
    h(
      "label",
      { key: name },
      label,
      h("input", {
        id: name,
        name,
        placeholder,
        required: true,
        autocomplete: "off",
        spellcheck: "false",
        on: { input: (event) => (question[name] = event.target.value) },
        hook: restored(name),
      }),
    );
  const packets = PACKETS[question.protocol];
  return h(
    "form",
    { key: "form", class: "form", on: { submit: explain } },
    field("from", "From", "198.51.100.7:40000"),
    field("to", "To", "192.0.2.1:443"),
    h("label", { key: "protocol" }, "Protocol", select("protocol", Object.keys(PACKETS))),
    packets.length > 0 && h("label", { key: question.protocol }, "Packet", select("packet", packets)),
    h("button", { key: "go", type: "submit", disabled: isAsking }, "Explain"),
  );
}

/** What was typed is there again when the reader comes back. */
function restored(name) {
  return (element) => {
    if (element.dataset.known) return;
    element.dataset.known = "yes";
    element.value = question[name];
  };
}

function select(name, options) {
  const choose = (event) => {
    question[name] = event.target.value;
    if (name === "protocol") question.packet = PACKETS[question.protocol][0] ?? null;
    redraw();
  };
  return h(
    "select",
    { id: name, name, on: { change: choose }, hook: (element) => (element.value = question[name]) },
    options.map((option) => h("option", { value: option }, option)),
  );
}

async function explain(event) {
  event.preventDefault();
  const { from, to, protocol, packet } = question;
  const query = new URLSearchParams({ from: from.trim(), to: `${to.trim()}/${protocol}` });
  if (packet) query.set("packet", packet);
  isAsking = true;
  redraw();
  try {
    result = { text: (await ask(`/v1/explain?${query}`)).text };
  } catch (error) {
    result = {
      error: isAbsent(error) ? "This daemon does not explain packets: it has no /v1/explain." : error.message,
    };
  }
  isAsking = false;
  redraw();
}

const isAbsent = (error) => error instanceof Refused && error.status === 404;

function shown() {
  if (result === null) return null;
  if (result.error !== undefined) return h("p", { class: "bad", id: "explain-error" }, result.error);
  return h("pre", { id: "explain-text", tabindex: "0", "aria-label": "The walk of the packet" }, result.text);
}
