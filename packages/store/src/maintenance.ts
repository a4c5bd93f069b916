// What an operator needs when etcd is full: the three steps in their order. Stops each member for the time of
// its defragmentation, one after the other.
import { berthErrorOf } from './etcd-errors.ts';
import { EtcdLink, type LinkOptions } from './etcd-link.ts';

const DEFRAGMENT_WITHIN_MS = 300_000;

export interface FreedSpace {
  readonly compactedTo: number;
  /** Size of the database in bytes by member, before and after. */
  readonly members: readonly { address: string; before: number; after: number }[];
}

/**
 * Drops all history, gives the space back to the disk and ends the NOSPACE alarm, so that etcd takes writes again.
 * Views that are connected are not disturbed; a view that is behind lists again.
 * @throws BerthError Unavailable when a member does not answer; it is safe to repeat
 */
export async function freeSpace(options: LinkOptions, signal: AbortSignal): Promise<FreedSpace> {
  const link = new EtcdLink(options);
  try {
    const newest = await link.repeat(
      'asking for the newest revision',
      (member, call) => member.range({ key: Buffer.from([0]), countOnly: true }, call),
      signal,
    );
    const compactedTo = newest.header.revision;
    await link
      .repeat(
        'compacting',
        (member, call) => member.kv.compact({ revision: compactedTo, physical: true }, call),
        signal,
        { withinMs: DEFRAGMENT_WITHIN_MS, totalMs: DEFRAGMENT_WITHIN_MS },
      )
      .catch((error: unknown) => {
        if (!String((error as Error).cause).includes('compacted')) throw error;
      });
    const members = [];
    for (const member of link.members) {
      const call = (): object => ({ deadline: options.clock.now() + DEFRAGMENT_WITHIN_MS, signal });
      const before = Number((await member.maintenance.status(call())).dbSize);
      await member.maintenance.defragment(call());
      const after = Number((await member.maintenance.status(call())).dbSize);
      members.push({ address: member.address, before, after });
    }
    await endAlarms(link, signal);
    return { compactedTo, members };
  } catch (error) {
    signal.throwIfAborted();
    throw berthErrorOf(error, 'freeing space');
  } finally {
    link.close();
  }
}

/** One by one: etcd takes "all members" for a question about alarms, not for their end. */
async function endAlarms(link: EtcdLink, signal: AbortSignal): Promise<void> {
  const { alarms } = await link.repeat(
    'asking for alarms',
    (member, call) => member.maintenance.alarm({ action: 'Get' }, call),
    signal,
  );
  for (const { memberID, alarm } of alarms) {
    await link.repeat(
      'ending an alarm',
      (member, call) => member.maintenance.alarm({ action: 'Deactivate', memberID, alarm }, call),
      signal,
    );
  }
}
