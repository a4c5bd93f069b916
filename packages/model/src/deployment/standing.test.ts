import assert from 'node:assert/strict';

import { isOnTheWayDown, standingsOf } from './standing.ts';
import { World } from './testing.ts';
import { type HostView, isEnding, isGone, type ServiceView, type TaskView } from './view.ts';

const NOW = 100_000;
const HOSTS: readonly (Partial<HostView> | undefined)[] = [
  {},
  { connected: false, goneSince: NOW - 1 },
  { connected: false, goneSince: 0 },
  undefined,
];

/** One task of each kind on one host of each kind. */
function viewOf(): ServiceView {
  const world = new World();
  const [h1] = [...world.view().hosts.values()];
  const task = { id: 't', desiredStatus: 'RUNNING' } as TaskView['task'];
  const hosts = new Map<string, HostView>();
  const tasks: TaskView[] = [];
  for (const drains of [false, true]) {
    for (const [index, change] of HOSTS.entries()) {
      const hostId = `${index}-${drains}`;
      if (change && h1?.record) {
        const record = { ...h1.record, status: drains ? 'DRAINING' : 'ACTIVE' } as const;
        hosts.set(hostId, { ...h1, record, ...change });
      }
      for (const desiredStatus of ['RUNNING', 'STOPPED'] as const) {
        for (const lastStatus of [undefined, 'PENDING', 'RUNNING', 'STOPPING', 'STOPPED']) {
          const status = lastStatus && ({ lastStatus } as TaskView['status']);
          tasks.push({ task: { ...task, hostId, desiredStatus }, status, targets: [] } as TaskView);
        }
      }
    }
  }
  return { ...world.view(), hosts, tasks, hostLostAfterMs: 30_000 };
}

describe('the standing of a task', () => {
  it('is gone, ending or neither as its status and its host say', () => {
    const view = viewOf();
    for (const [index, standing] of standingsOf(view, NOW).entries()) {
      const of = view.tasks[index] as TaskView;
      const told = JSON.stringify({ ...of, standing });
      assert.equal(standing === 'stopped' || standing === 'lost', isGone(view, of, NOW), told);
      assert.equal(isOnTheWayDown(standing), isEnding(view, of, NOW), told);
      const drains = view.hosts.get(of.task.hostId)?.record?.status === 'DRAINING';
      assert.equal(standing === 'leaving', drains && !isEnding(view, of, NOW), told);
    }
  });

  it('is found anew when time has passed', () => {
    const view = viewOf();
    const away = (now: number): boolean => standingsOf(view, now)[10] === 'lost';
    assert.equal(away(NOW), false);
    assert.equal(away(NOW + 30_000), true);
    assert.equal(away(NOW), false);
  });
});
