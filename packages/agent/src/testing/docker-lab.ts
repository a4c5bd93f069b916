// The real Docker Engine in tests: an image made of busybox without any network, hosts of their own so that tests
// that run side by side never see each other's containers, and a clean-up by label.
import { randomBytes, randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';

import { realClock } from '@berth/process/real-clock.ts';

import { LABEL } from '../labels.ts';
import type { PortRange } from '../ports.ts';
import { parseDockerHost } from '../runtime/docker-transport.ts';
import { dockerRuntime } from '../runtime/docker.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { tar } from './tar.ts';

export const DOCKER_HOST = process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock';
export const TEST_IMAGE = 'berth-agent-test:busybox';
const CLUSTER = 'agent-test';
const APPLETS = [
  'sh',
  'cat',
  'echo',
  'kill',
  'sleep',
  'head',
  'nc',
  'httpd',
  'test',
  'touch',
  'tail',
  'true',
  'false',
  'env',
  'stty',
  'dd',
];

export interface DockerLab {
  readonly runtime: Runtime;
  readonly cluster: string;
  readonly hostId: string;
  /** Of its own, so that tests that run side by side take different ports. */
  readonly portRange: PortRange;
  /** SIGKILL, as from the kernel or a person. */
  kill(containerId: string): Promise<void>;
  /** Removes every container and volume of this lab's host. */
  dispose(): Promise<void>;
}

let image: Promise<void> | undefined;

export async function dockerLab(): Promise<DockerLab> {
  const runtime = dockerRuntime({
    dockerHost: DOCKER_HOST,
    clock: realClock,
    observe: () => undefined,
  });
  const { signal } = new AbortController();
  await runtime.describe(signal);
  await (image ??= importOnce(runtime));
  const hostId = randomBytes(16).toString('hex');
  const first = 13_000 + randomInt(60) * 100;
  return {
    runtime,
    cluster: CLUSTER,
    hostId,
    portRange: { first, last: first + 99 },
    kill: (id) => post(`/containers/${id}/kill`, Buffer.alloc(0), 204),
    async dispose() {
      const labels = { [LABEL.host]: hostId };
      for (const { id } of await runtime.list(labels, signal)) await runtime.remove(id, signal);
      for (const name of await runtime.listVolumes(labels, signal)) {
        await runtime.removeVolume(name, signal);
      }
      runtime.close();
    },
  };
}

/** Kept from run to run, so that runs side by side do not take it from each other. */
async function importOnce(runtime: Runtime): Promise<void> {
  if (!(await runtime.findImage(TEST_IMAGE, new AbortController().signal))) await importImage();
}

/** The image has a HEALTHCHECK that always fails, so that a test can see that it is ignored. */
async function importImage(): Promise<void> {
  const archive = tar([
    { path: 'bin/', directory: true },
    { path: 'tmp/', directory: true },
    { path: 'bin/busybox', content: await readFile('/bin/busybox') },
    ...APPLETS.map((name) => ({ path: `bin/${name}`, linkTo: 'busybox' })),
  ]);
  const query = new URLSearchParams({ fromSrc: '-', repo: 'berth-agent-test', tag: 'busybox' });
  for (const change of ['ENV PATH=/bin', 'HEALTHCHECK --interval=1s --retries=1 CMD false']) {
    query.append('changes', change);
  }
  await post(`/images/create?${query.toString()}`, archive);
}

async function post(path: string, body: Buffer, expected = 200): Promise<void> {
  const { socketPath, host, port } = parseDockerHost(DOCKER_HOST);
  await new Promise<void>((resolve, reject) => {
    const outgoing = request(
      { ...(socketPath === undefined ? { host, port } : { socketPath }), path, method: 'POST' },
      (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.on('end', () => {
          if (answer.statusCode === expected && !text.includes('errorDetail')) resolve();
          else reject(new Error(`POST ${path}: ${String(answer.statusCode)} ${text}`));
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
