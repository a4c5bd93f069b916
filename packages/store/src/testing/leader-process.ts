// Stands for election and, while it leads, writes its epoch again and again, whatever it is told about its term.
// Prints {"leads": epoch} for each term, {"refused": epoch} when a write is refused.
import type { TlsIdentity } from '@berth/rpc/api.ts';

import { campaign } from '../election.ts';
import { EtcdStore } from '../etcd-store.ts';
import { transaction } from '../transaction.ts';
import { realClock, silent } from './time.ts';

export interface LeaderArguments {
  readonly endpoint: string;
  readonly tls: TlsIdentity;
  readonly key: string;
  readonly leaseSeconds: number;
}

const { endpoint, tls, key, leaseSeconds } = JSON.parse(process.argv[2] ?? '') as LeaderArguments;
const clock = realClock;
const store = new EtcdStore({ endpoints: [endpoint], tls, clock, random: Math.random });
const print = (line: object): void => console.log(JSON.stringify(line));
const never = new AbortController().signal;

await campaign(
  { store, role: 'scheduler', holder: 'child', address: '', leaseSeconds, clock, logger: silent },
  async ({ epoch, guard }) => {
    print({ leads: epoch });
    for (;;) {
      const puts = [{ key, value: Buffer.from(String(epoch)) }];
      const result = await store.commit(transaction({ guards: [guard], puts }), never);
      if (!result.committed) break;
      await clock.sleep(5, never);
    }
    print({ refused: epoch });
  },
  never,
);
