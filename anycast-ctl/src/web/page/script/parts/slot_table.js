// A slot table laid out: who has each slot, in which order slots are shown, and what is where.

/** In place of a backend: there is none. */
export const NONE = 0xffff;

export class SlotTable {
  /** Of what the daemon says of a pool's slots. */
  constructor({ slots, backends, runs }) {
    this.size = slots;
    this.backends = backends;
    this.current = new Uint16Array(slots).fill(NONE);
    this.base = new Uint16Array(slots).fill(NONE);
    for (const { first, length, current = NONE, base = NONE } of runs) {
      this.current.fill(current, first, first + length);
      this.base.fill(base, first, first + length);
    }
    this.inTransition = this.base.reduce((sum, base) => sum + (base !== NONE), 0);
  }

  /** Slots in the order of their numbers. */
  byNumber() {
    return Uint32Array.from({ length: this.size }, (_, slot) => slot);
  }

  /** Slots by their owner, those in transition last of each. */
  byOwner() {
    const rank = (slot) =>
      this.current[slot] * 0x20000 + (this.base[slot] === NONE ? 0 : 1 + this.base[slot]);
    const counts = new Map();
    for (let slot = 0; slot < this.size; slot += 1) counts.set(rank(slot), (counts.get(rank(slot)) ?? 0) + 1);
    const next = new Map();
    let place = 0;
    for (const [of, count] of [...counts].sort(([one], [other]) => one - other)) {
      next.set(of, place);
      place += count;
    }
    const order = new Uint32Array(this.size);
    for (let slot = 0; slot < this.size; slot += 1) {
      const at = next.get(rank(slot));
      order[at] = slot;
      next.set(rank(slot), at + 1);
    }
    return order;
  }

  /** Slots by backend: its own, those of them in transition, and those that it is the base owner of. */
  counts() {
    const counts = this.backends.map(() => ({ own: 0, moving: 0, base: 0 }));
    for (let slot = 0; slot < this.size; slot += 1) {
      const [own, base] = [counts[this.current[slot]], counts[this.base[slot]]];
      if (own) own.own += 1;
      if (own && this.base[slot] !== NONE) own.moving += 1;
      if (base) base.base += 1;
    }
    return counts;
  }

  /** One slot in words. */
  words(slot) {
    const name = (place) => this.backends[place]?.name ?? "nobody";
    const [current, base] = [this.current[slot], this.base[slot]];
    const owner = `slot ${slot}: ${name(current)}`;
    if (base === NONE) return `${owner}, stable`;
    return `${owner}, in transition; flows of before stay with its base owner ${name(base)}`;
  }
}
