// One client's connection passed through to one target, byte by byte, each direction for itself: an end in one is passed on and
// leaves the other open. Source: AWS's guide to network load balancers; ALB reference, section 3.2.
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

import type { Clock } from '@berth/control/clock.ts';

import type { ClientInfo, ConnectFailure } from '../exchange-sides.ts';
import type { Group } from '../group.ts';
import type { Outcome } from '../metrics.ts';
import type { PassiveHealth } from '../passive.ts';
import { type Endpoint, writeProxyHeader } from '../proxy-protocol.ts';
import type { Target } from '../target.ts';
import { type SocketWaiter, TcpPool } from './tcp-pool.ts';

export interface RelayOptions {
  readonly socket: Socket;
  readonly client: ClientInfo;
  /** Where the client has connected to. */
  readonly destination: Endpoint;
  readonly group: Group;
  readonly passive: PassiveHealth;
  readonly clock: Clock;
  /** Silence in both directions. */
  readonly idleTimeoutMs: number;
  readonly connectAttempts: number;
  readonly onEnd: (relay: Relay) => void;
}

export class Relay implements SocketWaiter {
  readonly #options: RelayOptions;
  readonly #client: Socket;
  readonly #startedAt: number;
  readonly #tried: Target[] = [];
  #target: Target | undefined;
  #upstream: Socket | undefined;
  #over = false;
  /** Bytes that had passed when one side was silent last. */
  #passed = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#client = options.socket;
    this.#startedAt = options.clock.monotonic();
  }

  start(): void {
    const { group } = this.#options;
    group.meter.begin();
    // Nothing is read before there is somebody to take it; only the end of a client that is gone is noticed.
    this.#client.on('error', ignore);
    this.#client.once('close', () => this.#onClientClosed());
    if (this.#client.destroyed) this.#onClientClosed();
    else this.#choose();
  }

  #choose(): void {
    const { group, client } = this.#options;
    const target = group.select(this.#tried, group.targetOfAddress(client.address));
    if (target === undefined) {
      this.#break('proxy_5xx');
      return;
    }
    this.#target = target;
    if (target.pool instanceof TcpPool) target.pool.dial(this);
    else this.#break('proxy_5xx');
  }

  onRefused(failure: ConnectFailure): void {
    const target = this.#leave();
    if (target === undefined) return;
    const { group, passive, connectAttempts } = this.#options;
    if (failure.kind === 'refused' || failure.kind === 'timeout')
      passive.connectionFailed(group, target);
    this.#tried.push(target);
    if (this.#tried.length >= connectAttempts) this.#break('proxy_5xx');
    else {
      group.meter.retried();
      this.#choose();
    }
  }

  onConnected(upstream: Socket): void {
    const { group, client, destination, idleTimeoutMs } = this.#options;
    this.#upstream = upstream;
    upstream.on('error', ignore);
    upstream.once('close', () => this.#onUpstreamClosed(upstream));
    if (group.settings.sendProxyProtocol) upstream.write(writeProxyHeader(client, destination));
    for (const socket of [this.#client, upstream]) {
      socket.setTimeout(idleTimeoutMs, () => this.#onSilence(socket));
    }
    this.#client.pipe(upstream);
    upstream.pipe(this.#client);
  }

  /** One side was silent; if the other was not, all is well. */
  #onSilence(socket: Socket): void {
    const passed = this.#client.bytesRead + (this.#upstream?.bytesRead ?? 0);
    if (passed === this.#passed) {
      this.#break('client_gone');
      return;
    }
    this.#passed = passed;
    socket.setTimeout(this.#options.idleTimeoutMs);
  }

  onCut(): void {
    if (this.#options.group.settings.cutAfterDelay) this.#break('cut');
  }

  /** To be called now and then: connections end with their target's health, where the group says so. */
  look(now: number): void {
    const { unhealthyGraceMs } = this.#options.group.settings;
    const target = this.#target;
    if (unhealthyGraceMs === undefined || target?.health.state !== 'unhealthy') return;
    if (now - target.since >= unhealthyGraceMs && this.#upstream !== undefined) this.#break('cut');
  }

  #onClientClosed(): void {
    const target = this.#target;
    if (this.#upstream === undefined && target?.pool instanceof TcpPool) target.pool.giveUp(this);
    if (this.#client.readableEnded) this.#upstream?.destroySoon();
    else if (this.#upstream !== undefined) reset(this.#upstream);
    if (this.#upstream === undefined || this.#upstream.destroyed) this.#finish('client_gone');
  }

  #onUpstreamClosed(upstream: Socket): void {
    if (upstream.readableEnded) this.#client.destroySoon();
    else reset(this.#client);
    this.#finish(upstream.readableEnded ? 'target_1xx' : 'cut');
  }

  #break(outcome: Outcome): void {
    this.#finish(outcome);
    reset(this.#client);
    if (this.#upstream !== undefined) reset(this.#upstream);
  }

  close(): void {
    this.#break('cut');
  }

  #leave(): Target | undefined {
    const target = this.#target;
    this.#target = undefined;
    if (target !== undefined) this.#options.group.release(target);
    return target;
  }

  #finish(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    const { group, clock, onEnd } = this.#options;
    this.#leave();
    group.meter.end(outcome, clock.monotonic() - this.#startedAt);
    onEnd(this);
  }
}

/** The other side learns that the end was not a clean one. */
function reset(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

const ignore = (): undefined => undefined;
