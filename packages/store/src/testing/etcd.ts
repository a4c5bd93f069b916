// A real etcd with TLS in a temporary directory, for the integration tests.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { TlsIdentity } from '@berth/rpc/api.ts';
import { createAuthority, issue } from '@berth/rpc/authority.ts';

import {
  type EmbeddedEtcd,
  type EmbeddedEtcdOptions,
  ETCD_CLIENT_NAME,
  startEmbeddedEtcd,
} from '../embedded-etcd.ts';
import { EtcdStore } from '../etcd-store.ts';
import { realClock, silent } from './time.ts';

export interface TestEtcd {
  readonly etcd: EmbeddedEtcd;
  readonly tls: TlsIdentity;
  readonly options: EmbeddedEtcdOptions;
  /** A store on this etcd, or through the given endpoints. Starts with the first endpoint. */
  open(options?: { endpoints?: readonly string[]; callWithinMs?: number }): EtcdStore;
  /** Ends it, closes the stores and removes its data. */
  close(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

/** Settings of an etcd that is not started yet. */
export async function etcdOptions(quotaBytes?: number): Promise<EmbeddedEtcdOptions> {
  const directory = await mkdtemp(join(tmpdir(), 'berth-etcd-'));
  const authority = await createAuthority(Date.now());
  const identity = { role: 'control', name: 'test' } as const;
  const names = ['127.0.0.1', 'localhost', ETCD_CLIENT_NAME];
  return {
    directory,
    logFile: join(directory, 'etcd.log'),
    host: '127.0.0.1',
    clientPort: await freePort(),
    peerPort: await freePort(),
    serverTls: await issue(authority, identity, names, Date.now(), 30),
    clientTls: await issue(authority, identity, names, Date.now(), 30),
    quotaBytes,
    clock: realClock,
    random: Math.random,
    logger: silent,
    signal: new AbortController().signal,
  };
}

export async function startTestEtcd(quotaBytes?: number): Promise<TestEtcd> {
  const options = await etcdOptions(quotaBytes);
  const etcd = await startEmbeddedEtcd(options);
  const stores: EtcdStore[] = [];
  return {
    etcd,
    tls: options.clientTls,
    options,
    open: ({ endpoints = [etcd.endpoint], callWithinMs } = {}) => {
      const store = new EtcdStore({
        endpoints,
        tls: options.clientTls,
        clock: realClock,
        random: () => 0,
        callWithinMs,
      });
      stores.push(store);
      return store;
    },
    close: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await etcd.stop(5_000);
      await rm(options.directory, { recursive: true, force: true });
    },
  };
}
