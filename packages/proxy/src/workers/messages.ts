// What the primary process and its workers say to each other. Both sides read in the order of writing, so that an order is obeyed by
// the table that was sent before it. Sent by structured clone, therefore plain values only.
import type {
  FailedRequest,
  GroupTraffic,
  RequestAnswer,
  RequestOrder,
  RoutingUpdate,
  TargetCounts,
} from '@berth/model/generated/messages.ts';
import type { TargetHealth } from '@berth/model/routing/target-health.ts';
import type { MetricObject } from 'prom-client';

import type { AccessLogSettings } from '../access-log/access-log.ts';
import type { ProxySettings } from '../settings.ts';
import type { Target } from '../target.ts';

/** What a worker is started with. */
export interface WorkerOptions {
  readonly proxyId: string;
  /** 0, 1, 2... */
  readonly slot: number;
  /** How many share the traffic. */
  readonly workers: number;
  readonly certificateDirectory: string | undefined;
  readonly bindAddress: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly accessLog: AccessLogSettings;
  readonly settings: Partial<ProxySettings>;
}

/** One registration of a target. */
export interface TargetName {
  readonly group: string;
  readonly target: string;
  /** Tells registrations of the same name apart. */
  readonly stamp: string;
}

export type Order =
  | { readonly kind: 'begin'; readonly options: WorkerOptions }
  /** Updates are numbered: a revision may come again when the control plane goes back in time. */
  | { readonly kind: 'update'; readonly update: RoutingUpdate; readonly sequence: number }
  | {
      readonly kind: 'health';
      readonly targets: readonly (TargetName & { health: TargetHealth })[];
    }
  | ({ readonly kind: 'ejection'; readonly ejected: boolean } & TargetName)
  /** Open the ports of the table. */
  | { readonly kind: 'serve' }
  /** The answer to `take`. With a socket that listens already: listen on that. Else on `bind`. */
  | { readonly kind: 'port'; readonly port: number; readonly bind: number }
  | { readonly kind: 'requests'; readonly order: RequestOrder }
  | { readonly kind: 'stopTelling' }
  /** Tell all that has been counted by now. */
  | { readonly kind: 'count'; readonly number: number }
  | { readonly kind: 'ping' }
  | { readonly kind: 'stop'; readonly graceMs: number };

export type News =
  /** Waits for `begin`. */
  | { readonly kind: 'up' }
  /** Every request is routed by this update. */
  | { readonly kind: 'applied'; readonly sequence: number }
  | ({
      readonly kind: 'drain';
      readonly phase: 'draining' | 'drained';
      readonly cut: boolean;
      /** The update by which it was found. */
      readonly sequence: number;
    } & TargetName)
  | ({ readonly kind: 'ejection'; readonly ejected: boolean } & TargetName)
  /** How the target's errors compare with those of its peers, in this worker. */
  | ({
      readonly kind: 'anomaly';
      readonly anomalous: boolean;
      readonly weight: number;
    } & TargetName)
  /** Where is this port to be listened on? */
  | { readonly kind: 'take'; readonly port: number }
  /** It is; with the socket, which the primary keeps for whoever comes after this worker. */
  | { readonly kind: 'listening'; readonly port: number; readonly actual: number }
  | { readonly kind: 'refused'; readonly port: number }
  | { readonly kind: 'ports'; readonly settled: boolean; readonly problems: readonly string[] }
  | {
      readonly kind: 'traffic';
      readonly groups: readonly GroupTraffic[];
      /** Those that have changed. */
      readonly targets: readonly TargetCounts[];
      readonly failures: readonly FailedRequest[];
    }
  /** The answer to `count`. */
  | { readonly kind: 'counted'; readonly number: number }
  /** Nothing will be counted any more, and all is told. */
  | { readonly kind: 'countedLast' }
  | { readonly kind: 'metrics'; readonly metrics: readonly MetricObject[] }
  | { readonly kind: 'requests'; readonly answer: RequestAnswer }
  | { readonly kind: 'pong' };

export function nameOfTarget({ record }: Target): TargetName {
  const { group, id, registeredAt, address, port } = record;
  return { group, target: id, stamp: `${registeredAt} ${address}:${port}` };
}

/** The present target of this name; undefined when it is another registration by now. */
export function findTarget(
  groups: ReadonlyMap<string, { readonly targets: ReadonlyMap<string, Target> }>,
  { group, target, stamp }: TargetName,
): Target | undefined {
  const found = groups.get(group)?.targets.get(target);
  return found !== undefined && nameOfTarget(found).stamp === stamp ? found : undefined;
}
