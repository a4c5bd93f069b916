// HAProxy before a swarm's workers, as people set it up where tasks publish a port of their host: it asks each worker's task
// for its health every second, and sends a request that found nobody to another.
import { writeFileSync } from 'node:fs';

import type { Lab } from '@berth/cli/lab/lab.ts';
import type { NodePlan } from '@berth/cli/lab/plan.ts';
import { startProcess } from '@berth/cli/lab/processes.ts';

const CONFIGURATION = `
global
  maxconn 4096
defaults
  mode http
  timeout connect 1s
  timeout client 90s
  timeout server 90s
  timeout tunnel 1h
  timeout http-keep-alive 60s
  option redispatch 1
  retries 3
  retry-on conn-failure empty-response
backend tasks
  balance leastconn
  option httpchk GET /hello/health
  http-request disable-l7-retry if METH_POST
  default-server check inter 1s fall 2 rise 1
`;

/** @param workers those that may run a task, all on the same port */
export async function startHaproxy(
  { plan }: Lab,
  node: NodePlan,
  workers: readonly NodePlan[],
): Promise<void> {
  const { directory, httpPort } = plan;
  const file = `${directory}/${node.name}.haproxy.cfg`;
  const servers = workers.map(({ name, address }) => `  server ${name} ${address}:${httpPort}`);
  const frontend = [
    'frontend web',
    `  bind ${node.address}:${httpPort}`,
    '  default_backend tasks',
  ];
  writeFileSync(file, `${[CONFIGURATION.trim(), ...servers, ...frontend].join('\n')}\n`);
  await startProcess(plan, node, {
    name: 'haproxy',
    command: ['haproxy', '-db', '-f', file],
    logFile: `${directory}/logs/${node.name}.haproxy.log`,
    directories: [],
    stale: [],
  });
}
