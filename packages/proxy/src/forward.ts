// One request on its way to a target group and its answer on the way back. It knows the law of retries: where nothing was sent
// any request may go to another target; once something was sent only a request that may safely be repeated does, once, and
// only while no byte of an answer has come. What goes wrong later is made visible to the client by breaking off.
// Source: ALB reference, sections 4.2 and 4.3; dependency pitfalls H3, H4, H9, H10, H16.
import type { Socket } from 'node:net';

import type { Clock } from '@berth/control/clock.ts';

import { type Answer, dateField, page, sendAnswer } from './answers.ts';
import type { MirrorCopy } from './balancing/mirrors.ts';
import type { Stickiness } from './balancing/stickiness.ts';
import type { TargetWaiter } from './balancing/target-queue.ts';
import type {
  ClientRequest,
  ConnectFailure,
  ConnectionWaiter,
  Loss,
  OutgoingRequest,
  RequestOwner,
  Upstream,
  UpstreamOwner,
} from './exchange-sides.ts';
import type { Group } from './group.ts';
import { withoutHeaders } from './header-lines.ts';
import type { Outcome } from './metrics.ts';
import type { PassiveHealth } from './passive.ts';
import type { RequestAttempt, RequestObserver, RequestSummary } from './request-summary.ts';
import type { ResponseHead } from './response-head.ts';
import type { ProxySettings } from './settings.ts';
import type { Target } from './target.ts';
import { openTunnel } from './upgrade.ts';

export interface ExchangeSurroundings {
  readonly settings: ProxySettings;
  readonly clock: Clock;
  readonly passive: PassiveHealth;
}

/** What the proxy changes in the head of a target's answer. */
export interface AnswerEdits {
  /** Fields that are added. */
  readonly lines: string;
  /** Names, in lower case, of what is taken out before that. */
  readonly without: ReadonlySet<string>;
}

export interface Forwarding {
  readonly request: ClientRequest;
  readonly outgoing: OutgoingRequest;
  readonly group: Group;
  readonly stickiness: Stickiness | undefined;
  /** The target that the client is on, where clients stay on theirs. */
  readonly preferred: Target | undefined;
  /** Neither connection is used again. */
  readonly close: boolean;
  readonly edits: AnswerEdits | undefined;
  /** A body beyond it is answered with 413; 0 is no limit. */
  readonly maximumBodyBytes: number;
  /** Until the head of the answer; 0 is no limit. */
  readonly requestTimeoutMs: number;
  /** Is told of the request's body. */
  readonly copy: MirrorCopy | undefined;
  readonly summary: RequestSummary | undefined;
  readonly observer: RequestObserver | undefined;
}

/** By the first digit of the target's status. */
const BY_CLASS: readonly (Outcome | undefined)[] = [
  undefined,
  'target_1xx',
  'target_2xx',
  'target_3xx',
  'target_4xx',
  'target_5xx',
];
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

export class Exchange implements UpstreamOwner, RequestOwner, ConnectionWaiter, TargetWaiter {
  readonly #forwarding: Forwarding;
  readonly #request: ClientRequest;
  readonly #group: Group;
  readonly #with: ExchangeSurroundings;
  readonly #summary: RequestSummary | undefined;
  readonly #idempotent: boolean;
  #target: Target | undefined;
  #upstream: Upstream | undefined;
  #attempt: RequestAttempt | undefined;
  #tried: Target[] | undefined;
  /** It waits for a target with room. */
  #waiting = false;
  /** Sent again after something of it had been sent: it counts against the group's budget until it ends. */
  #repeated = false;
  #status = 0;
  #over = false;
  #tunnelled = false;
  /** Some of the body has been asked for. */
  #pumping = false;
  /** The answer waits for the client to take what it has. */
  #clientFull = false;
  #bodyDone: boolean;
  #bodyBytes = 0;
  #trailers = '';
  /** What has been sent of the body, while it is small enough to be sent again. */
  #replay: Buffer[] | undefined;
  #replayBytes = 0;
  #deadline: AbortController | undefined;
  /** Of the present try alone. */
  #tryDeadline: AbortController | undefined;

  constructor(forwarding: Forwarding, surroundings: ExchangeSurroundings) {
    this.#forwarding = forwarding;
    this.#request = forwarding.request;
    this.#group = forwarding.group;
    this.#with = surroundings;
    this.#summary = forwarding.summary;
    const { method, bodyLength } = forwarding.outgoing;
    this.#idempotent = method === 'GET' || IDEMPOTENT.has(method);
    this.#bodyDone = bodyLength === 0;
    if (this.#idempotent && !this.#bodyDone) this.#replay = [];
  }

  start(): void {
    this.#request.owner = this;
    this.#group.meter.begin();
    const { requestTimeoutMs } = this.#forwarding;
    if (requestTimeoutMs > 0) this.#limit(requestTimeoutMs).catch(() => undefined);
    this.#choose(503);
  }

  async #limit(ms: number): Promise<void> {
    this.#deadline = new AbortController();
    await this.#with.clock.sleep(ms, this.#deadline.signal);
    if (this.#over || this.#tunnelled || this.#request.answer.begun) return;
    if (this.#waiting) this.#group.leave(this);
    const target = this.#target;
    if (target !== undefined && this.#requestComplete) this.#failed(target, false);
    this.#abandonTarget('no answer in time');
    this.#answer(this.#requestComplete ? 504 : 408);
  }

  get #requestComplete(): boolean {
    return this.#bodyDone || this.#request.complete;
  }

  /** @param otherwise what to answer when there is nobody to take it */
  #choose(otherwise: number): void {
    const target = this.#group.select(this.#tried, this.#forwarding.preferred);
    if (target !== undefined) this.#use(target, true);
    else if (this.#tried !== undefined || !this.#group.saturated) this.#answer(otherwise);
    else if (this.#group.wait(this)) this.#waiting = true;
    else this.onNoTarget();
  }

  onTarget(target: Target): void {
    this.#waiting = false;
    this.#use(target, true);
  }

  onNoTarget(): void {
    this.#waiting = false;
    this.#answerWith(page(503, `Retry-After: ${this.#group.retryAfter}\r\n`));
  }

  #use(target: Target, mayReuse: boolean): void {
    const { upgrade } = this.#forwarding.outgoing;
    const { targetIdleMs, freshMs } = this.#with.settings;
    this.#target = target;
    const now = this.#with.clock.monotonic();
    if (this.#summary !== undefined) this.#noteAttempt(this.#summary, target, now);
    const idle =
      mayReuse && !upgrade
        ? target.pool.take(this.#idempotent ? targetIdleMs : freshMs, now)
        : undefined;
    const { tryTimeoutMs } = this.#group.settings.retries;
    if (tryTimeoutMs > 0) this.#limitTry(target, tryTimeoutMs).catch(() => undefined);
    if (idle === undefined) target.pool.connect(this, upgrade);
    else this.#send(idle, now);
  }

  /** A target that is silent for too long is left for another one, if there is one and the request may be repeated. */
  async #limitTry(target: Target, ms: number): Promise<void> {
    const ended = (this.#tryDeadline = new AbortController());
    await this.#with.clock.sleep(ms, ended.signal);
    if (!this.#requestComplete || !this.#mayRepeat(false) || !this.#mayTryAnother) return;
    const tried = (this.#tried ??= []);
    const other = this.#group.select([...tried, target]);
    if (other === undefined) return;
    if (!this.#beginRepeat()) {
      this.#group.release(other);
      return;
    }
    tried.push(target);
    this.#group.meter.retried();
    this.#abandonTarget('no answer in time: another target was tried');
    this.#failed(target, false);
    this.#use(other, true);
  }

  get #mayTryAnother(): boolean {
    return (this.#tried?.length ?? 0) < this.#group.settings.retries.attempts;
  }

  #noteAttempt(summary: RequestSummary, target: Target, now: number): void {
    summary.chosenAt ||= now;
    summary.target = target;
    this.#attempt = { target, reused: false, outcome: 'not ended' };
    summary.attempt(this.#attempt);
  }

  onRefused(failure: ConnectFailure): void {
    if (this.#attempt !== undefined) this.#attempt.outcome = failure.message;
    const target = this.#leave();
    if (target === undefined) return;
    const { kind } = failure;
    if (kind === 'refused' || kind === 'timeout') this.#failed(target, true);
    const status = kind === 'timeout' ? 504 : kind === 'shortage' ? 503 : 502;
    if (!this.#mayTryAnother) {
      this.#answer(status);
      return;
    }
    (this.#tried ??= []).push(target);
    this.#group.meter.retried();
    this.#choose(status);
  }

  onConnected(upstream: Upstream): void {
    this.#send(upstream, this.#with.clock.monotonic());
  }

  #send(upstream: Upstream, now: number): void {
    const { outgoing, close } = this.#forwarding;
    this.#upstream = upstream;
    const summary = this.#summary;
    if (summary !== undefined) {
      summary.connectedAt = now;
      if (this.#attempt !== undefined) this.#attempt.reused = upstream.reused;
    }
    const sent = upstream.send(this, outgoing);
    if (close) upstream.retire();
    if (sent && outgoing.bodyLength !== 0) this.#sendBody(upstream);
    if (summary !== undefined) summary.sentAt = this.#with.clock.monotonic();
  }

  #sendBody(upstream: Upstream): void {
    for (const chunk of this.#replay ?? []) upstream.write(chunk);
    if (this.#bodyDone) {
      upstream.end(this.#trailers);
      return;
    }
    this.#pumping = true;
    this.#request.resumeBody();
  }

  onRequestBody(chunk: Buffer): void {
    const { maximumBodyBytes } = this.#forwarding;
    this.#bodyBytes += chunk.length;
    if (maximumBodyBytes > 0 && this.#bodyBytes > maximumBodyBytes) {
      this.onClientLost('malformed', 413);
      return;
    }
    this.#forwarding.copy?.body(chunk);
    if (this.#replay !== undefined) this.#keepForReplay(this.#replay, chunk);
    if (this.#upstream?.write(chunk) !== true) this.#request.pauseBody();
  }

  onRequestEnd(trailers: string): void {
    this.#bodyDone = true;
    this.#trailers = trailers;
    this.#forwarding.copy?.end();
    this.#upstream?.end(trailers);
  }

  #keepForReplay(replay: Buffer[], chunk: Buffer): void {
    this.#replayBytes += chunk.length;
    const tooMuch = this.#replayBytes > this.#with.settings.replayBytes;
    if (tooMuch && this.#upstream !== undefined) this.#replay = undefined;
    else replay.push(chunk);
  }

  onWritable(): void {
    if (this.#pumping && !this.#bodyDone) this.#request.resumeBody();
  }

  onInformational(status: number, lines: string): void {
    this.#request.answer.informational(status, lines);
  }

  onHead(head: ResponseHead): void {
    this.#replay = undefined;
    this.#status = head.status;
    this.#deadline?.abort();
    this.#tryDeadline?.abort();
    const { edits, close, outgoing } = this.#forwarding;
    const summary = this.#summary;
    if (summary !== undefined) {
      summary.answeredAt = this.#with.clock.monotonic();
      summary.targetStatus = head.status;
    }
    let { lines } = head;
    if (!head.dated) lines += dateField(this.#with.clock.now());
    if (edits !== undefined) lines = edited(lines, edits);
    if (this.#target !== undefined) {
      this.#with.passive.answered(this.#group, this.#target, head.status);
      const { stickiness } = this.#forwarding;
      if (stickiness !== undefined) lines += stickiness.answerLines(this.#target, head.lines);
    }
    const last = close || outgoing.upgrade;
    this.#request.answer.head(head.status, head.reason, lines, head.contentLength, last);
  }

  onBody(chunk: Buffer): void {
    if (this.#request.answer.body(chunk) || this.#clientFull) return;
    this.#clientFull = true;
    this.#upstream?.pause();
  }

  onPause(): void {
    this.#request.answer.flush();
  }

  onClientWritable(): void {
    if (!this.#clientFull) return;
    this.#clientFull = false;
    this.#upstream?.resume();
  }

  onResponseEnd(chunk: Buffer | undefined, trailers: string): void {
    if (this.#attempt !== undefined) this.#attempt.outcome = 'answered';
    this.#leave();
    if (this.#summary !== undefined) this.#summary.status = this.#status;
    this.#request.answer.finish(chunk, trailers);
    this.#finish(BY_CLASS[Math.trunc(this.#status / 100)] ?? 'target_5xx');
  }

  onUpgrade(head: ResponseHead, socket: Socket, rest: Buffer): void {
    this.#upstream = undefined;
    if (!this.#forwarding.outgoing.upgrade || head.upgrade !== 'websocket') {
      socket.destroy();
      this.#leave();
      this.#answer(502);
      return;
    }
    this.#tunnelled = true;
    this.#deadline?.abort();
    this.#tryDeadline?.abort();
    const summary = this.#summary;
    if (summary !== undefined) {
      summary.answeredAt = this.#with.clock.monotonic();
      summary.targetStatus = 101;
      summary.status = 101;
    }
    openTunnel({
      client: this.#request.answer.tunnel(head),
      target: socket,
      rest,
      idleTimeoutMs: this.#forwarding.outgoing.idleTimeoutMs,
      onEnd: () => {
        this.#leave();
        this.#finish('target_1xx');
      },
    });
  }

  onLost(loss: Loss): void {
    if (this.#attempt !== undefined) this.#attempt.outcome = loss.message;
    const targetFull = this.#upstream?.full === true;
    const target = this.#leave();
    if (target === undefined) return;
    const { answer } = this.#request;
    if (answer.begun) {
      const stuck = loss.kind === 'timeout' && answer.full;
      if (!stuck && loss.kind !== 'cut') this.#failed(target, false);
      this.#breakOff(stuck ? 'client_gone' : 'cut');
      return;
    }
    if (loss.kind === 'timeout') {
      if (this.#requestComplete || targetFull) this.#failed(target, false);
      this.#answer(this.#requestComplete || targetFull ? 504 : 408);
      return;
    }
    const silent = loss.kind === 'closed' && !loss.started;
    if (silent && loss.reused) this.#with.passive.doubt(this.#group, target);
    else if (loss.kind !== 'cut' && loss.kind !== 'refused') this.#failed(target, silent);
    const repeats = (silent || loss.kind === 'refused') && this.#mayRepeat(loss.unsent);
    if (!repeats || (!loss.unsent && !this.#beginRepeat())) {
      this.#answer(502);
      return;
    }
    this.#request.pauseBody();
    // A connection that was closed while idle says nothing about the target: a new one to it is as good.
    if (loss.reused && this.#group.retake(target)) {
      this.#group.meter.retried();
      this.#use(target, false);
      return;
    }
    if (!this.#mayTryAnother) {
      this.#answer(502);
      return;
    }
    this.#group.meter.retried();
    (this.#tried ??= []).push(target);
    this.#choose(502);
  }

  /** @param unreachable no connection could be had, or it broke without a word */
  #failed(target: Target, unreachable: boolean): void {
    const { passive } = this.#with;
    passive.failed(this.#group, target);
    if (unreachable) passive.connectionFailed(this.#group, target);
  }

  #beginRepeat(): boolean {
    if (!this.#group.beginRepeat()) return false;
    this.#repeated = true;
    return true;
  }

  #mayRepeat(unsent: boolean): boolean {
    const whole = this.#forwarding.outgoing.bodyLength === 0 || this.#replay !== undefined;
    if (unsent) return whole || !this.#pumping;
    return whole && this.#idempotent && !this.#repeated;
  }

  onClientLost(reason: 'gone' | 'malformed' | 'stalled', status?: number): void {
    if (this.#over || this.#tunnelled) return;
    if (this.#waiting) this.#group.leave(this);
    this.#abandonTarget(`the client is ${reason}`);
    if (status === undefined) {
      if (this.#summary !== undefined)
        this.#summary.status = this.#status === 0 ? 460 : this.#status;
      this.#finish('client_gone');
    } else if (this.#request.answer.begun) this.#breakOff('client_gone');
    else this.#answer(status);
  }

  #abandonTarget(why: string): void {
    if (this.#attempt !== undefined) this.#attempt.outcome = why;
    const upstream = this.#upstream;
    const target = this.#leave();
    if (upstream !== undefined) upstream.abandon();
    else target?.pool.cancel(this);
  }

  /** The exchange has nothing more to do with its target. */
  #leave(): Target | undefined {
    const target = this.#target;
    this.#target = undefined;
    this.#upstream = undefined;
    this.#tryDeadline?.abort();
    if (target !== undefined) this.#group.release(target);
    return target;
  }

  #answer(status: number): void {
    this.#answerWith(page(status));
  }

  #answerWith(answer: Answer): void {
    const { status } = answer;
    if (this.#summary !== undefined) this.#summary.status = status;
    const close = status < 500 || this.#forwarding.close || this.#forwarding.outgoing.upgrade;
    sendAnswer(this.#request.answer, answer, close, this.#with.clock.now());
    this.#finish(status < 500 ? 'proxy_4xx' : 'proxy_5xx');
  }

  #breakOff(outcome: Outcome): void {
    if (this.#summary !== undefined) this.#summary.status = this.#status;
    this.#request.answer.reset();
    this.#finish(outcome);
  }

  #finish(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#repeated) this.#group.endRepeat();
    this.#forwarding.copy?.drop();
    this.#replay = undefined;
    this.#deadline?.abort();
    const now = this.#with.clock.monotonic();
    this.#group.meter.end(outcome, now - this.#request.startedAt);
    const summary = this.#summary;
    if (summary !== undefined) {
      summary.endedAt = now;
      summary.receivedBytes = this.#request.received;
      summary.sentBytes = this.#request.sent;
      this.#forwarding.observer?.onRequestEnd(summary);
    }
  }
}

function edited(lines: string, edits: AnswerEdits): string {
  const left = edits.without.size === 0 ? lines : withoutHeaders(lines, edits.without);
  return left + edits.lines;
}
