// Takes the place of a proxy with another process, as docs/running.md says: the second listens on the same ports, then the first ends.
import type { Lab } from '@berth/cli/lab/lab.ts';
import { answersWell } from '@berth/cli/lab/http.ts';
import type { NodePlan } from '@berth/cli/lab/plan.ts';
import { endPart, forgetProcess, startProcess } from '@berth/cli/lab/processes.ts';
import { realClock } from '@berth/process/real-clock.ts';

import { withWords } from '../etcd.ts';

const READY_MS = 60_000;
/** The first answers what is under way, conversations among it. */
const GRACE_MS = 60_000;
const HELPER = 'proxy-meanwhile';

/** Twice: to another process, and from it to one that the lab knows. */
export async function replaceProxy(lab: Lab, node: NodePlan): Promise<void> {
  await lab.exec(node.name, ['sysctl', '-q', '-w', 'net.ipv4.tcp_migrate_req=1']);
  const admin = node.admin ?? '';
  const other = admin.replace(/:\d+$/, ':7405');
  const second = withWords(node, 'proxy', (command) =>
    command.map((word) => (word === admin ? other : word)),
  );
  await startProcess(lab.plan, node, { ...second, name: HELPER });
  await ready(`http://${other}/readyz`);
  await endPart(lab.plan, node, 'proxy', GRACE_MS, realClock);
  await lab.start(node.name, 'proxy');
  await lab.untilReady(node.name, 'proxy', READY_MS);
  // The lab's own function knows its own processes only by their names.
  await endPart(lab.plan, node, HELPER as 'proxy', GRACE_MS, realClock);
  forgetProcess(lab.plan, node, HELPER);
}

async function ready(url: string): Promise<void> {
  const begin = performance.now();
  while (!(await answersWell(url))) {
    if (performance.now() - begin > READY_MS) throw new Error(`${url} is not ready`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
