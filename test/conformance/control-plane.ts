// A whole control plane for the conformance tests: a real etcd, api, scheduler, controller and the AWS endpoint, on free ports of
// loopback. No Docker: hosts are registered by call and run nothing.
import { createRegistry } from '@berth/process/metrics.ts';
import { KeyRing } from '@berth/process/key-ring.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';
import type { Role, Surroundings } from '@berth/process/role.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';
import { createAuthority, issue } from '@berth/rpc/authority.ts';
import { type ApiHandlers, startApi } from '@berth/api/start.ts';
import { startAws } from '@berth/aws/start.ts';
import { startController } from '@berth/controller/start.ts';
import { startScheduler } from '@berth/scheduler/start.ts';
import { testLogger, type TestLogger } from '@berth/rpc/testing/fixtures.ts';
import { startEmbeddedEtcd, ETCD_CLIENT_NAME } from '@berth/store/embedded-etcd.ts';
import { openState } from '@berth/store/open-state.ts';
import { freePort } from '@berth/store/testing/etcd.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const REALM = { region: 'us-east-1', account: '000000000000' };
const LOOPBACK = '127.0.0.1';
const LEASE_SECONDS = 10;
const GRACE_MS = 5_000;
export interface ControlPlane {
  /** http://HOST:PORT */
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly logger: TestLogger;
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
    const state = await openState({ endpoints: [etcd.endpoint], tls, ...surroundings, signal });
    closing.push(() => state.close());
    const { store, cache } = state;
    const shared = { tls, store, cache, leaseSeconds: LEASE_SECONDS };
    const anywhere = { listen: `${LOOPBACK}:0`, advertise: `${LOOPBACK}:0` };
    const sealer = KeyRing.create();
    const api = await started(
      startApi(
        { ...anywhere, ...shared, realm: REALM, version: '0.0.0-test', sealer },
        surroundings,
      ),
    );
    const key = await createKey(api.handlers);
    const schedulerAt = `${LOOPBACK}:${await freePort()}`;
    await started(
      startScheduler({ listen: schedulerAt, advertise: schedulerAt, ...shared }, surroundings),
    );
    const lost = { hostLostAfterMs: 20_000, proxyLostAfterMs: 20_000 };
    await started(startController({ ...shared, ...lost, holder: 'test', sealer }, surroundings));
    const aws = await started(
      startAws(
        {
          listen: `${LOOPBACK}:0`,
          tls: undefined,
          realm: REALM,
          handlers: api.handlers,
          access: api.access,
        },
        surroundings,
      ),
    );
    return {
      endpoint: `http://${aws.address}`,
      ...key,
      logger,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A user who may do everything, with a key. */
async function createKey({ Access }: ApiHandlers): Promise<{
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}> {
  const call: CallContext = {
    identity: { role: 'admin', name: 'test' },
    peer: LOOPBACK,
    requestId: 'setup',
    metadata: new Map(),
    signal: AbortSignal.timeout(10_000),
  };
  const userName = 'tester';
  await Access.CreateUser(complete('CreateUserRequest', { userName }), call);
  const policy = 'arn:aws:iam::aws:policy/AdministratorAccess';
  await Access.AttachPolicy(complete('AttachPolicyRequest', { userName, policy }), call);
  const made = await Access.CreateAccessKey(complete('CreateAccessKeyRequest', { userName }), call);
  const { accessKeyId = '', secretAccessKey = '' } = made.accessKey ?? {};
  return { accessKeyId, secretAccessKey };
}
