// Places of the page, kept in the part of the address after `#`: names are encoded, whatever is in them.

/** The address of a place. */
export function place(...words) {
  return `#/${words.map(encodeURIComponent).join("/")}`;
}

export const vipPlace = (vip) => place("vip", vip);
export const poolPlace = (pool) => place("pool", pool);
export const backendPlace = (pool, backend) => place("pool", pool, "backend", backend);

/** The words of the place the page is at; none at the overview. */
export function here() {
  const words = location.hash
    .replace(/^#\/?/, "")
    .split("/")
    .filter((word) => word !== "");
  return words.map(decoded);
}

/** A word that somebody mistyped names nothing, and is shown as it is. */
function decoded(word) {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
