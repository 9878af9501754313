// The picture of a slot table: a cell for each slot, in the colour of its owner. While slots are in transition the others
// are pale, and those are hatched in the colour of their base owner.

import { NOBODY, colourOf, pale } from "./colour.js";
import { NONE } from "./slot_table.js";

/** How much of a stable slot's colour is the ground's, while others are in transition. */
const PALE = 0.75;
/** Pixels from one line of a hatch to the next, and how many of them the line has. */
const HATCH = 8;
const LINE = 3;

/** Draws on a canvas in a frame as wide as there is room; answers with where things are. */
export function paint(canvas, table, order, room, only) {
  const cell = room >= 800 ? 3 : 2;
  const columns = Math.max(1, Math.floor(room / cell));
  const rows = Math.ceil(table.size / columns);
  const width = columns * cell;
  canvas.width = width;
  canvas.height = Math.max(1, rows * cell);
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  const ground = rgbOf(getComputedStyle(document.body).backgroundColor);
  const { full, light } = inks(table, ground);
  const isPale = table.inTransition > 0;
  for (let index = 0; index < order.length; index += 1) {
    const slot = order[index];
    const [current, base] = [table.current[slot], table.base[slot]];
    const isMoving = base !== NONE;
    const isShown = only === null || current === only || base === only;
    const ink = (isShown && (isMoving || !isPale) ? full : light)[place(current, table)];
    const line = isMoving && isShown ? full[place(base, table)] : ink;
    const [left, top] = [(index % columns) * cell, Math.floor(index / columns) * cell];
    for (let y = top; y < top + cell; y += 1) {
      for (let x = left; x < left + cell; x += 1) {
        pixels[y * width + x] = (x + y) % HATCH < LINE ? line : ink;
      }
    }
  }
  context.putImageData(image, 0, 0);
  return { cell, columns, rows };
}

/** Colours of all backends, nobody's last. */
function inks(table, ground) {
  const colours = [...table.backends.map((_, place) => colourOf(place)), NOBODY];
  const packed = ([red, green, blue]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  return { full: colours.map(packed), light: colours.map((rgb) => packed(pale(rgb, ground, PALE))) };
}

const place = (backend, table) => (backend < table.backends.length ? backend : table.backends.length);

function rgbOf(text) {
  return (text.match(/\d+/g) ?? [255, 255, 255]).slice(0, 3).map(Number);
}
