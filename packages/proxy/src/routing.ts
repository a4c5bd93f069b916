// The routing table in use and the run-time state behind it: groups with their targets, the turns of weighted rules, and the cookies of clients that
// stay where they are. A swap is one synchronous step, so that when it returns every new selection follows the new table.
import type { Clock, Random } from '@berth/control/clock.ts';
import { ANOMALY_SLICES, ANOMALY_WINDOW_MS } from '@berth/model/routing/anomaly.ts';
import type { RequestView } from '@berth/model/routing/conditions.ts';
import type { ForwardRoute } from '@berth/model/routing/route.ts';
import { EMPTY_TABLE, type GroupRoutes, type RouteTable } from '@berth/model/routing/table.ts';
import { takeTurn } from '@berth/model/routing/weights.ts';

import { Mirrors } from './balancing/mirrors.ts';
import { Stickiness } from './balancing/stickiness.ts';
import { StickyCookies } from './balancing/sticky-cookies.ts';
import { Group, type GroupHooks } from './group.ts';
import type { ProxyMetrics } from './metrics.ts';
import type { ProxySettings } from './settings.ts';
import type { Target } from './target.ts';

export interface GoneTarget {
  readonly group: Group;
  readonly target: Target;
}

export interface RoutingSurroundings {
  readonly metrics: ProxyMetrics;
  readonly settings: ProxySettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly hooks: GroupHooks;
}

export interface GroupChoice {
  readonly group: Group;
  /** Undefined: nothing keeps clients on this group or its targets. */
  readonly stickiness: Stickiness | undefined;
  /** To be given to `Group.select`. */
  readonly preferred: Target | undefined;
}

const SLICE_MS = ANOMALY_WINDOW_MS / ANOMALY_SLICES;

export class Routing {
  table: RouteTable = EMPTY_TABLE;
  readonly groups = new Map<string, Group>();
  readonly mirrors: Mirrors;
  readonly #with: RoutingSurroundings;
  readonly #now: () => number;
  /** What the groups of each weighted action have saved up. */
  readonly #turns = new WeakMap<ForwardRoute, number[]>();
  #cookies = new StickyCookies([]);
  #comparedAt: number;

  constructor(surroundings: RoutingSurroundings) {
    this.#with = surroundings;
    const { clock, random } = surroundings;
    this.#now = () => clock.now();
    this.mirrors = new Mirrors({
      group: (name) => this.groups.get(name),
      random,
      now: () => clock.monotonic(),
    });
    this.#comparedAt = clock.monotonic();
  }

  /** @returns targets that are no longer in the table */
  swap(table: RouteTable): readonly GoneTarget[] {
    const gone: GoneTarget[] = [];
    for (const [name, routes] of table.groups) {
      if (this.table.groups.get(name) === routes) continue;
      const group = this.groups.get(name) ?? this.#newGroup(routes);
      for (const target of group.apply(routes)) gone.push({ group, target });
    }
    const { cookieKeys } = table.records;
    if (cookieKeys !== this.table.records.cookieKeys) this.#cookies = new StickyCookies(cookieKeys);
    this.table = table;
    for (const [name, group] of this.groups) {
      if (table.groups.has(name)) continue;
      for (const target of group.targets.values()) gone.push({ group, target });
      this.groups.delete(name);
      group.meter.remove();
    }
    for (const { target } of gone) target.retired = true;
    return gone;
  }

  #newGroup(routes: GroupRoutes): Group {
    const { name } = routes.record;
    const group = new Group(routes, this.#with.metrics.meter(name), this.#with);
    this.groups.set(name, group);
    return group;
  }

  /**
   * The group and the target that a client's cookies name; else the group whose turn it is.
   * @param request its headers are only read where cookies count
   * @returns undefined when all weights are zero or the group does not exist
   */
  choose(action: ForwardRoute, request: Pick<RequestView, 'headers'>): GroupChoice | undefined {
    if (action.stickyMs === undefined) {
      const group = this.groupOf(action);
      if (group === undefined) return undefined;
      const { type } = group.settings.stickiness;
      if (type !== 'lb_cookie' && type !== 'app_cookie') {
        return { group, stickiness: undefined, preferred: undefined };
      }
      const stickiness = new Stickiness(this.#cookies, request.headers, this.#now);
      return { group, stickiness, preferred: stickiness.targetIn(group) };
    }
    const stickiness = new Stickiness(this.#cookies, request.headers, this.#now);
    const known = stickiness.groupOf(action);
    const group = known === undefined ? this.groupOf(action) : this.groups.get(known);
    if (group === undefined) return undefined;
    return { group, stickiness, preferred: stickiness.targetIn(group) };
  }

  /** The group whose turn it is in a forward action; undefined when all weights are zero or the group does not exist. */
  groupOf(action: ForwardRoute): Group | undefined {
    const { shares, groups } = action;
    let turn = 0;
    if (shares.length !== 1) {
      let credit = this.#turns.get(action);
      if (credit === undefined) this.#turns.set(action, (credit = []));
      turn = takeTurn(shares, credit);
    }
    const chosen = groups[turn];
    return chosen === undefined ? undefined : this.groups.get(chosen.group);
  }

  /** To be called about once a second. */
  sweep(): void {
    const now = this.#with.clock.monotonic();
    if (now - this.#comparedAt < SLICE_MS) return;
    this.#comparedAt = now;
    for (const group of this.groups.values()) group.compareErrors();
  }
}
