// Commands to the lab's etcd, as an operator types them.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import type { Lab } from '@berth/cli/lab/lab.ts';
import type { NodePlan, ProcessPlan } from '@berth/cli/lab/plan.ts';

const run = promisify(execFile);
const LIMIT_MS = 60_000;

export function memberNodes(lab: Lab): readonly NodePlan[] {
  return lab.select('etcd');
}

export function clientUrl({ address }: NodePlan): string {
  return `https://${address}:7402`;
}

/** @param nodes whom to ask. @throws Error with what etcdctl said */
export async function etcdctl(
  lab: Lab,
  nodes: readonly NodePlan[],
  ...words: readonly string[]
): Promise<string> {
  const tls = lab.select('servers')[0]?.certificate.directory ?? '';
  const flags = [
    ...['--endpoints', nodes.map(clientUrl).join(','), '--cacert', `${tls}/ca.crt`],
    ...['--cert', `${tls}/control.crt`, '--key', `${tls}/control.key`],
  ];
  const env = { ...process.env, ETCDCTL_API: '3' };
  const { stdout } = await run('etcdctl', [...flags, ...words], {
    env,
    timeout: LIMIT_MS,
    maxBuffer: 16 * 1024 * 1024,
  });
  return stdout;
}

interface EndpointStatus {
  readonly Endpoint: string;
  readonly Status: {
    readonly header: { readonly member_id: number; readonly revision: number };
    readonly leader: number;
    readonly dbSize: number;
  };
}

export async function statuses(
  lab: Lab,
  nodes: readonly NodePlan[],
): Promise<readonly EndpointStatus[]> {
  return JSON.parse(
    await etcdctl(lab, nodes, 'endpoint', 'status', '-w', 'json'),
  ) as EndpointStatus[];
}

/** The member that leads etcd itself. */
export async function raftLeader(lab: Lab): Promise<NodePlan> {
  const found = (await statuses(lab, memberNodes(lab))).find(
    ({ Status: { header, leader } }) => header.member_id === leader,
  );
  const node = memberNodes(lab).find((one) => clientUrl(one) === found?.Endpoint);
  if (!node) throw new Error('no member of etcd leads');
  return node;
}

/** By name: in hexadecimal. */
export async function memberId(lab: Lab, asked: NodePlan, name: string): Promise<string> {
  const lines = (await etcdctl(lab, [asked], 'member', 'list')).split('\n');
  const id = lines.map((line) => line.split(', ')).find((words) => words[2] === name)?.[0];
  if (id === undefined) throw new Error(`etcd has no member ${name}: ${lines.join('; ')}`);
  return id;
}

/** A process of a node with other words in its command. */
export function withWords(
  node: NodePlan,
  name: ProcessPlan['name'],
  change: (command: readonly string[]) => readonly string[],
): ProcessPlan {
  const plan = node.processes.find((process) => process.name === name);
  if (!plan) throw new Error(`${node.name} has no ${name}`);
  return { ...plan, command: change(plan.command) };
}
