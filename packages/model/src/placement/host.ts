// A host as placement sees it: what it registered, and whether it can be given work.
import type { Attribute, HostRecord } from '../generated/messages.ts';

export interface HostView {
  readonly id: string;
  readonly name: string;
  readonly status: 'ACTIVE' | 'DRAINING';
  /** A session to its agent lives. */
  readonly connected: boolean;
  readonly attributes: ReadonlyMap<string, string>;
  readonly agentVersion: string;
  readonly registeredAt: number;
  /** CPU units, and MiB. */
  readonly cpu: number;
  readonly memory: number;
  /** Host ports that are never given to tasks. */
  readonly ports: readonly number[];
  readonly portsUdp: readonly number[];
  /** Devices that are given to one task at a time. */
  readonly gpuIds: readonly string[];
}

/** @param connected whether a session to the host's agent lives */
export function hostView(record: HostRecord, connected: boolean): HostView {
  const { id, name, status, agentVersion, registeredAt, registeredResources: resources } = record;
  return {
    id,
    name,
    status,
    connected,
    attributes: attributeMap(record.attributes),
    agentVersion,
    registeredAt,
    cpu: resources?.cpu ?? 0,
    memory: resources?.memory ?? 0,
    ports: resources?.ports ?? [],
    portsUdp: resources?.portsUdp ?? [],
    gpuIds: resources?.gpuIds ?? [],
  };
}

/** An attribute without a value gets the value ''. */
export function attributeMap(attributes: readonly Attribute[]): ReadonlyMap<string, string> {
  return new Map(attributes.map(({ name, value }) => [name, value ?? '']));
}
