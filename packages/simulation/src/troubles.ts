// What goes wrong: each trouble strikes something, and mends itself after a while. Which kinds strike at all is drawn for each
// story, so that rare ones meet each other too.
import type { Random } from '@berth/control/clock.ts';

import { pick } from './people.ts';
import type { World } from './world.ts';

/** Strikes and, later, mends. */
type Trouble = (world: World, random: Random) => Promise<void>;

export type TroubleName = keyof typeof TROUBLES;

const NEVER = new AbortController().signal;

async function lasting(world: World, random: Random, least: number, most: number): Promise<void> {
  await world.clock.sleep(1000 * (least + random() * (most - least)), NEVER);
}

function note(world: World, what: string): void {
  world.trace.note('trouble', what);
}

/** Cut one way or both, and mend. */
async function cutting(
  world: World,
  random: Random,
  a: string,
  b: string,
  most: number,
): Promise<void> {
  const ways = pick(random, [
    [true, false],
    [false, true],
    [true, true],
    [true, true],
  ] as const);
  note(world, `cut ${a}${ways[0] ? '>' : ''}${ways[1] ? '<' : ''}${b}`);
  if (ways[0]) world.network.cut(a, b);
  if (ways[1]) world.network.cut(b, a);
  await lasting(world, random, 0.5, most);
  world.network.mend(a, b);
  world.network.mend(b, a);
  note(world, `mended ${a} ${b}`);
}

export const TROUBLES = {
  killServer: async (world, random) => {
    const server = pick(random, world.servers);
    if (!server.up) return;
    note(world, `kill ${server.name}`);
    server.kill();
    await lasting(world, random, 1, 25);
    server.start();
  },
  stopServer: async (world, random) => {
    const server = pick(random, world.servers);
    if (!server.up) return;
    note(world, `stop ${server.name}`);
    await server.stop();
    await lasting(world, random, 1, 10);
    if (!server.up) server.start();
  },
  /** Longer than a lease, often. */
  pauseServer: async (world, random) => {
    const { process, name } = pick(random, world.servers);
    if (!process.runs) return;
    note(world, `pause ${name}`);
    process.pause();
    void world.network.notAnswering(process);
    await lasting(world, random, 2, 25);
    note(world, `resume ${name}`);
    process.resume();
  },
  cutFromStore: async (world, random) => {
    const { process, name } = pick(random, world.servers);
    note(world, `cut ${name} from etcd`);
    world.database.cut(process);
    await lasting(world, random, 1, 30);
    note(world, `mended ${name} etcd`);
    world.database.mend(process);
  },
  holdWrites: async (world, random) => {
    const { process, name } = pick(random, world.servers);
    note(world, `writes of ${name} do not arrive`);
    world.database.holdWrites(process);
    await lasting(world, random, 2, 30);
    note(world, `writes of ${name} arrive`);
    world.database.mend(process);
  },
  storeOutage: async (world, random) => {
    note(world, 'etcd is down');
    world.database.stop();
    await lasting(world, random, 3, 60);
    note(world, 'etcd is up');
    world.database.start();
  },
  compaction: async (world) => {
    note(world, 'compaction');
    world.database.compact();
    await Promise.resolve();
  },
  storeFull: async (world, random) => {
    note(world, 'etcd is full');
    world.database.full = true;
    await lasting(world, random, 2, 20);
    note(world, 'etcd has room');
    world.database.full = false;
  },
  cutHost: async (world, random) => {
    const host = pick(random, world.hosts).name;
    const servers = random() < 0.5 ? world.servers : [pick(random, world.servers)];
    await Promise.all(servers.map(({ name }) => cutting(world, random, host, name, 45)));
  },
  cutProxy: async (world, random) => {
    const edge = pick(random, world.edges).name;
    const servers = random() < 0.5 ? world.servers : [pick(random, world.servers)];
    await Promise.all(servers.map(({ name }) => cutting(world, random, edge, name, 25)));
  },
  cutServers: async (world, random) => {
    const a = pick(random, world.servers).name;
    const b = pick(random, world.servers).name;
    if (a !== b) await cutting(world, random, a, b, 30);
  },
  cutProxyFromHost: (world, random) =>
    cutting(world, random, pick(random, world.edges).name, pick(random, world.hosts).name, 15),
  reset: async (world, random) => {
    const machines = [...world.hosts, ...world.edges].map(({ name }) => name);
    const a = pick(random, machines);
    const b = pick(random, world.servers).name;
    note(world, `reset ${a} ${b}`);
    world.network.reset(a, b);
    await Promise.resolve();
  },
  powerOff: async (world, random) => {
    const host = pick(random, world.hosts);
    if (!host.up) return;
    note(world, `power off ${host.name}`);
    host.powerOff();
    await lasting(world, random, 3, 60);
    note(world, `power on ${host.name}`);
    host.powerOn();
  },
  killAgent: async (world, random) => {
    const host = pick(random, world.hosts);
    if (!host.up) return;
    note(world, `kill agent of ${host.name}`);
    host.killAgent();
    await lasting(world, random, 0.5, 20);
    if (!host.up) host.start();
  },
  stopAgent: async (world, random) => {
    const host = pick(random, world.hosts);
    if (!host.up || !host.process.runs) return;
    note(world, `stop agent of ${host.name}`);
    await host.stopAgent();
    await lasting(world, random, 0.5, 5);
    if (!host.up) host.start();
  },
  pauseAgent: async (world, random) => {
    const { process, name } = pick(random, world.hosts);
    if (!process.runs) return;
    note(world, `pause agent of ${name}`);
    process.pause();
    void world.network.notAnswering(process);
    await lasting(world, random, 2, 40);
    note(world, `resume agent of ${name}`);
    process.resume();
  },
  crashEngine: async (world, random) => {
    const host = pick(random, world.hosts);
    if (!host.up) return;
    const liveRestore = random() < 0.5;
    note(world, `crash engine of ${host.name}${liveRestore ? ', containers go on' : ''}`);
    host.crashEngine(liveRestore);
    await lasting(world, random, 1, 20);
    note(world, `engine of ${host.name} is back`);
    host.restartEngine();
  },
  hangEngine: async (world, random) => {
    const host = pick(random, world.hosts);
    note(world, `engine of ${host.name} hangs`);
    host.hung = true;
    await lasting(world, random, 5, 40);
    note(world, `engine of ${host.name} answers`);
    host.hung = false;
  },
  fullDisk: async (world, random) => {
    const host = pick(random, world.hosts);
    note(world, `disk of ${host.name} is full`);
    host.full = true;
    await lasting(world, random, 5, 30);
    note(world, `disk of ${host.name} has room`);
    host.full = false;
  },
  killProxy: async (world, random) => {
    const edge = pick(random, world.edges);
    if (!edge.up) return;
    note(world, `kill ${edge.name}`);
    edge.kill();
    await lasting(world, random, 0.5, 30);
    note(world, `start ${edge.name}`);
    if (!edge.up) edge.start();
  },
  pauseProxy: async (world, random) => {
    const { process, name } = pick(random, world.edges);
    if (!process.runs) return;
    note(world, `pause ${name}`);
    process.pause();
    void world.network.notAnswering(process);
    await lasting(world, random, 1, 25);
    note(world, `resume ${name}`);
    process.resume();
  },
} as const satisfies Record<string, Trouble>;

/** What wears on everything all the time, drawn once. */
export function wear(world: World, random: Random): void {
  const sometimes = (most: number): number => (random() < 0.6 ? 0 : random() * most);
  world.network.loss = sometimes(0.1);
  world.network.delayMs = random() < 0.8 ? 4 : 4 + random() * 200;
  Object.assign(world.database.faults, {
    loseAnswer: sometimes(0.1),
    lateWatch: sometimes(0.3),
    breakWatch: sometimes(0.02),
  });
  const faults = {
    crash: sometimes(0.01),
    outOfMemory: sometimes(0.005),
    vanish: sometimes(0.005),
    slowPull: sometimes(0.5),
    pullFails: sometimes(0.3),
  };
  for (const host of world.hosts) Object.assign(host.faults, faults);
}

export function endWear(world: World): void {
  world.network.loss = 0;
  world.network.delayMs = 4;
  Object.assign(world.database.faults, { loseAnswer: 0, lateWatch: 0, breakWatch: 0 });
  const none = { crash: 0, outOfMemory: 0, vanish: 0, slowPull: 0, pullFails: 0 };
  for (const host of world.hosts) Object.assign(host.faults, none);
}

/** Strike now and then until the end; every trouble that has begun is over when this resolves. */
export async function strike(
  world: World,
  kinds: readonly TroubleName[],
  everyMs: number,
  end: number,
): Promise<void> {
  const random = world.randomOf('troubles');
  const open: Promise<void>[] = [];
  while (kinds.length > 0 && world.clock.monotonic() < end) {
    await world.clock.sleep(everyMs * 2 * random(), NEVER);
    const trouble: Trouble = TROUBLES[pick(random, kinds)];
    open.push(trouble(world, random));
  }
  await Promise.all(open);
}
