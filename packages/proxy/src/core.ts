// What serves: all of it in this process, or workers. The session, the reports and the table on disk know no more of it than this.
import type {
  GroupTraffic,
  RequestAnswer,
  RequestOrder,
  RoutingUpdate,
} from '@berth/model/generated/messages.ts';
import type { RouteTable } from '@berth/model/routing/table.ts';

import type { Target } from './target.ts';
import type { CountSource } from './target-tally.ts';

/** What the control plane is told. */
export interface ReportSource {
  /** The newest revision by which every request is routed. */
  readonly appliedRevision: number;
  targets(): Iterable<Target>;
  /** Every request is routed by a table that knows the target: nothing is said of it before. */
  isRouted(target: Target): boolean;
  traffic(): GroupTraffic[];
  /** Of single targets. */
  readonly counts: CountSource;
  /** Wall time when counts were last lost; undefined: never. */
  readonly countsLostAt: number | undefined;
  /** Afterwards everything that had ended at the time of the call is counted. @throws Error when that can't be had */
  settleCounts(): Promise<void>;
}

/** Questions about single requests. */
export interface RequestTeller {
  /** @returns false when there is no room for it now */
  onAnswer: (answer: RequestAnswer) => boolean;
  take(order: RequestOrder): void;
  /** Whoever asked is gone. */
  stopTelling(): void;
}

export interface Core extends ReportSource, RequestTeller {
  readonly table: RouteTable;
  readonly serving: boolean;
  /** Each port of the table is open, or has failed at least once. */
  readonly settled: boolean;
  /** Brings an update in use; see `appliedRevision` for when it is. */
  update(update: RoutingUpdate): void;
  /** Opens the ports, at the first time only after each target has been checked once, or a second has passed. */
  serve(): Promise<void>;
  /** Why it does not serve as it should, one text a problem. */
  problems(): string[];
  /** Where a port of the table is really listened on; undefined while it is not. */
  actualPort(port: number): number | undefined;
  /** Stops accepting, lets what is in flight end, then breaks off the rest. Never throws. */
  stop(graceMs: number): Promise<void>;
}

export interface CoreEvents {
  /** What is to be reported of the target has changed. Must not throw. */
  onTargetChange(target: Target): void;
  /** `appliedRevision` has grown. */
  onApplied(): void;
}
