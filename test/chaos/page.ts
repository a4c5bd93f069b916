// Writes docs/chaos.md from what was measured.
import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { faults } from './faults/all.ts';
import { type Result, readResults } from './results.ts';
import { REQUESTS_PER_SECOND } from './sizes.ts';
import { ROUNDS } from './swarm/faults.ts';
import { tableOf } from './table.ts';

const PAGE = fileURLToPath(new URL('../../docs/chaos.md', import.meta.url));

export function writePage(): void {
  writeFileSync(PAGE, pageOf(readResults()));
}

function pageOf(results: readonly Result[]): string {
  const names = faults.map(({ name }) => name);
  const times = results.map(({ at }) => at).sort();
  const machines = [...new Set(results.map(({ machine }) => machine))];
  const missing = names.filter(
    (name) => !results.some((one) => one.who === 'berth' && one.name === name),
  );
  return `# What breaks, and what users notice of it

Written by \`npm run test:chaos\`, which takes about an hour and a half, as root; do not edit. Each fault is brought about in a [lab](lab.md) of 3 etcd members, 3 servers, 2 proxies and
5 hosts, in which a service of 6 tasks is under load: ${REQUESTS_PER_SECOND} requests a second over both proxies, sent when they are due whether or not earlier ones have been
answered; of a hundred 59 on kept connections, 25 on new ones, 10 uploads of 64 KiB, 5 answers that take 1.5 s and one WebSocket
conversation of 2 s. A request has failed unless all of its answer came with status 200 and the right content within 20 s.

Measured ${span(times)} on ${machines.join('; and on ')}. All of the lab, the load and the judge share these cores${busyText(results)}.

${tableOf(names, results)}
${missing.length > 0 ? `Not measured yet: ${missing.join(', ')}.\n` : ''}
"Detected" is when etcd shows that the cluster has noticed: another leader, a session that is gone, the first change that is accepted again. "Recovered" is
when everything runs as it should, unless the last column says otherwise. Both count from the fault. Of several rounds there are the median and
the 99th percentile, which of fewer than a hundred rounds is the longest. What a fault must hold to is in \`test/chaos/faults\`: where it did not, the last column
says so. After every change in etcd the invariants of \`test/chaos/invariants.ts\` are checked, by rules of their own.

The faults of a storm are drawn from a seed (\`BERTH_TEST_STORM_SEED\` gives another one); when each of them strikes also depends on how long the ones before took to mend.
Of its requests those fail too that go to a proxy which is down: clients of this load don't turn to the other one. What must hold in it are the invariants, and that all is well again without help.

\`npm run test:chaos -- NAME...\` measures some of them again and replaces their lines; \`npm test\` has the short form of those that the lab of its size can show.

## Docker Swarm beside it

In a lab of its own on the same machine, the same day: 3 managers that run no tasks, 5 workers, the same image, the same load, and faults of the same kind. A swarm's routing mesh
needs IPVS${meshText()}; so tasks publish a port of their host (\`mode=host\`), and where our proxies would be there is HAProxy on two nodes, which
asks each worker for its health every second, sends what finds no connection to another, and sends a GET again that had begun on a host which then died. Berth keeps such
repetitions within a budget (\`berth.retries.budget_percent\` in [proxy.md](proxy.md)) and answers 502 to what exceeds it. Ports
are fixed then, so that a worker takes one task: 4 tasks on 5 workers, updates one by one with the new task first. What Swarm has no counterpart of is left empty: engines with
live-restore (it refuses them), a state outside of the managers, a drain that proxies acknowledge. What it has noticed is asked on its managers' command line, which answers late while nobody leads. Its figures are what came out with these settings, of ${ROUNDS} rounds for
its leader; nothing is required of it.

## What this can't show

Clocks are stepped for the agent of one host (libfaketime in that process): hosts of a lab share the kernel and its clock. Disks are taken away and filled up, but don't return errors
or hang. All nodes are on one machine: a fault that makes it busy (an engine that starts, a server that loads) is felt by all others, which a real cluster would not.
`;
}

/** Whether the kernel could do it: it lists its services there, also while there are none. */
function meshText(): string {
  return existsSync('/proc/net/ip_vs')
    ? ', which many kernels lack: this run leaves it aside'
    : ', which the kernel of this machine lacks: its engines say "open /proc/sys/net/ipv4/vs/conn_reuse_mode: no such file or directory", and a port that is published in the mesh refuses connections on every worker';
}

function busyText(results: readonly Result[]): string {
  const loads = results.flatMap(({ busy }) => busy ?? []);
  if (loads.length === 0) return '';
  const [least, most] = [Math.min(...loads), Math.max(...loads)].map(Math.round);
  return `, and with whatever else ran there: the load average was ${least} to ${most}`;
}

function span(times: readonly string[]): string {
  const minute = (text = ''): string => `${text.slice(0, 10)} ${text.slice(11, 16)}`;
  return `from ${minute(times[0])} to ${minute(times.at(-1))} UTC`;
}
