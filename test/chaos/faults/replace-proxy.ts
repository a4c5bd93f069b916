// Takes the place of a proxy with another process, as docs/running.md says: the second, which is a proxy of its own to the control
// plane, listens on the same ports, then the first ends.
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync } from 'node:fs';
import { promisify } from 'node:util';

import type { Lab } from '@berth/cli/lab/lab.ts';
import { answersWell } from '@berth/cli/lab/http.ts';
import type { NodePlan } from '@berth/cli/lab/plan.ts';
import { endPart, forgetProcess, startProcess } from '@berth/cli/lab/processes.ts';
import { realClock } from '@berth/process/real-clock.ts';

import { withWords } from '../etcd.ts';

const run = promisify(execFile);
const READY_MS = 60_000;
/** The first answers what is under way, conversations among it. */
const GRACE_MS = 60_000;
const HELPER = 'proxy-meanwhile';

/** Twice: to another process, and from it to one that the lab knows. */
export async function replaceProxy(lab: Lab, node: NodePlan): Promise<void> {
  await lab.exec(node.name, ['sysctl', '-q', '-w', 'net.ipv4.tcp_migrate_req=1']);
  const admin = node.admin ?? '';
  const other = admin.replace(/:\d+$/, ':7405');
  const name = `${node.name}-next`;
  const own = await identity(lab, node, name);
  const others = new Map([
    [admin, other],
    [node.name, name],
    [node.certificate.directory, own],
  ]);
  const data = `${lab.plan.run}/${node.name}/${name}`;
  const second = withWords(node, 'proxy', (command) =>
    command.map((word, at) =>
      command[at - 1] === '--data-dir' ? data : (others.get(word) ?? word),
    ),
  );
  await startProcess(lab.plan, node, { ...second, name: HELPER, directories: [data] });
  await ready(`http://${other}/readyz`);
  await endPart(lab.plan, node, 'proxy', GRACE_MS, realClock);
  await lab.start(node.name, 'proxy');
  await lab.untilReady(node.name, 'proxy', READY_MS);
  // The lab's own function knows its own processes only by their names.
  await endPart(lab.plan, node, HELPER as 'proxy', GRACE_MS, realClock);
  forgetProcess(lab.plan, node, HELPER);
}

/** @returns the directory of its certificate */
async function identity(lab: Lab, node: NodePlan, name: string): Promise<string> {
  const [process] = node.processes;
  const command = process?.command ?? [];
  const [program = '', ...berth] = command.slice(0, command.indexOf('proxy'));
  const { tls } = lab.plan;
  const own = `${tls}/${name}`;
  const words = ['certificate', 'issue', 'proxy', name, '--tls-dir', tls, '--out', `${own}/proxy`];
  if (!existsSync(own)) await run(program, [...berth, ...words]);
  copyFileSync(`${tls}/ca.crt`, `${own}/ca.crt`);
  return own;
}

async function ready(url: string): Promise<void> {
  const begin = performance.now();
  while (!(await answersWell(url))) {
    if (performance.now() - begin > READY_MS) throw new Error(`${url} is not ready`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
