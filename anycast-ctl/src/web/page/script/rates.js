// What two statuses come to in a second.

/** Below so many seconds a rate is noise, above so many it is no longer of the present. */
const LEAST_SECONDS = 0.2;
const MOST_SECONDS = 30;

/**
 * The rate of one counter; `null` where there is none to tell: it was not there before, or it went back, as counters do that
 * begin anew.
 */
export function rate(before, after, seconds) {
  const isKnown = Number.isFinite(before) && Number.isFinite(after) && after >= before;
  return isKnown && seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS ? (after - before) / seconds : null;
}

/** Rates of packets, bytes and new flows. */
export function trafficRate(before, after, seconds) {
  const of = (name) => rate(before?.[name], after?.[name], seconds);
  const rates = { packets: of("packets"), bytes: of("bytes"), new_flows: of("new_flows") };
  // Counters of one thing begin anew together: where one went back, the others tell nothing either.
  return Object.values(rates).includes(null) ? { packets: null, bytes: null, new_flows: null } : rates;
}

/** The traffic of several together. */
export function sum(all) {
  const total = { packets: 0, bytes: 0, new_flows: 0 };
  for (const one of all) for (const name of Object.keys(total)) total[name] += one[name] ?? 0;
  return total;
}

/** Rates between two statuses, looked up when they are asked for. */
export class Rates {
  #before;
  #after;
  #seconds;

  /** Of a status that follows another one by so many seconds; without that other one there are none. */
  constructor(before, after, seconds) {
    this.#before = index(before);
    this.#after = index(after);
    this.#seconds = seconds;
  }

  vip(name) {
    return this.#traffic((of) => of.vips.get(name)?.traffic);
  }

  vipBackend(vip, backend) {
    return this.#traffic((of) => of.vips.get(vip)?.backends.find((it) => isSame(it, backend))?.traffic);
  }

  backend(pool, backend) {
    return this.#traffic((of) => of.pools.get(pool)?.backends.find((it) => isSame(it, backend))?.traffic);
  }

  reason(code) {
    return this.#packets((of) => of.reasons, code);
  }

  vipReason(vip, code) {
    return this.#packets((of) => of.vips.get(vip)?.reasons, code);
  }

  #traffic(find) {
    return trafficRate(find(this.#before), find(this.#after), this.#seconds);
  }

  /** Reasons are listed from their first packet on. */
  #packets(list, code) {
    const of = (index) => {
      const all = list(index);
      return all && (all.find((it) => it.code === code)?.packets ?? 0);
    };
    return rate(of(this.#before), of(this.#after), this.#seconds);
  }
}

function index(status) {
  const byName = (all) => new Map((all ?? []).map((one) => [one.name, one]));
  return { vips: byName(status?.vips), pools: byName(status?.pools), reasons: status?.reasons };
}

/** A removed backend may share its name with another one. */
function isSame(one, other) {
  return one.name === other.name && one.address === other.address;
}
