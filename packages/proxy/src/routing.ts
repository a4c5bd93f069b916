// The routing table in use and the run-time state behind it: groups with their targets, and the turns of weighted rules. A swap is
// one synchronous step, so that when it returns every new selection follows the new table.
import type { Clock } from '@berth/control/clock.ts';
import {
  EMPTY_TABLE,
  type GroupRoutes,
  type RouteAction,
  type RouteTable,
} from '@berth/model/routing/table.ts';
import { takeTurn } from '@berth/model/routing/weights.ts';

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
  readonly hooks: GroupHooks;
}

export class Routing {
  table: RouteTable = EMPTY_TABLE;
  readonly groups = new Map<string, Group>();
  readonly #with: RoutingSurroundings;
  /** What the groups of each weighted action have saved up. */
  readonly #turns = new Map<string, number[]>();

  constructor(surroundings: RoutingSurroundings) {
    this.#with = surroundings;
  }

  /** @returns targets that are no longer in the table */
  swap(table: RouteTable): readonly GoneTarget[] {
    const gone: GoneTarget[] = [];
    for (const [name, routes] of table.groups) {
      if (this.table.groups.get(name) === routes) continue;
      const group = this.groups.get(name) ?? this.#newGroup(routes);
      for (const target of group.apply(routes)) gone.push({ group, target });
    }
    this.table = table;
    for (const [name, group] of this.groups) {
      if (table.groups.has(name)) continue;
      for (const target of group.targets.values()) gone.push({ group, target });
      this.groups.delete(name);
      group.meter.remove();
    }
    for (const { target } of gone) target.retired = true;
    this.#forgetTurns();
    return gone;
  }

  #newGroup(routes: GroupRoutes): Group {
    const { name } = routes.record;
    const { metrics, hooks, settings, clock } = this.#with;
    const group = new Group(routes, metrics.meter(name), hooks, settings, clock);
    this.groups.set(name, group);
    return group;
  }

  /** Rules come and go; their turns must not pile up. */
  #forgetTurns(): void {
    if (this.#turns.size === 0) return;
    const known = new Set(
      [...this.table.listeners.values()].flatMap(({ routes }) => routes.map((route) => route.key)),
    );
    for (const key of this.#turns.keys()) if (!known.has(key)) this.#turns.delete(key);
  }

  /** The group whose turn it is in a forward action; undefined when all weights are zero or the group does not exist. */
  groupOf(routeKey: string, action: Extract<RouteAction, { kind: 'forward' }>): Group | undefined {
    const { shares, groups } = action;
    let turn = 0;
    if (shares.length !== 1) {
      let credit = this.#turns.get(routeKey);
      if (credit?.length !== shares.length) this.#turns.set(routeKey, (credit = []));
      turn = takeTurn(shares, credit);
    }
    const chosen = groups[turn];
    return chosen === undefined ? undefined : this.groups.get(chosen.group);
  }
}
