// What somebody should look at: as the first lines of `anycast-ctl status`.

import { duration } from "./format.js";
import { backendPlace, place, poolPlace } from "./route.js";
import { isMissing } from "./words.js";

/** Missing backends that are named one by one. */
const NAMED = 20;

/** Every alarm of a status, `{ text, href? }`; `note` where nobody need come at night. */
export function alarms(status) {
  const found = [];
  const { desired, interfaces, pools, announcements, drift } = status;
  if (desired.behind) {
    const { since, attempts, error } = desired.behind;
    found.push({
      text: `The dataplane does not have revision ${desired.revision} since ${since} (${attempts} attempts, one a second): ${error}`,
    });
  }
  if (status.detached) found.push({ text: "Detached: nothing is steered until `anycast-ctl attach`" });
  for (const it of interfaces) {
    if (it.detail) found.push({ text: `Interface ${it.name}: ${it.detail}` });
    else if (!it.present) found.push({ text: `Interface ${it.name} is gone, and nothing is steered there` });
  }
  found.push(...missing(pools));
  for (const pool of pools) {
    const kept = pool.backends.filter((it) => it.state === "up" && it.detail && !it.backup).length;
    const href = poolPlace(pool.name);
    if (kept)
      found.push({
        text: `Pool ${pool.name} keeps ${kept} backends that fail, as too many do at once`,
        href,
      });
    if (pool.backends.every((it) => it.state !== "up")) {
      found.push({ text: `Pool ${pool.name} has no backend left for new flows`, href });
    }
  }
  if (announcements?.alarm)
    found.push({ text: `Announcements: ${announcements.summary}`, href: place("announcements") });
  for (const [name, map] of Object.entries(status.maps)) {
    if (map.used >= 0.95 * map.capacity && map.capacity > 0) {
      found.push({ text: `Map of ${name} is nearly full: ${map.used} of ${map.capacity}` });
    }
  }
  if (drift?.last) {
    const what = (drift.last_drifted ?? []).join("; ");
    found.push({ text: `Somebody changed the maps, last at ${drift.last}; repaired: ${what}`, note: true });
  }
  return found;
}

function missing(pools) {
  const all = pools.flatMap((pool) =>
    pool.backends.filter((it) => isMissing(it.state)).map((it) => [pool, it]),
  );
  const named = all.slice(0, NAMED).map(([pool, it]) => ({
    text: `${pool.name}/${it.name} gets no new flows: ${it.detail ?? it.state}`,
    href: backendPlace(pool.name, it.name),
  }));
  if (all.length > NAMED) named.push({ text: `${all.length - NAMED} more backends get no new flows` });
  return named;
}

/** All in a sentence, while there is no alarm. */
export function well(status) {
  const backends = status.pools.flatMap((pool) => pool.backends).filter((it) => it.state !== "removed");
  const of = (state) => backends.filter((it) => it.state === state).length;
  const draining = of("draining") ? `, ${of("draining")} draining` : "";
  const announced = status.announcements ? `; ${status.announcements.summary}` : "";
  const steering = `Steering for ${duration(status.uptime_seconds)}.`;
  return `All is well: ${of("up")} of ${backends.length} backends up${draining}${announced}. ${steering}`;
}
