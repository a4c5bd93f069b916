// A whole control plane for the conformance tests: a real etcd, api, scheduler, controller and the AWS endpoint, on free ports of
// loopback. No Docker: hosts are registered by call, or have an agent that runs nothing and says that it does.
import { createRegistry } from '@berth/process/metrics.ts';
import { KeyRing } from '@berth/process/key-ring.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';
import type { Role, Surroundings } from '@berth/process/role.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';
import { type Authority, createAuthority, issue } from '@berth/rpc/authority.ts';
import { type ApiHandlers, startApi } from '@berth/api/start.ts';
import { startAws } from '@berth/aws/start.ts';
import { startController } from '@berth/controller/start.ts';
import { startProxy } from '@berth/proxy/start.ts';
import { startScheduler } from '@berth/scheduler/start.ts';
import { testLogger, type TestLogger } from '@berth/rpc/testing/fixtures.ts';
import { startEmbeddedEtcd, ETCD_CLIENT_NAME } from '@berth/store/embedded-etcd.ts';
import { openState } from '@berth/store/open-state.ts';
import type { Store } from '@berth/store/store.ts';
import { freePort } from '@berth/store/testing/etcd.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type HostOptions, type ScriptedHost, connectHost } from './scripted-host.ts';

export const REALM = { region: 'us-east-1', account: '000000000000' };
const LOOPBACK = '127.0.0.1';
const LEASE_SECONDS = 10;
const GRACE_MS = 5_000;

export interface Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface ControlPlane extends Key {
  /** http://HOST:PORT */
  readonly endpoint: string;
  /** HOST:PORT of the api's gRPC. */
  readonly address: string;
  /** That issues certificates to those who call it. */
  readonly authority: Authority;
  readonly logger: TestLogger;
  /** Another api with an AWS endpoint of its own, on the same etcd. @returns its http://HOST:PORT */
  replica(): Promise<string>;
  /** A host whose agent is connected and says that what it is ordered to run, runs. */
  host(options?: HostOptions): Promise<ScriptedHost>;
  /** A proxy whose listeners are opened on this address of loopback. */
  proxy(bindAddress: string): Promise<Role>;
  /** The api's own operations, for what AWS has no words for. */
  readonly balancing: ApiHandlers['LoadBalancing'];
  readonly access: ApiHandlers['Access'];
  /** What is kept, to be looked at. */
  readonly store: Pick<Store, 'list'>;
  /** A user who may do what the policy says, with a key. @param statements of the policy's document */
  user(userName: string, statements: readonly object[]): Promise<Key>;
  stop(): Promise<void>;
}

export async function startControlPlane(): Promise<ControlPlane> {
  const directory = await mkdtemp(join(tmpdir(), 'berth-conformance-'));
  const logger = testLogger();
  const surroundings: Surroundings = {
    clock: realClock,
    random: realRandom,
    logger,
    metrics: createRegistry({ defaults: false }),
  };
  const closing: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close();
    await rm(directory, { recursive: true, force: true });
  };
  const started = async <R extends Role>(role: Promise<R>): Promise<R> => {
    const running = await role;
    closing.push(() => running.stop(GRACE_MS));
    return running;
  };
  try {
    const authority = await createAuthority(Date.now());
    const names = ['localhost', LOOPBACK, ETCD_CLIENT_NAME];
    const tls = await issue(authority, { role: 'control', name: 'test' }, names, Date.now(), 1);
    const signal = AbortSignal.timeout(30_000);
    const etcd = await startEmbeddedEtcd({
      directory: join(directory, 'etcd'),
      logFile: join(directory, 'etcd.log'),
      host: LOOPBACK,
      clientPort: await freePort(),
      peerPort: await freePort(),
      serverTls: tls,
      clientTls: tls,
      ...surroundings,
      signal,
    });
    closing.push(() => etcd.stop(GRACE_MS));
    const anywhere = { listen: `${LOOPBACK}:0`, advertise: `${LOOPBACK}:0` };
    const sealer = KeyRing.create();
    /** With a registry of its own: replicas are processes of their own elsewhere. */
    const replica = async () => {
      const own = { ...surroundings, metrics: createRegistry({ defaults: false }) };
      const opening = AbortSignal.timeout(30_000);
      const at = { endpoints: [etcd.endpoint], tls, ...own, signal: opening };
      const { store, cache, close } = await openState(at);
      closing.push(close);
      const shared = { tls, store, cache, leaseSeconds: LEASE_SECONDS };
      const options = { ...anywhere, ...shared, realm: REALM, version: '0.0.0-test', sealer };
      const api = await started(startApi(options, own));
      const { handlers, access } = api;
      const listen = anywhere.listen;
      const aws = await started(
        startAws({ listen, tls: undefined, realm: REALM, handlers, access }, own),
      );
      return { shared, api, endpoint: `http://${aws.address}` };
    };
    const { shared, api, endpoint } = await replica();
    const key = await createKey(api.handlers, 'tester', ADMINISTRATOR);
    const schedulerAt = `${LOOPBACK}:${await freePort()}`;
    await started(
      startScheduler({ listen: schedulerAt, advertise: schedulerAt, ...shared }, surroundings),
    );
    const lost = { hostLostAfterMs: 20_000, proxyLostAfterMs: 20_000 };
    await started(
      startController({ ...shared, ...lost, holder: 'test', sealer, realm: REALM }, surroundings),
    );
    return {
      endpoint,
      address: api.address,
      authority,
      ...key,
      logger,
      stop,
      replica: async () => (await replica()).endpoint,
      host: async (options = {}) => {
        const host = await connectHost(authority, api.address, options);
        closing.push(() => host.leave());
        return host;
      },
      proxy: async (bindAddress) => {
        const identity = { role: 'proxy', name: 'p1' } as const;
        const own = await issue(authority, identity, ['localhost'], Date.now(), 1);
        const options = { id: 'p1', bindAddress, dataDirectory: join(directory, 'proxy') };
        return started(
          startProxy(
            { api: [api.address], tls: own, version: '0.0.0-test', ...options },
            surroundings,
          ),
        );
      },
      balancing: api.handlers.LoadBalancing,
      access: api.handlers.Access,
      store: shared.store,
      user: async (userName, statements) => {
        const document = JSON.stringify({ Version: '2012-10-17', Statement: statements });
        const policyName = `for-${userName}`;
        const request = complete('CreatePolicyRequest', { policyName, document });
        await api.handlers.Access.CreatePolicy(request, setupCall());
        const policy = `arn:aws:iam::${REALM.account}:policy/${policyName}`;
        return createKey(api.handlers, userName, policy);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const ADMINISTRATOR = 'arn:aws:iam::aws:policy/AdministratorAccess';

async function createKey({ Access }: ApiHandlers, userName: string, policy: string): Promise<Key> {
  await Access.CreateUser(complete('CreateUserRequest', { userName }), setupCall());
  await Access.AttachPolicy(complete('AttachPolicyRequest', { userName, policy }), setupCall());
  const request = complete('CreateAccessKeyRequest', { userName });
  const { accessKey } = await Access.CreateAccessKey(request, setupCall());
  const { accessKeyId = '', secretAccessKey = '' } = accessKey ?? {};
  return { accessKeyId, secretAccessKey };
}

export function setupCall(): CallContext {
  return {
    identity: { role: 'admin', name: 'test' },
    peer: LOOPBACK,
    requestId: 'setup',
    metadata: new Map(),
    signal: AbortSignal.timeout(10_000),
  };
}
