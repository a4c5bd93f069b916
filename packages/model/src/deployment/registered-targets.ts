// Targets that people registered by hand with a target group. Each registration has a target of its own; what is no longer
// registered is drained and then let go, by the same acknowledgements as the tasks of services. Pure.
// Source: ALB reference, section 3.4; design, section 4.
import type {
  Attribute,
  TargetGroupRecord,
  TargetRecord,
  TargetRegistrationRecord,
} from '../generated/messages.ts';
import { earliest } from './buckets.ts';
import { delayMs, isAcknowledged, zoneOf } from './targets.ts';
import type { ProxiesView, TargetView } from './view.ts';

export interface RegisteredHost {
  readonly address: string;
  readonly cluster: string;
  readonly attributes?: readonly Attribute[];
}

export interface RegistrationsView {
  /** Absent: it was deleted, and proxies have forgotten it. */
  readonly group: TargetGroupRecord | undefined;
  readonly registrations: readonly TargetRegistrationRecord[];
  /** Of the group, without those of tasks. */
  readonly targets: readonly TargetView[];
  /** By id; at least those that the registrations name. */
  readonly hosts: ReadonlyMap<string, RegisteredHost>;
  readonly proxies: ProxiesView;
}

export interface RegistrationsPlan {
  readonly register: readonly TargetRecord[];
  readonly drain: readonly TargetRecord[];
  readonly remove: readonly TargetRecord[];
  /** Registrations with a group that is gone. */
  readonly forget: readonly TargetRegistrationRecord[];
  readonly wakeAt?: number | undefined;
}

/** What has to change with the registered targets of a group now. */
export function planRegistrations(view: RegistrationsView, now: number): RegistrationsPlan {
  const { group, registrations, targets } = view;
  if (!group) {
    const remove = targets.map(({ record }) => record);
    return { register: [], drain: [], remove, forget: registrations };
  }
  const wanted = new Map<string, TargetRecord>();
  for (const registration of registrations) {
    const target = targetOf(view, group, registration, now);
    if (target) wanted.set(target.id, target);
  }
  const drain: TargetRecord[] = [];
  const remove: TargetRecord[] = [];
  let wakeAt: number | undefined;
  for (const target of targets) {
    const { record } = target;
    const stays = wanted.delete(record.id) && record.state === 'REGISTERED';
    if (stays) continue;
    if (record.state === 'REGISTERED') {
      drain.push({ ...record, state: 'DRAINING', drainingSince: now });
      continue;
    }
    const delayOver = (record.drainingSince ?? now) + delayMs(group);
    const acknowledged = isAcknowledged(target, view.proxies, now);
    if (acknowledged.yes || now >= delayOver) remove.push(record);
    else wakeAt = earliest(earliest(wakeAt, delayOver), acknowledged.askAgainAt);
  }
  return { register: [...wanted.values()], drain, remove, forget: [], wakeAt };
}

/** The target's id tells apart registrations, and addresses of a host that has moved. */
function targetOf(
  { hosts }: RegistrationsView,
  group: TargetGroupRecord,
  { id, port, registrationId, availabilityZone }: TargetRegistrationRecord,
  now: number,
): TargetRecord | undefined {
  const host = group.targetType === 'instance' ? hosts.get(id) : undefined;
  if (group.targetType === 'instance' && !host) return undefined;
  const address = host?.address ?? id;
  // `all` is what ELBv2 calls an address outside of the load balancer's zones.
  const zone =
    availabilityZone === 'all' ? undefined : (availabilityZone ?? zoneOf(host?.attributes));
  return {
    group: group.name,
    id: `${address}-${port}-${registrationId}`,
    address,
    port,
    hostId: host ? id : '',
    taskId: '',
    cluster: host?.cluster ?? '',
    service: '',
    state: 'REGISTERED',
    registeredAt: now,
    ...(zone === undefined ? {} : { availabilityZone: zone }),
  };
}
