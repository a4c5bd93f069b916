// A cluster whose roles are processes of their own, started by the commands that an operator uses, and killed at will.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { ensureSampleImage } from '@berth/cli/dev/sample-image.ts';

import { type BorrowedEngine, borrowEngine } from '../support/engine.ts';
import { type Place, ROOT, type Running, berth, eventually, launch } from './cluster.ts';

export type RoleName = 'etcd' | 'api' | 'scheduler' | 'controller' | 'agent' | 'proxy';

export interface SeparateRoles {
  start(name: RoleName): Promise<void>;
  /** With SIGKILL. */
  kill(name: RoleName): Promise<void>;
  process(name: RoleName): Running;
  /** Where the role serves its metrics and health. */
  admin(name: RoleName): string;
  /** Everything, the containers too. */
  end(): Promise<void>;
}

const ORDER: readonly RoleName[] = ['etcd', 'api', 'scheduler', 'controller', 'agent', 'proxy'];
const READY_MS = 30_000;

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Its admin port; etcd has none. */
  readonly admin?: number;
}

/** Start every role, deploy the sample service and wait until it is steady. */
export async function startSeparateRoles(place: Place): Promise<SeparateRoles> {
  const engine = await borrowEngine();
  const tls = join(place.dataDirectory, 'tls');
  const audit = join(place.dataDirectory, 'audit.log');
  const env = {
    ...place.env,
    BERTH_TLS_DIR: tls,
    BERTH_AUDIT_LOG: audit,
    BERTH_API: `127.0.0.1:${place.portBase}`,
  };
  Object.assign(place.env, env, { DOCKER_HOST: engine.host });
  mkdirSync(tls, { recursive: true });
  await certificates(place);
  const commands = commandsOf(place, tls, engine);
  const running = new Map<RoleName, Running>();

  async function start(name: RoleName): Promise<void> {
    const { program, args, admin } = commands[name];
    const child = launch(program, args, place.env);
    running.set(name, child);
    await eventually(`${name} is ready: ${child.output()}`, READY_MS, async () => {
      if (admin === undefined) return true;
      const { ok } = await fetch(`http://127.0.0.1:${admin}/readyz`);
      return ok ? true : undefined;
    });
  }

  const roles: SeparateRoles = {
    start,
    kill: async (name) => {
      await running.get(name)?.end('SIGKILL', 5_000);
    },
    process: (name) => running.get(name)!,
    admin: (name) => `http://127.0.0.1:${commands[name].admin}`,
    end: async () => {
      await berth(place, ['service', 'delete', 'hello', '--force', '--yes'], { timeoutMs: 60_000 });
      for (const name of ORDER.toReversed()) await running.get(name)?.end('SIGTERM', 20_000);
      await engine[Symbol.asyncDispose]();
    },
  };
  for (const name of ORDER) await start(name);
  await deploySample(place, engine);
  return roles;
}

async function run(place: Place, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await berth(place, args, { timeoutMs: 120_000 });
  if (code !== 0)
    throw new Error(`berth ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
}

/** An authority, one identity for each role and a key for secrets, in the TLS directory of the place. */
export async function certificates(place: Place): Promise<void> {
  await run(place, 'certificate', 'create-authority');
  await run(place, 'certificate', 'issue', 'control', 'cp1', '--san', '127.0.0.1');
  await run(place, 'certificate', 'issue', 'admin', 'tester');
  await run(place, 'certificate', 'issue', 'host', 'h1');
  await run(place, 'certificate', 'issue', 'proxy', 'p1');
  await run(place, 'secrets', 'init');
}

/** etcd as docs/running.md starts it. */
export function etcdCommand(place: Place, tls: string): Command {
  const client = `127.0.0.1:${place.portBase + 2}`;
  const peer = `http://127.0.0.1:${place.portBase + 3}`;
  return {
    program: 'etcd',
    args: [
      ...['--name', 'e1', '--data-dir', join(place.dataDirectory, 'etcd'), '--pre-vote'],
      ...[
        '--listen-client-urls',
        `https://${client}`,
        '--advertise-client-urls',
        `https://${client}`,
      ],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', `e1=${peer}`],
      ...['--cert-file', join(tls, 'control.crt'), '--key-file', join(tls, 'control.key')],
      ...['--trusted-ca-file', join(tls, 'ca.crt'), '--client-cert-auth'],
      ...['--client-cert-allowed-hostname', 'etcd-client.berth'],
    ],
  };
}

function commandsOf(place: Place, tls: string, engine: BorrowedEngine): Record<RoleName, Command> {
  const port = (offset: number): string => `127.0.0.1:${place.portBase + offset}`;
  const etcd = port(2);
  const role = (name: RoleName, admin: number, ...args: string[]): Command => ({
    program: process.execPath,
    args: [join(ROOT, 'packages/cli/bin/berth.mjs'), name, '--admin', port(admin), ...args],
    admin: place.portBase + admin,
  });
  const data = (name: string): string => join(place.dataDirectory, name);
  return {
    etcd: etcdCommand(place, tls),
    api: role('api', 10, '--listen', port(0), '--etcd', etcd, '--aws-listen', port(6)),
    scheduler: role('scheduler', 11, '--listen', port(1), '--etcd', etcd),
    controller: role('controller', 12, '--etcd', etcd),
    agent: role(
      'agent',
      13,
      '--api',
      port(0),
      '--name',
      'h1',
      '--address',
      '127.0.0.1',
      '--docker',
      engine.host,
      '--data-dir',
      data('agent'),
    ),
    proxy: role(
      'proxy',
      14,
      ...['--api', port(0), '--id', 'p1', '--bind', '127.0.0.1', '--data-dir', data('proxy')],
    ),
  };
}

async function deploySample(place: Place, engine: BorrowedEngine): Promise<void> {
  await ensureSampleImage(engine.host);
  await run(place, 'listener', 'create', String(place.httpPort));
  await run(place, 'task-definition', 'register', 'deploy/sample/hello.json');
  await run(
    place,
    ...['target-group', 'create', 'hello', '--health-path', '/hello/health'],
    ...['--health-interval', '5', '--health-timeout', '2', '--deregistration-delay', '10'],
  );
  await run(
    place,
    'rule',
    'create',
    '--listener',
    String(place.httpPort),
    '--path',
    '/hello*',
    '--target-group',
    'hello',
  );
  await run(
    place,
    ...['service', 'create', 'hello', '--task-definition', 'hello', '--count', '4'],
    ...['--load-balancer', 'hello:hello:8080'],
  );
}
