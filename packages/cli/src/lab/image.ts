// Puts images into the hosts' engines, since a lab reaches no registry: archives of `docker save`, and the sample's.
import { createReadStream, statSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

import { parseDockerHost } from '@berth/agent/runtime/docker-transport.ts';

import { refused } from '../dev/engine-client.ts';
import { CommandError, exitCodes } from '../failure.ts';

const LOAD_MS = 300_000;

/** @throws CommandError for a file that can't be read */
export function checkArchive(file: string): void {
  try {
    if (statSync(file).isFile()) return;
  } catch (cause) {
    throw new CommandError(exitCodes.failed, `can't read the image archive ${file}`, {
      cause,
      next: 'docker save IMAGE --output FILE.tar',
    });
  }
  throw new CommandError(exitCodes.failed, `the image archive ${file} is no file`);
}

/** Load an archive as `docker load` does. @throws BerthError Unavailable with the engine's own words */
export async function loadArchive(dockerHost: string, file: string): Promise<void> {
  const { socketPath, host, port } = parseDockerHost(dockerHost);
  const call = { method: 'POST', path: '/images/load?quiet=1' } as const;
  const outgoing = request({
    ...(socketPath === undefined ? { host, port } : { socketPath }),
    ...call,
    agent: false,
    signal: AbortSignal.timeout(LOAD_MS),
    headers: { 'content-type': 'application/x-tar', 'content-length': statSync(file).size },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
  });
  const [answer] = await Promise.all([answered, pipeline(createReadStream(file), outgoing)]);
  const body = await text(answer);
  // A failure in the middle comes as a line of an answer with status 200.
  if (answer.statusCode !== 200 || body.includes('"errorDetail"')) {
    throw refused(dockerHost, call, answer.statusCode ?? 0, body);
  }
}
