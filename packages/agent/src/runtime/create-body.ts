// The part of Docker's create request that Berth uses, API 1.41 and later. Source: Docker Engine API,
// POST /containers/create.

export interface PortBinding {
  readonly HostIp: string;
  readonly HostPort: string;
}

export interface VolumeMount {
  readonly Type: 'volume';
  readonly Source: string;
  readonly Target: string;
  readonly ReadOnly: boolean;
}

export interface UlimitBody {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

/** Durations in nanoseconds. */
export interface HealthcheckBody {
  readonly Test: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly Retries?: number;
  readonly StartPeriod?: number;
}

export interface DeviceBody {
  readonly PathOnHost: string;
  readonly PathInContainer: string;
  /** Of r, w and m. */
  readonly CgroupPermissions: string;
}

/** Asks a driver for devices by their ids. */
export interface DeviceRequestBody {
  readonly Driver: 'nvidia';
  readonly DeviceIDs: readonly string[];
  readonly Capabilities: readonly (readonly string[])[];
}

export interface HostConfigBody {
  readonly NetworkMode: string;
  readonly PortBindings: Readonly<Record<string, readonly PortBinding[]>>;
  readonly Binds: readonly string[];
  readonly Mounts: readonly VolumeMount[];
  readonly CpuShares: number;
  readonly NanoCpus?: number;
  readonly Memory?: number;
  readonly MemoryReservation?: number;
  readonly Ulimits: readonly UlimitBody[];
  readonly LogConfig: { readonly Type: string; readonly Config: Readonly<Record<string, string>> };
  readonly RestartPolicy: { readonly Name: 'no' };
  readonly Init: boolean;
  readonly Privileged: boolean;
  readonly ReadonlyRootfs: boolean;
  readonly Dns: readonly string[];
  readonly DnsSearch: readonly string[];
  readonly ExtraHosts: readonly string[];
  readonly SecurityOpt: readonly string[];
  readonly Sysctls: Readonly<Record<string, string>>;
  readonly CapAdd: readonly string[];
  readonly CapDrop: readonly string[];
  readonly Devices?: readonly DeviceBody[];
  readonly DeviceRequests?: readonly DeviceRequestBody[];
  readonly ShmSize?: number;
  readonly Tmpfs: Readonly<Record<string, string>>;
}

export interface CreateBody {
  readonly Image: string;
  readonly Hostname?: string;
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly ExposedPorts: Readonly<Record<string, Readonly<Record<string, never>>>>;
  readonly Healthcheck: HealthcheckBody;
  readonly StopTimeout: number;
  readonly OpenStdin: boolean;
  readonly Tty: boolean;
  readonly NetworkDisabled: boolean;
  readonly HostConfig: HostConfigBody;
}
