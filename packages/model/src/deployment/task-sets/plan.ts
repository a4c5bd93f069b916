// One look at a service of deployment controller EXTERNAL: each of its task sets is brought to its own count, by the rules by
// which a deployment keeps its count; somebody else decides on the counts. Pure. Source: ECS reference, section 6.9.
import type { DeploymentRecord, ServiceRecord } from '../../generated/messages.ts';
import type { Action, DeploymentPlan } from '../actions.ts';
import { announce, REPEAT_AFTER_MS } from '../announcements.ts';
import { type Buckets, bucketsOf, earliest, EMPTY_BUCKET, membersOf } from '../buckets.ts';
import { checkLimits } from '../check-limits.ts';
import { chooser } from '../choice.ts';
import { isOver } from '../concerns.ts';
import { text } from '../events.ts';
import { countFailures, countTasks } from '../failures.ts';
import { launchGate } from '../launch-gate.ts';
import { limitsOf } from '../limits.ts';
import { planRolling } from '../rolling.ts';
import type { Step } from '../step.ts';
import { planTargets, type TargetsPlan } from '../targets.ts';
import {
  patchActions,
  patchesOf,
  stopMessages,
  targetActions,
  targetMessages,
  tell,
} from '../task-actions.ts';
import { nextLoss, type ServiceView } from '../view.ts';
import { taskSetConcerns } from './concerns.ts';
import { forgettable, knownSets, withStability } from './sets.ts';

export function planTaskSets(
  view: ServiceView,
  service: ServiceRecord,
  now: number,
): DeploymentPlan {
  const begun = knownSets(view, service, now);
  const buckets = bucketsOf(view, begun, now);
  const sets = begun.map((set) => countFailures(set, view, service, buckets, now));
  const gate = launchGate(view, now);
  const choose = chooser(view, service, buckets);
  const steps = new Map(
    sets.map((set): [string, Step] => {
      const own = bucketsOfSet(buckets, set.id);
      // The percentages of the service are for its controller, not for its sets: these keep what they have and may double it.
      const limits = limitsOf({ schedulingStrategy: 'REPLICA' }, set.desiredCount);
      const desired = set.desiredCount;
      const input = { deployments: [set], buckets: own, limits, desired, choose } as const;
      const step = planRolling({ ...input, mayLaunch: gate.mayLaunch });
      checkLimits(step, own, limits);
      return [set.id, step];
    }),
  );
  const targets = planTargets(view, sets, now);
  const stops = [...steps.values()].flatMap((step) => step.stops);
  const patches = patchesOf({
    view,
    stops,
    adopting: [],
    deploymentId: undefined,
    targets,
    now,
  });
  const after = sets.map((set) => withStability(withSick(set, steps.get(set.id)), buckets, now));
  const forgotten = forgettable(view, buckets, now);
  const left = after.filter(({ id }) => !forgotten.includes(id));
  const isSteady = left.every(({ stabilityStatus }) => stabilityStatus === 'STEADY_STATE');
  const steadySince = isSteady && left.length > 0 ? (view.record?.steadySince ?? now) : undefined;
  const said = announce(
    view.record?.announced ?? {},
    taskSetConcerns({ view, sets: left, buckets, steps, unregistered: targets.unregistered }),
    (key) => isOver(key, steadySince),
    now,
  );
  return {
    actions: [
      ...patchActions(patches, view.name),
      ...targetActions(targets),
      ...left.flatMap((set) => tellings(view, set, steps.get(set.id), targets)),
      ...said.messages.map((message) => tell(view, message)),
      ...forgotten.map((id): Action => ({ kind: 'forgetTaskSet', service: view.name, id })),
      ...[...steps.values()].flatMap(({ starts }) =>
        starts.map((start): Action => ({ kind: 'startTasks', start })),
      ),
    ],
    record: {
      cluster: view.cluster,
      service: view.name,
      observedGeneration: service.generation,
      deployments: [],
      steadySince,
      announced: said.announced,
      taskSets: left,
    },
    wakeAt: [
      buckets.changesAt,
      targets.wakeAt,
      gate.opensAt(),
      nextLoss(view, now),
      nextRepetition(said.announced, steadySince),
    ].reduce(earliest, undefined),
    ended: [],
  };
}

/** What bears on one set alone: each keeps its own limits. */
function bucketsOfSet(buckets: Buckets, id: string): Buckets {
  const bucket = buckets.byDeployment.get(id) ?? EMPTY_BUCKET;
  const ending = buckets.ending.get(id);
  const members = membersOf(bucket);
  return {
    byDeployment: new Map([[id, bucket]]),
    ending: new Map(ending ? [[id, ending]] : []),
    total: members.length,
    healthyTotal: members.filter(({ health }) => health.state === 'healthy').length,
  };
}

function withSick(set: DeploymentRecord, step: Step | undefined): DeploymentRecord {
  const sick = (step?.stops ?? []).filter(({ sickness }) => sickness !== undefined);
  return countTasks(
    set,
    sick.map(({ of }) => of.task.id),
  );
}

function nextRepetition(
  announced: Readonly<Record<string, number>>,
  steadySince: number | undefined,
): number | undefined {
  const said = steadySince === undefined ? undefined : announced['steady'];
  return said === undefined ? undefined : said + REPEAT_AFTER_MS;
}

/** What is told of one set. */
function tellings(
  view: ServiceView,
  set: DeploymentRecord,
  step: Step | undefined,
  targets: TargetsPlan,
): Action[] {
  const before = view.record?.taskSets.find(({ id }) => id === set.id);
  const own = new Set(
    view.tasks.filter(({ task }) => task.owner === set.id).map(({ task }) => task.id),
  );
  const ofOwn = ({ taskId }: { readonly taskId: string }): boolean => own.has(taskId);
  const status = set.stabilityStatus ?? 'STABILIZING';
  const changed = before !== undefined && before.stabilityStatus !== status;
  const messages = [
    ...targetMessages({
      ...targets,
      register: targets.register.filter(ofOwn),
      drain: targets.drain.filter(ofOwn),
    }),
    ...stopMessages(step?.stops ?? []),
    ...(changed ? [text.stability(status)] : []),
  ];
  const { id, desiredCount } = set;
  const counted =
    desiredCount === (before?.desiredCount ?? 0)
      ? []
      : [tell(view, text.computedCount(desiredCount, id))];
  return [...counted, ...messages.map((message) => tell(view, message, id))];
}
