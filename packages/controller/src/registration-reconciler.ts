// The targets that were registered by hand with one target group: see that they are what was asked for.
import type { Verdict } from '@berth/control/reconciler.ts';
import {
  planRegistrations,
  type RegisteredHost,
  type RegistrationsPlan,
  type RegistrationsView,
} from '@berth/model/deployment/registered-targets.ts';
import type { TargetRecord, TargetRegistrationRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardPresent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State } from '@berth/store/state.ts';

import { commitAll, type TermContext } from './context.ts';
import type { Observations } from './observations.ts';
import { packed, type Write } from './writes.ts';

/** Names of the groups with registrations, or with targets of such. */
export function registrationKeys(state: State): Iterable<string> {
  const groups = new Set<string>();
  for (const { value } of state.list(collections.targetRegistrations)) groups.add(value.group);
  for (const { value } of state.targetsByTask('')) groups.add(value.group);
  return groups;
}

/** @throws BerthError Unavailable and others: try again later */
export async function reconcileRegistrations(
  group: string,
  context: TermContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const { cache, clock, observations, leadership, logger } = context;
  const view = readRegistrations(cache, group, observations);
  const plan = planRegistrations(view, clock.now());
  const writes = planWrites(cache, group, plan);
  // A refusal means that a record changed: its change has put the key into the queue again.
  await commitAll(context, packed(writes, [leadership.guard]), signal);
  if (writes.length > 0) {
    const counts = {
      registered: plan.register.length,
      drained: plan.drain.length,
      removed: plan.remove.length,
    };
    logger.info({ group, ...counts }, 'followed the registrations of a target group');
  }
  return { wakeAt: plan.wakeAt };
}

function readRegistrations(
  state: State,
  group: string,
  observations: Observations,
): RegistrationsView {
  const registrations = Array.from(
    state.list(collections.targetRegistrations, group),
    ({ value }) => value,
  );
  const targets = Array.from(state.list(collections.targets, group), ({ value }) => value);
  return {
    group: state.get(collections.targetGroups, group)?.value,
    registrations,
    targets: targets
      .filter(({ taskId }) => taskId === '')
      .map((record) => ({ record, health: healthOf(state, record) })),
    hosts: hostsOf(state, registrations),
    proxies: observations.proxies(state),
  };
}

function healthOf(
  state: State,
  { group, id }: TargetRecord,
): RegistrationsView['targets'][number]['health'] {
  return Array.from(state.list(collections.targetHealth, group, id), ({ value }) => value);
}

function hostsOf(
  state: State,
  registrations: readonly TargetRegistrationRecord[],
): ReadonlyMap<string, RegisteredHost> {
  const hosts = new Map<string, RegisteredHost>();
  for (const { id } of registrations) {
    for (const { value } of state.hostsById(id)) hosts.set(id, value);
  }
  return hosts;
}

/** Each target's change stands by itself. */
function planWrites(state: State, group: string, plan: RegistrationsPlan): Write[] {
  const parts = ({ id }: TargetRecord): [string, string] => [group, id];
  const stored = state.get(collections.targetGroups, group);
  const exists = stored ? [guardPresent(stored)] : [];
  return [
    ...plan.register.map((record) => ({
      guards: [...exists, guardAbsent(collections.targets, ...parts(record))],
      puts: [putRecord(collections.targets, parts(record), record)],
    })),
    ...plan.drain.flatMap((record) => {
      const found = state.get(collections.targets, ...parts(record));
      const puts = [putRecord(collections.targets, parts(record), record)];
      return found ? [{ guards: [guardUnchanged(found)], puts }] : [];
    }),
    ...plan.remove.flatMap((record) => {
      const found = state.get(collections.targets, ...parts(record));
      return found ? [{ guards: [guardUnchanged(found)], deletes: [found.key] }] : [];
    }),
    ...plan.forget.flatMap(({ id, port }) => {
      const found = state.get(collections.targetRegistrations, group, `${id}:${port}`);
      const gone = guardAbsent(collections.targetGroups, group);
      return found ? [{ guards: [gone, guardUnchanged(found)], deletes: [found.key] }] : [];
    }),
  ];
}
