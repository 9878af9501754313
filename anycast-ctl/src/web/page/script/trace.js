// Rates of the last minutes, for small curves.

/** Samples that are kept. */
const KEPT = 120;
/** VIPs whose curves are kept: more would only be looked at after a search. */
const MOST_VIPS = 2_000;

const site = { packets: [], bytes: [], new_flows: [] };
const vips = new Map();

/** Takes a sample. */
export function note(status, rates) {
  const total = { packets: 0, bytes: 0, new_flows: 0 };
  let isKnown = status.vips.length === 0;
  for (const vip of status.vips) {
    const traffic = rates.vip(vip.name);
    if (traffic.packets !== null) {
      isKnown = true;
      for (const name of Object.keys(total)) total[name] += traffic[name];
    }
    if (!vips.has(vip.name) && vips.size >= MOST_VIPS) continue;
    push(vips.get(vip.name) ?? vips.set(vip.name, []).get(vip.name), traffic.packets);
  }
  for (const name of Object.keys(total)) push(site[name], isKnown ? total[name] : null);
  if (vips.size > status.vips.length) forget(new Set(status.vips.map((vip) => vip.name)));
}

/** Rates of the whole site, by name; the last one is the present one, and `null` where there is none to tell. */
export function siteTrace(name) {
  return site[name];
}

/** Packets a second of a VIP. */
export function vipTrace(name) {
  return vips.get(name) ?? [];
}

function push(samples, value) {
  samples.push(value);
  if (samples.length > KEPT) samples.shift();
}

function forget(kept) {
  for (const name of vips.keys()) if (!kept.has(name)) vips.delete(name);
}
