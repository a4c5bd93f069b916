// What became of each request of a load, and what a fault did to them. Pure.

/** What a client does. A websocket is a conversation of about two seconds; its fate is that of the whole. */
export type Kind = 'keep-alive' | 'new connection' | 'slow' | 'upload' | 'websocket';

/**
 * How it ended. `status`: another one than 200; `wrong body`: not what was asked for; `cut short`: the answer, or the
 * conversation, ended in the middle; `not sent`: the load had too many open already.
 */
export const OUTCOMES = [
  ...(['ok', 'refused', 'reset', 'time-out', 'status', 'wrong body'] as const),
  ...(['cut short', 'unreachable', 'not sent', 'other'] as const),
] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface Fate {
  readonly kind: Kind;
  /** Which of the load's URLs. */
  readonly door: number;
  /** Wall time at which its schedule had it sent (ms); latency counts from there, whenever it was really sent. */
  readonly at: number;
  readonly tookMs: number;
  readonly outcome: Outcome;
  /** Of a failure, for people. */
  readonly detail?: string;
  /** The task that answered. */
  readonly task?: string;
}

export interface Summary {
  readonly requests: number;
  readonly failed: number;
  /** In the order of OUTCOMES, without `ok`; only those that happened. */
  readonly how: readonly (readonly [Outcome, number])[];
  /** From the first to the last moment at which a failed request was to be sent (ms); 0 where none or one failed. */
  readonly windowMs: number;
  readonly first: Fate | undefined;
  readonly last: Fate | undefined;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The requests whose time to be sent lies in the window. */
export function between(fates: readonly Fate[], from: number, to: number): readonly Fate[] {
  return fates.filter(({ at }) => at >= from && at < to);
}

export function summarize(fates: readonly Fate[]): Summary {
  const failures = fates.filter(({ outcome }) => outcome !== 'ok').sort((a, b) => a.at - b.at);
  const [first, last] = [failures[0], failures.at(-1)];
  const times = fates.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  const at = (part: number): number => times[Math.ceil(times.length * part) - 1] ?? 0;
  return {
    requests: fates.length,
    failed: failures.length,
    how: OUTCOMES.filter((outcome) => outcome !== 'ok').flatMap((outcome) => {
      const many = failures.filter((fate) => fate.outcome === outcome).length;
      return many > 0 ? [[outcome, many] as const] : [];
    }),
    windowMs: first && last ? last.at - first.at : 0,
    first,
    last,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}

/** One line of a file of fates. */
export function encodeFate({ kind, door, at, tookMs, outcome, detail, task }: Fate): string {
  const [when, took] = [Math.round(at * 10) / 10, Math.round(tookMs * 10) / 10];
  return JSON.stringify([kind, door, when, took, outcome, detail ?? null, task ?? null]);
}

export function decodeFate(line: string): Fate {
  const [kind, door, at, tookMs, outcome, detail, task] = JSON.parse(line) as [
    ...[Kind, number, number, number, Outcome, string | null, string | null],
  ];
  return {
    ...{ kind, door, at, tookMs, outcome },
    ...(detail === null ? {} : { detail }),
    ...(task === null ? {} : { task }),
  };
}
