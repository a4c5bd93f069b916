// How one proxy lets a target go: no new request from the moment that it is draining, the open ones may end, and what is
// still open when the deregistration delay is over is cut. Source: ALB reference, sections 3.4 and 5.2. A drain
// with nothing in flight ends at once, where AWS waits for the delay: as safe, and faster. A group may want it as on AWS.

export type Drain =
  | { readonly phase: 'registered' }
  /** @property deadline when what is open is cut, in the proxy's monotonic milliseconds */
  | { readonly phase: 'draining'; readonly deadline: number }
  | { readonly phase: 'drained'; readonly cut: boolean };

export const REGISTERED: Drain = { phase: 'registered' };

export interface DrainFacts {
  /** The routing table says DRAINING. */
  readonly draining: boolean;
  /** Requests and tunnels that are open on the target. */
  readonly inFlight: number;
  /** Monotonic milliseconds. */
  readonly now: number;
  readonly delayMs: number;
  /** A drain with nothing open ends before the delay does. */
  readonly early: boolean;
}

/** The phase after looking again. A registration that comes back starts over. Pure. */
export function nextDrain(drain: Drain, facts: DrainFacts): Drain {
  if (!facts.draining) return REGISTERED;
  if (drain.phase === 'drained') return drain;
  if (facts.inFlight === 0 && facts.early) return { phase: 'drained', cut: false };
  const draining: Drain =
    drain.phase === 'draining' ? drain : { phase: 'draining', deadline: facts.now + facts.delayMs };
  if (facts.now < draining.deadline) return draining;
  return { phase: 'drained', cut: facts.inFlight > 0 };
}
