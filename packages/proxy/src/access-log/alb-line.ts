// A request in a line of the access log, exactly as an Application Load Balancer writes it, and as a JSON object of the same fields.
// Source: ALB reference, section 4.5; docs of Elastic Load Balancing, "Access log entries".
import { randomBytes } from 'node:crypto';

import { nameOf } from '@berth/model/resources/arn.ts';
import type { Action } from '@berth/model/generated/messages.ts';
import type { Route } from '@berth/model/routing/table.ts';

import type { ClientInfo } from '../exchange-sides.ts';
import type { RequestSummary } from '../request-summary.ts';
import { addressOf, headerOf, kindOf, requestLine } from '../requests/facts.ts';

const USER_AGENT_LIMIT = 8_192;
const SECOND = 1_000;
/** Everything but printable ASCII, and the quote that ends a field. */
const UNSAFE = /[^\x20\x21\x23-\x7e]/g;
const ANY_UNSAFE = /[^\x20\x21\x23-\x7e]/;

/** The fields in their order; strings that are quoted in a line begin with a quote here. */
export interface AccessFields {
  readonly type: string;
  readonly time: string;
  readonly elb: string;
  readonly client: string;
  readonly target: string;
  readonly requestProcessingTime: number;
  readonly targetProcessingTime: number;
  readonly responseProcessingTime: number;
  readonly elbStatusCode: number | undefined;
  readonly targetStatusCode: number | undefined;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly request: string;
  readonly userAgent: string | undefined;
  readonly sslCipher: string | undefined;
  readonly sslProtocol: string | undefined;
  readonly targetGroupArn: string | undefined;
  readonly traceId: string | undefined;
  readonly domainName: string | undefined;
  readonly chosenCertArn: string | undefined;
  readonly matchedRulePriority: string | undefined;
  readonly requestCreationTime: string;
  readonly actionsExecuted: string | undefined;
  readonly redirectUrl: string | undefined;
  readonly errorReason: string | undefined;
  readonly targetList: string | undefined;
  readonly targetStatusCodeList: string | undefined;
  readonly classification: string | undefined;
  readonly classificationReason: string | undefined;
  readonly connTraceId: string;
  readonly transformedHost: string | undefined;
  readonly transformedUri: string | undefined;
  readonly requestTransformStatus: string | undefined;
  readonly ipAddress: string;
}

/** @param node the address of this proxy */
export function accessFields(summary: RequestSummary, node: string): AccessFields {
  const { client, listener, target, desync } = summary;
  const { method, url, version } = requestLine(summary);
  const balancer = listener?.loadBalancer;
  const kind = balancer?.type === 'network' ? 'net' : 'app';
  const times = processingTimes(summary);
  const place = target === undefined ? undefined : addressOf(target.record);
  const targetStatus = summary.targetStatus === 0 ? undefined : summary.targetStatus;
  return {
    type: kindOf(summary),
    time: isoMicros(summary.at + Math.max(0, summary.endedAt - summary.startedAt)),
    elb: balancer === undefined ? '-' : `${kind}/${balancer.name}/${balancer.id}`,
    client: addressOf(client),
    target: place ?? '-',
    requestProcessingTime: times.request,
    targetProcessingTime: times.target,
    responseProcessingTime: times.response,
    elbStatusCode: summary.status === 0 ? undefined : summary.status,
    targetStatusCode: targetStatus,
    receivedBytes: summary.receivedBytes,
    sentBytes: summary.sentBytes,
    request: `${method} ${url} ${version}`,
    userAgent: headerOf(summary, 'user-agent')?.slice(0, USER_AGENT_LIMIT),
    sslCipher: client.tls?.cipher,
    sslProtocol: client.tls?.version,
    targetGroupArn: targetGroupOf(summary),
    traceId: summary.trace === '' ? undefined : summary.trace,
    domainName: client.tls?.serverName,
    chosenCertArn: client.tls?.certificateArn,
    matchedRulePriority: priorityOf(summary.route),
    requestCreationTime: isoMicros(summary.at),
    actionsExecuted: summary.actions.length === 0 ? undefined : summary.actions.join(','),
    redirectUrl: summary.redirectUrl,
    errorReason: summary.errorReason,
    targetList: place,
    targetStatusCodeList: targetStatus === undefined ? undefined : String(targetStatus),
    classification: desync?.classification,
    classificationReason: desync?.reason,
    connTraceId: connectionTrace(client),
    transformedHost: summary.transformedHost,
    transformedUri: summary.transformedUri,
    requestTransformStatus: summary.transformStatus,
    ipAddress: node,
  };
}

export function albLine(fields: AccessFields): string {
  const f = fields;
  const times = `${seconds(f.requestProcessingTime)} ${seconds(f.targetProcessingTime)} ${seconds(f.responseProcessingTime)}`;
  const sizes = `${f.elbStatusCode ?? '-'} ${f.targetStatusCode ?? '-'} ${f.receivedBytes} ${f.sentBytes}`;
  const names = `${quoted(f.traceId)} ${quoted(f.domainName)} ${quoted(f.chosenCertArn)}`;
  const done = `${quoted(f.actionsExecuted)} ${quoted(f.redirectUrl)} ${quoted(f.errorReason)}`;
  const targets = `${quoted(f.targetList)} ${quoted(f.targetStatusCodeList)}`;
  const desync = `${quoted(f.classification)} ${quoted(f.classificationReason)}`;
  const transformed = `${quoted(f.transformedHost)} ${quoted(f.transformedUri)} ${quoted(f.requestTransformStatus)}`;
  return `${f.type} ${f.time} ${f.elb} ${f.client} ${f.target} ${times} ${sizes} ${quoted(f.request)} ${quoted(f.userAgent)} ${f.sslCipher ?? '-'} ${f.sslProtocol ?? '-'} ${f.targetGroupArn ?? '-'} ${names} ${f.matchedRulePriority ?? '-'} ${f.requestCreationTime} ${done} ${targets} ${desync} ${f.connTraceId} ${transformed} ${f.ipAddress}`;
}

/** Names in snake_case, as in ALB's documentation; what is missing is left out, -1 included. */
export function jsonLine(fields: AccessFields): string {
  const entries = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== '-' && value !== -1)
    .map(([name, value]: [string, unknown]): [string, unknown] => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      typeof value === 'number' && name.endsWith('Time') ? Number(value.toFixed(6)) : value,
    ]);
  return JSON.stringify(Object.fromEntries(entries));
}

/** In seconds; -1 where the phase was not reached. */
function processingTimes(summary: RequestSummary): {
  readonly request: number;
  readonly target: number;
  readonly response: number;
} {
  const { startedAt, sentAt, answeredAt, endedAt } = summary;
  const between = (from: number, to: number): number =>
    from === 0 || to === 0 ? -1 : Math.max(0, to - from) / SECOND;
  if (summary.target === undefined) return { request: -1, target: -1, response: -1 };
  return {
    request: between(startedAt, sentAt),
    target: between(sentAt, answeredAt),
    response: answeredAt === 0 ? -1 : between(answeredAt, endedAt),
  };
}

function priorityOf(route: Route | undefined): string | undefined {
  if (route === undefined) return undefined;
  return route.priority === 'default' ? '0' : String(route.priority);
}

const groupArns = new WeakMap<Route, Map<string, string>>();

/** As the rule's action refers to it: its ARN, where it was given by one. */
function targetGroupOf(summary: RequestSummary): string | undefined {
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

const traces = new WeakMap<ClientInfo, string>();

/** The same for all requests of a connection. */
export function connectionTrace(client: ClientInfo): string {
  let trace = traces.get(client);
  if (trace === undefined) {
    trace = `TID_${randomBytes(16).toString('hex')}`;
    traces.set(client, trace);
  }
  return trace;
}

/** Three decimals; -1 stays -1. */
function seconds(value: number): string {
  if (value < 0) return '-1';
  const thousandths = Math.round(value * 1_000);
  const whole = Math.floor(thousandths / 1_000);
  return `${whole}.${String(1_000 + thousandths - whole * 1_000).slice(1)}`;
}

function quoted(text: string | undefined): string {
  if (text === undefined || text === '') return '"-"';
  return ANY_UNSAFE.test(text) ? `"${text.replace(UNSAFE, escapeByte)}"` : `"${text}"`;
}

function escapeByte(character: string): string {
  return Array.from(
    Buffer.from(character, 'latin1'),
    (byte) => `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('');
}

let isoSecond = -1;
let isoText = '';

/** @param at milliseconds with a fraction */
function isoMicros(at: number): string {
  const second = Math.floor(at / SECOND);
  if (second !== isoSecond) {
    isoSecond = second;
    isoText = new Date(second * SECOND).toISOString().slice(0, -'000Z'.length);
  }
  const micros = Math.floor((at - second * SECOND) * 1_000);
  return `${isoText}${String(1_000_000 + micros).slice(1)}Z`;
}
