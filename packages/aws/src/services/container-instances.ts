// Container instances: ECS's name for hosts, in shapes of their own. Source: ECS reference, sections 2.7, 7.1 and 7.2.
import { BerthError } from '@berth/model/errors.ts';
import type { Host, Resources } from '@berth/model/generated/messages.ts';
import type { Handlers, Input } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';

import { AnswerMapper, checked, RequestMapper } from '../mapping/messages.ts';
import { ecs } from '../models/services.ts';
import type { Plain } from '../wire/json-input.ts';
import type { Operation } from '../wire/service.ts';
import { ANSWER_FIXES, REQUEST_FIXES, SHOWN } from './ecs-shapes.ts';

const INVALID = 'InvalidParameterException';
const requests = new RequestMapper(ecs, REQUEST_FIXES, INVALID);
const answers = new AnswerMapper(ecs, SHOWN, ANSWER_FIXES);

export function containerInstanceOperations(
  handlers: Handlers<'Ecs'>,
): Readonly<Record<string, Operation>> {
  return {
    ListContainerInstances: async (input, call) => {
      // Hosts are ACTIVE or DRAINING: none is ever in one of the other states.
      const never =
        input['status'] !== undefined && !HOST_STATES.includes(input['status'] as string);
      const request = checked(
        'ListHostsRequest',
        never ? { cluster: input['cluster'], maxResults: 1 } : input,
        INVALID,
      );
      const answer = await handlers.ListHosts(request, call);
      return never
        ? { containerInstanceArns: [] }
        : {
            containerInstanceArns: answer.containerInstanceArns ?? [],
            nextToken: answer.nextToken,
          };
    },
    DescribeContainerInstances: async (input, call) => {
      const { containerInstances: hosts, ...others } = input;
      const request = checked('DescribeHostsRequest', { ...others, hosts }, INVALID);
      return described(await handlers.DescribeHosts(request, call));
    },
    UpdateContainerInstancesState: async (input, call) => {
      const { containerInstances: hosts, ...others } = input;
      if (!HOST_STATES.includes(input['status'] as string)) {
        throw new BerthError(
          INVALID,
          `Container instance status should be one of [ACTIVE, DRAINING]; found ${String(input['status'])}.`,
        );
      }
      const request = checked('UpdateHostsStateRequest', { ...others, hosts }, INVALID);
      return described(await handlers.UpdateHostsState(request, call));
    },
    DeregisterContainerInstance: async (input, call) => {
      const { containerInstance: host, ...others } = input;
      const request = checked('DeregisterHostRequest', { ...others, host }, INVALID);
      return one((await handlers.DeregisterHost(request, call)).host);
    },
    RegisterContainerInstance: async (input, call) => {
      const { containerInstanceArn: host, totalResources, platformDevices, ...others } = input;
      const mapped = requests.request(
        'RegisterContainerInstanceRequest',
        'RegisterHostRequest',
        others,
      );
      const resources = resourcesOf((totalResources ?? []) as readonly Plain[]);
      const devices = gpusOf((platformDevices ?? []) as readonly Plain[]);
      const request = checked(
        'RegisterHostRequest',
        { ...mapped, host, totalResources: withGpus(resources, devices) },
        INVALID,
      );
      return one((await handlers.RegisterHost(request, call)).host);
    },
  };
}

const HOST_STATES: readonly string[] = ['ACTIVE', 'DRAINING'];

function described(answer: {
  readonly hosts?: readonly Input<Host>[] | undefined;
  readonly failures?: readonly object[] | undefined;
}): object {
  return {
    containerInstances: (answer.hosts ?? []).map(containerInstance),
    failures: answer.failures ?? [],
  };
}

function one(host: Input<Host> | undefined): object {
  return { containerInstance: host && containerInstance(host) };
}

function containerInstance(partial: Input<Host>): object {
  // Resources have another shape on either side.
  const { registeredResources, remainingResources, ...others } = complete('Host', partial);
  const hasGpus = (registeredResources?.gpuIds.length ?? 0) > 0;
  return {
    ...answers.answer('ContainerInstance', 'Host', others),
    registeredResources: resourceList(registeredResources, hasGpus),
    remainingResources: resourceList(remainingResources, hasGpus),
  };
}

/** Four of them always, and the GPUs where there are any; `longValue` and `doubleValue` are there in ECS's answers too. */
function resourceList(resources: Resources | undefined, hasGpus: boolean): object[] {
  const { cpu = 0, memory = 0, ports = [], portsUdp = [], gpuIds = [] } = resources ?? {};
  const integer = (name: string, value: number): object => ({
    name,
    type: 'INTEGER',
    doubleValue: 0,
    longValue: 0,
    integerValue: value,
  });
  const set = (name: string, values: readonly (number | string)[]): object => ({
    name,
    type: 'STRINGSET',
    doubleValue: 0,
    longValue: 0,
    integerValue: 0,
    stringSetValue: values.map(String),
  });
  return [
    integer('CPU', cpu),
    integer('MEMORY', memory),
    set('PORTS', ports),
    set('PORTS_UDP', portsUdp),
    ...(hasGpus ? [set('GPU', gpuIds)] : []),
  ];
}

/** @throws BerthError for a resource that is not one of the five */
function resourcesOf(list: readonly Plain[]): Plain {
  const result: Plain = {};
  for (const resource of list) {
    const name = String(resource['name']);
    switch (name) {
      case 'CPU':
      case 'MEMORY':
        result[name.toLowerCase()] = wholeOf(resource);
        break;
      case 'PORTS':
        result['ports'] = portsOf(resource);
        break;
      case 'PORTS_UDP':
        result['portsUdp'] = portsOf(resource);
        break;
      case 'GPU':
        result['gpuIds'] = resource['stringSetValue'] ?? [];
        break;
      default:
        throw new BerthError(
          INVALID,
          `totalResources: ${name.slice(0, 60)} is not supported by Berth; expected CPU, MEMORY, PORTS, PORTS_UDP or GPU.`,
        );
    }
  }
  return result;
}

/** @throws BerthError for a device that is no GPU */
function gpusOf(devices: readonly Plain[]): string[] {
  return devices.map(({ id, type }) => {
    if (type === 'GPU') return String(id);
    throw new BerthError(
      INVALID,
      `platformDevices: type ${String(type).slice(0, 60)} is not supported by Berth; expected GPU.`,
    );
  });
}

/** Agents of ECS name GPUs as devices; told in both ways, they are the same. */
function withGpus(resources: Plain, devices: readonly string[]): Plain {
  const named = (resources['gpuIds'] ?? []) as readonly string[];
  return { ...resources, gpuIds: [...named, ...devices.filter((id) => !named.includes(id))] };
}

function wholeOf({ name, integerValue, longValue, doubleValue }: Plain): number {
  const value = [integerValue, longValue, doubleValue].find((given) => given !== undefined);
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) >= 2 ** 31) {
    throw new BerthError(
      INVALID,
      `totalResources: ${String(name)} has no integerValue that is a whole number from 0.`,
    );
  }
  return value as number;
}

function portsOf({ name, stringSetValue }: Plain): number[] {
  return ((stringSetValue ?? []) as readonly string[]).map((text) => {
    const port = Number(text);
    if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
      throw new BerthError(
        INVALID,
        `totalResources: ${String(name)} holds '${text.slice(0, 40)}'; expected ports from 1 to 65535.`,
      );
    }
    return port;
  });
}
