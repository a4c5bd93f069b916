// Measures one fault under load: what became of the requests, when it was noticed, when all was well again.
import { type Summary, summarize } from './load/fate.ts';
import { startLoad } from './load/load.ts';

/** After this a client gives up, and the request has failed. */
const TIMEOUT_MS = 20_000;
const LOAD_SECONDS = 3_600;
const MOST_OPEN = 4_000;
/** Of load before the fault and after the recovery, so that failures next to them are seen. */
const BEFORE_MS = 1_500;
const AFTER_MS = 1_500;

/** What a fault did. Times in ms since it began. */
export interface Row {
  readonly fault: string;
  readonly requests: number;
  readonly failed: number;
  readonly how: string;
  /** When the last request was to be sent that failed, since the fault began; absent where none failed. */
  readonly lastFailedMs?: number;
  /** Of each round. */
  readonly detectedMs: readonly number[];
  readonly recoveredMs: readonly number[];
  readonly p99Ms: number;
  readonly notes: readonly string[];
}

export interface Measuring {
  /** Break it: times count from here, until it is called again. */
  inject(action: () => Promise<unknown>): Promise<void>;
  /** ms since the fault began. */
  since(): number;
  /** It has just been noticed. */
  detected(): void;
  /** All is well again. */
  recovered(): void;
  note(text: string): void;
}

export interface Doors {
  readonly urls: readonly string[];
  /** Over all of them. */
  readonly requestsPerSecond: number;
}

/** @returns the row, also where the fault's own run failed, with that failure */
export async function measureUnderLoad(
  { urls, requestsPerSecond }: Doors,
  fault: string,
  run: (measuring: Measuring) => Promise<void>,
): Promise<{ readonly row: Row; readonly failure: Error | undefined }> {
  const load = await startLoad({
    ...{ urls, requestsPerSecond },
    ...{ timeoutMs: TIMEOUT_MS, seconds: LOAD_SECONDS, mostOpen: MOST_OPEN },
  });
  const notes: string[] = [];
  const detectedMs: number[] = [];
  const recoveredMs: number[] = [];
  let began = Date.now();
  const since = (): number => Date.now() - began;
  let failure: Error | undefined;
  try {
    await pause(BEFORE_MS);
    await run({
      inject: async (action) => {
        began = Date.now();
        await action();
      },
      since,
      detected: () => void detectedMs.push(since()),
      recovered: () => void recoveredMs.push(since()),
      note: (text) => notes.push(text),
    });
    await pause(AFTER_MS);
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
  }
  const summary = summarize(await load.stop());
  const { requests, failed, last, p99Ms } = summary;
  const row: Row = {
    ...{ fault, detectedMs, recoveredMs, notes, requests, failed, p99Ms },
    how: howText(summary, began),
    ...(last ? { lastFailedMs: last.at - began } : {}),
  };
  return { row, failure };
}

/** Time for the load; never waited for to have something happen. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** "3 reset, 1 time-out, sent from 0.1 to 0.4 s: upload ECONNRESET" */
function howText({ how, first, last }: Summary, began: number): string {
  if (!first || !last) return '';
  const counts = how.map(([outcome, many]) => `${many} ${outcome}`).join(', ');
  const [from, to] = [first.at, last.at].map((at) => ((at - began) / 1000).toFixed(1));
  return `${counts}, sent from ${from} to ${to} s: ${first.kind} ${plain(first.detail ?? '')}`.trim();
}

/** Without the markup of a page, and short. */
function plain(detail: string): string {
  return detail
    .replace(/<title>.*?<\/title>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .slice(0, 80)
    .trim();
}
