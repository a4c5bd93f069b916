// Where each task of a view stands. A look asks it several times of each task, and the answer needs the task's status and its host:
// it is found once. Pure.
import { type HostsView, isLost, type ServiceView, type TaskView } from './view.ts';

/**
 * - `stopped`: its containers are gone
 * - `lost`: they can never be reached again
 * - `ending`: it is on its way down
 * - `leaving`: its host is DRAINING
 * - `active`: none of these
 */
export type Standing = 'stopped' | 'lost' | 'ending' | 'leaving' | 'active';

type Standers = HostsView & Pick<ServiceView, 'tasks'>;

interface Found {
  readonly now: number;
  readonly standings: readonly Standing[];
}

const found = new WeakMap<Standers, Found>();

/** In the order of `view.tasks`. A view never changes, so what was found for it at this time is still true. */
export function standingsOf(view: Standers, now: number): readonly Standing[] {
  let last = found.get(view);
  if (last?.now !== now) {
    last = { now, standings: view.tasks.map((of) => standingOf(view, of, now)) };
    found.set(view, last);
  }
  return last.standings;
}

function standingOf(view: Standers, { task, status }: TaskView, now: number): Standing {
  if (status?.lastStatus === 'STOPPED') return 'stopped';
  if (isLost(view, task.hostId, now)) return 'lost';
  if (task.desiredStatus === 'STOPPED' || status?.lastStatus === 'STOPPING') return 'ending';
  return view.hosts.get(task.hostId)?.record?.status === 'DRAINING' ? 'leaving' : 'active';
}

/** It does not run any more, or not for long: in the words of `isEnding`. */
export function isOnTheWayDown(standing: Standing | undefined): boolean {
  return standing !== 'active' && standing !== 'leaving';
}
