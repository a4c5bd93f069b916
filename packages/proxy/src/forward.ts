// One request on its way to a target group and its answer on the way back. It knows the law of retries: where nothing was sent
// any request may go to another target; once something was sent only a request that may safely be repeated does, once, and
// only while no byte of an answer has come. What goes wrong later is made visible to the client by breaking off.
// Source: ALB reference, sections 4.2 and 4.3; dependency pitfalls H3, H4, H9, H10, H16.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import type { Clock } from '@berth/control/clock.ts';

import { page, sendAnswer } from './answers.ts';
import type { ClientConnection } from './client-connection.ts';
import type { Group } from './group.ts';
import type { Outcome } from './metrics.ts';
import type { PassiveHealth } from './passive.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';
import type { ProxySettings } from './settings.ts';
import type { Target } from './target.ts';
import { type EarlyBytes, openTunnel } from './upgrade.ts';
import type { ConnectionOwner, Loss, UpstreamConnection } from './upstream-connection.ts';
import type { ConnectFailure, ConnectionWaiter } from './upstream-pool.ts';

export interface ExchangeSurroundings {
  readonly settings: ProxySettings;
  readonly clock: Clock;
  readonly passive: PassiveHealth;
  /** True while the listener is being closed: answers then end their connections. */
  readonly closing: () => boolean;
}

export interface ForwardedRequest {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly head: RequestHead;
  /** As the target gets it. */
  readonly text: string;
  /** What the client has sent of the new protocol so far, when it asks to switch. */
  readonly upgrade: EarlyBytes | undefined;
}

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

export class Exchange implements ConnectionOwner, ConnectionWaiter {
  readonly #request: ForwardedRequest;
  readonly #group: Group;
  readonly #client: ClientConnection;
  readonly #with: ExchangeSurroundings;
  readonly #startedAt: number;
  #target: Target | undefined;
  #connection: UpstreamConnection | undefined;
  #tried: Target[] | undefined;
  #repeated = false;
  #status = 0;
  #over = false;
  #tunnelled = false;
  #pumping = false;
  /** The answer waits for the client to take what it has. */
  #clientFull = false;
  #bodyDone: boolean;
  /** What has been sent of the body, while it is small enough to be sent again. */
  #replay: Buffer[] | undefined;
  #replayBytes = 0;

  constructor(
    request: ForwardedRequest,
    group: Group,
    client: ClientConnection,
    surroundings: ExchangeSurroundings,
  ) {
    this.#request = request;
    this.#group = group;
    this.#client = client;
    this.#with = surroundings;
    this.#startedAt = surroundings.clock.monotonic();
    this.#bodyDone = request.head.bodyLength === 0;
    if (this.#idempotent && !this.#bodyDone) this.#replay = [];
  }

  get #idempotent(): boolean {
    return IDEMPOTENT.has(this.#request.head.view.method);
  }

  /** Its answer, or its tunnel, has begun. */
  get answering(): boolean {
    return this.#tunnelled || this.#request.response.headersSent;
  }

  /** The client has sent all of its request. */
  get requestComplete(): boolean {
    return this.#bodyDone || this.#request.message.complete;
  }

  start(): void {
    this.#client.add(this);
    this.#group.meter.begin();
    this.#choose(503);
  }

  /** @param otherwise what to answer when there is nobody to take it */
  #choose(otherwise: number): void {
    const target = this.#group.select(this.#tried);
    if (target === undefined) this.#answer(otherwise);
    else this.#use(target, true);
  }

  #use(target: Target, mayReuse: boolean): void {
    const upgrading = this.#request.upgrade !== undefined;
    const { targetIdleMs, freshMs } = this.#with.settings;
    this.#target = target;
    const idle =
      mayReuse && !upgrading
        ? target.pool.take(this.#idempotent ? targetIdleMs : freshMs)
        : undefined;
    if (idle === undefined) target.pool.connect(this, upgrading);
    else this.onConnected(idle);
  }

  onRefused(failure: ConnectFailure): void {
    const target = this.#leave();
    if (target === undefined) return;
    if (failure.kind !== 'retired') this.#with.passive.connectionFailed(this.#group, target);
    const tried = (this.#tried ??= []);
    tried.push(target);
    const status = failure.kind === 'timeout' ? 504 : 502;
    if (tried.length >= this.#with.settings.connectAttempts) {
      this.#answer(status);
      return;
    }
    this.#group.meter.retried();
    this.#choose(status);
  }

  onConnected(connection: UpstreamConnection): void {
    const { head, text, upgrade } = this.#request;
    this.#connection = connection;
    const bodiless = head.bodyLength === 0;
    const sent = connection.send(this, head.view.method, text, bodiless, upgrade !== undefined);
    if (sent && !bodiless) this.#sendBody(connection);
  }

  #sendBody(connection: UpstreamConnection): void {
    for (const chunk of this.#replay ?? []) this.#writeBody(connection, chunk);
    if (this.#bodyDone) {
      this.#endBody(connection);
      return;
    }
    const { message } = this.#request;
    if (!this.#pumping) {
      this.#pumping = true;
      message.on('data', this.#onRequestData);
      message.on('end', this.#onRequestEnd);
    }
    message.resume();
  }

  readonly #onRequestData = (chunk: Buffer): void => {
    this.#keepForReplay(chunk);
    if (this.#connection === undefined || !this.#writeBody(this.#connection, chunk)) {
      this.#request.message.pause();
    }
  };

  readonly #onRequestEnd = (): void => {
    this.#bodyDone = true;
    if (this.#connection !== undefined) this.#endBody(this.#connection);
  };

  #keepForReplay(chunk: Buffer): void {
    if (this.#replay === undefined) return;
    this.#replayBytes += chunk.length;
    const tooMuch = this.#replayBytes > this.#with.settings.replayBytes;
    if (tooMuch && this.#connection !== undefined) this.#replay = undefined;
    else this.#replay.push(chunk);
  }

  #writeBody(connection: UpstreamConnection, chunk: Buffer): boolean {
    if (this.#request.head.bodyLength >= 0) return connection.write(chunk);
    connection.socket.cork();
    connection.write(`${chunk.length.toString(16)}\r\n`);
    connection.write(chunk);
    const room = connection.write('\r\n');
    connection.socket.uncork();
    return room;
  }

  #endBody(connection: UpstreamConnection): void {
    if (this.#request.head.bodyLength < 0) connection.write('0\r\n\r\n');
    connection.endRequest();
  }

  onWritable(): void {
    if (this.#pumping && !this.#bodyDone) this.#request.message.resume();
  }

  onHead(head: ResponseHead): void {
    this.#replay = undefined;
    this.#status = head.status;
    const { response } = this.#request;
    if (this.#mustClose) head.headers.push('Connection', 'close');
    response.writeHead(head.status, head.reason, head.headers);
  }

  get #mustClose(): boolean {
    const { head, upgrade } = this.#request;
    return head.ambiguous || upgrade !== undefined || this.#with.closing();
  }

  onBody(chunk: Buffer): void {
    const { response } = this.#request;
    if (response.write(chunk) || this.#clientFull) return;
    this.#clientFull = true;
    const connection = this.#connection;
    connection?.pause();
    response.once('drain', () => {
      this.#clientFull = false;
      if (this.#connection === connection) connection?.resume();
    });
  }

  onResponseEnd(chunk: Buffer | undefined): void {
    const { response, head } = this.#request;
    if (head.ambiguous) this.#connection?.socket.destroy();
    this.#leave();
    if (chunk === undefined) response.end();
    else response.end(chunk);
    this.#finish(`target_${(this.#status - (this.#status % 100)) / 100}xx` as Outcome);
  }

  onUpgrade(head: ResponseHead, socket: Socket, rest: Buffer): void {
    const { upgrade, response } = this.#request;
    this.#connection = undefined;
    if (upgrade === undefined || head.upgrade !== 'websocket') {
      socket.destroy();
      this.#leave();
      this.#answer(502);
      return;
    }
    this.#tunnelled = true;
    response.detachSocket(upgrade.socket);
    openTunnel({
      client: upgrade,
      target: socket,
      head,
      rest,
      idleTimeoutMs: this.#with.settings.idleTimeoutMs,
      onEnd: () => {
        this.#leave();
        this.#finish('target_1xx');
      },
    });
  }

  onLost(loss: Loss): void {
    const targetStuck = this.#connection?.socket.writableNeedDrain === true;
    const target = this.#leave();
    if (target === undefined) return;
    if (this.#request.response.headersSent) {
      const stuck = loss.kind === 'timeout' && this.#request.response.writableNeedDrain;
      this.#breakOff(stuck ? 'client_gone' : 'cut');
      return;
    }
    if (loss.kind === 'timeout') {
      this.#answer(this.requestComplete || targetStuck ? 504 : 408);
      return;
    }
    const silent = loss.kind === 'closed' && !loss.started;
    if (silent && !loss.reused) this.#with.passive.connectionFailed(this.#group, target);
    else if (silent) this.#with.passive.doubt(this.#group, target);
    if (!silent || !this.#mayRepeat(loss)) {
      this.#answer(502);
      return;
    }
    if (!loss.unsent) this.#repeated = true;
    this.#group.meter.retried();
    this.#request.message.pause();
    // A connection that was closed while idle says nothing about the target: a new one to it is as good.
    if (loss.reused && this.#group.retake(target)) {
      this.#use(target, false);
      return;
    }
    (this.#tried ??= []).push(target);
    this.#choose(502);
  }

  #mayRepeat(loss: Loss): boolean {
    const whole = this.#request.head.bodyLength === 0 || this.#replay !== undefined;
    if (loss.unsent) return whole || !this.#pumping;
    return whole && this.#idempotent && !this.#repeated;
  }

  /** The client is gone, or its request has turned out to be malformed: nobody waits for the target's answer. */
  abandon(outcome: Outcome): void {
    if (this.#over || this.#tunnelled) return;
    this.#abandonTarget();
    this.#finish(outcome);
  }

  /** Gives up on the client's side and says why, if that is still possible. */
  refuse(status: number): void {
    if (this.#over || this.#tunnelled) return;
    this.#abandonTarget();
    if (this.#request.response.headersSent) this.#breakOff('client_gone');
    else this.#answer(status);
  }

  #abandonTarget(): void {
    const connection = this.#connection;
    const target = this.#leave();
    if (connection !== undefined) connection.abandon();
    else target?.pool.cancel(this);
  }

  /** The exchange has nothing more to do with its target. */
  #leave(): Target | undefined {
    const target = this.#target;
    this.#target = undefined;
    this.#connection = undefined;
    if (target !== undefined) this.#group.release(target);
    return target;
  }

  #answer(status: number): void {
    const { response } = this.#request;
    const close = status < 500 || this.#mustClose;
    if (!response.destroyed) sendAnswer(response, page(status), close);
    this.#finish(status < 500 ? 'proxy_4xx' : 'proxy_5xx');
  }

  #breakOff(outcome: Outcome): void {
    this.#request.response.destroy();
    this.#finish(outcome);
  }

  #finish(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#replay = undefined;
    const { message } = this.#request;
    if (this.#pumping) message.off('data', this.#onRequestData).off('end', this.#onRequestEnd);
    // What is left of the body is read and thrown away, so that the connection can carry the next request.
    if (!this.#bodyDone) message.resume();
    this.#client.remove(this);
    this.#group.meter.end(outcome, this.#with.clock.monotonic() - this.#startedAt);
  }
}
