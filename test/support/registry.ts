// A real registry of container images on this machine, for tests, and images of busybox that are put into it without any
// engine. Source: OCI distribution specification 1.1; Docker image manifest, version 2, schema 2.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';

import { tar } from '@berth/cli/dev/tar.ts';

const START_MS = 15_000;
const APPLETS = ['sh', 'sleep', 'true', 'false', 'cat', 'echo'];
const TYPE = {
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar',
};

export interface TestRegistry extends AsyncDisposable {
  /** HOST:PORT, with which the names of its images begin. */
  readonly address: string;
  /** Put an image there that differs by `variant`, and let the tag stand for it from now on. @returns its digest */
  push(repository: string, tag: string, variant: string): Promise<string>;
}

/** @throws Error when Debian's docker-registry is not installed or does not answer in time */
export async function startRegistry(): Promise<TestRegistry> {
  const directory = mkdtempSync(join(tmpdir(), 'berth-registry-'));
  const address = `127.0.0.1:${await freePort()}`;
  const config = join(directory, 'config.yml');
  writeFileSync(
    config,
    [
      'version: 0.1',
      'log: {level: error}',
      `storage: {filesystem: {rootdirectory: ${join(directory, 'data')}}}`,
      `http: {addr: '${address}', secret: test}`,
      '',
    ].join('\n'),
  );
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  const ended = new Promise<Error | undefined>((resolve) => {
    child.once('error', resolve);
    child.once('exit', () => resolve(undefined));
  });
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  const deadline = performance.now() + START_MS;
  while (!(await answers(address))) {
    if (performance.now() < deadline && child.exitCode === null && child.pid !== undefined)
      continue;
    await end();
    throw new Error('no registry: is Debian’s docker-registry installed?', { cause: await ended });
  }
  return {
    address,
    push: (repository, tag, variant) => push(`http://${address}/v2/${repository}`, tag, variant),
    [Symbol.asyncDispose]: end,
  };
}

async function answers(address: string): Promise<boolean> {
  await new Promise((resolve) => setTimeout(resolve, 50));
  return await fetch(`http://${address}/v2/`).then(
    ({ status }) => status === 200,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

async function push(base: string, tag: string, variant: string): Promise<string> {
  const layer = tar([
    { path: 'bin/', mode: 0o755 },
    { path: 'tmp/', mode: 0o1777 },
    { path: 'bin/busybox', mode: 0o755, content: readFileSync(busybox()) },
    ...APPLETS.map((name) => ({ path: `bin/${name}`, mode: 0o777, link: 'busybox' })),
  ]);
  const config = Buffer.from(
    JSON.stringify({
      architecture: arch() === 'x64' ? 'amd64' : arch(),
      os: 'linux',
      config: { Cmd: ['sleep', '100000'], Env: ['PATH=/bin'], Labels: { variant } },
      rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
      history: [],
    }),
  );
  for (const blob of [layer, config]) await upload(base, blob);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: TYPE.manifest,
      config: described(TYPE.config, config),
      layers: [described(TYPE.layer, layer)],
    }),
  );
  await put(`${base}/manifests/${tag}`, manifest, TYPE.manifest);
  return digestOf(manifest);
}

async function upload(base: string, blob: Buffer): Promise<void> {
  const begun = await fetch(`${base}/blobs/uploads/`, { method: 'POST' });
  const where = new URL(begun.headers.get('location') ?? '', base);
  where.searchParams.set('digest', digestOf(blob));
  await put(where.href, blob, 'application/octet-stream');
}

async function put(url: string, body: Buffer, type: string): Promise<void> {
  const answer = await fetch(url, {
    method: 'PUT',
    body: new Uint8Array(body),
    headers: { 'content-type': type },
  });
  if (answer.status !== 201) {
    throw new Error(`PUT ${url}: ${answer.status} ${await answer.text()}`);
  }
}

function described(mediaType: string, blob: Buffer): object {
  return { mediaType, size: blob.length, digest: digestOf(blob) };
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function busybox(): string {
  return ['/bin/busybox', '/usr/bin/busybox'].find(existsSync) ?? '/bin/busybox';
}
