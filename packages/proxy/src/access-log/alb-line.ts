// A request in a line of the access log, exactly as an Application Load Balancer writes it. On the path of every request: the pieces that are the same for many
// requests are texts at hand, and only what clients say is looked through for what would end a field.
// Source: ALB reference, section 4.5; docs of Elastic Load Balancing, "Access log entries".
import type { ClientTls } from '../exchange-sides.ts';
import type { RequestSummary } from '../request-summary.ts';
import { kindOf, requestText } from '../requests/facts.ts';
import {
  DIGITS,
  balancerOf,
  clientFacts,
  endOf,
  isoMicros,
  priorityOf,
  targetGroupOf,
  userAgentOf,
} from './log-facts.ts';

const SECOND = 1_000;
/** Everything but printable ASCII, and the quote that ends a field. */
const UNSAFE = /[^\x20\x21\x23-\x7e]/g;
const ANY_UNSAFE = /[^\x20\x21\x23-\x7e]/;
const NONE = '"-"';
const TWO_NONE = '"-" "-"';
const THREE_NONE = '"-" "-" "-"';
const PARTS_OF_SECOND = DIGITS.map((digits) => `0.${digits}`);

/** @param node the address of this proxy */
export function albLine(summary: RequestSummary, node: string): string {
  const { client, target, targetStatus, status } = summary;
  const { tls } = client;
  const { address, trace } = clientFacts(client);
  const place = target === undefined ? '-' : target.place;
  const statuses = `${status === 0 ? '-' : status} ${targetStatus === 0 ? '-' : targetStatus}`;
  const protocol = tls === undefined ? '- -' : `${tls.cipher} ${tls.version}`;
  const targets =
    targetStatus === 0 ? `${quoted(target?.place)} ${NONE}` : `"${place}" "${targetStatus}"`;
  return `${kindOf(summary)} ${isoMicros(endOf(summary))} ${balancerOf(summary.listener) ?? '-'} ${address} ${place} ${times(summary)} ${statuses} ${summary.receivedBytes} ${summary.sentBytes} ${request(summary)} ${quoted(userAgentOf(summary))} ${protocol} ${targetGroupOf(summary) ?? '-'} ${traceId(summary)} ${names(tls)} ${priorityOf(summary.route) ?? '-'} ${isoMicros(summary.at)} ${actions(summary)} ${targets} ${desync(summary)} ${trace} ${transformed(summary)} ${node}`;
}

/** Three of them; -1 where the phase was not reached. */
function times({ target, startedAt, sentAt, answeredAt, endedAt }: RequestSummary): string {
  if (target === undefined) return '-1 -1 -1';
  return `${seconds(startedAt, sentAt)} ${seconds(sentAt, answeredAt)} ${seconds(answeredAt, endedAt)}`;
}

/** With three decimals. */
function seconds(from: number, to: number): string {
  if (from === 0 || to === 0) return '-1';
  const millis = Math.round(to - from);
  if (millis <= 0) return '0.000';
  if (millis < SECOND) return PARTS_OF_SECOND[millis] as string;
  const whole = Math.floor(millis / SECOND);
  return `${whole}.${DIGITS[millis - whole * SECOND] as string}`;
}

/** Of a request of HTTP/1.x that was understood, methods and hosts hold nothing that could end the field, and its target no more than a quote. */
function request(summary: RequestSummary): string {
  const { head, protocol } = summary;
  const text = requestText(summary);
  return head === undefined || protocol === 'h2' || head.target.includes('"')
    ? quoted(text)
    : `"${text}"`;
}

/** One that the proxy has made by itself needs no look. */
function traceId({ head, trace }: RequestSummary): string {
  return head?.trace === undefined && trace !== '' ? `"${trace}"` : quoted(trace);
}

function names(tls: ClientTls | undefined): string {
  return tls === undefined ? TWO_NONE : `${quoted(tls.serverName)} ${quoted(tls.certificateArn)}`;
}

function actions({ actions: done, redirectUrl, errorReason }: RequestSummary): string {
  const list = done.length === 0 ? NONE : `"${done.length === 1 ? done[0] : done.join(',')}"`;
  return redirectUrl === undefined && errorReason === undefined
    ? `${list} ${TWO_NONE}`
    : `${list} ${quoted(redirectUrl)} ${quoted(errorReason)}`;
}

function desync({ desync: found }: RequestSummary): string {
  return found === undefined ? TWO_NONE : `"${found.classification}" ${quoted(found.reason)}`;
}

function transformed(summary: RequestSummary): string {
  const { transformStatus, transformedHost, transformedUri } = summary;
  return transformStatus === undefined
    ? THREE_NONE
    : `${quoted(transformedHost)} ${quoted(transformedUri)} "${transformStatus}"`;
}

function quoted(text: string | undefined): string {
  if (text === undefined || text === '') return NONE;
  return ANY_UNSAFE.test(text) ? `"${text.replace(UNSAFE, escapeByte)}"` : `"${text}"`;
}

function escapeByte(character: string): string {
  return Array.from(
    Buffer.from(character, 'latin1'),
    (byte) => `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('');
}
