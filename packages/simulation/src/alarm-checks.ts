// The laws of deployment alarms, by rules of their own: what has gone off ends the deployment that looks at it, and undoes it where that
// was asked for.
import type {
  AlarmRecord,
  DeploymentRecord,
  ServiceRecord,
} from '@berth/model/generated/messages.ts';
import { codec } from '@berth/rpc/codec.ts';
import { collections, parseKey } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';
import type { Transaction } from '@berth/store/store.ts';

import type { World } from './world.ts';

export class AlarmChecks {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Law 17, of what the controller is about to write. @param view what it knows */
  sent(view: State, { puts }: Transaction): void {
    for (const { key, value } of puts) {
      const { collection, parts = [] } = parseKey(key) ?? {};
      if (collection !== collections.deployments) continue;
      const [cluster = '', name = ''] = parts;
      const service = view.get(collections.services, cluster, name)?.value;
      const [before] = view.get(collections.deployments, cluster, name)?.value.deployments ?? [];
      const after = codec('ServiceDeploymentsRecord').decode(value).deployments;
      if (service?.status !== 'ACTIVE' || !before || before.rolloutState !== 'IN_PROGRESS')
        continue;
      if (before.rollbackOf !== undefined) continue;
      this.#ended(view, service, before, after);
    }
  }

  #ended(
    view: State,
    service: ServiceRecord,
    before: DeploymentRecord,
    after: readonly DeploymentRecord[],
  ): void {
    const now = after.find(({ id }) => id === before.id);
    const [primary] = after;
    const { alarms } = service.deploymentConfiguration ?? {};
    if (now?.rolloutState === 'COMPLETED') {
      const names = alarms?.enable === true ? alarms.alarmNames : [];
      const watch = now.alarms ?? before.alarms;
      if (names.length > 0 && !watch) {
        this.#world.fail(
          `invariant 17: ${now.id} is complete and has watched none of ${names.join()}`,
        );
      }
      // What was on when the watch began is nobody's fault.
      if (!watch || watch.ignoredFor.length > 0) return;
      for (const name of names.filter((each) => watch.names.includes(each))) {
        const alarm = alarmOf(view, name);
        const off =
          alarm && (alarm.state === 'ALARM' || alarm.entered > (watch.entered[name] ?? 0));
        if (!off) continue;
        this.#world.fail(
          `invariant 17: ${now.id} is complete though ${name} went off meanwhile (${alarm.state}, ${alarm.entered} times)`,
        );
      }
      return;
    }
    const undone = primary?.rollbackOf === before.id;
    const byAlarm = now?.rolloutStateReason.includes('alarm detected') ?? false;
    if (now?.rolloutState !== 'FAILED' || !byAlarm || undone || primary !== now) return;
    const wanted = alarms?.rollback === true || before.shift !== undefined;
    const proven = after.some(({ rolloutState }) => rolloutState === 'COMPLETED');
    if (!wanted || !proven) return;
    this.#world.fail(`invariant 17: an alarm has ended ${now.id}, and it is not rolled back`);
  }
}

function alarmOf(view: State, name: string): AlarmRecord | undefined {
  return [...view.list(collections.alarms)].find(({ value }) => value.name === name)?.value;
}
