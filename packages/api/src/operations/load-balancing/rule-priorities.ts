// The priorities of several rules at once, so that rules can trade places. Source: ALB reference, section 1.5.
import { BerthError } from '@berth/model/errors.ts';
import type {
  ListenerRecord,
  RulePriority,
  RuleRecord,
  SetRulePrioritiesRequest,
  SetRulePrioritiesResponse,
} from '@berth/model/generated/messages.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { checkPriority } from '@berth/model/validation/rule.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { ruleView } from '../../views/load-balancing-view.ts';
import type { OperationContext } from '../deps.ts';
import type { Place } from '../resolve.ts';
import { replace, touch, write } from '../write.ts';
import { requireRule } from './find.ts';
import { TURN } from './listener-records.ts';

/** What fits into one transaction. */
const MOST_RULES = 100;

interface Moved {
  readonly rule: Stored<RuleRecord>;
  readonly listener: Stored<ListenerRecord>;
  readonly priority: number;
}

/** All or nothing: afterwards no two rules of a listener have the same priority. */
export async function setRulePriorities(
  on: OperationContext,
  { rulePriorities }: SetRulePrioritiesRequest,
  { signal }: CallContext,
): Promise<SetRulePrioritiesResponse> {
  const check = new Checker('ValidationError');
  if (rulePriorities.length === 0) {
    check.refuse('rulePriorities is empty; expected at least one rule with its priority.');
  }
  check.atMost('rulePriorities', rulePriorities.length, MOST_RULES, 'rules');
  for (const [index, { priority }] of rulePriorities.entries()) {
    checkPriority(check, `rulePriorities[${index}].priority`, priority);
  }
  const attempted = 'set the priorities of rules';
  return write(on, { signal, attempted, turn: TURN }, (state) => {
    const moved = rulePriorities.map((each) => movedRule({ state, realm: on.realm }, each));
    refuseClashes(check, state, moved);
    const listeners = new Map(moved.map(({ listener }) => [listener.key, listener]));
    const records = moved.map(({ rule, listener, priority }) => ({
      rule,
      listener: listener.value,
      record: { ...rule.value, priority },
    }));
    const changes = [
      ...records.map(({ rule, record }) => replace(collections.rules, rule, record)),
      ...[...listeners.values()].map((listener) => touch(collections.listeners, listener)),
    ];
    return {
      guards: changes.map(({ guard }) => guard),
      puts: changes.map(({ put }) => put),
      result: (seen) => ({
        rules: records.map(({ record, listener }) => ruleView(seen, on.realm, record, listener)),
      }),
    };
  });
}

function movedRule(place: Place, { rule: text, priority }: RulePriority): Moved {
  const found = requireRule(place, text);
  if (found.kind === 'default') {
    throw new BerthError(
      'OperationNotPermitted',
      `The priority of default rule '${text}' cannot be changed; it is always tried last.`,
    );
  }
  return { rule: found.rule, listener: found.listener, priority };
}

function refuseClashes(check: Checker, state: State, moved: readonly Moved[]): void {
  check.unique(
    'rulePriorities',
    moved.map(({ rule }) => rule.value.id),
  );
  const listeners = new Set(moved.map(({ listener }) => listener.value.id));
  for (const id of listeners) {
    const here = moved.filter(({ listener }) => listener.value.id === id);
    check.unique(
      'rulePriorities',
      here.map(({ priority }) => String(priority)),
    );
    const wanted = new Set(here.map(({ priority }) => priority));
    const moving = new Set(here.map(({ rule }) => rule.value.id));
    for (const { value } of state.list(collections.rules, id)) {
      if (!wanted.has(value.priority) || moving.has(value.id)) continue;
      throw new BerthError(
        'PriorityInUse',
        `Priority '${value.priority}' is currently in use (rule ${value.id})`,
      );
    }
  }
}
