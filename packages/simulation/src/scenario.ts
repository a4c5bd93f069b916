// One story from one seed: services, what people do to them and what goes wrong; first everything at once, then
// nothing more, and the cluster has to come to rest by itself.
import { seededRandom } from '@berth/control/virtual-clock.ts';
import type { ServiceRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';

import { SimulatedCluster } from './cluster.ts';
import { PORT } from './revisions.ts';
import { CLUSTER, type FaultRates, NO_FAULTS } from './settings.ts';

const TROUBLED_STEPS = 150;
/** A deployment may have to wait for its throttle after the last failure. */
const QUIET_STEPS = 2_500;

export interface Outcome {
  /** Seconds from the end of the trouble to rest. */
  readonly restAfter: number;
  readonly tasks: number;
}

/** @throws Error that names the broken invariant, or what did not come to rest */
export async function runScenario(seed: number): Promise<Outcome> {
  const random = seededRandom(seed);
  const cluster = new SimulatedCluster(random);
  try {
    const hosts = 3 + Math.floor(random() * 3);
    await cluster.begin(hosts, 1 + Math.floor(random() * 3));
    await createServices(cluster);
    cluster.faults = drawFaults(cluster);
    for (let step = 0; step < TROUBLED_STEPS; step += 1) {
      if (random() < 0.1) await deed(cluster);
      await cluster.step();
    }
    cluster.faults = NO_FAULTS;
    await makePeace(cluster);
    for (let step = 0; step < QUIET_STEPS; step += 1) {
      await cluster.step();
      if (cluster.unrest() === undefined) {
        return { restAfter: step, tasks: [...cluster.cache.list(collections.tasks)].length };
      }
    }
    throw new Error(`invariant 9: after ${QUIET_STEPS} s of quiet: ${cluster.unrest() ?? ''}`);
  } finally {
    await cluster.end();
  }
}

function drawFaults({ random }: SimulatedCluster): FaultRates {
  const sometimes = (rate: number): number => (random() < 0.5 ? 0 : random() * rate);
  return {
    crash: sometimes(0.02),
    slowPull: sometimes(0.5),
    hostLoss: sometimes(0.01),
    proxyCut: sometimes(0.15),
    controllerCrash: sometimes(0.2),
    lostAnswer: sometimes(0.2),
  };
}

async function createServices(cluster: SimulatedCluster): Promise<void> {
  const { random } = cluster;
  const limits = [
    [100, 200],
    [50, 200],
    [50, 100],
    [100, 150],
    [0, 100],
  ] as const;
  for (const name of ['web', 'worker'].slice(0, 1 + Math.floor(random() * 2))) {
    const [minimumHealthyPercent, maximumPercent] = pick(random, limits);
    const enable = random() < 0.5;
    await cluster.createService({
      name,
      desiredCount: 2 + Math.floor(random() * 4),
      loadBalancers:
        name === 'web'
          ? [{ targetGroupArn: 'web', containerName: 'web', containerPort: PORT }]
          : [],
      deploymentConfiguration: {
        minimumHealthyPercent,
        maximumPercent,
        deploymentCircuitBreaker: { enable, rollback: enable && random() < 0.7 },
      },
    });
  }
}

/** Something that a person does. */
async function deed(cluster: SimulatedCluster): Promise<void> {
  const { random } = cluster;
  const service = pick(random, services(cluster));
  const host = pick(random, [...cluster.agents.keys()]);
  const choice = random();
  if (choice < 0.45) {
    const taskDefinition = `${service.name}:${1 + Math.floor(random() * 5)}`;
    await cluster.updateService(service.name, { taskDefinition }, true);
  } else if (choice < 0.65) {
    const desiredCount = Math.floor(random() * 6);
    await cluster.updateService(service.name, { desiredCount }, false);
  } else if (choice < 0.8) {
    const tasks = [...cluster.cache.tasksByService(CLUSTER, service.name)];
    if (tasks.length > 0) await cluster.stopTask(pick(random, tasks).value.id);
  } else if (choice < 0.9) await cluster.drainHost(host, 'DRAINING');
  else await cluster.drainHost(host, 'ACTIVE');
}

/** The last wishes are ones that can be fulfilled. */
async function makePeace(cluster: SimulatedCluster): Promise<void> {
  const { random } = cluster;
  for (const host of cluster.agents.keys()) await cluster.drainHost(host, 'ACTIVE');
  for (const { name, desiredCount } of services(cluster)) {
    if (random() < 0.2) {
      await cluster.updateService(name, { status: 'DRAINING', desiredCount: 0 }, false);
      continue;
    }
    const change = { taskDefinition: `${name}:1`, desiredCount: Math.max(2, desiredCount) };
    await cluster.updateService(name, change, true);
  }
}

function services({ cache }: SimulatedCluster): ServiceRecord[] {
  return [...cache.list(collections.services, CLUSTER)]
    .map(({ value }) => value)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function pick<T>(random: () => number, from: readonly T[]): T {
  const found = from[Math.floor(random() * from.length)];
  if (found === undefined) throw new Error('there is nothing to pick from');
  return found;
}
