// Connections to the other api replicas, for calls about hosts whose session one of them holds.
import type { CallContext, CallOptions, Client, TlsIdentity } from '@berth/rpc/api.ts';
import type { Connection } from '@berth/rpc/client.ts';
import type { Transport } from '@berth/rpc/transport.ts';

/** Marks a call that a replica has handed on: it is answered where it arrives or not at all. */
const FORWARDED = 'berth-forwarded';
const MOST_CONNECTIONS = 32;

export function isForwarded({ identity, metadata }: CallContext): boolean {
  return identity.role === 'control' && metadata.has(FORWARDED);
}

export class Replicas {
  readonly #tls: TlsIdentity;
  readonly #connect: Transport['connect'];
  readonly #connections = new Map<string, Connection>();

  constructor(tls: TlsIdentity, connect: Transport['connect']) {
    this.#tls = tls;
    this.#connect = connect;
  }

  operations(address: string): Client<'Operations'> {
    let connection = this.#connections.get(address);
    if (!connection) {
      this.#makeRoom();
      connection = this.#connect({ addresses: [address], tls: this.#tls });
      this.#connections.set(address, connection);
    }
    return connection.client('Operations');
  }

  forwarding(signal: AbortSignal): CallOptions {
    return { signal, metadata: { [FORWARDED]: '1' } };
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
  }

  /** Replicas come and go under new addresses: the one connected to first goes first. */
  #makeRoom(): void {
    if (this.#connections.size < MOST_CONNECTIONS) return;
    const [address, connection] = [...this.#connections][0] ?? [];
    connection?.close();
    if (address !== undefined) this.#connections.delete(address);
  }
}
