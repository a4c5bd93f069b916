// Records for tests, with everything filled in that a test does not care about.
import type {
  Action,
  ListenerRecord,
  RoutingUpdate,
  RuleCondition,
  RuleRecord,
  TargetGroupRecord,
  TargetRecord,
} from '../generated/messages.ts';
import type { RequestView } from './conditions.ts';
import { emptyUpdate } from './records.ts';

export function listener(port: number, action: Action, id = `l${port}`): ListenerRecord {
  const protocol = 'HTTP';
  const rest = { createdAt: 1, tags: [], certificates: [], attributes: {} };
  return { id, port, protocol, defaultActions: [action], ...rest };
}

export function rule(
  listenerId: string,
  priority: number,
  conditions: readonly RuleCondition[],
  action: Action,
): RuleRecord {
  const id = `r${priority}`;
  const rest = { createdAt: 1, tags: [], transforms: [], attributes: {} };
  return { id, listenerId, priority, conditions, actions: [action], ...rest };
}

export function condition(
  field: RuleCondition['field'],
  values: readonly string[],
  more: Partial<RuleCondition> = {},
): RuleCondition {
  return { field, values, queryString: [], regexValues: [], ...more };
}

/** @param groups NAME or NAME=WEIGHT */
export function forward(...groups: readonly string[]): Action {
  const targetGroups = groups.map((text) => {
    const [targetGroupArn = '', weight] = text.split('=');
    return { targetGroupArn, weight: weight === undefined ? undefined : Number(weight) };
  });
  return { type: 'forward', forward: { targetGroups } };
}

export function fixed(statusCode: string, messageBody = ''): Action {
  return { type: 'fixed-response', fixedResponse: { statusCode, messageBody } };
}

export function targetGroup(
  name: string,
  attributes: Readonly<Record<string, string>> = {},
): TargetGroupRecord {
  return {
    name,
    id: '0123456789abcdef',
    protocol: 'HTTP',
    port: 80,
    targetType: 'ip',
    attributes,
    createdAt: 1,
    tags: [],
  };
}

export function target(
  group: string,
  id: string,
  state: TargetRecord['state'] = 'REGISTERED',
): TargetRecord {
  return {
    group,
    id,
    address: '127.0.0.1',
    port: 20000,
    hostId: 'h',
    taskId: id,
    cluster: 'default',
    service: 's',
    state,
    registeredAt: 1,
  };
}

export function update(revision: number, parts: Partial<RoutingUpdate>): RoutingUpdate {
  return { ...emptyUpdate(revision, false), ...parts };
}

export function request(parts: Partial<RequestView> = {}): RequestView {
  return {
    method: 'GET',
    host: 'example.com',
    path: '/',
    query: '',
    headers: [],
    sourceAddress: '192.0.2.7',
    ...parts,
  };
}
