// Questions to the daemon.

/** How long an answer may take, in milliseconds. */
const PATIENCE = 10_000;

/** What the daemon refused, with its own words. */
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** Asks for JSON. Throws `Refused`, or another error when nobody answered. */
export async function ask(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" });
  if (response.ok) return response.json();
  const answer = await response.json().catch(() => ({}));
  throw new Refused(response.status, answer.error ?? `the daemon answers with status ${response.status}`);
}
