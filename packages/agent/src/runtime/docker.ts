// The Docker Engine as a `Runtime`. Knows paths and parameters of the Engine API, nothing of tasks.
// Source: Docker Engine API 1.41 to 1.47.
import { BerthError } from '@berth/model/errors.ts';

import type { Labels } from '../labels.ts';
import { dockerEvents, labelFilter } from './docker-events.ts';
import {
  factsOf,
  imageOf,
  summaryOf,
  type InspectedContainer,
  type InspectedImage,
  type ListedContainer,
} from './docker-facts.ts';
import { dockerExec, dockerLogs, dockerPull } from './docker-streams.ts';
import { DockerTransport, LIMIT_MS, type TransportOptions } from './docker-transport.ts';
import { isDigest } from './image-name.ts';
import { RuntimeError, type EngineDescription, type Runtime } from './runtime.ts';

/** The newest version of the API that this adapter has been written for. */
const NEWEST_API = '1.47';
const OLDEST_API = '1.41';
/** Over a stop's own timeout: the kill and the engine's bookkeeping. */
const STOP_MARGIN_MS = 30_000;
const REMOVAL_POLL_MS = 100;

/** A runtime for the engine at the given address; connects when it is first used. */
export function dockerRuntime(options: TransportOptions): Runtime {
  const transport = new DockerTransport(options);
  const { clock } = options;

  const inspect: Runtime['inspect'] = async (id, signal) => {
    const request = {
      operation: 'inspect',
      method: 'GET',
      path: `/containers/${id}/json`,
    } as const;
    const answer = await undefinedIfGone(transport.call({ ...request, signal }));
    return answer === undefined ? undefined : factsOf(answer as InspectedContainer);
  };

  return {
    describe: (signal) => describe(transport, signal),
    inspect,
    async list(labels, signal) {
      const query = { all: true, filters: filters(labels) };
      const request = { operation: 'list', method: 'GET', path: '/containers/json' } as const;
      const answer = await transport.call({ ...request, query, signal });
      return (answer as ListedContainer[]).map(summaryOf);
    },
    async create({ name, body }, signal) {
      const request = { operation: 'create', method: 'POST', path: '/containers/create' } as const;
      const answer = await transport.call({ ...request, query: { name }, body, signal });
      return (answer as { Id: string }).Id;
    },
    async start(id, signal) {
      const path = `/containers/${id}/start`;
      await transport.call({ operation: 'start', method: 'POST', path, signal });
    },
    async stop(id, timeoutSeconds, signal) {
      const stopping = transport.slowCall({
        operation: 'stop',
        method: 'POST',
        path: `/containers/${id}/stop`,
        query: { t: timeoutSeconds },
        signal,
        limitMs: timeoutSeconds * 1000 + STOP_MARGIN_MS,
      });
      await undefinedIfGone(stopping);
    },
    async remove(id, signal) {
      const path = `/containers/${id}`;
      const query = { force: true, v: true };
      const request = { operation: 'remove', method: 'DELETE', path, query, signal } as const;
      const limit = clock.monotonic() + LIMIT_MS.remove;
      for (;;) {
        const over = await undefinedIfGone(transport.call(request)).catch((error: unknown) => {
          if (!inProgress(error) || clock.monotonic() > limit) throw error;
          return 'again';
        });
        if (over !== 'again') return;
        await clock.sleep(REMOVAL_POLL_MS, signal);
      }
    },
    async findImage(image, signal) {
      const path = `/images/${image}/json`;
      const asking = transport.call({ operation: 'find-image', method: 'GET', path, signal });
      const answer = await undefinedIfGone(asking);
      return answer === undefined ? undefined : imageOf(answer as InspectedImage);
    },
    async resolveImage(image, signal) {
      const path = `/distribution/${image}/json`;
      const request = { operation: 'resolve-image', method: 'GET', path, signal } as const;
      const { Descriptor } = (await transport.slowCall(request)) as {
        Descriptor?: { digest?: string };
      };
      const digest = Descriptor?.digest ?? '';
      if (isDigest(digest)) return digest;
      const words = `the registry names ${image} by "${digest}", which is no SHA-256 digest`;
      throw new RuntimeError('invalid', 'resolve-image', words);
    },
    pull: (image, signal) => dockerPull(transport, clock, image, signal),
    async createVolume(spec, signal) {
      const body = {
        Name: spec.name,
        Driver: spec.driver ?? 'local',
        DriverOpts: spec.options,
        Labels: spec.labels,
      };
      const path = '/volumes/create';
      await transport.call({ operation: 'create-volume', method: 'POST', path, body, signal });
    },
    async findVolume(name, signal) {
      const path = `/volumes/${encodeURIComponent(name)}`;
      const asking = transport.call({ operation: 'find-volume', method: 'GET', path, signal });
      const answer = await undefinedIfGone(asking);
      return answer === undefined ? undefined : { name };
    },
    async listVolumes(labels, signal) {
      const query = { filters: filters(labels) };
      const request = { operation: 'list-volumes', method: 'GET', path: '/volumes' } as const;
      const answer = await transport.call({ ...request, query, signal });
      const { Volumes } = answer as { Volumes: { Name: string }[] | null };
      return (Volumes ?? []).map((volume) => volume.Name);
    },
    async removeVolume(name, signal) {
      const path = `/volumes/${encodeURIComponent(name)}`;
      const request = { operation: 'remove-volume', method: 'DELETE', path } as const;
      await undefinedIfGone(transport.call({ ...request, signal }));
    },
    events: (labels, since, onOpen, signal) =>
      dockerEvents(transport, labels, since, onOpen, signal),
    async *logs(id, options, signal) {
      const facts = await inspect(id, signal);
      if (!facts) throw new RuntimeError('gone', 'logs', `No such container: ${id}`);
      yield* dockerLogs(transport, id, facts.tty, options, signal);
    },
    exec: (id, options, signal) => dockerExec(transport, clock, id, options, signal),
    close: () => {
      transport.close();
    },
  };
}

/** Speaks the newest version that both sides know. No single one spans all engines (pitfall D25). */
async function describe(
  transport: DockerTransport,
  signal: AbortSignal,
): Promise<EngineDescription> {
  const request = { operation: 'describe', method: 'GET', signal } as const;
  const version = (await transport.unversionedCall({ ...request, path: '/version' })) as {
    Version: string;
    ApiVersion: string;
    MinAPIVersion?: string;
  };
  const apiVersion = agreedVersion(version.ApiVersion, version.MinAPIVersion ?? OLDEST_API);
  transport.useVersion(apiVersion);
  const info = (await transport.call({ ...request, path: '/info' })) as {
    NCPU: number;
    MemTotal: number;
    OSType: string;
    Architecture: string;
    Driver: string;
  };
  return {
    version: version.Version,
    apiVersion,
    cpus: info.NCPU,
    memoryBytes: info.MemTotal,
    osType: info.OSType,
    architecture: info.Architecture,
    storageDriver: info.Driver,
  };
}

/** @throws BerthError InvalidConfigurationRequest when the engine speaks no version that Berth does */
export function agreedVersion(engineNewest: string, engineOldest: string): string {
  const agreed = older(engineNewest, NEWEST_API) ? engineNewest : NEWEST_API;
  if (older(agreed, OLDEST_API) || older(agreed, engineOldest)) {
    throw new BerthError(
      'InvalidConfigurationRequest',
      `The Docker Engine speaks API ${engineOldest} to ${engineNewest}; Berth speaks ${OLDEST_API} to ${NEWEST_API}`,
    );
  }
  return agreed;
}

function older(a: string, b: string): boolean {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number);
  const [majorB = 0, minorB = 0] = b.split('.').map(Number);
  return majorA === majorB ? minorA < minorB : majorA < majorB;
}

function filters(labels: Labels): string {
  return JSON.stringify({ label: labelFilter(labels) });
}

async function undefinedIfGone(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof RuntimeError && error.kind === 'gone') return undefined;
    throw error;
  }
}

/** Another removal of the same container is under way; it is gone soon. */
function inProgress(error: unknown): boolean {
  return error instanceof RuntimeError && error.kind === 'conflict';
}
