// Where a host can be talked to: here, at another replica, or not at present.
import { BerthError } from '@berth/model/errors.ts';
import type { TaskRecord } from '@berth/model/generated/messages.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { isForwarded } from './replicas.ts';

export type HostRoute =
  { readonly kind: 'here' } | { readonly kind: 'replica'; readonly address: string };

/** @throws BerthError Unavailable when the task's host has no session, or has left the replica that a call was handed to */
export function routeTo(
  state: State,
  task: TaskRecord,
  holds: (hostId: string) => boolean,
  replicaAddress: string,
  context: CallContext,
): HostRoute {
  if (holds(task.hostId)) return { kind: 'here' };
  const session = state.get(collections.sessions, 'host', task.hostId)?.value;
  if (session && session.replicaAddress !== replicaAddress && !isForwarded(context)) {
    return { kind: 'replica', address: session.replicaAddress };
  }
  throw new BerthError(
    'Unavailable',
    `Host ${task.hostId}, where task ${task.id} was placed, is not connected; try again when it is back.`,
  );
}
