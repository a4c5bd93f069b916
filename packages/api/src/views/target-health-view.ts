// The health of targets as the API shows it: what all live proxies say, in one word. Pure.
// Source: ALB reference, section 3.4; design, section 4 (a target serves when every live proxy says healthy).
import type {
  TargetDescription,
  TargetHealthRecord,
  TargetRecord,
} from '@berth/model/generated/messages.ts';
import { DEREGISTERING, type HealthCause } from '@berth/model/routing/target-health.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { isGroupInUse } from './group-references.ts';

interface Verdict {
  readonly state: string;
  readonly reason?: string | undefined;
  readonly description?: string | undefined;
}

const REGISTERING: HealthCause = {
  reason: 'Elb.RegistrationInProgress',
  description: 'Target registration is in progress',
};
const UNCHECKED: HealthCause = {
  reason: 'Elb.RegistrationInProgress',
  description: 'No proxy is connected, so nothing checks the target',
};
const NOT_IN_USE: HealthCause = {
  reason: 'Target.NotInUse',
  description: 'Target group is not configured to receive traffic from the load balancer',
};

/** The ids of the proxies that have a session. */
export function liveProxies(state: State): string[] {
  return Array.from(state.list(collections.sessions, 'proxy'), ({ value }) => value.id);
}

/** What the live proxies have reported of a target. */
export function liveHealth(state: State, group: string, target: string): TargetHealthRecord[] {
  const live = new Set(liveProxies(state));
  const records = Array.from(
    state.list(collections.targetHealth, group, target),
    ({ value }) => value,
  );
  return records.filter(({ proxy }) => live.has(proxy));
}

export function targetHealthView(state: State, record: TargetRecord): TargetDescription {
  const verdict = verdictOf(state, record);
  return {
    id: record.id,
    address: record.address,
    port: record.port,
    taskId: record.taskId,
    hostId: record.hostId,
    state: verdict.state,
    reason: verdict.reason,
    description: verdict.description,
  };
}

function verdictOf(state: State, record: TargetRecord): Verdict {
  if (record.state === 'DRAINING') return { state: 'draining', ...DEREGISTERING };
  if (!isGroupInUse(state, record.group)) return { state: 'unused', ...NOT_IN_USE };
  const proxies = liveProxies(state).length;
  const reports = liveHealth(state, record.group, record.id);
  const sick = reports.find((report) => report.state === 'unhealthy');
  if (sick) return said('unhealthy', sick);
  if (proxies === 0) return { state: 'initial', ...UNCHECKED };
  const waiting = reports.find((report) => report.state !== 'healthy');
  if (waiting) return said('initial', waiting);
  if (reports.length < proxies) return { state: 'initial', ...REGISTERING };
  return { state: 'healthy' };
}

function said(state: string, { reason, description }: TargetHealthRecord): Verdict {
  return { state, reason, description };
}
