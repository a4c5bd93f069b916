import assert from 'node:assert/strict';

import type { ContainerDefinition, TaskRecord } from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';
import fc from 'fast-check';

import { nextStep, type Step, type StepInput } from './next-step.ts';
import { orderingView, settle } from './settle.ts';
import {
  PHASE_RANK,
  STAGE_RANK,
  updateContainer,
  type ContainerMemory,
  type TaskMemory,
} from './task-memory.ts';
import { startVerdict } from './dependencies.ts';
import { sampleMemory } from './testing/samples.ts';

const IDLE: StepInput = { busy: new Set(), runningForMs: new Map(), mayStart: true };

interface Known extends Partial<ContainerMemory> {
  readonly ranMs?: number;
}

interface Case {
  readonly name: string;
  readonly containers: readonly Input<ContainerDefinition>[];
  readonly known: Readonly<Record<string, Known>>;
  readonly task?: Input<TaskRecord>;
  readonly input?: Partial<StepInput>;
  readonly expect: Step;
  readonly stop?: { readonly stopCode: string; readonly reason: RegExp };
}

const running = (more: Known = {}): Known => ({ phase: 'RUNNING', startedAt: 1, ...more });
const exited = (exitCode: number): Known => ({ phase: 'STOPPED', startedAt: 1, exitCode });
const db = { name: 'db', essential: false };
const on = (
  condition: 'START' | 'COMPLETE' | 'SUCCESS' | 'HEALTHY',
): Input<ContainerDefinition> => ({
  name: 'web',
  dependsOn: [{ containerName: 'db', condition }],
});
const wait = (ms?: number): Step => ({ kind: 'wait', ms });
const pullWeb: Step = { kind: 'pull', container: 'web' };
const ordered = {
  desiredStatus: 'STOPPED',
  stopCode: 'UserInitiated',
  stoppedReason: 'bye',
} as const;

const CASES: readonly Case[] = [
  {
    name: 'begins with the pull of the first container',
    containers: [{ name: 'web' }],
    known: {},
    expect: pullWeb,
  },
  {
    name: 'pulls all that may start before it creates any',
    containers: [{ name: 'a' }, { name: 'b' }],
    known: { a: { phase: 'PULLED' } },
    expect: { kind: 'pull', container: 'b' },
  },
  {
    name: 'starts nothing before the control plane has spoken',
    containers: [{ name: 'web' }],
    known: {},
    input: { mayStart: false },
    expect: wait(),
  },
  {
    name: 'starts nothing more once it is to stop, even while it drains',
    containers: [{ name: 'a' }, { name: 'b' }],
    known: { a: running() },
    task: { ...ordered, drainBeforeStop: true },
    expect: wait(),
  },
  {
    name: 'goes on running while requests may be on their way',
    containers: [{ name: 'web' }],
    known: { web: running() },
    task: { ...ordered, drainBeforeStop: true },
    expect: wait(),
  },
  {
    name: 'stops once drained, with the container’s own timeout',
    containers: [{ name: 'web', stopTimeout: 7 }],
    known: { web: running() },
    task: ordered,
    expect: { kind: 'stop', container: 'web', timeoutSeconds: 7 },
    stop: { stopCode: 'UserInitiated', reason: /^bye$/ },
  },
  {
    name: 'gives 30 seconds where the definition says nothing',
    containers: [{ name: 'web' }],
    known: { web: running() },
    task: ordered,
    expect: { kind: 'stop', container: 'web', timeoutSeconds: 30 },
  },
  {
    name: 'is done when an ordered stop finds nothing started',
    containers: [{ name: 'web' }],
    known: {},
    task: ordered,
    expect: { kind: 'finished' },
  },
  {
    name: 'START waits for RUNNING',
    containers: [db, on('START')],
    known: { db: { phase: 'CREATED' } },
    expect: { kind: 'start', container: 'db' },
  },
  {
    name: 'START is met by RUNNING',
    containers: [db, on('START')],
    known: { db: running() },
    expect: pullWeb,
  },
  {
    name: 'START is met by one that has run',
    containers: [db, on('START')],
    known: { db: exited(9) },
    expect: pullWeb,
  },
  {
    name: 'COMPLETE waits for the exit',
    containers: [db, on('COMPLETE')],
    known: { db: running() },
    expect: wait(),
  },
  {
    name: 'COMPLETE is met by any exit',
    containers: [db, on('COMPLETE')],
    known: { db: exited(4) },
    expect: pullWeb,
  },
  {
    name: 'SUCCESS is met by exit 0',
    containers: [db, on('SUCCESS')],
    known: { db: exited(0) },
    expect: pullWeb,
  },
  {
    name: 'SUCCESS can’t be met by another exit code',
    containers: [db, on('SUCCESS')],
    known: { db: exited(1) },
    expect: { kind: 'finished' },
    stop: { stopCode: 'TaskFailedToStart', reason: /\[db\].*\[web\].*did not exit successfully/ },
  },
  {
    name: 'HEALTHY waits for health',
    containers: [db, on('HEALTHY')],
    known: { db: running() },
    expect: wait(),
  },
  {
    name: 'HEALTHY waits even while unhealthy',
    containers: [db, on('HEALTHY')],
    known: { db: running({ health: 'UNHEALTHY' }) },
    expect: wait(),
  },
  {
    name: 'HEALTHY is met by HEALTHY',
    containers: [db, on('HEALTHY')],
    known: { db: running({ health: 'HEALTHY' }) },
    expect: pullWeb,
  },
  {
    name: 'HEALTHY can’t be met by one that has exited',
    containers: [db, on('HEALTHY')],
    known: { db: exited(0) },
    expect: { kind: 'finished' },
    stop: { stopCode: 'TaskFailedToStart', reason: /has exited/ },
  },
  {
    name: 'a dependency’s start timeout is a deadline',
    containers: [{ ...db, startTimeout: 10 }, on('HEALTHY')],
    known: { db: running({ ranMs: 4_000 }) },
    expect: wait(6_000),
  },
  {
    name: 'a dependency’s start timeout ends the task',
    containers: [{ ...db, startTimeout: 10, stopTimeout: 2 }, on('HEALTHY')],
    known: { db: running({ ranMs: 10_000 }) },
    expect: { kind: 'stop', container: 'db', timeoutSeconds: 2 },
    stop: { stopCode: 'TaskFailedToStart', reason: /timed out after 10 s/ },
  },
  {
    name: 'an essential container’s exit with 0 ends the task',
    containers: [{ name: 'web' }, { name: 'side', essential: false }],
    known: { web: exited(0), side: running() },
    expect: { kind: 'stop', container: 'side', timeoutSeconds: 30 },
    stop: { stopCode: 'EssentialContainerExited', reason: /^Essential container in task exited$/ },
  },
  {
    name: 'another container’s exit changes nothing',
    containers: [{ name: 'web' }, { name: 'side', essential: false }],
    known: { web: running(), side: exited(3) },
    expect: wait(),
  },
  {
    name: 'a failed start carries its own reason',
    containers: [{ name: 'web' }],
    known: { web: { phase: 'STOPPED', reason: 'CannotPullContainerError: no' } },
    expect: { kind: 'finished' },
    stop: { stopCode: 'TaskFailedToStart', reason: /^CannotPullContainerError: no$/ },
  },
  {
    name: 'stops dependents before what they depend on',
    containers: [db, on('START')],
    known: { db: running(), web: running() },
    task: ordered,
    expect: { kind: 'stop', container: 'web', timeoutSeconds: 30 },
  },
  {
    name: 'does not wait for dependents in a hurry',
    containers: [db, on('START')],
    known: { db: running(), web: running() },
    task: ordered,
    input: { busy: new Set(['web']), hurry: { timeoutSeconds: 3 } },
    expect: { kind: 'stop', container: 'db', timeoutSeconds: 3 },
  },
  {
    name: 'looks before it does anything about an uncertain container',
    containers: [{ name: 'web' }],
    known: { web: { phase: 'PULLED', uncertain: true } },
    task: ordered,
    expect: { kind: 'look', container: 'web' },
  },
  {
    name: 'waits for an operation that is under way',
    containers: [{ name: 'a' }, { name: 'b' }],
    known: {},
    input: { busy: new Set(['a']) },
    expect: wait(),
  },
];

describe('nextStep', () => {
  for (const one of CASES) {
    it(one.name, () => {
      const input = { ...IDLE, ...one.input, runningForMs: ranFor(one.known) };
      let memory = sampleMemory(one.containers, one.task);
      for (const [name, known] of Object.entries(one.known)) {
        memory = updateContainer(memory, name, known);
      }
      const settled = settle(memory, { now: 50_000, ...input });
      assert.deepEqual(nextStep(settled, input), one.expect);
      if (one.stop) {
        assert.equal(settled.stop?.stopCode, one.stop.stopCode);
        assert.match(settled.stop.reason, one.stop.reason);
      }
    });
  }

  it('ends a task that was stopped before its pull began as ECS does', () => {
    const memory = sampleMemory([{ name: 'web' }], ordered);
    const settled = settle(memory, { now: 1, ...IDLE });
    assert.match(settled.containers[0]?.reason ?? '', /^TaskStoppedBeforePullBeginError/);
    assert.equal(settled.containers[0]?.exitCode, undefined);
    assert.equal(settled.stop?.reason, 'bye');
  });
});

function ranFor(known: Case['known']): Map<string, number> {
  return new Map(
    Object.entries(known).flatMap(([name, { ranMs }]) =>
      ranMs === undefined ? [] : [[name, ranMs]],
    ),
  );
}

type Happening =
  | { readonly kind: 'step' }
  | { readonly kind: 'exit'; readonly which: number; readonly code: number }
  | { readonly kind: 'healthy'; readonly which: number }
  | { readonly kind: 'fail'; readonly which: number }
  | { readonly kind: 'order-stop' };

const happenings: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 12, arbitrary: fc.constant({ kind: 'step' } as const) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('exit' as const),
      which: fc.nat(4),
      code: fc.constantFrom(0, 0, 1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('healthy' as const), which: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail' as const), which: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'order-stop' } as const) },
);

/** Dependencies only on earlier containers, so that there are no cycles. */
const definitions: fc.Arbitrary<Input<ContainerDefinition>[]> = fc
  .array(
    fc.record({
      essential: fc.boolean(),
      on: fc.array(
        fc.record({
          which: fc.nat(4),
          condition: fc.constantFrom('START', 'COMPLETE', 'SUCCESS', 'HEALTHY'),
        }),
        { maxLength: 2 },
      ),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((list) =>
    list.map(({ essential, on: dependencies }, index) => ({
      name: `c${String(index)}`,
      essential: essential || index === 0,
      dependsOn: dependencies
        .filter(({ which }) => which < index)
        .map(({ which, condition }) => ({ containerName: `c${String(which)}`, condition })),
    })),
  );

describe('a task, whatever happens to it', () => {
  it('starts in order, stops in reverse order, only moves forward and comes to its end', () => {
    fc.assert(
      fc.property(definitions, fc.array(happenings, { maxLength: 60 }), (containers, story) => {
        let memory = settled(sampleMemory(containers));
        for (const happening of story) {
          const before = memory;
          memory = settled(happen(memory, happening));
          onlyForward(before, memory);
          assert.deepEqual(settled(memory), memory, 'settling twice changes something');
        }
        memory = settled({ ...memory, task: { ...memory.task, desiredStatus: 'STOPPED' } });
        for (let steps = 0; memory.stage !== 'STOPPED'; steps += 1) {
          assert.ok(steps < 50, 'a task that is to stop does not come to its end');
          memory = settled(happen(memory, { kind: 'step' }));
        }
        assert.deepEqual(nextStep(memory, IDLE), { kind: 'finished' });
        assert.ok(memory.stop, 'a stopped task says why');
      }),
      { numRuns: 300 },
    );
  });
});

function settled(memory: TaskMemory): TaskMemory {
  return settle(memory, { now: 9, busy: new Set(), runningForMs: new Map() });
}

function happen(memory: TaskMemory, happening: Happening): TaskMemory {
  switch (happening.kind) {
    case 'step':
      return carriedOut(memory, nextStep(memory, IDLE));
    case 'order-stop':
      return { ...memory, task: { ...memory.task, desiredStatus: 'STOPPED' } };
    case 'exit':
      return ifRunning(memory, happening.which, {
        phase: 'STOPPED',
        exitCode: happening.code,
        finishedAt: 5,
      });
    case 'healthy':
      return ifRunning(memory, happening.which, { health: 'HEALTHY' });
    case 'fail': {
      const container = memory.containers[happening.which];
      if (!container || PHASE_RANK[container.phase] >= PHASE_RANK.RUNNING) return memory;
      return updateContainer(memory, container.name, { phase: 'STOPPED', reason: 'failed' });
    }
  }
}

function ifRunning(
  memory: TaskMemory,
  which: number,
  change: Partial<ContainerMemory>,
): TaskMemory {
  const container = memory.containers[which];
  return container?.phase === 'RUNNING' ? updateContainer(memory, container.name, change) : memory;
}

function carriedOut(memory: TaskMemory, step: Step): TaskMemory {
  const view = orderingView(memory, new Map());
  switch (step.kind) {
    case 'pull':
      return updateContainer({ ...memory, pullStartedAt: 1 }, step.container, { phase: 'PULLED' });
    case 'create':
      return updateContainer(memory, step.container, { phase: 'CREATED', runtimeId: 'x' });
    case 'start': {
      const definition = view.definitions.get(step.container);
      assert.ok(definition);
      assert.equal(startVerdict(definition, view).kind, 'met', 'started before its dependencies');
      assert.equal(memory.task.desiredStatus, 'RUNNING', 'started although it is to stop');
      return updateContainer(memory, step.container, { phase: 'RUNNING', startedAt: 2 });
    }
    case 'stop': {
      const dependents = [...view.definitions.values()].filter((other) =>
        other.dependsOn.some(({ containerName }) => containerName === step.container),
      );
      for (const { name } of dependents) {
        const phase = view.containers.get(name)?.phase;
        assert.equal(phase, 'STOPPED', `${step.container} stopped before ${name}`);
      }
      return updateContainer(memory, step.container, {
        phase: 'STOPPED',
        exitCode: 143,
        finishedAt: 6,
      });
    }
    default:
      return memory;
  }
}

function onlyForward(before: TaskMemory, after: TaskMemory): void {
  assert.ok(STAGE_RANK[after.stage] >= STAGE_RANK[before.stage], 'the task went backwards');
  if (before.stop) assert.deepEqual(after.stop, before.stop, 'the first reason did not stay');
  before.containers.forEach((container, index) => {
    const now = after.containers[index];
    assert.ok(now && PHASE_RANK[now.phase] >= PHASE_RANK[container.phase], 'went backwards');
  });
}
