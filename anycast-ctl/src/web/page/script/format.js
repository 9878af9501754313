// Numbers for people, as `anycast-ctl` writes them.

const SCALES = [
  [1e18, "E"],
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** Shown where nothing is known. */
export const NOTHING = "–";

/** Exact up to 9999, then three digits, cut: `12.3k`, `4.56M`. */
export function count(n) {
  if (n === null || n === undefined) return NOTHING;
  return n < 10_000 ? String(Math.trunc(n)) : scaled(n, "");
}

/** A rate: as `count`, with one decimal below ten. */
export function perSecond(rate) {
  if (rate === null || rate === undefined) return NOTHING;
  return rate > 0 && rate < 10 ? rate.toFixed(1) : count(Math.round(rate));
}

/** `999 B`, `1.50 kB`, `12.3 MB`. */
export function bytes(n) {
  if (n === null || n === undefined) return NOTHING;
  return n < 1_000 ? `${Math.trunc(n)} B` : `${scaled(n, " ")}B`;
}

/** Bits a second of bytes a second: `12.3 Mb/s`. */
export function bits(bytesPerSecond) {
  if (bytesPerSecond === null || bytesPerSecond === undefined) return NOTHING;
  const bits = Math.round(bytesPerSecond * 8);
  return bits < 1_000 ? `${bits} b/s` : `${scaled(bits, " ")}b/s`;
}

/** A part of a whole: `33.3%`. */
export function share(part, whole) {
  return whole > 0 ? `${((100 * part) / whole).toFixed(1)}%` : NOTHING;
}

/** The two largest units: `12s`, `5m 10s`, `3h 12m`, `40d 2h`. */
export function duration(seconds) {
  const [whole, minutes, hours, days] = [1, 60, 3_600, 86_400].map((unit) => Math.floor(seconds / unit));
  if (whole < 60) return `${whole}s`;
  if (minutes < 60) return `${minutes}m ${whole % 60}s`;
  if (hours < 24) return `${hours}h ${minutes % 60}m`;
  return `${days}d ${hours % 24}h`;
}

/** `850ms`, `4.2s` below ten seconds, then as `duration`. */
export function milliseconds(ms) {
  if (ms < 1_000) return `${Math.trunc(ms)}ms`;
  return ms < 10_000 ? `${Math.floor(ms / 1_000)}.${Math.floor((ms % 1_000) / 100)}s` : duration(ms / 1_000);
}

/** `0.42ms`, `12.3ms`, then as `milliseconds`. */
export function microseconds(us) {
  const cut = (digits) => (Math.floor(us / 10 ** (3 - digits)) / 10 ** digits).toFixed(digits);
  if (us < 10_000) return `${cut(2)}ms`;
  return us < 100_000 ? `${cut(1)}ms` : milliseconds(us / 1_000);
}

/** A moment of today, or of another day with its date. */
export function moment(date) {
  const time = date.toLocaleTimeString("en-GB");
  return date.toDateString() === new Date().toDateString()
    ? time
    : `${date.toLocaleDateString("sv-SE")} ${time}`;
}

/** Cut, not rounded: a counter never looks further than it is. */
function scaled(n, space) {
  const found = SCALES.find(([scale]) => n >= scale);
  if (!found) return String(Math.trunc(n));
  const [scale, letter] = found;
  const digits = n / scale < 10 ? 2 : n / scale < 100 ? 1 : 0;
  const cut = Math.floor((n / scale) * 10 ** digits) / 10 ** digits;
  return `${cut.toFixed(digits)}${space}${letter}`;
}
