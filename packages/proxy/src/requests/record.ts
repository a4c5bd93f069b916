// A request's summary as the control plane is told of it. Made when somebody asks, not while requests pass. Pure.
import type { RequestPhase, RequestRecord } from '@berth/model/generated/messages.ts';

import type { RequestSummary } from '../request-summary.ts';
import { addressOf, headerOf, kindOf, methodOf, urlOf } from './facts.ts';

const MICROS = 1_000;
const TEXT_LIMIT = 2_048;

export function requestRecord(summary: RequestSummary, proxy: string): RequestRecord {
  const { route, listener, target } = summary;
  return {
    requestId: summary.requestId,
    proxy,
    at: Math.round(summary.at),
    client: addressOf(summary.client),
    protocol: kindOf(summary),
    method: methodOf(summary),
    url: urlOf(summary).slice(0, TEXT_LIMIT),
    listenerId: listener?.record.id ?? '',
    ...(route === undefined ? {} : { ruleId: route.key.slice(route.key.indexOf('/') + 1) }),
    ...(typeof route?.priority === 'number' ? { priority: route.priority } : {}),
    ...(summary.group === undefined ? {} : { targetGroup: summary.group }),
    ...(target === undefined ? {} : { target: addressOf(target.record) }),
    ...(target === undefined || target.record.taskId === ''
      ? {}
      : { taskId: target.record.taskId }),
    routingRevision: summary.routingRevision,
    status: summary.status,
    ...(summary.targetStatus === 0 ? {} : { targetStatus: summary.targetStatus }),
    receivedBytes: summary.receivedBytes,
    sentBytes: summary.sentBytes,
    phases: phasesOf(summary),
    attempts: summary.attempts.map((attempt) => ({
      target: addressOf(attempt.target.record),
      outcome: attempt.outcome,
      reusedConnection: attempt.reused,
    })),
    ...(summary.errorReason === undefined ? {} : { errorReason: summary.errorReason }),
    ...(summary.trace === '' ? {} : { traceId: summary.trace }),
  };
}

/**
 * Each phase ends where the next that was reached begins, so that together they are the whole time. A head that came at once, as
 * nearly all do, has no phase.
 */
export function phasesOf(summary: RequestSummary): RequestPhase[] {
  const ends: readonly (readonly [string, number])[] = [
    ['auth', summary.authenticatedAt],
    ['choose', summary.chosenAt],
    ['connect', summary.connectedAt],
    ['send', summary.sentAt],
    ['wait', summary.answeredAt],
    ['answer', summary.endedAt],
  ];
  const phases: RequestPhase[] = [];
  if (summary.headMs > 0) {
    phases.push({ name: 'head', micros: Math.round(summary.headMs * MICROS) });
  }
  let begin = summary.startedAt;
  for (const [name, end] of ends) {
    if (end === 0) continue;
    phases.push({ name, micros: Math.max(0, Math.round((end - begin) * MICROS)) });
    begin = Math.max(begin, end);
  }
  return phases;
}

/** Whether this is the request that somebody calls by `id`: its own id, the root of its trace, or what its client calls it. */
export function isCalled(summary: RequestSummary, id: string): boolean {
  if (summary.requestId === id) return true;
  if (summary.trace.includes(`Root=${id}`)) return true;
  return headerOf(summary, 'x-request-id') === id;
}
