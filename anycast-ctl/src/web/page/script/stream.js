// Server-sent events, whatever their names: the browser's own reader hears only names it was given beforehand.

/** The longest event that is kept together, in characters. */
const LONGEST = 1 << 20;

/** Splits a text that comes in pieces into events, `{ name, data, id }`. */
export class Splitter {
  #rest = "";

  /** Takes a piece; answers with the events that are whole. */
  take(piece) {
    const blocks = (this.#rest + piece).replace(/\r\n?/g, "\n").split("\n\n");
    this.#rest = blocks.pop().slice(-LONGEST);
    return blocks.map(parsed).filter((event) => event.data !== "");
  }
}

function parsed(block) {
  const event = { name: "message", data: "", id: null };
  for (const line of block.split("\n")) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "event") event.name = value;
    if (field === "data") event.data += (event.data && "\n") + value;
    if (field === "id") event.id = value;
  }
  return event;
}

/** Reads events until the stream ends, or `signal` says so; `onEvent` is told each. */
export async function read(path, headers, signal, onEvent) {
  const response = await fetch(path, {
    headers: { accept: "text/event-stream", ...headers },
    signal,
    cache: "no-store",
  });
  if (!response.ok) throw new Error(`the daemon answers with status ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const splitter = new Splitter();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    splitter.take(value).forEach(onEvent);
  }
}
