// Safety checks of production code, each with the edit that takes it away. `mutated.ts` runs stories over the edited
// source; one of them has to fail, or the simulator would not notice if the check were lost.

import type { Story } from './scenario.ts';
import { EXTERNAL, SHIFTING } from './settings.ts';

export interface Edit {
  /** Below packages/. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutation {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** What the stories are about in which it matters; the rest is drawn. */
  readonly story?: Partial<Story>;
  /** What is found. */
  readonly found: RegExp;
  /** The first seed that is tried, where those before it were long without notice. Default 1. */
  readonly from?: number;
}

const SHIFTING_STORY: Partial<Story> = {
  size: { servers: 1, hosts: 3, proxies: 1, families: [SHIFTING] },
  troubles: ['killServer', 'crashEngine'],
  everyMs: 15_000,
};

const SETS_STORY: Partial<Story> = {
  size: { servers: 1, hosts: 3, proxies: 1, families: [EXTERNAL] },
  troubles: ['killServer', 'crashEngine'],
  everyMs: 15_000,
};

const ALARMS_STORY: Partial<Story> = {
  size: { servers: 1, hosts: 3, proxies: 1, families: ['web', 'checked'], alarms: true },
  troubles: ['killServer'],
  everyMs: 30_000,
};

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'the comparison of the epoch in what leaders write',
    edits: [
      {
        file: 'store/src/election.ts',
        find: 'guard: { key: leaderKey(options), createRevision: epoch }, signal',
        replace: "guard: { key: '/berth/v1/none', createRevision: 0 }, signal",
      },
    ],
    story: {
      size: { servers: 3, hosts: 2, proxies: 1, families: ['web', 'checked', 'job'] },
      troubles: ['holdWrites', 'killAgent', 'powerOff'],
      everyMs: 3_000,
    },
    found: /invariant 4/,
  },
  {
    name: 'the refusal of placements that are decided on an old view',
    edits: [
      {
        file: 'scheduler/src/term.ts',
        find: 'if (newest > viewRevision) throw',
        replace: 'if (newest > Infinity) throw',
      },
    ],
    story: {
      size: { servers: 2, hosts: 3, proxies: 1, families: ['web', 'checked', 'plain'] },
      troubles: ['killServer', 'pauseServer', 'cutServers', 'crashEngine', 'powerOff'],
      everyMs: 3_000,
    },
    found: /invariant [25]/,
  },
  {
    name: 'one placement for a token of RunTask',
    edits: [
      {
        file: 'api/src/operations/ecs/run-task.ts',
        find: 'const placed = tasksOf(on.cache, wish);',
        replace: 'const placed = tasksOf(on.cache, wish).slice(0, 0);',
      },
    ],
    found: /invariant 5: token/,
  },
  {
    name: 'host ports are held until proxies have let go of them',
    edits: [
      {
        file: 'agent/src/tasks.ts',
        find: "return memory.stage === 'STOPPED' && !memory.task.holdPorts;",
        replace: "return memory.stage === 'STOPPED';",
      },
      {
        file: 'agent/src/ports.ts',
        find: 'const QUARANTINE_MS = 60_000;',
        replace: 'const QUARANTINE_MS = 0;',
      },
      {
        file: 'agent/src/ports.ts',
        find: 'for (const port of this.#order) {',
        replace: 'for (const port of [...this.#order].sort()) {',
      },
    ],
    story: {
      size: { servers: 1, hosts: 2, proxies: 2, families: ['web', 'web-two'] },
      troubles: ['pauseProxy', 'cutProxy', 'crashEngine'],
      everyMs: 3_000,
    },
    found: /invariant [67]/,
  },
  {
    name: 'tasks stop only when proxies have drained them',
    edits: [
      {
        file: 'agent/src/settle.ts',
        find: "return memory.task.desiredStatus === 'STOPPED' && !memory.task.drainBeforeStop;",
        replace: "return memory.task.desiredStatus === 'STOPPED';",
      },
    ],
    found: /invariant 6/,
  },
  {
    name: 'every live proxy must have drained a target',
    edits: [
      {
        file: 'model/src/deployment/targets.ts',
        find: '!proxies.live.every(drained)',
        replace: '!proxies.live.some(drained)',
      },
    ],
    found: /invariant 6/,
  },
  {
    name: 'proxies that vanished a moment ago are waited for',
    edits: [
      {
        file: 'model/src/deployment/targets.ts',
        find: 'return now < until ? { yes: false, askAgainAt: until } : { yes: true };',
        replace: 'return now < until ? { yes: true } : { yes: true };',
      },
    ],
    story: {
      size: { servers: 2, hosts: 2, proxies: 2, families: ['web', 'web-two'] },
      troubles: ['cutProxy', 'reset', 'pauseProxy', 'killServer'],
      everyMs: 3_000,
    },
    found: /invariant 6/,
  },
  {
    name: 'draining targets take no new request',
    edits: [
      {
        file: 'model/src/routing/select.ts',
        find: 'targets.filter((target) => !target.draining);',
        replace: 'targets.filter(() => true);',
      },
    ],
    story: {
      size: { servers: 1, hosts: 2, proxies: 2, families: ['web', 'web-two'] },
      troubles: ['crashEngine', 'pauseProxy'],
      everyMs: 4_000,
    },
    found: /invariant 6/,
  },
  {
    name: 'the minimum of healthy tasks',
    edits: [
      {
        file: 'model/src/deployment/limits.ts',
        find: 'minHealthy: Math.ceil((desired * minimum) / 100),',
        replace: 'minHealthy: Math.ceil((desired * minimum) / 100) - 1,',
      },
    ],
    found: /invariant 1/,
  },
  {
    name: 'the maximum of tasks',
    edits: [
      {
        file: 'model/src/deployment/limits.ts',
        find: 'maxTotal: Math.floor((desired * maximum) / 100),',
        replace: 'maxTotal: Math.floor((desired * maximum) / 100) + 1,',
      },
    ],
    found: /invariant 2/,
  },
  {
    name: 'a task is healthy only when every proxy has said so',
    edits: [
      {
        file: 'model/src/deployment/health.ts',
        find: "target.health.some((report) => report.proxy === proxy && report.state === 'healthy'),",
        replace: 'proxy !== undefined,',
      },
    ],
    found: /invariant 1/,
  },
  {
    name: 'what a host has left',
    edits: [
      {
        file: 'model/src/placement/fit.ts',
        find: 'if (ask.cpu === 0 || ask.cpu <= room.cpuFree) return undefined;',
        replace: 'if (ask.cpu === 0 || ask.cpu <= room.cpuFree + 2048) return undefined;',
      },
      {
        file: 'model/src/placement/fit.ts',
        find: 'if (room.cpuFree < 0) found.push',
        replace: 'if (room.cpuFree < -4096) found.push',
      },
    ],
    story: {
      size: { servers: 1, hosts: 2, proxies: 1, families: ['web', 'checked', 'plain', 'job'] },
      troubles: ['powerOff', 'killAgent'],
      everyMs: 6_000,
    },
    found: /invariant 3/,
  },
  {
    name: 'a host that is back stops what is not wanted any more',
    edits: [
      {
        file: 'agent/src/tasks.ts',
        find: 'for (const assigned of tasks) this.#assign(assigned);\n    for (const id of this.#entries',
        replace:
          'for (const each of tasks) if (!this.#entries.has(each.task?.id ?? "")) this.#assign(each);\n    for (const id of this.#entries',
      },
    ],
    story: {
      size: { servers: 1, hosts: 3, proxies: 1, families: ['web', 'plain'] },
      troubles: ['killAgent', 'cutHost', 'pauseAgent'],
      everyMs: 4_000,
    },
    found: /invariant 9/,
  },
  {
    name: 'the scheduler catches up with its caller before it places',
    edits: [
      {
        file: 'scheduler/src/term.ts',
        find: 'await this.#options.cache.reached(request.viewRevision, until);',
        replace: '',
      },
      {
        file: 'scheduler/src/start.ts',
        find: 'await cache.reached(leadership.epoch, leadership.signal);',
        replace: '',
      },
    ],
    story: {
      size: { servers: 3, hosts: 2, proxies: 1, families: ['web', 'checked', 'plain'] },
      troubles: ['killServer', 'pauseServer', 'crashEngine'],
      everyMs: 3_000,
    },
    found: /invariant [235]/,
    from: 175,
  },
  {
    name: 'the view lists again after a compaction',
    edits: [
      {
        file: 'store/src/state-cache.ts',
        find: 'if (!canResume(error)) this.#listAgain = true;',
        replace: 'if (!canResume(error)) this.#listAgain = !this.#filled;',
      },
    ],
    story: {
      size: { servers: 2, hosts: 2, proxies: 1, families: ['web'] },
      troubles: ['compaction', 'cutFromStore', 'killAgent'],
      everyMs: 3_000,
    },
    found: /invariant 9/,
  },
  {
    name: 'session records are written anew under a new lease',
    edits: [
      {
        file: 'api/src/sessions/leased-records.ts',
        find: 'options.lease.onRenewed(() => this.#all());',
        replace: '',
      },
      {
        file: 'api/src/sessions/start-sessions.ts',
        find: 'agents.endAll(WITHOUT_LEASE);',
        replace: '',
      },
      {
        file: 'api/src/sessions/start-sessions.ts',
        find: 'proxies.endAll(WITHOUT_LEASE);',
        replace: '',
      },
    ],
    story: {
      size: { servers: 2, hosts: 2, proxies: 1, families: ['web'] },
      troubles: ['cutFromStore', 'storeOutage', 'pauseServer'],
      everyMs: 6_000,
    },
    found: /invariant 9/,
  },
  {
    name: 'a revision is healthy before it gets traffic',
    edits: [
      {
        file: 'model/src/deployment/shifting/advance.ts',
        find: 'return passed && ready ? go() : shift;',
        replace: 'return passed ? go() : shift;',
      },
      {
        file: 'model/src/deployment/shifting/advance.ts',
        find: "case 'SCALE_UP':\n      return ready ? go() : shift;",
        replace: "case 'SCALE_UP':\n      return go();",
      },
    ],
    story: SHIFTING_STORY,
    found: /invariant 11/,
  },
  {
    name: 'traffic goes back only to who can serve it',
    edits: [
      {
        file: 'model/src/deployment/shifting/returning.ts',
        find: 'if (home >= desired || away === 0) return true;',
        replace: 'if (home >= 0) return true;',
      },
    ],
    story: {
      ...SHIFTING_STORY,
      troubles: ['crashEngine', 'powerOff', 'killAgent'],
      everyMs: 4_000,
    },
    found: /invariant 11/,
  },
  {
    name: 'the weights of a rule are all of its traffic',
    edits: [
      {
        file: 'model/src/routing/traffic-weights.ts',
        find: 'weight: (ALL_TRAFFIC - tenths) / unit',
        replace: 'weight: Math.floor((ALL_TRAFFIC - tenths) / 10)',
      },
    ],
    story: SHIFTING_STORY,
    found: /invariant 11/,
  },
  {
    name: 'old tasks stay until the rules say that they get nothing',
    edits: [
      {
        file: 'model/src/deployment/shifting/counts.ts',
        find: "return id === shift.source && shift.stage !== 'CLEAN_UP' ? desired : 0;",
        replace: "return id === shift.source && shift.stage === 'SCALE_UP' ? desired : 0;",
      },
    ],
    story: SHIFTING_STORY,
    found: /invariant 12/,
  },
  {
    name: 'hooks are waited for',
    edits: [
      {
        file: 'model/src/deployment/shifting/advance.ts',
        find: "case 'POST_PRODUCTION_TRAFFIC_SHIFT':\n      return passed ? go() : shift;",
        replace: "case 'POST_PRODUCTION_TRAFFIC_SHIFT':\n      return go();",
      },
    ],
    story: SHIFTING_STORY,
    found: /invariant 13/,
  },
  {
    name: 'both revisions run until the bake time is over',
    edits: [
      {
        file: 'model/src/deployment/shifting/advance.ts',
        find: 'return ready && now >= shift.stageSince + bakeMs(configuration) ? go() : shift;',
        replace: 'return ready ? go() : shift;',
      },
    ],
    story: SHIFTING_STORY,
    found: /invariant 13/,
  },
  {
    name: 'the share of a task set is rounded up',
    edits: [
      {
        file: 'model/src/resources/task-set.ts',
        find: 'return Math.ceil(Number(exact.toFixed(9)));',
        replace: 'return Math.floor(exact);',
      },
    ],
    story: SETS_STORY,
    found: /invariant (9|15|16): .*task set/,
  },
  {
    name: 'a task set has no more tasks than its share',
    edits: [
      {
        file: 'model/src/deployment/task-sets/plan.ts',
        find: 'const desired = set.desiredCount;',
        replace: 'const desired = set.desiredCount + 1;',
      },
    ],
    story: SETS_STORY,
    found: /invariant 15/,
  },
  {
    name: 'a deleted task set is remembered until its tasks are gone',
    edits: [
      {
        file: 'model/src/deployment/task-sets/sets.ts',
        find: 'if (deletedAt === undefined || buckets.byDeployment.has(id) || buckets.ending.has(id)) {',
        replace: 'if (deletedAt === undefined) {',
      },
      {
        file: 'model/src/deployment/task-sets/sets.ts',
        find: '.every((of) => isGone(view, of, now) && of.targets.length === 0);',
        replace: '.every(({ targets }) => targets.length === 0);',
      },
    ],
    story: SETS_STORY,
    found: /invariant 15/,
  },
  {
    name: 'a task set is steady only with healthy tasks',
    edits: [
      {
        file: 'model/src/deployment/task-sets/sets.ts',
        find: '(wasSteady || unknown.length === 0) &&',
        replace: '',
      },
      {
        file: 'model/src/deployment/task-sets/sets.ts',
        find: 'const good = healthy.length + (wasSteady ? unknown.length : 0);',
        replace: 'const good = healthy.length + unknown.length;',
      },
    ],
    story: SETS_STORY,
    found: /invariant 16/,
  },
  {
    name: 'an alarm that goes off ends the deployment',
    edits: [
      {
        file: 'model/src/deployment/rollout.ts',
        find: 'const alarmed = alarmCause(begun, service, view.alarms ?? NO_ALARMS);',
        replace: 'const alarmed = alarmCause({ ...begun, alarms: undefined }, service, NO_ALARMS);',
      },
    ],
    story: ALARMS_STORY,
    found: /invariant 17/,
  },
  {
    name: 'the rollback that an alarm asks for',
    edits: [
      {
        file: 'model/src/deployment/alarms.ts',
        find: 'undo: deploymentConfiguration?.alarms?.rollback === true,',
        replace: 'undo: false,',
      },
    ],
    story: ALARMS_STORY,
    found: /invariant 17/,
  },
];
