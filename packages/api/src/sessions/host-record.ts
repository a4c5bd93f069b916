// From an agent's hello to the host's record: what is refused, what is taken over, what people have said of
// the host and the agent must not undo. Pure.
import { BerthError } from '@berth/model/errors.ts';
import type { AgentHello, Attribute, HostRecord } from '@berth/model/generated/messages.ts';
import { checkGpuIds } from '@berth/model/resources/gpus.ts';

const HOST_ID = /^[0-9a-f]{32}$/;
const CLUSTER_NAME = /^[A-Za-z0-9_-]{1,255}$/;
const ATTRIBUTE_NAME = /^[A-Za-z0-9_./\\-]{1,128}$/;
const ATTRIBUTE_LIMIT = 100;
/** Attributes that Berth sets itself; they are the agent's to change. */
const OWN_ATTRIBUTES = 'ecs.';

/** @throws BerthError InvalidParameterException that names the field, what was found and what was expected */
export function checkHello(hello: AgentHello): void {
  const { hostId, cluster, name, address, resources, attributes } = hello;
  if (!HOST_ID.test(hostId)) throw wrong('hostId', hostId, '32 hexadecimal digits');
  if (!CLUSTER_NAME.test(cluster)) {
    throw wrong('cluster', cluster, '1 to 255 letters, digits, hyphens or underscores');
  }
  if (name === '' || name.length > 255) throw wrong('name', name, '1 to 255 characters');
  if (address === '' || address.length > 255)
    throw wrong('address', address, 'a host name or IP address');
  if (!resources || resources.cpu <= 0 || resources.memory <= 0) {
    throw wrong(
      'resources',
      JSON.stringify(resources ?? {}),
      'CPU units and MiB of memory above 0',
    );
  }
  checkGpuIds(resources.gpuIds, (found, expected) => wrong('resources: GPU', found, expected));
  if (attributes.length > ATTRIBUTE_LIMIT) {
    throw wrong('attributes', `${attributes.length} of them`, `at most ${ATTRIBUTE_LIMIT}`);
  }
  for (const attribute of attributes) {
    if (!ATTRIBUTE_NAME.test(attribute.name) || (attribute.value?.length ?? 0) > 128) {
      throw wrong(
        'attributes',
        attribute.name,
        'names and values of 1 to 128 permitted characters',
      );
    }
  }
}

/** The record to store for a host that has said hello. Its status and what people have put on it stay. */
export function hostRecord(
  hello: AgentHello,
  known: HostRecord | undefined,
  now: number,
): HostRecord {
  return {
    id: hello.hostId,
    cluster: hello.cluster,
    name: hello.name,
    address: hello.address,
    status: known?.status ?? 'ACTIVE',
    registeredAt: known?.registeredAt ?? now,
    registeredResources: hello.resources,
    attributes: mergedAttributes(hello.attributes, known?.attributes ?? []),
    agentVersion: hello.agentVersion,
    engineVersion: hello.engineVersion,
    bootId: hello.bootId,
    tags: known?.tags ?? [],
  };
}

function mergedAttributes(said: readonly Attribute[], known: readonly Attribute[]): Attribute[] {
  const names = new Set(said.map(({ name }) => name));
  const kept = known.filter(({ name }) => !names.has(name) && !name.startsWith(OWN_ATTRIBUTES));
  return [...said, ...kept].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function wrong(field: string, found: string, expected: string): BerthError {
  return new BerthError(
    'InvalidParameterException',
    `The agent's hello was refused: ${field} is "${found}", expected ${expected}.`,
  );
}
