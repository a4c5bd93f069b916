// What a stream of ServiceProgress adds up to: which task is in which phase since when, what failed and why,
// and how many requests were served meanwhile. Pure: times come from the messages.
import type {
  Deployment,
  Service,
  ServiceProgress,
  TaskProgress,
} from '@berth/model/generated/messages.ts';

import { lastOf } from '../output/text.ts';

export type Step = TaskProgress['step'];

export interface TaskTrack {
  readonly id: string;
  /** It belongs to the deployment that is followed. */
  readonly fresh: boolean;
  readonly step: Step;
  readonly since: number;
  /** When it was last seen in this step. */
  readonly seenAt: number;
  /** Milliseconds spent in each step that it has left. */
  readonly spent: Readonly<Partial<Record<Step, number>>>;
  readonly detail: string | undefined;
  readonly trouble: Trouble | undefined;
}

/** Why a task of the deployment stopped, as far as is known. */
export interface Trouble {
  readonly taskId: string;
  /** When the task was created. */
  readonly bornAt: number;
  readonly reason: string;
  readonly exitCodes: readonly string[];
  /** What the failing health check said. */
  readonly check: string | undefined;
}

export interface StepChange {
  readonly task: TaskTrack;
  readonly before: TaskTrack | undefined;
}

export interface ProgressState {
  /** The deployment that is to become the only one. */
  readonly deploymentId: string;
  readonly beganAt: number;
  readonly at: number;
  /** When anything moved last. */
  readonly movedAt: number;
  readonly service: Service;
  readonly tasks: ReadonlyMap<string, TaskTrack>;
  readonly troubles: ReadonlyMap<string, Trouble>;
  /** Failed ones included. */
  readonly requests: number;
  readonly failedRequests: number;
  /** The newest event since the beginning that says that a task could not be placed. */
  readonly unplaced: string | undefined;
  /** Why the deployment failed, where it was seen to, or to be undone by another. */
  readonly failure: string | undefined;
  /** Failed tasks of the deployment before it was followed. */
  readonly failedBefore: number;
  readonly traffic: { readonly requests: number; readonly failed: number } | undefined;
}

const UNPLACED = /unable to place/;
/** A stop that says nothing about the revision: more tasks than it needs, a person's wish, a machine that went. */
const PLANNED_STOP = /^Scaling activity/i;
const BLAMELESS = new Set(['UserInitiated', 'TerminationNotice', 'InfrastructureHealth']);

/** Take in the next message. @param state undefined for the first */
export function advance(
  state: ProgressState | undefined,
  deploymentId: string,
  progress: ServiceProgress,
): { readonly state: ProgressState; readonly changes: readonly StepChange[] } {
  const { service, at } = progress;
  if (!service) throw new Error('a ServiceProgress without a service');
  const tasks = new Map<string, TaskTrack>();
  const troubles = new Map(state?.troubles);
  const changes: StepChange[] = [];
  for (const one of progress.tasks) {
    const id = lastOf(one.task?.taskArn ?? '');
    const before = state?.tasks.get(id);
    const next = trackOf(id, one, deploymentId, at, before);
    tasks.set(id, next);
    // What had stopped before anybody looked is history.
    if (next.trouble && state) troubles.set(id, next.trouble);
    if (before?.step !== next.step) changes.push({ task: next, before });
  }
  const ours = deploymentOf(service, deploymentId);
  const traffic = progress.traffic;
  const last = state?.traffic;
  const event = service.events[0];
  const beganAt = state?.beganAt ?? at;
  return {
    changes,
    state: {
      deploymentId,
      beganAt,
      at,
      movedAt: changes.length > 0 || !state ? at : state.movedAt,
      service,
      tasks,
      troubles,
      requests: (state?.requests ?? 0) + gain(last?.requests, traffic?.requests),
      failedRequests: (state?.failedRequests ?? 0) + gain(last?.failed, traffic?.failed),
      unplaced:
        event && event.createdAt >= beganAt && UNPLACED.test(event.message)
          ? event.message
          : state?.unplaced,
      failure: state?.failure ?? failureOf(service, deploymentId),
      failedBefore: state?.failedBefore ?? ours?.failedTasks ?? 0,
      traffic: traffic ?? last,
    },
  };
}

/** One of which no task is left when it is undone is on the list no more: then the other says why. */
function failureOf(service: Service, deploymentId: string): string | undefined {
  const ours = deploymentOf(service, deploymentId);
  if (ours?.rolloutState === 'FAILED') return ours.rolloutStateReason || 'it failed';
  const [primary] = service.deployments;
  if (!primary || primary.id === deploymentId) return undefined;
  return /^(.+): rolling back to deploymentId /.exec(primary.rolloutStateReason)?.[1];
}

/** How much a counter has grown; a proxy that starts anew counts from zero. */
function gain(before: number | undefined, now: number | undefined): number {
  if (before === undefined || now === undefined) return 0;
  return now >= before ? now - before : now;
}

function trackOf(
  id: string,
  { task, deploymentId, step, stepSince, detail }: TaskProgress,
  followed: string,
  at: number,
  before: TaskTrack | undefined,
): TaskTrack {
  const fresh = deploymentId === followed;
  const moved = before !== undefined && before.step !== step;
  // A step can't have begun while the one before it was still seen, whatever its own sign of beginning says.
  const since = moved ? Math.max(stepSince, before.seenAt) : (before?.since ?? stepSince);
  const check =
    task?.containers.map(({ healthOutput }) => healthOutput?.trim()).find(Boolean) ?? detail;
  const reason = task?.stoppedReason ?? '';
  const troubled =
    fresh &&
    (step === 'stop' || step === 'stopped') &&
    reason !== '' &&
    !PLANNED_STOP.test(reason) &&
    !BLAMELESS.has(task?.stopCode ?? '');
  return {
    id,
    fresh,
    step,
    since,
    seenAt: at,
    spent: moved
      ? { ...before.spent, [before.step]: Math.max(0, since - before.since) }
      : (before?.spent ?? {}),
    detail,
    trouble: troubled
      ? {
          taskId: id,
          bornAt: task?.createdAt ?? 0,
          reason,
          exitCodes: (task?.containers ?? []).flatMap(({ name, exitCode, reason: why }) => {
            const code = exitCode === undefined ? '' : `exit code ${exitCode}`;
            const text = [code, why === reason ? undefined : why].filter(Boolean).join(', ');
            return text ? [`${name}: ${text}`] : [];
          }),
          check: [check, before?.trouble?.check, before?.detail].find(
            (said) => said !== undefined && said !== reason,
          ),
        }
      : before?.trouble,
  };
}

export function deploymentOf(service: Service, id: string): Deployment | undefined {
  return service.deployments.find((deployment) => deployment.id === id);
}

/** The tasks in this step; of the followed deployment, of the others, or of all. */
export function inStep(state: ProgressState, step: Step, fresh?: boolean): TaskTrack[] {
  return [...state.tasks.values()].filter(
    (task) => task.step === step && (fresh === undefined || task.fresh === fresh),
  );
}
