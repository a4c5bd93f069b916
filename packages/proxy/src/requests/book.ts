// The recent requests of this process, and those who want to know of each that ends. Bounded by number and by size: the oldest go first.
import type { RequestOrder, RequestRecord } from '@berth/model/generated/messages.ts';

import type { RequestObserver, RequestSummary } from '../request-summary.ts';
import { isCalled, requestRecord } from './record.ts';

export interface BookOptions {
  readonly proxyId: string;
  readonly mostRequests?: number;
  readonly mostBytes?: number;
  /** Beyond so many a second only those that went wrong are kept; else a busy proxy would remember a moment, and dearly. */
  readonly mostPerSecond?: number;
}

export type RequestFilter = Pick<
  RequestOrder,
  'requestId' | 'targetGroup' | 'minimumStatus' | 'maximumStatus'
>;

const MOST_REQUESTS = 4_096;
const MOST_BYTES = 8 << 20;
const MOST_PER_SECOND = 1_000;
/** Of a summary without its texts. */
const SUMMARY_BYTES = 1_024;

export class RequestBook implements RequestObserver {
  readonly #proxyId: string;
  readonly #mostBytes: number;
  readonly #mostPerSecond: number;
  #second = 0;
  #inSecond = 0;
  readonly #ring: (RequestSummary | undefined)[];
  /** Where the next goes. */
  #next = 0;
  #oldest = 0;
  #count = 0;
  #bytes = 0;
  readonly #followers = new Set<(summary: RequestSummary) => void>();

  constructor(options: BookOptions) {
    const { proxyId, mostRequests = MOST_REQUESTS } = options;
    this.#proxyId = proxyId;
    this.#mostBytes = options.mostBytes ?? MOST_BYTES;
    this.#mostPerSecond = options.mostPerSecond ?? MOST_PER_SECOND;
    this.#ring = new Array<RequestSummary | undefined>(mostRequests).fill(undefined);
  }

  get size(): number {
    return this.#count;
  }

  onRequestEnd(summary: RequestSummary): void {
    for (const follow of this.#followers) follow(summary);
    if (summary.status < 500 && this.#crowded(summary)) return;
    if (this.#count === this.#ring.length) this.#drop();
    this.#ring[this.#next] = summary;
    this.#next = (this.#next + 1) % this.#ring.length;
    this.#count += 1;
    this.#bytes += sizeOf(summary);
    while (this.#bytes > this.#mostBytes) this.#drop();
  }

  #crowded({ at }: RequestSummary): boolean {
    const second = Math.floor(at / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    this.#inSecond += 1;
    return this.#inSecond > this.#mostPerSecond;
  }

  #drop(): void {
    const summary = this.#ring[this.#oldest];
    if (summary !== undefined) this.#bytes -= sizeOf(summary);
    this.#ring[this.#oldest] = undefined;
    this.#oldest = (this.#oldest + 1) % this.#ring.length;
    this.#count -= 1;
  }

  /** The newest of those that match, the oldest of them first. */
  recent(filter: RequestFilter, limit: number): RequestRecord[] {
    const found: RequestRecord[] = [];
    const { length } = this.#ring;
    for (let back = 1; back <= this.#count && found.length < limit; back += 1) {
      const summary = this.#ring[(this.#next - back + length) % length];
      if (summary !== undefined && matches(summary, filter)) {
        found.push(requestRecord(summary, this.#proxyId));
      }
    }
    return found.reverse();
  }

  /** @param take gets each request that ends from now on and matches. @returns what ends that */
  follow(filter: RequestFilter, take: (record: RequestRecord) => void): () => void {
    const follower = (summary: RequestSummary): void => {
      if (matches(summary, filter)) take(requestRecord(summary, this.#proxyId));
    };
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }
}

export function matches(summary: RequestSummary, filter: RequestFilter): boolean {
  const { requestId, targetGroup, minimumStatus, maximumStatus } = filter;
  return (
    summary.status >= (minimumStatus ?? 0) &&
    summary.status <= (maximumStatus ?? Infinity) &&
    (targetGroup === undefined || summary.group === targetGroup) &&
    (requestId === undefined || isCalled(summary, requestId))
  );
}

function sizeOf({ head, trace }: RequestSummary): number {
  if (head === undefined) return SUMMARY_BYTES;
  return SUMMARY_BYTES + head.lines.length + 2 * head.target.length + trace.length;
}
