// The image of the sample service, made from what this machine has: the Node that runs us with the libraries
// that it loads, busybox, and two files of `deploy/sample`. No registry and no network is needed.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { CHECKOUT } from '../cluster-file.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { type EngineCall, askEngine, callEngine, refused } from './engine-client.ts';
import { type TarEntry, tar } from './tar.ts';

const run = promisify(execFile);

export const SAMPLE_IMAGE = 'berth/hello:1';
const LABEL = 'berth.sample';
const SAMPLE = join(CHECKOUT, 'deploy/sample');
const SOURCES = ['server.mjs', 'websocket.mjs'];
const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'];
const APPLETS = ['sh', 'wget', 'ls', 'cat', 'ps', 'env', 'echo', 'sleep', 'kill', 'top', 'vi'];
const IMPORT_MS = 120_000;

/** Make the image unless the engine has this very one. @returns whether it was made */
export async function ensureSampleImage(dockerHost: string): Promise<boolean> {
  const content = await fingerprint();
  const inspect: EngineCall = { method: 'GET', path: `/images/${SAMPLE_IMAGE}/json` };
  const { status, body } = await callEngine(dockerHost, inspect);
  if (status === 200) {
    const { Config } = JSON.parse(body) as { Config?: { Labels?: Record<string, string> | null } };
    if (Config?.Labels?.[LABEL] === content) return false;
  } else if (status !== 404) throw refused(dockerHost, inspect, status, body);
  await importImage(dockerHost, tar(await imageEntries()), content);
  return true;
}

async function importImage(dockerHost: string, archive: Buffer, content: string): Promise<void> {
  const [repo = '', tag = ''] = SAMPLE_IMAGE.split(':');
  const changes = [
    'CMD ["/bin/node", "/app/server.mjs"]',
    'ENV PATH=/bin',
    'WORKDIR /app',
    'EXPOSE 8080',
    `LABEL ${LABEL}=${content}`,
  ];
  const query = new URLSearchParams({ fromSrc: '-', repo, tag });
  for (const change of changes) query.append('changes', change);
  const call: EngineCall = {
    method: 'POST',
    path: `/images/create?${query.toString()}`,
    body: archive,
    timeoutMs: IMPORT_MS,
  };
  const { status, body } = await callEngine(dockerHost, call);
  // A failure in the middle comes as a line of an answer with status 200.
  if (status !== 200 || body.includes('"errorDetail"')) {
    throw refused(dockerHost, call, status, body);
  }
  await askEngine(dockerHost, { method: 'GET', path: `/images/${SAMPLE_IMAGE}/json` });
}

/** What the image is made from, without reading all of it. */
async function fingerprint(): Promise<string> {
  const hash = createHash('sha256');
  hash.update(`${process.version} ${process.arch} ${APPLETS.join()} `);
  for (const path of [process.execPath, busybox()]) hash.update(`${(await stat(path)).size} `);
  for (const name of SOURCES) hash.update(await readFile(join(SAMPLE, name)));
  return hash.digest('hex').slice(0, 32);
}

/** The files of the image. */
export async function imageEntries(): Promise<TarEntry[]> {
  const directories = ['app/', 'bin/', 'etc/', 'proc/', 'sys/', 'dev/'].map((path) => ({
    path,
    mode: 0o755,
  }));
  const files: TarEntry[] = [
    { path: 'tmp/', mode: 0o1777 },
    { path: 'bin/node', mode: 0o755, content: await readFile(process.execPath) },
    { path: 'bin/busybox', mode: 0o755, content: await readFile(busybox()) },
    ...APPLETS.map((name) => ({ path: `bin/${name}`, mode: 0o777, link: 'busybox' })),
    {
      path: 'etc/passwd',
      mode: 0o644,
      content: Buffer.from('root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n'),
    },
  ];
  for (const path of await librariesOf(process.execPath)) {
    files.push({ path: path.slice(1), mode: 0o755, content: await readFile(path) });
  }
  for (const name of SOURCES) {
    files.push({ path: `app/${name}`, mode: 0o644, content: await readFile(join(SAMPLE, name)) });
  }
  return [...directories, ...files];
}

function busybox(): string {
  const found = BUSYBOX.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new CommandError(
    exitCodes.failed,
    `found no busybox for the sample image, looked for ${BUSYBOX.join(' and ')}`,
    { next: 'apt-get install busybox-static' },
  );
}

/** The shared libraries that a program loads, the loader included, as absolute paths. */
async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await run('ldd', [program]).catch((error: unknown) => {
    // A program without any is no failure, whatever ldd thinks of it.
    const { stdout: text = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    if (/not a dynamic executable|statically linked/.test(text + stderr)) return { stdout: '' };
    throw error;
  });
  return stdout.split('\n').flatMap((line) => /(\/\S+) \(0x[0-9a-f]+\)/.exec(line)?.[1] ?? []);
}
