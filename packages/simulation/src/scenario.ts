// One story from one seed: services, what people do to them and what goes wrong; first everything at once, then nothing more,
// and the cluster has to come to rest by itself.
import { seededRandom, settle } from '@berth/control/virtual-clock.ts';

import { People } from './people.ts';
import { mixed } from './process.ts';
import { EXTERNAL, SHIFTING } from './settings.ts';
import { endWear, strike, type TroubleName, TROUBLES, wear } from './troubles.ts';
import { type Size, World, type WorldOptions } from './world.ts';

const BEGIN_MS = 15_000;
const TROUBLED_MS = 90_000;
/** A deployment may have to wait for its throttle after the last failure. */
const QUIET_MS = 40 * 60_000;
const LOOK_EVERY_MS = 1_000;

export interface Outcome {
  /** Virtual ms from the end of the trouble to rest. */
  readonly restAfter: number;
  /** Of the whole story; the same for the same seed. */
  readonly digest: string;
  readonly lines: number;
}

export interface Story {
  readonly size: Size;
  readonly troubles: readonly TroubleName[];
  /** Between two troubles, on average. */
  readonly everyMs: number;
}

const FAMILIES: readonly { readonly name: string; readonly share: number }[] = [
  { name: 'web', share: 0.9 },
  { name: 'checked', share: 0.4 },
  { name: 'plain', share: 0.3 },
  { name: 'daemon', share: 0.3 },
  { name: 'web-two', share: 0.15 },
  { name: 'job', share: 0.5 },
];
/** With both of its revisions it needs the room of two. */
const SHIFTING_SHARE = 0.35;
/** Of those with neither two balanced services nor a shifting one. */
const EXTERNAL_SHARE = 0.4;
const ALARMS_SHARE = 0.3;

export function drawStory(seed: number): Story {
  const random = seededRandom(mixed(seed, 'story'));
  const families = FAMILIES.flatMap(({ name, share }) => (random() < share ? [name] : []));
  if (!families.some((name) => name !== 'job')) families.unshift('web');
  const more = seededRandom(mixed(seed, 'shifting'));
  const shifts = more() < SHIFTING_SHARE && !families.includes('web-two');
  if (shifts) families.push(SHIFTING);
  const zones = more() < 0.3 ? 2 : undefined;
  const others = seededRandom(mixed(seed, 'sets and alarms'));
  const external = others() < EXTERNAL_SHARE && !shifts && !families.includes('web-two');
  if (external) families.push(EXTERNAL);
  const alarms = others() < ALARMS_SHARE;
  const names = Object.keys(TROUBLES) as TroubleName[];
  const share = random() < 0.15 ? 0 : random() * 0.6;
  return {
    size: {
      servers: 1 + Math.floor(random() * 3),
      hosts: 2 + Math.floor(random() * 3),
      proxies: 1 + Math.floor(random() * 2),
      families,
      ...(zones === undefined ? {} : { zones }),
      ...(alarms ? { alarms } : {}),
    },
    troubles: names.filter(() => random() < share),
    everyMs: 2_000 + random() * 12_000,
  };
}

/** @throws Error that names the broken invariant, or what did not come to rest */
export async function runScenario(
  seed: number,
  options: Pick<WorldOptions, 'say' | 'logs'> & { readonly story?: Story } = {},
): Promise<Outcome> {
  const { story = drawStory(seed), ...told } = options;
  const world = new World({ seed, size: story.size, ...told });
  world.trace.note('story', JSON.stringify(story));
  const people = new People(world);
  for (const machine of [...world.servers, ...world.hosts, ...world.edges]) machine.start();

  let phase = 'begins';
  const plot = (async (): Promise<void> => {
    await people.begin();
    await world.clock.sleep(BEGIN_MS, NEVER);
    phase = 'in trouble';
    wear(world, world.randomOf('wear'));
    const end = world.clock.monotonic() + TROUBLED_MS;
    await Promise.all([
      strike(world, story.troubles, story.everyMs, end),
      deeds(world, people, end),
    ]);
    phase = 'at peace';
    endWear(world);
    await people.makePeace();
    phase = 'quiet';
  })();
  plot.catch((error: unknown) => world.fail('the story itself failed', error));

  const check = (): void => {
    if (world.failure) throw world.failure;
  };
  const limit = 30 * 60_000;
  while (phase !== 'quiet') {
    await pass(world, LOOK_EVERY_MS, check);
    if (world.clock.monotonic() > limit) {
      throw new Error(`invariant 9: after ${limit / 1000} s the story still ${phase}`);
    }
  }
  const since = world.clock.monotonic();
  for (;;) {
    await pass(world, LOOK_EVERY_MS, check);
    const restAfter = world.clock.monotonic() - since;
    const unrest = world.checks.unrest();
    if (unrest === undefined) {
      return { restAfter, digest: world.trace.digest, lines: world.trace.lines };
    }
    if (restAfter > QUIET_MS) {
      throw new Error(`invariant 9: after ${QUIET_MS / 1000} s of quiet: ${unrest}`);
    }
  }
}

const NEVER = new AbortController().signal;

/** Let time pass and look at the failures after each step of it. */
async function pass(world: World, ms: number, check: () => void): Promise<void> {
  await world.clock.advance(ms);
  await settle();
  world.checkSessions();
  check();
}

async function deeds(world: World, people: People, end: number): Promise<void> {
  while (world.clock.monotonic() < end) {
    await world.clock.sleep(people.random() * 14_000, NEVER);
    await people.deed();
  }
}
