// From Docker's answers to what the agent wants to know. Pure. Reads only what is in every API version from
// 1.41 on. Source: pitfalls D10, D11, D14, D25, D28.
import type { NetworkBinding } from '@berth/model/generated/messages.ts';

import type { Labels } from '../labels.ts';
import type {
  ContainerFacts,
  ContainerState,
  ContainerSummary,
  Health,
  ImageFacts,
  RuntimeEvent,
} from './runtime.ts';

const MAX_HEALTH_OUTPUT_CHARACTERS = 1024;
/** How Docker writes a time that has not come. */
const ZERO_TIME = '0001-01-01';

export interface ListedContainer {
  readonly Id: string;
  readonly Labels?: Labels | null;
  readonly State: string;
  /** For people: `Up 3 minutes (healthy)`. */
  readonly Status: string;
}

interface HealthProbe {
  readonly ExitCode: number;
  readonly Output: string;
}

export interface InspectedContainer {
  readonly Id: string;
  readonly Name: string;
  readonly State: {
    readonly Status: string;
    readonly ExitCode: number;
    readonly OOMKilled: boolean;
    readonly Error: string;
    readonly StartedAt: string;
    readonly FinishedAt: string;
    readonly Health?: { readonly Status: string; readonly Log?: readonly HealthProbe[] | null };
  };
  readonly Config: { readonly Labels?: Labels | null; readonly Tty: boolean };
  readonly NetworkSettings?: {
    readonly Ports?: Readonly<
      Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>
    > | null;
  };
}

export interface InspectedImage {
  readonly Id: string;
  readonly RepoDigests?: readonly string[] | null;
}

export interface EngineEvent {
  readonly Action?: string;
  readonly Actor?: { readonly ID: string; readonly Attributes?: Labels };
}

export function summaryOf(listed: ListedContainer): ContainerSummary {
  return {
    id: listed.Id,
    labels: listed.Labels ?? {},
    state: stateOf(listed.State),
    health: healthIn(listed.Status),
  };
}

export function factsOf(inspected: InspectedContainer): ContainerFacts {
  const { State: state } = inspected;
  const kind = stateOf(state.Status);
  return {
    id: inspected.Id,
    name: inspected.Name.replace(/^\//, ''),
    labels: inspected.Config.Labels ?? {},
    tty: inspected.Config.Tty,
    state: kind,
    exitCode: kind === 'stopped' ? state.ExitCode : undefined,
    oomKilled: state.OOMKilled,
    error: state.Error === '' ? undefined : state.Error,
    startedAt: timeOf(state.StartedAt),
    finishedAt: timeOf(state.FinishedAt),
    health: healthOf(state.Health?.Status),
    healthOutput: failingOutput(state.Health?.Log ?? []),
    bindings: bindingsOf(inspected.NetworkSettings?.Ports ?? {}),
  };
}

export function imageOf(inspected: InspectedImage): ImageFacts {
  const digest = inspected.RepoDigests?.[0]?.split('@')[1];
  return { id: inspected.Id, digest };
}

/** @returns undefined for an event that is about no container */
export function eventOf(event: EngineEvent): RuntimeEvent | undefined {
  if (event.Action === undefined || !event.Actor) return undefined;
  return {
    containerId: event.Actor.ID,
    labels: event.Actor.Attributes ?? {},
    action: event.Action,
  };
}

/** One that is paused, restarting or being removed is not stopped before the engine says so. */
function stateOf(status: string): ContainerState {
  switch (status) {
    case 'created':
      return 'created';
    case 'running':
    case 'paused':
    case 'restarting':
      return 'running';
    default:
      return 'stopped';
  }
}

function healthOf(status: string | undefined): Health {
  if (status === 'healthy') return 'HEALTHY';
  return status === 'unhealthy' ? 'UNHEALTHY' : 'UNKNOWN';
}

function healthIn(status: string): Health {
  return healthOf(/\((healthy|unhealthy)\)/.exec(status)?.[1]);
}

function failingOutput(log: readonly HealthProbe[]): string | undefined {
  const newest = log.at(-1);
  if (!newest || newest.ExitCode === 0) return undefined;
  return newest.Output.trim().slice(0, MAX_HEALTH_OUTPUT_CHARACTERS);
}

function timeOf(text: string): number | undefined {
  if (text === '' || text.startsWith(ZERO_TIME)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

function bindingsOf(
  ports: NonNullable<NonNullable<InspectedContainer['NetworkSettings']>['Ports']>,
): NetworkBinding[] {
  const bindings: NetworkBinding[] = [];
  for (const [key, hosts] of Object.entries(ports)) {
    const [port, protocol] = key.split('/');
    for (const host of hosts ?? []) {
      if (host.HostIp.includes(':')) continue;
      bindings.push({
        bindIp: host.HostIp,
        containerPort: Number(port),
        hostPort: Number(host.HostPort),
        protocol: protocol === 'udp' ? 'udp' : 'tcp',
      });
    }
  }
  return bindings.sort((a, b) => a.containerPort - b.containerPort || a.hostPort - b.hostPort);
}
