// The few calls that `berth dev` itself makes to a Docker Engine; everything about tasks is the agent's.
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { text } from 'node:stream/consumers';

import { parseDockerHost } from '@berth/agent/runtime/docker-transport.ts';
import { BerthError } from '@berth/model/errors.ts';

export interface EngineVersion {
  readonly Version: string;
  readonly ApiVersion: string;
}

export interface EngineCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** A body as it is: a tar. */
  readonly body?: Buffer;
  readonly timeoutMs?: number;
}

export interface EngineAnswer {
  readonly status: number;
  readonly body: string;
}

const TIMEOUT_MS = 5000;

/** @throws Error when the engine does not answer; an answer with a bad status is an answer */
export async function callEngine(dockerHost: string, call: EngineCall): Promise<EngineAnswer> {
  const { socketPath, host, port } = parseDockerHost(dockerHost);
  const options: RequestOptions = {
    ...(socketPath === undefined ? { host, port } : { socketPath }),
    method: call.method,
    path: call.path,
    agent: false,
    signal: AbortSignal.timeout(call.timeoutMs ?? TIMEOUT_MS),
    headers: call.body
      ? { 'content-type': 'application/x-tar', 'content-length': call.body.length }
      : {},
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request(options, resolve);
    outgoing.once('error', reject);
    outgoing.end(call.body);
  });
  return { status: response.statusCode ?? 0, body: await text(response) };
}

/** As `callEngine`, but with the parsed body. @throws BerthError Unavailable with the engine's own words */
export async function askEngine<T>(dockerHost: string, call: EngineCall): Promise<T> {
  const { status, body } = await callEngine(dockerHost, call);
  if (status >= 200 && status < 300) return (body === '' ? undefined : JSON.parse(body)) as T;
  throw refused(dockerHost, call, status, body);
}

export function refused(
  dockerHost: string,
  { method, path }: EngineCall,
  status: number,
  body: string,
): BerthError {
  return new BerthError(
    'Unavailable',
    `The Docker Engine at ${dockerHost} answered ${method} ${path.split('?')[0] ?? ''} with ${status}: ${messageOf(body)}`,
  );
}

function messageOf(body: string): string {
  try {
    return (JSON.parse(body) as { message?: string }).message ?? body.trim();
  } catch {
    return body.trim();
  }
}

/** @returns undefined when no engine answers there; `why` is told then */
export async function engineVersion(
  dockerHost: string,
  why: (reason: string) => void = () => undefined,
): Promise<EngineVersion | undefined> {
  try {
    return await askEngine<EngineVersion>(dockerHost, { method: 'GET', path: '/version' });
  } catch (error) {
    why(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

interface InspectedNetwork {
  readonly IPAM?: { readonly Config?: readonly { Subnet?: string; Gateway?: string }[] };
}

/**
 * The address of the engine's bridge on this machine: what connects to a published port there takes the kernel's address
 * translation and not Docker's userland proxy. The engine's own host for one that is reached over TCP.
 */
export async function bridgeAddress(dockerHost: string): Promise<string> {
  const { host } = parseDockerHost(dockerHost);
  if (host !== '') return host;
  const network = await askEngine<InspectedNetwork>(dockerHost, {
    method: 'GET',
    path: '/networks/bridge',
  });
  for (const { Gateway, Subnet } of network.IPAM?.Config ?? []) {
    if (Gateway) return Gateway;
    // Older engines leave the gateway out; it is the first address then.
    const first = /^(\d+\.\d+\.\d+)\.(\d+)\//.exec(Subnet ?? '');
    if (first) return `${first[1] ?? ''}.${Number(first[2]) + 1}`;
  }
  throw new BerthError('Unavailable', `The Docker Engine at ${dockerHost} has no bridge network`);
}

/** Remove every container with these labels, running or not. @returns how many there were */
export async function removeContainers(
  dockerHost: string,
  labels: Readonly<Record<string, string>>,
): Promise<number> {
  const filters = JSON.stringify({
    label: Object.entries(labels).map(([key, value]) => `${key}=${value}`),
  });
  const found = await askEngine<readonly { readonly Id: string }[]>(dockerHost, {
    method: 'GET',
    path: `/containers/json?all=true&filters=${encodeURIComponent(filters)}`,
  });
  for (const { Id } of found) {
    const call: EngineCall = {
      method: 'DELETE',
      path: `/containers/${Id}?force=true&v=true`,
      timeoutMs: 60_000,
    };
    const { status, body } = await callEngine(dockerHost, call);
    if (status >= 300 && status !== 404 && status !== 409) {
      throw refused(dockerHost, call, status, body);
    }
  }
  return found.length;
}
