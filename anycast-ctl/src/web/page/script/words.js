// Events in words.

/** What an event is about, and its text: `{ kind, subject, text, bad, vip, pool, backend }`. */
export function words(kind, event) {
  const { vip, pool, backend } = event;
  const subject = vip ?? (pool && backend ? `${pool}/${backend}` : (pool ?? event.name ?? ""));
  // Of a daemon that says it in words itself.
  if (event.words)
    return { kind, subject, text: event.words, bad: event.severity !== "info", vip, pool, backend };
  const of = (subject, text, bad = false) => ({ kind, subject, text, bad, vip, pool, backend });
  switch (kind) {
    case "revision":
      return of(`revision ${event.revision}`, `${event.who}: ${event.what}`);
    case "behind":
      return of("dataplane", `does not have what is desired: ${event.error}`, true);
    case "caught-up":
      return of("dataplane", `has revision ${event.revision}`);
    case "backend":
      return of(
        `${pool}/${backend}`,
        event.before ? `${event.before} → ${event.after}` : event.after,
        isMissing(event.after),
      );
    case "interface":
      return of(
        event.name,
        event.attached ? "the program is attached" : "the program is no longer attached",
        !event.attached,
      );
    case "dropped":
      return of("this page", `was too slow, and missed ${event.missed} events`, true);
  }
  return of(subject, event.text ?? JSON.stringify(event), Boolean(event.bad));
}

/** Whether a backend in that state should get flows and does not. */
export function isMissing(state) {
  return state === "down" || state === "waiting" || state === "unresolved";
}
