// From a container definition to Docker's create request. Pure: the same input gives the same bytes.
// Every member of ContainerDefinition is honoured here or, for ordering and timeouts, in `next-step.ts`.
// Source: ECS reference, sections 3.2 to 3.7.
import { createHash } from 'node:crypto';

import type {
  ContainerDefinition,
  HealthCheck,
  LogConfiguration,
  MountPoint,
  NetworkBinding,
  TaskDefinitionRecord,
  TaskRecord,
  Tmpfs,
} from '@berth/model/generated/messages.ts';
import { gpuIdsOf } from '@berth/model/resources/gpus.ts';

import { mergeByName, stopTimeoutSeconds, taskLimits } from '../effective-containers.ts';
import type { Gpus } from '../gpus.ts';
import { LABEL } from '../labels.ts';
import type {
  CreateBody,
  DeviceBody,
  HealthcheckBody,
  HostConfigBody,
  PortBinding,
  VolumeMount,
} from './create-body.ts';
import type { ContainerSpec } from './runtime.ts';
import { volumeNameOf } from './volumes.ts';

const MIB = 1024 * 1024;
const NANOSECONDS = 1e9;
const CPU_UNITS_PER_VCPU = 1024;
const MIN_CPU_SHARES = 2;
const MAX_CPU_SHARES = 262_144;

export interface HostFacts {
  readonly id: string;
  readonly cluster: string;
  readonly address: string;
  readonly gpus: Gpus;
}

export interface SpecInput {
  readonly task: TaskRecord;
  readonly definition: TaskDefinitionRecord;
  /** With the task's overrides applied. */
  readonly container: ContainerDefinition;
  readonly bindings: readonly NetworkBinding[];
  readonly host: HostFacts;
  /** Counts the creations of this container in this task, from 1. */
  readonly attempt: number;
}

/** The container's name and create request. The name is for people; identity is in the labels. */
export function containerSpec(input: SpecInput): ContainerSpec {
  const { container, definition, task, attempt } = input;
  const unhashed = createBody(input);
  const hash = createHash('sha256').update(JSON.stringify(unhashed)).digest('hex').slice(0, 16);
  const label = container.name.replaceAll(/[^A-Za-z0-9-]/g, '');
  return {
    name: `berth-${definition.family}-${String(definition.revision)}-${label}-${task.id.slice(0, 12)}-${String(attempt)}`,
    body: { ...unhashed, Labels: { ...unhashed.Labels, [LABEL.specHash]: hash } },
  };
}

function createBody(input: SpecInput): CreateBody {
  const { container } = input;
  const ports = portKeys(input.bindings);
  return {
    Image: container.image,
    ...given('Hostname', container.hostname),
    ...given('User', container.user),
    ...given('WorkingDir', container.workingDirectory),
    ...(container.entryPoint.length > 0 ? { Entrypoint: container.entryPoint } : {}),
    ...(container.command.length > 0 ? { Cmd: container.command } : {}),
    Env: environment(input),
    Labels: labels(input),
    ExposedPorts: Object.fromEntries(ports.map(([key]) => [key, {}])),
    Healthcheck: healthcheck(container.healthCheck),
    StopTimeout: stopTimeoutSeconds(container),
    OpenStdin: container.interactive ?? false,
    Tty: container.pseudoTerminal ?? false,
    NetworkDisabled: container.disableNetworking ?? false,
    HostConfig: hostConfig(input),
  };
}

function hostConfig(input: SpecInput): HostConfigBody {
  const { container, definition, task, bindings } = input;
  const linux = container.linuxParameters;
  const limits = taskLimits(definition, task);
  const memory = container.memory ?? limits.memory;
  const networkMode = definition.networkMode ?? 'bridge';
  return {
    NetworkMode: networkMode,
    PortBindings: networkMode === 'bridge' ? Object.fromEntries(portKeys(bindings)) : {},
    ...mounts(input),
    CpuShares: cpuShares(container.cpu),
    ...given('NanoCpus', scaled(limits.cpu, NANOSECONDS / CPU_UNITS_PER_VCPU)),
    ...given('Memory', scaled(memory, MIB)),
    ...given('MemoryReservation', scaled(container.memoryReservation, MIB)),
    Ulimits: container.ulimits.map((limit) => ({
      Name: limit.name,
      Soft: limit.softLimit,
      Hard: limit.hardLimit,
    })),
    LogConfig: logConfig(container.logConfiguration),
    RestartPolicy: { Name: 'no' },
    Init: linux?.initProcessEnabled ?? true,
    Privileged: container.privileged ?? false,
    ReadonlyRootfs: container.readonlyRootFilesystem ?? false,
    Dns: container.dnsServers,
    DnsSearch: container.dnsSearchDomains,
    ExtraHosts: container.extraHosts.map((entry) => `${entry.hostname}:${entry.ipAddress}`),
    SecurityOpt: container.dockerSecurityOptions,
    Sysctls: Object.fromEntries(
      container.systemControls.map((control) => [control.namespace, control.value]),
    ),
    CapAdd: linux?.capabilities?.add ?? [],
    CapDrop: linux?.capabilities?.drop ?? [],
    ...devices(input),
    ...given('ShmSize', scaled(linux?.sharedMemorySize, MIB)),
    Tmpfs: Object.fromEntries(
      (linux?.tmpfs ?? []).map((mount) => [mount.containerPath, tmpfsOptions(mount)]),
    ),
  };
}

/** A relative weight with Linux's bounds; 0 counts as the least. */
export function cpuShares(cpu: number): number {
  return Math.min(Math.max(cpu, MIN_CPU_SHARES), MAX_CPU_SHARES);
}

/** What Berth tells each container about itself wins over what its definition says. */
function environment({ task, definition, container, bindings, host }: SpecInput): string[] {
  const own = [
    { name: 'BERTH_TASK_ID', value: task.id },
    { name: 'BERTH_CLUSTER', value: task.cluster },
    { name: 'BERTH_FAMILY', value: definition.family },
    { name: 'BERTH_REVISION', value: String(definition.revision) },
    { name: 'BERTH_HOST_ID', value: host.id },
    { name: 'BERTH_HOST_ADDRESS', value: host.address },
    ...bindings.map((binding) => ({
      name: `BERTH_HOST_PORT_${String(binding.containerPort)}`,
      value: String(binding.hostPort),
    })),
  ];
  return mergeByName(container.environment, own).map((pair) => `${pair.name}=${pair.value}`);
}

function labels({ task, definition, container, host, attempt }: SpecInput): Record<string, string> {
  return {
    ...container.dockerLabels,
    'com.amazonaws.ecs.cluster': task.cluster,
    'com.amazonaws.ecs.container-name': container.name,
    'com.amazonaws.ecs.task-definition-family': definition.family,
    'com.amazonaws.ecs.task-definition-version': String(definition.revision),
    [LABEL.cluster]: task.cluster,
    [LABEL.host]: host.id,
    [LABEL.task]: task.id,
    [LABEL.container]: container.name,
    [LABEL.attempt]: String(attempt),
    [LABEL.definition]: `${definition.family}:${String(definition.revision)}`,
    [LABEL.epoch]: String(task.epoch),
  };
}

/** The image's own HEALTHCHECK counts only if the definition repeats it. */
function healthcheck(check: HealthCheck | undefined): HealthcheckBody {
  if (!check || check.command.length === 0 || check.command[0] === 'NONE') {
    return { Test: ['NONE'] };
  }
  return {
    Test: check.command,
    Interval: (check.interval ?? 30) * NANOSECONDS,
    Timeout: (check.timeout ?? 5) * NANOSECONDS,
    Retries: check.retries ?? 3,
    StartPeriod: (check.startPeriod ?? 0) * NANOSECONDS,
  };
}

/** Docker itself bounds nothing: a log without a limit fills the disk. */
function logConfig(configuration: LogConfiguration | undefined): HostConfigBody['LogConfig'] {
  const driver = configuration?.logDriver ?? 'json-file';
  if (driver === 'none') return { Type: 'none', Config: {} };
  const options = Object.entries(configuration?.options ?? {});
  // CloudWatch's options are no business of the engine: the lines stay on the host.
  const own = options.filter(([name]) => !name.startsWith('awslogs-'));
  return {
    Type: 'json-file',
    Config: { 'max-size': '10m', 'max-file': '3', ...Object.fromEntries(own) },
  };
}

function mounts({
  task,
  definition,
  container,
}: SpecInput): Pick<HostConfigBody, 'Binds' | 'Mounts'> {
  const binds: string[] = [];
  const volumes: VolumeMount[] = [];
  for (const mount of container.mountPoints) {
    const volume = definition.volumes.find(({ name }) => name === mount.sourceVolume);
    const path = volume?.host?.sourcePath;
    if (path !== undefined) binds.push(bind(path, mount));
    else if (volume) {
      volumes.push({
        Type: 'volume',
        Source: volumeNameOf(task, volume),
        Target: mount.containerPath,
        ReadOnly: mount.readOnly ?? false,
      });
    }
  }
  return { Binds: binds, Mounts: volumes };
}

/** A bind, unlike a mount, makes the host's directory where it is missing, as ECS promises. */
function bind(path: string, mount: MountPoint): string {
  return `${path}:${mount.containerPath}${mount.readOnly === true ? ':ro' : ''}`;
}

/** Those that the definition names, and the GPUs that placement gave to this container. */
function devices({ container, definition, task, host }: SpecInput): Partial<HostConfigBody> {
  const named = (container.linuxParameters?.devices ?? []).map(
    ({ hostPath, containerPath, permissions }) =>
      device(hostPath, containerPath || hostPath, permissions),
  );
  const ids = gpuIdsOf(task, definition, container.name);
  const nodes = ids.flatMap((id) => host.gpus.get(id) ?? []).map((path) => device(path, path, []));
  const ofNvidia = ids.filter((id) => host.gpus.get(id)?.length === 0);
  const all = [...named, ...nodes];
  return {
    ...(all.length > 0 ? { Devices: all } : {}),
    ...(ofNvidia.length > 0
      ? { DeviceRequests: [{ Driver: 'nvidia', DeviceIDs: ofNvidia, Capabilities: [['gpu']] }] }
      : {}),
  };
}

const PERMISSIONS = ['read', 'write', 'mknod'];

function device(path: string, inside: string, permissions: readonly string[]): DeviceBody {
  const words = PERMISSIONS.filter(
    (word) => permissions.length === 0 || permissions.includes(word),
  );
  const CgroupPermissions = words.map((word) => word.charAt(0)).join('');
  return { PathOnHost: path, PathInContainer: inside, CgroupPermissions };
}

function tmpfsOptions(mount: Tmpfs): string {
  return [`size=${String(mount.size)}m`, ...mount.mountOptions].join(',');
}

function portKeys(bindings: readonly NetworkBinding[]): [string, PortBinding[]][] {
  const byPort = new Map<string, PortBinding[]>();
  for (const binding of bindings) {
    const key = `${String(binding.containerPort)}/${binding.protocol}`;
    const known = byPort.get(key) ?? [];
    byPort.set(key, [...known, { HostIp: binding.bindIp, HostPort: String(binding.hostPort) }]);
  }
  return [...byPort];
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : Math.round(value * factor);
}

function given<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
