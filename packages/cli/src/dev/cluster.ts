// Brings up everything of a one-machine cluster in this process, in order, and takes it down in the reverse
// order: controller and scheduler stop deciding, the proxy answers what is under way, then the tasks stop.
import { createLogger, type ProcessLogger } from '@berth/process/logger.ts';
import { createKeyRing, readKeyRing } from '@berth/process/key-ring-file.ts';
import { startAdminServer } from '@berth/process/admin-server.ts';
import { createRegistry } from '@berth/process/metrics.ts';
import { realRandom } from '@berth/process/real-clock.ts';
import type { Role, Surroundings } from '@berth/process/role.ts';
import { version } from '@berth/process/version.ts';
import { agentHostId, startAgent } from '@berth/agent/start.ts';
import { startApi } from '@berth/api/start.ts';
import { startAws } from '@berth/aws/start.ts';
import { startConsole } from '@berth/console/start.ts';
import { startController } from '@berth/controller/start.ts';
import { startProxy } from '@berth/proxy/start.ts';
import { startScheduler } from '@berth/scheduler/start.ts';
import { startEmbeddedEtcd } from '@berth/store/embedded-etcd.ts';
import { openState } from '@berth/store/open-state.ts';
import { hostname } from 'node:os';
import { join } from 'node:path';

import type { ClusterFile } from '../cluster-file.ts';
import type { Context } from '../context.ts';
import { startAudit } from '../roles/audit.ts';
import { asRole } from '../roles/run.ts';
import { SECRETS_KEY, machineName } from '../roles/config.ts';
import { ensureCertificates } from './certificates.ts';
import { type Engine, findEngine } from './engine.ts';
import { bridgeAddress } from './engine-client.ts';
import type { DevOptions } from './options.ts';
import { DEV_USER, type DevKey, ensureDevKey } from './user.ts';
import type { Steps } from './steps.ts';

export const CLUSTER = 'default';
const LOOPBACK = '127.0.0.1';
const LEASE_SECONDS = 10;
const LEADER_LEASE_SECONDS = 3;
const HOST_LOST_AFTER_MS = 20_000;
/** A new leader waits this long for proxies that it has never seen; ours lives and dies with this process. */
const PROXY_LOST_AFTER_MS = 5000;
const REALM = { region: 'us-east-1', account: '000000000000' };
/** For each role to stop; the agent's tasks have to stop in that time as well. */
const GRACE_MS = 10_000;
const TASKS_GRACE_MS = 40_000;

export interface RunningCluster {
  readonly file: ClusterFile;
  readonly engine: Engine;
  readonly consoleUrl: string;
  /** Of the user who may do everything. */
  readonly accessKey: DevKey;
  /** Rejects when a part of it can't go on. */
  readonly failed: Promise<never>;
}

/** What has been started, and how to stop it: the newest first. */
export class Teardown {
  readonly #stops: { readonly name: string; readonly stop: () => Promise<unknown> }[] = [];

  /** @param name for people; empty for what is not worth a word */
  push(name: string, stop: () => Promise<unknown>): void {
    this.#stops.push({ name, stop });
  }

  /** Stop everything, whatever fails. @returns what went wrong */
  async run(announce: (name: string) => void): Promise<string[]> {
    const problems: string[] = [];
    for (;;) {
      const next = this.#stops.pop();
      if (!next) return problems;
      if (next.name !== '') announce(next.name);
      try {
        const said = await next.stop();
        if (Array.isArray(said)) problems.push(...(said as string[]));
      } catch (error) {
        problems.push(`${next.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
}

/** @throws what a part threw; the caller then runs the teardown */
export async function startCluster(
  context: Context,
  options: DevOptions,
  steps: Steps,
  teardown: Teardown,
): Promise<RunningCluster> {
  const { clock, signal } = context;
  const { dataDirectory: directory, ports } = options;
  const logger = createLogger({ level: 'info', to: { file: join(directory, 'logs/berth.log') } });
  teardown.push('', () => logger.flush());
  const metrics = createRegistry({ defaults: true });
  const surroundings: Surroundings = { clock, random: realRandom, logger, metrics };
  const roles: Role[] = [];
  const address = (port: number): string => `${LOOPBACK}:${port}`;
  const start = async <R extends Role>(starting: Promise<R>, graceMs = GRACE_MS): Promise<R> => {
    const role = await starting;
    roles.push(role);
    teardown.push(role.name, () => role.stop(graceMs));
    signal.throwIfAborted();
    return role;
  };

  const engine = await steps.run('docker', () => engineStep(context, directory, logger, teardown));
  signal.throwIfAborted();
  const agentDirectory = join(directory, 'agent');
  const hostId = await agentHostId(agentDirectory);
  const tls = await steps.run('certificates', async () => {
    const made = await ensureCertificates(join(directory, 'tls'), hostId, clock.now());
    return [made, `${made.renewed ? 'made' : 'kept'} in ${made.directory}`];
  });

  const opened = await steps.run('etcd', async () => {
    const etcd = await startEmbeddedEtcd({
      directory: join(directory, 'etcd'),
      logFile: join(directory, 'logs/etcd.log'),
      host: LOOPBACK,
      clientPort: ports.etcdClient,
      peerPort: ports.etcdPeer,
      serverTls: tls.control,
      clientTls: tls.control,
      clock,
      random: realRandom,
      logger,
      signal,
    });
    teardown.push('etcd', () => etcd.stop(GRACE_MS));
    const endpoints = [etcd.endpoint];
    const state = await openState({ ...surroundings, endpoints, tls: tls.control, signal });
    await start(Promise.resolve(asRole('state', state)));
    return [state, `on ${etcd.endpoint}, revision ${state.cache.revision}`];
  });

  const control = {
    tls: tls.control,
    store: opened.store,
    cache: opened.cache,
    leaseSeconds: LEASE_SECONDS,
  };
  const term = { leaseSeconds: LEADER_LEASE_SECONDS };
  const at = (port: number) => ({ listen: address(port), advertise: address(port) });
  const api = [address(ports.api)];
  const secretsKey = join(tls.directory, SECRETS_KEY);
  const sealer = createKeyRing(secretsKey) ?? readKeyRing(secretsKey);
  const served = await steps.run('api', async () => {
    const role = await start(
      startApi(
        {
          ...at(ports.api),
          ...control,
          realm: REALM,
          // Names below localhost lead to this machine.
          dnsSuffix: 'elb.localhost',
          version,
          sealer,
          audit: startAudit(
            { auditLog: join(directory, 'logs/audit.log'), auditReads: true },
            logger,
          ),
        },
        surroundings,
      ),
    );
    teardown.push('connections', async () => (await context.api()).close());
    const { ecs } = await context.api();
    await ecs.CreateCluster({ clusterName: CLUSTER });
    return [role, `on ${role.address}, cluster "${CLUSTER}"`];
  });
  const accessKey = await steps.run('access key', async () => {
    const [key, made] = await ensureDevKey(await context.api(), directory);
    return [key, `${key.accessKeyId} of user ${DEV_USER} ${made ? 'made' : 'kept'}`];
  });
  const aws = await steps.run('aws', async () => {
    const { handlers, access } = served;
    const listen = address(ports.aws);
    const role = await start(
      startAws({ listen, tls: undefined, realm: REALM, handlers, access }, surroundings),
    );
    return [role, `http://${role.address}`];
  });
  await steps.run('agent', async () => {
    const where = await bridgeAddress(engine.dockerHost);
    const role = await start(
      startAgent(
        {
          api,
          tls: tls.host,
          cluster: CLUSTER,
          name: machineName(),
          address: where,
          dataDirectory: agentDirectory,
          dockerHost: engine.dockerHost,
          portRange: { first: 20_000, last: 29_999 },
          attributes: [],
          gpus: { nvidia: true, named: new Map() },
          stopTasksOnExit: true,
        },
        surroundings,
      ),
      TASKS_GRACE_MS,
    );
    return [role, `host ${machineName()} (${role.hostId.slice(0, 8)}) at ${where}`];
  });
  await steps.run('proxy', async () => {
    const proxyDirectory = join(directory, 'proxy');
    const role = await start(
      startProxy(
        {
          api,
          tls: tls.proxy,
          id: 'dev',
          bindAddress: '0.0.0.0',
          dataDirectory: proxyDirectory,
          version,
        },
        surroundings,
      ),
    );
    return [role, `for port ${ports.http}`];
  });
  await steps.run('scheduler', async () => {
    const role = await start(
      startScheduler({ ...at(ports.scheduler), ...control, ...term }, surroundings),
    );
    return [role, `on ${role.address}`];
  });
  await steps.run('controller', async () => {
    const holder = `${hostname()}:${process.pid}`;
    const lost = { hostLostAfterMs: HOST_LOST_AFTER_MS, proxyLostAfterMs: PROXY_LOST_AFTER_MS };
    return [
      await start(
        startController(
          {
            ...control,
            ...term,
            ...lost,
            holder,
            sealer,
            realm: REALM,
            eventDirectory: join(directory, 'events'),
          },
          surroundings,
        ),
      ),
      'runs',
    ];
  });
  const console = await steps.run('console', async () => {
    const consoleOptions = { port: ports.console, api, tls: tls.admin, cluster: CLUSTER };
    const role = await start(startConsole(consoleOptions, surroundings));
    return [role, role.url];
  });
  const admin = await startAdminServer({ port: ports.admin, metrics, roles: () => roles });
  teardown.push('metrics', () => admin.close());

  return {
    engine,
    consoleUrl: console.url,
    accessKey,
    failed: Promise.race([engine.failed, ...roles.map(({ failed }) => failed)]),
    file: {
      pid: process.pid,
      api: address(ports.api),
      cluster: CLUSTER,
      proxyUrl: `http://localhost:${ports.http}`,
      dockerHost: engine.dockerHost,
      adminUrl: `http://${admin.host}:${admin.port}`,
      tlsDirectory: tls.directory,
      awsUrl: `http://${aws.address}`,
      region: REALM.region,
      ready: false,
    },
  };
}

async function engineStep(
  context: Context,
  directory: string,
  logger: ProcessLogger,
  teardown: Teardown,
): Promise<readonly [Engine, string]> {
  const engine = await findEngine(directory, context.environment, context.clock, logger);
  if (engine.own) teardown.push('docker', () => engine.stop());
  const whose = engine.own ? 'an engine of our own' : 'the engine that answers';
  return [engine, `${whose}: ${engine.version} at ${engine.dockerHost}`];
}
