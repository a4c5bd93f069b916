// A host that is registered by a call: it is listed with what it brings, and gets tasks once its agent has connected, which
// takes a certificate that names this very host. Source: ECS reference, section 7.1.
import { BerthError } from '@berth/model/errors.ts';
import type {
  Attribute,
  HostRecord,
  RegisterHostRequest,
  RegisterHostResponse,
  Resources,
} from '@berth/model/generated/messages.ts';
import { checkGpuIds } from '@berth/model/resources/gpus.ts';
import { drawHexId } from '@berth/model/resources/ids.ts';
import { acceptRegisteredAttributes } from '@berth/model/validation/attributes.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { checkTags } from '@berth/model/validation/tags.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';

import { hostView } from '../../views/host-view.ts';
import type { OperationContext } from '../deps.ts';
import { lookUpHost } from '../lookup.ts';
import { type ClusterPlace, lookUp, requireCluster } from '../resolve.ts';
import { type Decision, replace, write } from '../write.ts';
import { formerHost } from './hosts.ts';

const AMOUNT = { least: 1, most: 2_147_483_647 };
const PORT = { least: 1, most: 65_535 };
/** What ECS reserves on every host. */
const RESERVED_PORTS = [22, 2375, 2376, 51678, 51679];

export async function registerHost(
  on: OperationContext,
  request: RegisterHostRequest,
  { signal }: CallContext,
): Promise<RegisterHostResponse> {
  const asked = accept(request);
  const again = request.host || undefined;
  return write(on, { signal, attempted: `register host ${again ?? ''}`.trim() }, (state) => {
    const place = requireCluster(
      { state, realm: on.realm },
      request.cluster,
      'container-instance',
      again === undefined ? [] : [again],
    );
    return again === undefined
      ? registered(on, place, request, asked)
      : registeredAgain(on, place, again, request, asked);
  });
}

interface Asked {
  readonly resources: Resources;
  readonly attributes: readonly Attribute[];
}

function accept(request: RegisterHostRequest): Asked {
  const check: Checker = new Checker('InvalidParameterException');
  const { totalResources: total, name } = request;
  if (!total) check.refuse('totalResources is missing; expected CPU and MEMORY at least.');
  check.integer('totalResources: CPU', total.cpu, AMOUNT);
  check.integer('totalResources: MEMORY', total.memory, AMOUNT);
  for (const list of ['ports', 'portsUdp'] as const) {
    for (const port of total[list]) check.integer(`totalResources: ${list}`, port, PORT);
  }
  checkGpuIds(total.gpuIds, (found, expected) => check.expected('GPU', found, expected));
  check.text('name', name, /^\S{1,255}$/, '1 to 255 characters without spaces');
  checkTags(check, request.tags);
  const ports = [...new Set([...RESERVED_PORTS, ...total.ports])].sort((a, b) => a - b);
  return {
    resources: { ...total, ports },
    attributes: acceptRegisteredAttributes(request.attributes),
  };
}

function registered(
  on: OperationContext,
  place: ClusterPlace,
  request: RegisterHostRequest,
  { resources, attributes }: Asked,
): Decision<RegisterHostResponse> {
  const id = drawHexId(on.random, 32);
  const record: HostRecord = {
    id,
    cluster: place.name,
    name: request.name || id,
    address: '',
    status: 'ACTIVE',
    registeredAt: on.clock.now(),
    registeredResources: resources,
    attributes,
    agentVersion: request.versionInfo?.agentVersion ?? '',
    engineVersion: request.versionInfo?.dockerVersion ?? '',
    bootId: '',
    tags: request.tags,
    agentAwaited: true,
  };
  return {
    // A cluster that is being deleted takes no host.
    guards: [guardAbsent(collections.hosts, place.name, id), guardUnchanged(place.cluster)],
    puts: [putRecord(collections.hosts, [place.name, id], record)],
    result: (seen) => ({ host: hostView(seen, on.realm, record) }),
  };
}

/** Its resources and attributes must not have become others: what runs there relies on them. */
function registeredAgain(
  on: OperationContext,
  place: ClusterPlace,
  again: string,
  request: RegisterHostRequest,
  { resources, attributes }: Asked,
): Decision<RegisterHostResponse> {
  const found = lookUp(place, 'container-instance', again, lookUpHost);
  if (found.kind !== 'found') {
    const why = formerHost(place, again) ? 'it was deregistered' : 'there is no such host';
    throw refused(`Host "${again}" can't be registered again in cluster "${place.name}": ${why}.`);
  }
  const { value } = found.item;
  const known = value.registeredResources;
  if (resources.cpu !== known?.cpu || resources.memory !== known.memory) {
    throw refused(
      `Container instance type changes are not supported. (host "${value.name}" has ${known?.cpu ?? 0} CPU units and ` +
        `${known?.memory ?? 0} MiB; asked are ${resources.cpu} and ${resources.memory}. Deregister it first.)`,
    );
  }
  const lostGpu = known.gpuIds.find((id) => !resources.gpuIds.includes(id));
  if (lostGpu !== undefined) {
    throw refused(
      `Container instance type changes are not supported. (host "${value.name}" has no GPU ${lostGpu} any more. Deregister it first.)`,
    );
  }
  const names = new Set(attributes.map(({ name }) => name));
  const lost = value.attributes.find(({ name }) => name.startsWith('ecs.') && !names.has(name));
  if (lost) {
    throw refused(
      `Attributes of a container instance can't disappear. (host "${value.name}" has no ${lost.name} any more; deregister it first)`,
    );
  }
  const kept = value.attributes.filter(({ name }) => !names.has(name));
  const record: HostRecord = {
    ...value,
    attributes: [...attributes, ...kept],
    agentVersion: request.versionInfo?.agentVersion ?? value.agentVersion,
    engineVersion: request.versionInfo?.dockerVersion ?? value.engineVersion,
  };
  const { guard, put } = replace(collections.hosts, found.item, record);
  return {
    guards: [guard],
    puts: [put],
    result: (seen) => ({ host: hostView(seen, on.realm, record) }),
  };
}

function refused(message: string): BerthError {
  return new BerthError('ClientException', message);
}
