// Asks the replicas of the api what their proxies have counted. The controller holds no session of a proxy; see the decision on how
// counts reach it.
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import type { ProxyCounts } from '@berth/model/generated/messages.ts';
import type { Client, TlsIdentity } from '@berth/rpc/api.ts';
import type { Connection } from '@berth/rpc/client.ts';
import type { Transport } from '@berth/rpc/transport.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

export interface ReplicaCountsOptions {
  readonly cache: State;
  readonly tls: TlsIdentity;
  readonly connect: Transport['connect'];
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Counted {
  readonly proxies: readonly ProxyCounts[];
  /** Addresses of replicas that did not answer. */
  readonly silent: readonly string[];
}

const ANSWER_MS = 3_000;
/** A replica without sessions may still know of proxies that ended there. */
const REMEMBERED_MS = 15 * 60_000;

interface Replica {
  readonly connection: Connection;
  readonly operations: Client<'Operations'>;
  seenAt: number;
}

export class ReplicaCounts {
  readonly #options: ReplicaCountsOptions;
  readonly #replicas = new Map<string, Replica>();

  constructor(options: ReplicaCountsOptions) {
    this.#options = options;
  }

  /** @throws the signal's reason */
  async collect(groups: readonly string[], signal: AbortSignal): Promise<Counted> {
    this.#look();
    const silent: string[] = [];
    const answers = await Promise.all(
      Array.from(this.#replicas, async ([address, { operations }]) => {
        try {
          return await operations.CountTargets({ groups }, { signal, timeoutMs: ANSWER_MS });
        } catch (err) {
          signal.throwIfAborted();
          this.#options.logger.debug({ err, replica: address }, 'a replica did not count');
          silent.push(address);
          return { proxies: [] };
        }
      }),
    );
    return { proxies: answers.flatMap(({ proxies }) => proxies), silent };
  }

  #look(): void {
    const { cache, clock, connect, tls } = this.#options;
    const now = clock.monotonic();
    for (const { value } of cache.list(collections.sessions)) {
      const { replicaAddress: address } = value;
      if (address === '') continue;
      const known = this.#replicas.get(address);
      if (known) known.seenAt = now;
      else {
        const connection = connect({ addresses: [address], tls });
        const operations = connection.client('Operations');
        this.#replicas.set(address, { connection, operations, seenAt: now });
      }
    }
    for (const [address, { connection, seenAt }] of this.#replicas) {
      if (now - seenAt < REMEMBERED_MS) continue;
      connection.close();
      this.#replicas.delete(address);
    }
  }

  close(): void {
    for (const { connection } of this.#replicas.values()) connection.close();
    this.#replicas.clear();
  }
}
