// What a line and a JSON object of the access log have in common. What does not change from request to request is worked out once.
import { randomBytes } from 'node:crypto';

import type { Action } from '@berth/model/generated/messages.ts';
import { nameOf } from '@berth/model/resources/arn.ts';
import type { ListenerRoutes, Route } from '@berth/model/routing/table.ts';

import type { ClientInfo } from '../exchange-sides.ts';
import type { RequestSummary } from '../request-summary.ts';
import { addressOf, headerOf } from '../requests/facts.ts';

const USER_AGENT_LIMIT = 8_192;
const SECOND = 1_000;

export interface ClientFacts {
  /** ADDRESS:PORT */
  readonly address: string;
  /** The same for all requests of a connection. */
  readonly trace: string;
}

const clients = new WeakMap<ClientInfo, ClientFacts>();

export function clientFacts(client: ClientInfo): ClientFacts {
  let facts = clients.get(client);
  if (facts === undefined) {
    facts = { address: addressOf(client), trace: `TID_${randomBytes(16).toString('hex')}` };
    clients.set(client, facts);
  }
  return facts;
}

const balancers = new WeakMap<ListenerRoutes, string>();

/** app/NAME/ID, or net/NAME/ID; undefined without a load balancer. */
export function balancerOf(listener: ListenerRoutes | undefined): string | undefined {
  const balancer = listener?.loadBalancer;
  if (listener === undefined || balancer === undefined) return undefined;
  let text = balancers.get(listener);
  if (text === undefined) {
    const kind = balancer.type === 'network' ? 'net' : 'app';
    text = `${kind}/${balancer.name}/${balancer.id}`;
    balancers.set(listener, text);
  }
  return text;
}

export function priorityOf(route: Route | undefined): string | undefined {
  if (route === undefined) return undefined;
  return route.priority === 'default' ? '0' : String(route.priority);
}

const groupArns = new WeakMap<Route, Map<string, string>>();

/** As the rule's action refers to it: its ARN, where it was given by one. */
export function targetGroupOf(summary: RequestSummary): string | undefined {
  const { group, route } = summary;
  if (group === undefined || route === undefined) return group;
  let arns = groupArns.get(route);
  if (arns === undefined) groupArns.set(route, (arns = new Map<string, string>()));
  let arn = arns.get(group);
  if (arn === undefined) arns.set(group, (arn = arnIn(summary, group)));
  return arn;
}

function arnIn({ route, listener }: RequestSummary, group: string): string {
  const actions: readonly Action[] =
    route?.record?.actions ?? listener?.record.defaultActions ?? [];
  for (const { forward } of actions) {
    for (const { targetGroupArn } of forward?.targetGroups ?? []) {
      if (nameOf(targetGroupArn) === group) return targetGroupArn;
    }
  }
  return group;
}

export function userAgentOf(summary: RequestSummary): string | undefined {
  const text = headerOf(summary, 'user-agent');
  return text === undefined || text.length <= USER_AGENT_LIMIT
    ? text
    : text.slice(0, USER_AGENT_LIMIT);
}

/** Milliseconds of wall time when it ended. */
export function endOf({ at, startedAt, endedAt }: RequestSummary): number {
  return at + Math.max(0, endedAt - startedAt);
}

/** Three digits of each number below a thousand: texts that are made once. */
export const DIGITS: readonly string[] = Array.from({ length: SECOND }, (_, number) =>
  String(number).padStart(3, '0'),
);

let isoSecond = -1;
let isoText = '';

/** @param at milliseconds with a fraction */
export function isoMicros(at: number): string {
  const second = Math.floor(at / SECOND);
  if (second !== isoSecond) {
    isoSecond = second;
    isoText = new Date(second * SECOND).toISOString().slice(0, -'000Z'.length);
  }
  const within = at - second * SECOND;
  const millis = Math.floor(within);
  const micros = Math.floor((within - millis) * 1_000);
  return `${isoText}${DIGITS[millis] as string}${DIGITS[micros] as string}Z`;
}
