// When to draw: many reasons at a time come to one drawing.

let draw = () => {};
let wanted = false;

/** Says how the page is drawn. */
export function drawBy(how) {
  draw = how;
}

/** Has the page drawn before the next frame. */
export function redraw() {
  if (wanted) return;
  wanted = true;
  queueMicrotask(() => {
    wanted = false;
    draw();
  });
}
