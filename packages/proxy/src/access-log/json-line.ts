// A request in the access log as a JSON object, with the fields that an Application Load Balancer writes. Source: ALB reference, section 4.5.
import type { RequestSummary } from '../request-summary.ts';
import { kindOf, requestText } from '../requests/facts.ts';
import {
  balancerOf,
  clientFacts,
  endOf,
  isoMicros,
  priorityOf,
  targetGroupOf,
  userAgentOf,
} from './log-facts.ts';

const SECOND = 1_000;

/**
 * Names in snake_case, as in ALB's documentation; what is missing is left out, -1 included.
 * @param node the address of this proxy
 */
export function jsonLine(summary: RequestSummary, node: string): string {
  const { client, target, desync, targetStatus } = summary;
  const { address, trace } = clientFacts(client);
  const times = processingTimes(summary);
  const status = targetStatus === 0 ? undefined : targetStatus;
  return JSON.stringify({
    type: kindOf(summary),
    time: isoMicros(endOf(summary)),
    elb: balancerOf(summary.listener),
    client: address,
    target: target?.place,
    request_processing_time: times?.request,
    target_processing_time: times?.target,
    response_processing_time: times?.response,
    elb_status_code: summary.status === 0 ? undefined : summary.status,
    target_status_code: status,
    received_bytes: summary.receivedBytes,
    sent_bytes: summary.sentBytes,
    request: requestText(summary),
    user_agent: userAgentOf(summary),
    ssl_cipher: client.tls?.cipher,
    ssl_protocol: client.tls?.version,
    target_group_arn: targetGroupOf(summary),
    trace_id: summary.trace === '' ? undefined : summary.trace,
    domain_name: client.tls?.serverName,
    chosen_cert_arn: client.tls?.certificateArn,
    matched_rule_priority: priorityOf(summary.route),
    request_creation_time: isoMicros(summary.at),
    actions_executed: summary.actions.length === 0 ? undefined : summary.actions.join(','),
    redirect_url: summary.redirectUrl,
    error_reason: summary.errorReason,
    target_list: target?.place,
    target_status_code_list: status === undefined ? undefined : String(status),
    classification: desync?.classification,
    classification_reason: desync?.reason,
    conn_trace_id: trace,
    transformed_host: summary.transformedHost,
    transformed_uri: summary.transformedUri,
    request_transform_status: summary.transformStatus,
    ip_address: node,
  });
}

/** In seconds; what was not reached is missing. */
function processingTimes(summary: RequestSummary):
  | {
      readonly request: number | undefined;
      readonly target: number | undefined;
      readonly response: number | undefined;
    }
  | undefined {
  const { startedAt, sentAt, answeredAt, endedAt } = summary;
  if (summary.target === undefined) return undefined;
  return {
    request: between(startedAt, sentAt),
    target: between(sentAt, answeredAt),
    response: between(answeredAt, endedAt),
  };
}

function between(from: number, to: number): number | undefined {
  if (from === 0 || to === 0) return undefined;
  return Number((Math.max(0, to - from) / SECOND).toFixed(6));
}
