// Says when a host is lost and when it is back. What follows from it for the tasks there is each service's own
// plan; this only keeps the record of it, and looks at the time.
import type { Verdict } from '@berth/control/reconciler.ts';
import { isLost, lostAt } from '@berth/model/deployment/view.ts';
import type { EventRecord, HostRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { commitAll, type TermContext } from './context.ts';
import { readHosts } from './read-view.ts';
import { eventPut, packed } from './writes.ts';

export function* hostKeys(state: State): Generator<string, void, undefined> {
  for (const { parts } of state.list(collections.hosts)) yield parts.join('/');
}

/**
 * Look at one host. What was last told of it is read from its events, so that a new leader does not tell it again.
 * @param onLost called when it is found lost: everything with a task there should look
 */
export async function watchHost(
  key: string,
  context: TermContext,
  onLost: (hostId: string) => void,
  signal: AbortSignal,
): Promise<Verdict> {
  const { cache, clock, hostLostAfterMs, metrics, logger } = context;
  const [cluster = '', id = ''] = key.split('/');
  const hosts = readHosts(cache, cluster, [id], context);
  const host = hosts.get(id);
  if (!host?.record) return {};
  if (host.record.agentAwaited === true && !host.connected) return {};
  const lost = isLost({ hosts, hostLostAfterMs }, id, clock.now());
  if (!lost && !host.connected) return { wakeAt: lostAt({ hosts, hostLostAfterMs }, host) };
  if (lost === wasLost(cache, cluster, id)) return {};
  if (lost) onLost(id);
  const told = await tell(host.record, lost ? lostText(hostLostAfterMs) : BACK, context, signal);
  if (told && lost) metrics.hostLost();
  if (told) logger.warn({ cluster, hostId: id, lost }, 'a host was lost or is back');
  return {};
}

const LOST = 'is lost';
const BACK = 'is back.';

function lostText(afterMs: number): string {
  return `${LOST}: its agent has had no session for ${afterMs / 1000} s. Its tasks are replaced.`;
}

function wasLost(state: State, cluster: string, hostId: string): boolean {
  let last: EventRecord | undefined;
  for (const { value } of state.eventsByHost(cluster, hostId)) {
    if (!value.message.includes(LOST) && !value.message.endsWith(BACK)) continue;
    if (last === undefined || value.id > last.id) last = value;
  }
  return last?.message.includes(LOST) ?? false;
}

function tell(
  { cluster, id, name }: HostRecord,
  what: string,
  { leadership, nextEventId, realm, clock, ...context }: TermContext,
  signal: AbortSignal,
): Promise<boolean> {
  const message = `(container-instance ${id}) (${name}) ${what}`;
  const event = { kind: 'host', subject: id, message } as const;
  const put = eventPut(cluster, event, { nextEventId, realm, now: clock.now() });
  return commitAll(context, packed([{ puts: [put] }], [leadership.guard]), signal);
}
