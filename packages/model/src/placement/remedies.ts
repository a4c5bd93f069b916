// What somebody could do so that a task is placed: the changes, what each costs, and how to say them.
import type { PlacementChange } from '../generated/messages.ts';

type Kind = PlacementChange['kind'];

/** What a change costs: words cost least, what takes something from other tasks more, another host most. */
export const COSTS: Readonly<Record<Kind, number>> = {
  SET_ATTRIBUTE: 1,
  REMOVE_ATTRIBUTE: 1,
  ACTIVATE_HOST: 1,
  CONNECT_AGENT: 2,
  FREE_CPU: 2,
  FREE_MEMORY: 2,
  FREE_PORT: 2,
  FREE_GPU: 2,
  MOVE_TASKS: 2,
  STOP_TASKS: 2,
  ADD_HOST: 5,
};

export function change(
  kind: Kind,
  more: Partial<Omit<PlacementChange, 'kind'>> = {},
): PlacementChange {
  return { kind, attributes: [], amount: 0, ...more };
}

/** Hosts that are named; the others are counted. */
const NAMED = 5;

/** @param hosts names of the hosts on any one of which it helps; none for a host more. Pure. */
export function describeChanges(
  changes: readonly PlacementChange[],
  hosts: readonly string[],
): string {
  const text = changes.map(describe).join(' and ');
  const [only] = hosts;
  if (only === undefined) return text;
  if (hosts.length === 1) return `${text} on host ${only}`;
  const named = hosts.slice(0, NAMED).join(', ');
  const more = hosts.length > NAMED ? ` and ${hosts.length - NAMED} more` : '';
  return `${text} on any of ${hosts.length} hosts: ${named}${more}`;
}

function describe({
  kind,
  attributes,
  amount,
  protocol,
  group,
  resources,
}: PlacementChange): string {
  const [{ name, value = '' } = { name: '' }] = attributes;
  switch (kind) {
    case 'SET_ATTRIBUTE':
      return `set attribute ${name}=${value}`;
    case 'REMOVE_ATTRIBUTE':
      return `remove attribute ${name}`;
    case 'ACTIVATE_HOST':
      return 'end the draining';
    case 'CONNECT_AGENT':
      return 'get the agent connected';
    case 'FREE_CPU':
      return `free ${amount} CPU ${amount === 1 ? 'unit' : 'units'}`;
    case 'FREE_MEMORY':
      return `free ${amount} MiB of memory`;
    case 'FREE_PORT':
      return `free host port ${amount}/${protocol ?? 'tcp'}`;
    case 'FREE_GPU':
      return `free ${gpus(amount)}`;
    case 'MOVE_TASKS':
      return `move ${tasks(amount)} of ${group ?? ''} elsewhere`;
    case 'STOP_TASKS':
      return `stop ${tasks(amount)}`;
    case 'ADD_HOST': {
      const { cpu = 0, memory = 0, gpus: devices } = resources ?? {};
      const asked = attributes.map((attribute) => `${attribute.name}=${attribute.value ?? ''}`);
      const having = asked.length > 0 ? ` and ${asked.join(', ')}` : '';
      const besides = devices === undefined ? '' : `, ${gpus(devices)}`;
      return `add a host with ${cpu} CPU units, ${memory} MiB of memory${besides}${having}`;
    }
  }
}

function gpus(count: number): string {
  return count === 1 ? '1 GPU' : `${count} GPUs`;
}

function tasks(count: number): string {
  return count === 1 ? '1 task' : `${count} tasks`;
}
