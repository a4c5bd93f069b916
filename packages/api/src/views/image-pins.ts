// What the tags of a service revision's images stand for. Pure. Source: ECS reference, section 6.10.
import { revisionOf } from '@berth/model/deployment/history.ts';
import type { ImagePin, TaskRecord } from '@berth/model/generated/messages.ts';
import { revisionIdOf } from '@berth/model/resources/deployment-ids.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

/** The revision that a task runs; undefined outside of services. A rollback runs the one that it goes back to. */
export function revisionOfTask(
  state: State,
  { cluster, service, owner }: TaskRecord,
): string | undefined {
  if (service === undefined) return undefined;
  const known = state.get(collections.deployments, cluster, service)?.value.deployments ?? [];
  const deployment = known.find(({ id }) => id === owner);
  return deployment ? revisionOf(deployment) : revisionIdOf(owner);
}

export function pinsOf(
  state: State,
  cluster: string,
  revision: string | undefined,
): readonly ImagePin[] {
  if (revision === undefined) return [];
  return state.get(collections.imagePins, cluster, revision)?.value.pins ?? [];
}
