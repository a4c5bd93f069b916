// How long Berth takes to run tasks, against starting the same containers through the Docker API directly; how
// long a rolling update takes; what each role needs at rest. One machine, every role a process of its own.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import Docker from 'dockerode';

import { SAMPLE_IMAGE } from '@berth/cli/dev/sample-image.ts';
import { connect } from '@berth/rpc/client.ts';

import { berth, newPlace, type Place } from '../e2e/cluster.ts';
import { type RoleName, type SeparateRoles, startSeparateRoles } from '../e2e/separate-roles.ts';

const TASKS = 20;
/** What Berth's agent does at a time. */
const STARTS_AT_ONCE = 4;
const LIMIT_MS = 180_000;

const place = newPlace(19);
const roles = await startSeparateRoles(place);
try {
  await restingMemory(roles);
  await startingTasks(place);
  await rollingUpdate(place);
} finally {
  await roles.end();
  place.remove();
}

function residentMiB(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid ?? 'self'}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
}

async function restingMemory(of: SeparateRoles): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  console.log('memory at rest, 4 tasks (resident MiB)');
  const names: RoleName[] = ['etcd', 'api', 'scheduler', 'controller', 'agent', 'proxy'];
  for (const name of names) {
    console.log(
      `  ${name.padEnd(12)} ${residentMiB(of.process(name).process.pid).toFixed(0).padStart(5)}`,
    );
  }
}

async function startingTasks(at: Place): Promise<void> {
  const definition = {
    family: 'bench',
    containerDefinitions: [
      {
        name: 'main',
        image: SAMPLE_IMAGE,
        command: ['/bin/sleep', '3600'],
        entryPoint: [],
        memory: 16,
        stopTimeout: 2,
        portMappings: [{ containerPort: 8080 }],
      },
    ],
  };
  const { code, stderr } = await berth(at, ['task-definition', 'register', '-'], {
    input: JSON.stringify(definition),
  });
  if (code !== 0) throw new Error(stderr);
  const direct = await timeDirectly(at);
  const berthSeconds = await timeBerth(at);
  console.log(`\n${TASKS} containers running`);
  console.log(`  Docker API directly, ${STARTS_AT_ONCE} at a time   ${direct.toFixed(1)} s`);
  console.log(
    `  berth service create           ${berthSeconds.toFixed(1)} s   ratio ${(berthSeconds / direct).toFixed(2)}`,
  );
}

async function timeBerth(at: Place): Promise<number> {
  const tls = at.env['BERTH_TLS_DIR'] ?? '';
  const pem = (name: string): string => readFileSync(join(tls, name), 'utf8');
  const connection = connect({
    addresses: [at.env['BERTH_API'] ?? ''],
    tls: { certificate: pem('admin.crt'), key: pem('admin.key'), authority: pem('ca.crt') },
  });
  const began = performance.now();
  await connection
    .client('Ecs')
    .CreateService({ serviceName: 'bench', taskDefinition: 'bench', desiredCount: TASKS });
  const watch = connection
    .client('Operations')
    .WatchService({ service: 'bench' }, { signal: AbortSignal.timeout(LIMIT_MS) });
  for await (const { tasks } of watch) {
    if (tasks.filter(({ task }) => task?.lastStatus === 'RUNNING').length === TASKS) break;
  }
  const seconds = (performance.now() - began) / 1000;
  await connection.client('Ecs').DeleteService({ service: 'bench', force: true });
  connection.close();
  return seconds;
}

async function timeDirectly(at: Place): Promise<number> {
  const docker = new Docker({ socketPath: (at.env['DOCKER_HOST'] ?? '').replace('unix://', '') });
  const containers: Docker.Container[] = [];
  let next = 0;
  async function worker(): Promise<void> {
    while (next < TASKS) {
      next += 1;
      const container = await docker.createContainer({
        Image: SAMPLE_IMAGE,
        Entrypoint: [],
        Cmd: ['/bin/sleep', '3600'],
        ExposedPorts: { '8080/tcp': {} },
        HostConfig: {
          Memory: 16 * 1024 * 1024,
          Init: true,
          PortBindings: { '8080/tcp': [{ HostIp: '0.0.0.0', HostPort: '' }] },
        },
      });
      containers.push(container);
      await container.start();
    }
  }
  const began = performance.now();
  await Promise.all(Array.from({ length: STARTS_AT_ONCE }, worker));
  const seconds = (performance.now() - began) / 1000;
  await Promise.all(containers.map((container) => container.remove({ force: true })));
  return seconds;
}

async function rollingUpdate(at: Place): Promise<void> {
  const began = performance.now();
  const { code, stdout, stderr } = await berth(
    at,
    ['service', 'update', 'hello', '--force-new-deployment'],
    { timeoutMs: LIMIT_MS },
  );
  if (code !== 0) throw new Error(`the rolling update ended with ${code}: ${stdout}${stderr}`);
  console.log(
    `\nrolling update of 4 tasks, 100/200 percent: ${((performance.now() - began) / 1000).toFixed(1)} s`,
  );
}
