// Colours of backends: neighbours in the list are far apart on the wheel.

const GOLDEN_ANGLE = 137.508;

/** Red, green and blue of the backend at that place. */
export function colourOf(place) {
  const lightness = [0.52, 0.68, 0.4][Math.floor(place / 8) % 3];
  return fromHsl((210 + place * GOLDEN_ANGLE) % 360, 0.62, lightness);
}

/** The same, for a style sheet. */
export const css = (rgb) => `rgb(${rgb.join(" ")})`;

/** Nobody's. */
export const NOBODY = [128, 128, 128];

/** So much of the ground mixed in. */
export function pale(rgb, ground, part) {
  return rgb.map((value, index) => Math.round(value + (ground[index] - value) * part));
}

function fromHsl(hue, saturation, lightness) {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  return [0, 8, 4].map((offset) => {
    const at = (offset + hue / 30) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(at - 3, 9 - at, 1))));
  });
}
