// Copies of requests for another target group, whose answers nobody waits for. A copy is sent when the whole request has come, so that it never holds up the
// request that it is of; what is too large, or one too many, is not copied. Source: ALB reference, section 7.
import type { Socket } from 'node:net';

import type { Random } from '@berth/control/clock.ts';
import type { Mirror } from '@berth/model/routing/rule-settings.ts';

import type {
  ConnectionWaiter,
  OutgoingRequest,
  Upstream,
  UpstreamOwner,
} from '../exchange-sides.ts';
import type { Group } from '../group.ts';
import type { Outcome } from '../metrics.ts';
import type { ResponseHead } from '../response-head.ts';
import type { Target } from '../target.ts';

export interface MirrorOptions {
  readonly group: (name: string) => Group | undefined;
  readonly random: Random;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** Copies in the making or on their way, a proxy. */
const MOST_OPEN = 256;
/** A connection that was in use this recently still stands; a copy that is lost on one that does not is no loss. */
const FRESH_MS = 1_000;

export class Mirrors {
  readonly #options: MirrorOptions;
  #open = 0;

  constructor(options: MirrorOptions) {
    this.#options = options;
  }

  /** @returns undefined when this request is not to be copied; else it is to be told of the request's body */
  begin(mirror: Mirror | undefined, request: OutgoingRequest): MirrorCopy | undefined {
    if (mirror === undefined || request.upgrade || this.#open >= MOST_OPEN) return undefined;
    if (request.bodyLength > mirror.maximumBodyBytes) return undefined;
    const { group: find, random, now } = this.#options;
    if (random() * 100 >= mirror.percent) return undefined;
    const group = find(mirror.group);
    if (group === undefined) return undefined;
    this.#open += 1;
    return new MirrorCopy(group, request, mirror.maximumBodyBytes, now, () => (this.#open -= 1));
  }
}

export class MirrorCopy implements UpstreamOwner, ConnectionWaiter {
  readonly #group: Group;
  readonly #request: OutgoingRequest;
  readonly #most: number;
  readonly #now: () => number;
  readonly #onDone: () => void;
  #body: Buffer[] = [];
  #bytes = 0;
  #target: Target | undefined;
  #status = 0;
  #sent = false;
  #startedAt = 0;
  #over = false;

  constructor(
    group: Group,
    request: OutgoingRequest,
    most: number,
    now: () => number,
    onDone: () => void,
  ) {
    this.#group = group;
    this.#request = request;
    this.#most = most;
    this.#now = now;
    this.#onDone = onDone;
    if (request.bodyLength === 0) this.end();
  }

  body(chunk: Buffer): void {
    if (this.#over || this.#sent) return;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#most) this.drop();
    else this.#body.push(chunk);
  }

  /** The request has come to its end: off it goes. */
  end(): void {
    if (this.#over || this.#sent) return;
    const target = this.#group.select();
    if (target === undefined) {
      this.drop();
      return;
    }
    this.#sent = true;
    this.#startedAt = this.#now();
    this.#target = target;
    this.#group.meter.begin();
    const idle = target.pool.take(FRESH_MS, this.#startedAt);
    if (idle === undefined) target.pool.connect(this, false);
    else this.onConnected(idle);
  }

  /** The request ended before its time, or its body is too large: it is not copied. What is on its way goes on. */
  drop(): void {
    if (this.#over || this.#sent) return;
    this.#over = true;
    this.#body = [];
    this.#onDone();
  }

  onConnected(upstream: Upstream): void {
    const { bodyLength } = this.#request;
    const request = bodyLength < 0 ? { ...this.#request, bodyLength: this.#bytes } : this.#request;
    if (!upstream.send(this, request) || request.bodyLength === 0) return;
    for (const chunk of this.#body) upstream.write(chunk);
    this.#body = [];
    upstream.end('');
  }

  onRefused(): void {
    this.#done('proxy_5xx');
  }

  onInformational(): void {
    // Nobody waits for it.
  }

  onHead(head: ResponseHead): void {
    this.#status = head.status;
  }

  onBody(): void {
    // Nobody waits for it.
  }

  onPause(): void {
    // Nothing was handed on.
  }

  onWritable(): void {
    // The body was written at once: it is small.
  }

  onResponseEnd(): void {
    this.#done(`target_${(this.#status - (this.#status % 100)) / 100}xx` as Outcome);
  }

  onUpgrade(_head: ResponseHead, socket: Socket): void {
    socket.destroy();
    this.#done('cut');
  }

  onLost(): void {
    this.#done('cut');
  }

  #done(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#body = [];
    if (this.#target !== undefined) this.#group.release(this.#target);
    this.#group.meter.end(outcome, this.#now() - this.#startedAt);
    this.#onDone();
  }
}
