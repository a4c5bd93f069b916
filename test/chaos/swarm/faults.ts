// What can be done to a swarm as to our cluster: the same names, the same lab, the same load. Nothing is required of it.
import type { Swarm } from './swarm.ts';

const HUNG_MS = 20_000;
/** Of the loss of its leader. */
export const ROUNDS = 3;

export interface SwarmFault {
  /** Of the fault of ours that it stands beside. */
  readonly name: string;
  readonly run: (swarm: Swarm) => Promise<void>;
}

export const swarmFaults: readonly SwarmFault[] = [
  { name: 'kill-scheduler', run: (swarm) => loseLeader(swarm, 'SIGKILL') },
  { name: 'stop-scheduler', run: (swarm) => loseLeader(swarm, 'SIGSTOP') },
  { name: 'host-killed', run: (swarm) => loseHost(swarm, 'killed') },
  { name: 'host-cut', run: (swarm) => loseHost(swarm, 'cut') },
  { name: 'host-control', run: (swarm) => loseHost(swarm, 'control') },
  { name: 'engine-restart-all', run: restartEngine },
  { name: 'engine-hung', run: hangEngine },
  { name: 'drain', run: drain },
  { name: 'update', run: update },
  { name: 'rolling-restart', run: restartManagers },
];

async function loseLeader(swarm: Swarm, how: 'SIGKILL' | 'SIGSTOP'): Promise<void> {
  const { lab } = swarm;
  await swarm.measure(`${how} of the manager that leads`, async (m) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const led = (await swarm.leader()) ?? '';
      await m.inject(() =>
        how === 'SIGKILL' ? lab.kill(led) : Promise.resolve(lab.pause(led, 'engine')),
      );
      await swarm.until('another manager leads', async () => {
        const now = await swarm.leader([led]);
        return now === undefined || now === led ? 'nobody leads' : undefined;
      });
      m.detected();
      await swarm.change([led]);
      m.recovered();
      if (how === 'SIGKILL') await lab.restart(led, 'engine');
      else await lab.resume(led, 'engine');
      await swarm.steady();
    }
    m.note('well again: a change is accepted');
  });
}

/** One that runs a task. */
async function victim(swarm: Swarm): Promise<string> {
  const [task] = await swarm.tasks();
  if (!task) throw new Error('the swarm runs no task');
  return task.node;
}

async function loseHost(swarm: Swarm, how: 'killed' | 'cut' | 'control'): Promise<void> {
  const { lab } = swarm;
  const host = await victim(swarm);
  const others = lab.plan.nodes.map(({ name }) => name).filter((name) => name !== host);
  const managers = lab
    .select('hosts')
    .map(({ name }) => name)
    .filter((name) => !swarm.workers().includes(name));
  const what = {
    killed: 'SIGKILL of all of a host',
    cut: 'The network of a host is cut',
    control: 'A host is cut off from the managers only',
  }[how];
  await swarm.measure(what, async (m) => {
    await m.inject(() =>
      how === 'killed'
        ? lab.kill(host)
        : lab.partition(host, (how === 'cut' ? others : managers).join()),
    );
    await swarm.until('it is noticed', async () => {
      const { status } = (await swarm.nodes()).get(host) ?? {};
      return status === 'Down' ? undefined : `it is ${status ?? 'gone'}`;
    });
    m.detected();
    await swarm.running([host]);
    m.recovered();
    if (how === 'killed') await lab.restart(host, 'engine');
    else await lab.heal();
    await swarm.steady();
  });
}

/** A swarm refuses engines with live-restore. */
async function restartEngine(swarm: Swarm): Promise<void> {
  const host = await victim(swarm);
  await swarm.measure('dockerd of a worker restarted', async (m) => {
    await m.inject(() => swarm.lab.restart(host, 'engine'));
    await swarm.steady();
    m.recovered();
  });
}

async function hangEngine(swarm: Swarm): Promise<void> {
  const { lab } = swarm;
  const host = await victim(swarm);
  await swarm.measure(`SIGSTOP of dockerd for ${HUNG_MS / 1000} s`, async (m) => {
    const before = (await swarm.tasks()).map(({ id }) => id);
    await m.inject(() => Promise.resolve(lab.pause(host, 'engine')));
    await new Promise((resolve) => setTimeout(resolve, HUNG_MS));
    await m.inject(() => Promise.resolve(lab.resume(host, 'engine')));
    await swarm.steady();
    m.recovered();
    const kept = (await swarm.tasks()).filter(({ id }) => before.includes(id)).length;
    m.note(`time since it goes on; ${before.length - kept} of its tasks were replaced meanwhile`);
  });
}

async function drain(swarm: Swarm): Promise<void> {
  const host = await victim(swarm);
  await swarm.measure('docker node update --availability drain', async (m) => {
    await m.inject(() => swarm.ask([], 'node', 'update', '--availability', 'drain', host));
    await swarm.running([host]);
    m.recovered();
    await swarm.ask([], 'node', 'update', '--availability', 'active', host);
    await swarm.steady();
  });
}

async function update(swarm: Swarm): Promise<void> {
  await swarm.measure('A rolling update, start-first', async (m) => {
    await m.inject(() => swarm.update());
    await swarm.updated();
    m.recovered();
    await swarm.steady();
  });
}

async function restartManagers(swarm: Swarm): Promise<void> {
  const { lab } = swarm;
  await swarm.measure('All managers restarted in turn, during a rolling update', async (m) => {
    const workers = swarm.workers();
    const managers = lab.select('hosts').filter(({ name }) => !workers.includes(name));
    await m.inject(() => swarm.update());
    for (const { name } of managers) await lab.restart(name, 'engine');
    await swarm.updated();
    await swarm.steady();
    m.recovered();
  });
}
