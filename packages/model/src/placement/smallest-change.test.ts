import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { PlacementChange, PlacementConstraint } from '../generated/messages.ts';
import type { HostView } from './host.ts';
import { type Charge, Ledger } from './ledger.ts';
import { planPlacement } from './plan.ts';
import { change, COSTS } from './remedies.ts';
import { smallestChange } from './smallest-change.ts';
import type { PlacementSpec } from './spec.ts';
import { distinct, inZone, memberOf, testHost, testSpec } from './testing.ts';

const NOW = Date.UTC(2026, 5, 1);

/** Hosts and what is held on them, as data, so that it can be changed and tried again. */
interface Scene {
  readonly hosts: readonly HostView[];
  readonly charges: readonly Charge[];
}

function ledgerOf({ hosts, charges }: Scene): Ledger {
  const ledger = new Ledger();
  for (const host of hosts) ledger.putHost(host);
  for (const [index, charge] of charges.entries()) ledger.charge(`t${index}`, charge);
  return ledger;
}

function places(scene: Scene, spec: PlacementSpec): boolean {
  return planPlacement(ledgerOf(scene), spec, ['new'], 1).assignments.length === 1;
}

/** What somebody does who follows the advice. */
function applied(scene: Scene, made: PlacementChange, hostId: string, spared?: string): Scene {
  const host = (edit: (view: HostView) => Partial<HostView>): Scene => ({
    ...scene,
    hosts: scene.hosts.map((view) => (view.id === hostId ? { ...view, ...edit(view) } : view)),
  });
  const charges = (edit: (charge: Charge) => readonly Charge[]): Scene => ({
    ...scene,
    charges: scene.charges.flatMap((charge) => (charge.hostId === hostId ? edit(charge) : charge)),
  });
  const [{ name, value } = { name: '', value: undefined }] = made.attributes;
  switch (made.kind) {
    case 'SET_ATTRIBUTE':
      return host(({ attributes }) => ({ attributes: new Map(attributes).set(name, value ?? '') }));
    case 'REMOVE_ATTRIBUTE':
      return host(({ attributes }) => ({
        attributes: new Map([...attributes].filter(([key]) => key !== name)),
      }));
    case 'ACTIVATE_HOST':
      return host(() => ({ status: 'ACTIVE' }));
    case 'CONNECT_AGENT':
      return host(() => ({ connected: true }));
    case 'FREE_CPU':
    case 'FREE_MEMORY': {
      const key = made.kind === 'FREE_CPU' ? 'cpu' : 'memory';
      let left = made.amount;
      return charges((charge) => {
        const taken = Math.min(left, charge[key]);
        left -= taken;
        return [{ ...charge, [key]: charge[key] - taken }];
      });
    }
    case 'FREE_PORT': {
      const key = made.protocol === 'udp' ? 'portsUdp' : 'ports';
      return charges((charge) => [
        { ...charge, [key]: charge[key].filter((port) => port !== made.amount) },
      ]);
    }
    case 'FREE_GPU': {
      const offered = scene.hosts.find(({ id }) => id === hostId)?.gpuIds ?? [];
      const held = new Set(
        scene.charges
          .filter((charge) => charge.hostId === hostId)
          .flatMap(({ gpuIds = [] }) => gpuIds),
      );
      const freed = offered.filter((id) => held.has(id)).slice(0, made.amount);
      return charges(({ gpuIds = [], ...charge }) => [
        { ...charge, gpuIds: gpuIds.filter((id) => !freed.includes(id)) },
      ]);
    }
    case 'MOVE_TASKS':
      return charges((charge) => (charge.running && charge.group === made.group ? [] : [charge]));
    case 'STOP_TASKS': {
      let left = made.amount;
      return charges((charge) => {
        if (!charge.running || left === 0 || charge.group === spared) return [charge];
        left -= 1;
        return [{ ...charge, running: false }];
      });
    }
    case 'ADD_HOST': {
      const { cpu = 0, memory = 0, gpus = 0 } = made.resources ?? {};
      const gpuIds = Array.from({ length: gpus }, (_, index) => `new-${index}`);
      const attributes = new Map(made.attributes.map((one) => [one.name, one.value ?? '']));
      const added = testHost('added', { cpu, memory, gpuIds, attributes, registeredAt: NOW });
      return { ...scene, hosts: [...scene.hosts, added] };
    }
  }
}

function appliedAll(
  scene: Scene,
  changes: readonly PlacementChange[],
  hostId: string,
  spared: string | undefined,
): Scene {
  return changes.reduce((changed, made) => applied(changed, made, hostId, spared), scene);
}

/** Tasks that have to be moved anyway are not among those that are stopped. */
function sparedBy({ distinctInstance, group }: PlacementSpec): string | undefined {
  return distinctInstance ? group : undefined;
}

const NAMES = ['stack', 'rack'];
const VALUES = ['prod', '1', '2', '3'];

/** Every single change of a host that anybody could think of here. */
function everyChange(scene: Scene, host: HostView, spec: PlacementSpec): PlacementChange[] {
  const here = scene.charges.filter(({ hostId }) => hostId === host.id);
  const running = here.filter((charge) => charge.running);
  const speaks = spec.memberOf.some(({ readsTasks }) => readsTasks);
  const texts = spec.memberOf.map(({ text }) => text).join(' ');
  const names = NAMES.filter((name) => texts.includes(name));
  const apart = spec.distinctInstance && running.some(({ group }) => group === spec.group);
  const others = running.filter(({ group }) => !apart || group !== spec.group);
  const ports = new Set(here.flatMap((charge) => charge.ports));
  return [
    ...names
      .filter((name) => host.attributes.has(name))
      .map((name) => change('REMOVE_ATTRIBUTE', { attributes: [{ name }] })),
    ...names.flatMap((name) =>
      VALUES.map((value) => change('SET_ATTRIBUTE', { attributes: [{ name, value }] })),
    ),
    ...(host.status === 'ACTIVE' ? [] : [change('ACTIVATE_HOST')]),
    ...(host.connected ? [] : [change('CONNECT_AGENT')]),
    change('FREE_CPU', { amount: 1e9 }),
    change('FREE_MEMORY', { amount: 1e9 }),
    change('FREE_GPU', { amount: 1e9 }),
    ...[...ports].map((port) => change('FREE_PORT', { amount: port, protocol: 'tcp' })),
    ...(apart ? [change('MOVE_TASKS', { group: spec.group })] : []),
    ...(speaks ? others.map((_, index) => change('STOP_TASKS', { amount: index + 1 })) : []),
  ];
}

/** Can anything of a lower cost place the task? */
function somethingCheaper(scene: Scene, spec: PlacementSpec, below: number): boolean {
  const on = (
    host: HostView,
    from: Scene,
    rest: readonly PlacementChange[],
    left: number,
  ): boolean =>
    rest.some((made, index) => {
      const remaining = left - COSTS[made.kind];
      if (remaining <= 0) return false;
      const changed = applied(from, made, host.id, sparedBy(spec));
      return places(changed, spec) || on(host, changed, rest.slice(index + 1), remaining);
    });
  return scene.hosts.some((host) => {
    const alone = {
      hosts: [host],
      charges: scene.charges.filter(({ hostId }) => hostId === host.id),
    };
    return on(host, alone, everyChange(alone, host, spec), below);
  });
}

const EXPRESSIONS = [
  'attribute:stack == prod',
  'attribute:stack exists and attribute:rack >= 2',
  'attribute:stack != prod',
  'attribute:rack in [1, 2] or attribute:stack == prod',
  'not(attribute:stack == test) and attribute:rack =~ "[0-9]"',
  'attribute:rack < 2 and attribute:rack exists',
  'runningTasksCount < 1',
  'runningTasksCount <= 1 or attribute:stack == prod',
  'attribute:ecs.availability-zone == b',
  'attribute:ecs.availability-zone == b and attribute:stack == prod or attribute:rack == 3',
];

const scenes: fc.Arbitrary<Scene> = fc
  .uniqueArray(
    fc.record({
      id: fc.constantFrom('h1', 'h2', 'h3'),
      cpu: fc.constantFrom(100, 1000),
      memory: fc.constantFrom(100, 1000),
      status: fc.constantFrom('ACTIVE' as const, 'ACTIVE' as const, 'DRAINING' as const),
      connected: fc.constantFrom(true, true, false),
      zone: fc.constantFrom('a', 'b'),
      gpuIds: fc.constantFrom([], ['g1'], ['g1', 'g2']),
      own: fc.dictionary(fc.constantFrom(...NAMES), fc.constantFrom(...VALUES)),
    }),
    { selector: ({ id }) => id, minLength: 1, maxLength: 3 },
  )
  .chain((drawn) => {
    const hosts = drawn.map(({ id, zone, own, ...view }) =>
      testHost(id, { ...view, ...inZone(zone, own) }),
    );
    const charge = fc.record({
      hostId: fc.constantFrom(...hosts.map(({ id }) => id)),
      group: fc.constantFrom('service:web', 'service:db'),
      running: fc.constantFrom(true, true, false),
      cpu: fc.constantFrom(0, 300, 800),
      memory: fc.constantFrom(0, 300, 800),
      ports: fc.subarray([80, 81], { maxLength: 1 }),
      portsUdp: fc.constant([]),
      gpuIds: fc.subarray(['g1', 'g2'], { maxLength: 1 }),
    });
    return fc.array(charge, { maxLength: 4 }).map((charges) => ({ hosts, charges }));
  });

const specs: fc.Arbitrary<PlacementSpec> = fc
  .record({
    cpu: fc.constantFrom(0, 256, 900),
    memory: fc.constantFrom(0, 256, 900),
    ports: fc.subarray([80, 81], { maxLength: 1 }),
    gpus: fc.constantFrom(0, 0, 1, 2),
    expressions: fc.subarray(EXPRESSIONS, { maxLength: 2 }),
    apart: fc.boolean(),
  })
  .map(({ expressions, apart, ...ask }) =>
    testSpec({
      ask,
      constraints: [
        ...expressions.map(memberOf),
        ...(apart ? [distinct] : []),
      ] satisfies PlacementConstraint[],
    }),
  );

describe('the smallest change', () => {
  it('places the task when it is made, and nothing smaller does', () => {
    let found = 0;
    fc.assert(
      fc.property(scenes, specs, (scene, spec) => {
        const remedy = smallestChange(ledgerOf(scene), spec, NOW);
        if (places(scene, spec)) {
          assert.equal(remedy, undefined);
          return;
        }
        if (!remedy) {
          assert.equal(somethingCheaper(scene, spec, COSTS.ADD_HOST + 1), false);
          return;
        }
        found += 1;
        const { changes, hostIds } = remedy;
        for (const hostId of hostIds.length > 0 ? hostIds : ['added']) {
          assert.ok(places(appliedAll(scene, changes, hostId, sparedBy(spec)), spec), remedy.text);
        }
        const cost = changes.reduce((sum, { kind }) => sum + COSTS[kind], 0);
        assert.equal(somethingCheaper(scene, spec, cost), false, remedy.text);
      }),
      { numRuns: 500 },
    );
    assert.ok(found > 50);
  }).timeout(60_000);

  const charge = (hostId: string, more: Partial<Charge> = {}): Charge => ({
    hostId,
    group: 'service:db',
    running: true,
    cpu: 0,
    memory: 0,
    ports: [],
    portsUdp: [],
    ...more,
  });
  const cases: { title: string; scene: Scene; spec: PlacementSpec; text: string | undefined }[] = [
    {
      title: 'frees what is lacking where least is lacking',
      scene: {
        hosts: [testHost('1', { memory: 1000 }), testHost('2', { memory: 1000 })],
        charges: [charge('1', { memory: 900 }), charge('2', { memory: 616 })],
      },
      spec: testSpec(),
      text: 'free 128 MiB of memory on host host-2',
    },
    {
      title: 'names all hosts on which the same helps',
      scene: { hosts: ['1', '2', '3'].map((id) => testHost(id)), charges: [] },
      spec: testSpec({ constraints: [memberOf('attribute:stack == prod')] }),
      text: 'set attribute stack=prod on any of 3 hosts: host-1, host-2, host-3',
    },
    {
      title: 'counts hosts beyond the fifth',
      scene: { hosts: Array.from({ length: 7 }, (_, id) => testHost(`${id}`)), charges: [] },
      spec: testSpec({ constraints: [memberOf('attribute:stack == prod')] }),
      text: 'set attribute stack=prod on any of 7 hosts: host-0, host-1, host-2, host-3, host-4 and 2 more',
    },
    {
      title: 'asks for a host where none is big enough',
      scene: { hosts: [testHost('1', { cpu: 100 })], charges: [] },
      spec: testSpec({ constraints: [memberOf('attribute:ecs.instance-type =~ t2.*')] }),
      text: 'add a host with 256 CPU units, 512 MiB of memory and ecs.instance-type=t2',
    },
    {
      title: 'asks for a host where there is none',
      scene: { hosts: [], charges: [] },
      spec: testSpec(),
      text: 'add a host with 256 CPU units, 512 MiB of memory',
    },
    {
      title: 'frees GPUs that others hold',
      scene: {
        hosts: [testHost('1', { gpuIds: ['a', 'b'] }), testHost('2', { gpuIds: ['a'] })],
        charges: [charge('1', { gpuIds: ['b'] })],
      },
      spec: testSpec({ ask: { gpus: 2 } }),
      text: 'free 1 GPU on host host-1',
    },
    {
      title: 'asks for a host with GPUs where none has so many',
      scene: { hosts: [testHost('1', { gpuIds: ['a'] })], charges: [] },
      spec: testSpec({ ask: { gpus: 2 } }),
      text: 'add a host with 256 CPU units, 512 MiB of memory, 2 GPUs',
    },
    {
      title: 'ends a draining sooner than it takes something from others',
      scene: {
        hosts: [testHost('1', { status: 'DRAINING' }), testHost('2', { memory: 600 })],
        charges: [charge('2', { memory: 200 })],
      },
      spec: testSpec(),
      text: 'end the draining on host host-1',
    },
    {
      title: 'moves tasks that must not be beside it',
      scene: { hosts: [testHost('1')], charges: [charge('1'), charge('1')] },
      spec: testSpec({ constraints: [memberOf('not(task:group == service:db)')] }),
      text: 'move 2 tasks of service:db elsewhere on host host-1',
    },
    {
      title: 'says all that has to be done together',
      scene: {
        hosts: [testHost('1', { connected: false })],
        charges: [charge('1', { ports: [80] })],
      },
      spec: testSpec({ ask: { ports: [80] } }),
      text: 'get the agent connected and free host port 80/tcp on host host-1',
    },
    {
      title: 'finds nothing for what can never hold',
      scene: { hosts: [testHost('1')], charges: [] },
      spec: testSpec({
        constraints: [memberOf('attribute:a exists'), memberOf('attribute:a not_exists')],
      }),
      text: undefined,
    },
    {
      title: 'proposes no host where hosts are named',
      scene: { hosts: [testHost('1', { cpu: 100 }), testHost('2')], charges: [] },
      spec: testSpec({ hostIds: ['1'] }),
      text: undefined,
    },
  ];
  for (const { title, scene, spec, text } of cases) {
    it(title, () => {
      assert.equal(smallestChange(ledgerOf(scene), spec, NOW)?.text, text);
    });
  }

  it('is found among thousands of hosts', () => {
    const hosts = Array.from({ length: 5000 }, (_, id) => testHost(String(id).padStart(4, '0')));
    const spec = testSpec({
      constraints: [memberOf('attribute:a == 1 and (attribute:b == 2 or attribute:c in [x, y])')],
    });
    const remedy = smallestChange(ledgerOf({ hosts, charges: [] }), spec, NOW);
    assert.equal(remedy?.changes.length, 2);
  });
});
