// The health of targets as the API shows it: what all live proxies say, in one word. Pure.
// Source: ALB reference, section 3.4; design, section 4 (a target serves when every live proxy says healthy).
import type {
  TargetDescription,
  TargetGroupRecord,
  TargetHealthRecord,
  TargetRecord,
  TargetRegistrationRecord,
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
const NO_HOST: HealthCause = {
  reason: 'Target.InvalidState',
  description: 'Target is in the stopped state: its host is not registered',
};
const NOT_REGISTERED: HealthCause = {
  reason: 'Target.NotRegistered',
  description: 'Target is not registered to the target group',
};

/** The ids of the proxies that have a session. */
export function liveProxies(state: State): string[] {
  return Array.from(state.list(collections.sessions, 'proxy'), ({ value }) => value.id);
}

/** What the live proxies have reported of a target. */
export function liveHealth(
  state: State,
  group: string,
  target: string,
  live: ReadonlySet<string> = new Set(liveProxies(state)),
): TargetHealthRecord[] {
  const records = Array.from(
    state.list(collections.targetHealth, group, target),
    ({ value }) => value,
  );
  return records.filter(({ proxy }) => live.has(proxy));
}

/** What all targets of a group have in common, looked up once. */
interface GroupFacts {
  readonly state: State;
  readonly group: Group;
  readonly inUse: boolean;
  readonly live: ReadonlySet<string>;
}

type Group = Pick<TargetGroupRecord, 'name' | 'targetType' | 'healthCheck'>;

function factsOf(state: State, group: Group): GroupFacts {
  const live = new Set(liveProxies(state));
  return { state, group, inUse: isGroupInUse(state, group.name), live };
}

/** One target; of many, `targetHealthViews` is quicker. */
export function targetHealthView(state: State, record: TargetRecord): TargetDescription {
  const group = state.get(collections.targetGroups, record.group)?.value;
  return targetView(
    factsOf(state, group ?? { name: record.group, targetType: 'instance' }),
    record,
  );
}

/**
 * Every registered and draining target of a group, by id. A draining one is not shown beside a newer registration of the
 * same address and port.
 */
export function targetHealthViews(state: State, group: TargetGroupRecord): TargetDescription[] {
  const facts = factsOf(state, group);
  const records = Array.from(state.list(collections.targets, group.name), ({ value }) => value);
  const place = (record: TargetRecord): string => `${targetIdOf(group, record)} ${record.port}`;
  const registered = new Set(records.filter((record) => record.state === 'REGISTERED').map(place));
  const shown = records.filter(
    (record) => record.state === 'REGISTERED' || !registered.has(place(record)),
  );
  const places = new Set(shown.map(place));
  const waiting = Array.from(
    state.list(collections.targetRegistrations, group.name),
    ({ value }) => value,
  ).filter(({ id, port }) => !places.has(`${id} ${port}`));
  return [
    ...shown.map((record) => targetView(facts, record)),
    ...waiting.map((record) => registrationView(facts, record)),
  ].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** What is said of a target that is asked for and not there. */
export function unregisteredView(id: string, port: number): TargetDescription {
  return {
    id: `${id}-${port}`,
    address: '',
    port,
    taskId: '',
    hostId: '',
    state: 'unused',
    ...NOT_REGISTERED,
    targetId: id,
  };
}

/** As ELBv2 names it. */
function targetIdOf({ targetType }: Group, { hostId, address }: TargetRecord): string {
  return targetType === 'instance' ? hostId : address;
}

function targetView(facts: GroupFacts, record: TargetRecord): TargetDescription {
  const { state, group } = facts;
  const targetId = targetIdOf(group, record);
  const reports = liveHealth(state, record.group, record.id, facts.live);
  const verdict = verdictOf(facts, record, reports);
  const check = group.healthCheck?.port ?? 'traffic-port';
  const registration =
    record.taskId === ''
      ? state.get(collections.targetRegistrations, group.name, `${targetId}:${record.port}`)
      : undefined;
  const anomalous = reports.filter(({ anomaly }) => anomaly === 'anomalous');
  return {
    id: record.id,
    address: record.address,
    port: record.port,
    taskId: record.taskId,
    hostId: record.hostId,
    state: verdict.state,
    reason: verdict.reason,
    description: verdict.description,
    targetId,
    availabilityZone: registration?.value.availabilityZone,
    healthCheckPort:
      verdict.state === 'unused'
        ? undefined
        : check === 'traffic-port'
          ? String(record.port)
          : check,
    anomaly: anomalous.length > 0 ? 'anomalous' : 'normal',
    mitigationInEffect: anomalous.some(({ mitigationInEffect }) => mitigationInEffect === true),
  };
}

/** Somebody has registered it, and the controller has not made a target of it yet. */
function registrationView(
  { state, group, inUse }: GroupFacts,
  { id, port, availabilityZone }: TargetRegistrationRecord,
): TargetDescription {
  const host = group.targetType === 'instance' ? [...state.hostsById(id)][0]?.value : undefined;
  const lacksHost = group.targetType === 'instance' && !host;
  const verdict: Verdict = lacksHost
    ? { state: 'unused', ...NO_HOST }
    : inUse
      ? { state: 'initial', ...REGISTERING }
      : { state: 'unused', ...NOT_IN_USE };
  return {
    id: `${id}-${port}`,
    address: group.targetType === 'instance' ? (host?.address ?? '') : id,
    port,
    taskId: '',
    hostId: host?.id ?? '',
    ...verdict,
    targetId: id,
    availabilityZone,
  };
}

function verdictOf(
  { inUse, live }: GroupFacts,
  record: TargetRecord,
  reports: readonly TargetHealthRecord[],
): Verdict {
  if (record.state === 'DRAINING') return { state: 'draining', ...DEREGISTERING };
  if (!inUse) return { state: 'unused', ...NOT_IN_USE };
  const sick = reports.find((report) => report.state === 'unhealthy');
  if (sick) return said('unhealthy', sick);
  if (live.size === 0) return { state: 'initial', ...UNCHECKED };
  const waiting = reports.find((report) => report.state !== 'healthy');
  if (waiting) return said('initial', waiting);
  if (reports.length < live.size) return { state: 'initial', ...REGISTERING };
  return { state: 'healthy' };
}

function said(state: string, { reason, description }: TargetHealthRecord): Verdict {
  return { state, reason, description };
}
