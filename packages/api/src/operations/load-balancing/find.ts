// What a load-balancing request names, or ALB's error where there is no such thing. Pure.
// Source: ALB reference, sections 1.2 and 1.5.
import { BerthError } from '@berth/model/errors.ts';
import type {
  Action,
  ListenerRecord,
  RuleRecord,
  TargetGroupRecord,
} from '@berth/model/generated/messages.ts';
import { parseElbReference } from '@berth/model/resources/reference.ts';
import { collections } from '@berth/store/keys.ts';
import type { State, Stored } from '@berth/store/state.ts';

import type { Place } from '../resolve.ts';

/** By name or ARN. An ARN's id has to be the group's own: a group that was made anew is another. */
export function findTargetGroup(
  { state, realm }: Place,
  text: string,
): Stored<TargetGroupRecord> | undefined {
  const [name, id] = parseElbReference(realm, 'targetgroup', text) ?? [];
  const found = name === undefined ? undefined : state.get(collections.targetGroups, name);
  return id === undefined || found?.value.id === id ? found : undefined;
}

/** @throws BerthError TargetGroupNotFound */
export function requireTargetGroup(place: Place, text: string): Stored<TargetGroupRecord> {
  const found = findTargetGroup(place, text);
  if (found) return found;
  throw new BerthError(
    'TargetGroupNotFound',
    `One or more target groups not found (target group "${text}")`,
  );
}

/** By id, ARN or port. @throws BerthError ListenerNotFound */
export function requireListener({ state, realm }: Place, text: string): Stored<ListenerRecord> {
  const id = parseElbReference(realm, 'listener', text)?.at(-1);
  const exact = id === undefined ? undefined : state.get(collections.listeners, id);
  const found = exact ?? (/^\d{1,5}$/.test(text) ? listenerOn(state, Number(text)) : undefined);
  if (found) return found;
  throw new BerthError('ListenerNotFound', `One or more listeners not found (listener "${text}")`);
}

export function listenerOn(state: State, port: number): Stored<ListenerRecord> | undefined {
  for (const listener of state.list(collections.listeners)) {
    if (listener.value.port === port) return listener;
  }
  return undefined;
}

export type FoundRule =
  | { readonly kind: 'rule'; readonly rule: Stored<RuleRecord> }
  /** The default rule, which is part of its listener. */
  | { readonly kind: 'default'; readonly listener: Stored<ListenerRecord> };

/** By id or ARN; a default rule has the id of its listener. @throws BerthError RuleNotFound */
export function requireRule({ state, realm }: Place, text: string): FoundRule {
  const id = parseElbReference(realm, 'listener-rule', text)?.at(-1);
  if (id !== undefined) {
    const listener = state.get(collections.listeners, id);
    if (listener) return { kind: 'default', listener };
    for (const rule of state.list(collections.rules)) {
      if (rule.value.id === id) return { kind: 'rule', rule };
    }
  }
  throw new BerthError('RuleNotFound', `One or more rules not found (rule "${text}")`);
}

export interface ResolvedActions {
  /** With target groups by name. */
  readonly actions: readonly Action[];
  readonly groups: readonly Stored<TargetGroupRecord>[];
}

/** @throws BerthError TargetGroupNotFound; ValidationError for a group that is named twice */
export function resolveActions(place: Place, asked: readonly Action[]): ResolvedActions {
  const groups = new Map<string, Stored<TargetGroupRecord>>();
  const actions = asked.map((action): Action => {
    if (!action.forward) return action;
    const targetGroups = action.forward.targetGroups.map((tuple) => {
      const group = requireTargetGroup(place, tuple.targetGroupArn);
      const { name } = group.value;
      if (groups.has(name)) {
        throw new BerthError(
          'ValidationError',
          `A forward action names target group ${name} more than once; expected each at most once.`,
        );
      }
      groups.set(name, group);
      return { ...tuple, targetGroupArn: name };
    });
    return { ...action, forward: { targetGroups } };
  });
  return { actions, groups: [...groups.values()] };
}
