// The laws of deployments that shift traffic, by rules of their own: who gets traffic, who may be stopped, what a stage has waited for,
// and what is left at the end.
import type {
  DeploymentRecord,
  ServiceRecord,
  TaskRecord,
  TrafficWeightsRecord,
} from '@berth/model/generated/messages.ts';
import { codec } from '@berth/rpc/codec.ts';
import { collections, parseKey } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';
import type { Transaction } from '@berth/store/store.ts';

import { activeTasks, isConnected, isHealthy, isPaired, minHealthy, sharesOf } from './facts.ts';
import { CLUSTER } from './settings.ts';
import type { World } from './world.ts';

export class ShiftChecks {
  readonly #world: World;
  /** Ids of hooks of type PAUSE that a person has let go on. */
  readonly continued = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /**
   * What the controller is about to write.
   * @param view what it knows
   */
  sent(view: State, { puts }: Transaction): void {
    const written = puts
      .filter(({ key }) => parseKey(key)?.collection === collections.deployments)
      .flatMap(({ value }) => codec('ServiceDeploymentsRecord').decode(value).deployments);
    for (const { key, value } of puts) {
      if (parseKey(key)?.collection !== collections.trafficWeights) continue;
      this.#weights(view, codec('TrafficWeightsRecord').decode(value), written);
    }
  }

  /** Law 11: all of the traffic goes somewhere, to the service's groups, and never at first to one without a healthy task. */
  #weights(view: State, record: TrafficWeightsRecord, written: readonly DeploymentRecord[]): void {
    const { cluster, service: name, weights, listenerId, ruleId } = record;
    const rule = `${listenerId}/${ruleId}`;
    const sum = weights.reduce((all, { weight }) => all + weight, 0);
    const whole = weights.every(({ weight }) => Number.isInteger(weight) && weight >= 0);
    if (!whole || (sum !== 100 && sum !== 1000)) {
      this.#world.fail(
        `invariant 11: the weights of ${rule} are ${weights.map(({ weight }) => weight).join(' and ')}`,
      );
      return;
    }
    const service = view.get(collections.services, cluster, name)?.value;
    if (!service || service.desiredCount === 0) return;
    const pair = groupsOf(service);
    const strange = weights.find(({ group }) => !pair.includes(group));
    if (strange) {
      this.#world.fail(`invariant 11: ${rule} sends to ${strange.group}, which ${name} has not`);
    }
    const shift = written.find(({ id }) => id === record.deploymentId)?.shift;
    const returns = shift !== undefined && (shift.back || shift.stage === 'RECONCILE_SERVICE');
    const production = service.loadBalancers.some(
      ({ advancedConfiguration: of }) => of?.productionListenerRule === rule,
    );
    const before = sharesOf(view, rule);
    for (const { group, weight } of weights) {
      const had = before.get(group) ?? 0;
      const gains = weight / sum - had;
      if (gains <= 0) continue;
      const healthy = healthyIn(view, service, group).length;
      const elsewhere = pair
        .filter((each) => each !== group)
        .flatMap((each) => healthyIn(view, service, each))
        // What is lost with its host serves nobody.
        .filter(({ hostId }) => isConnected(view, hostId)).length;
      if (elsewhere === 0) continue;
      if (had === 0 && healthy === 0) {
        this.#world.fail(
          `invariant 11: ${rule} begins to send to ${group}, where no task of ${name} is healthy; ${elsewhere} are elsewhere`,
        );
      }
      const least = Math.min(minHealthy(service), gains * elsewhere);
      if (!returns || !production || healthy >= least) continue;
      this.#world.fail(
        `invariant 11: ${rule} sends ${Math.round(gains * 100)} percent back to ${group}, where ${healthy} tasks of ${name} are healthy; ${elsewhere} are elsewhere`,
      );
    }
  }

  /** Law 12: who gets production traffic is not stopped below the minimum, however many the other revision has. */
  stops(view: State, service: ServiceRecord, stopped: ReadonlySet<string>): void {
    for (const { advancedConfiguration: advanced } of service.loadBalancers) {
      if (!advanced) continue;
      for (const [group, share] of sharesOf(view, advanced.productionListenerRule)) {
        if (share === 0) continue;
        // What is lost with its host is not the controller's doing.
        const healthy = healthyIn(view, service, group).filter(
          ({ id, hostId }) => !stopped.has(id) || isConnected(view, hostId),
        );
        const left = healthy.filter(({ id }) => !stopped.has(id)).length;
        const least = Math.min(healthy.length, minHealthy(service));
        if (left >= least) continue;
        this.#world.fail(
          `invariant 12: ${service.name} would have ${left} healthy tasks of ${healthy.length} in ${group}, which gets ${share * 100} percent; ${least} must stay`,
        );
      }
    }
  }

  /** Law 13: no stage is left before those who are asked at it have agreed, nor a bake time before it is over. */
  offered(state: State, { puts }: Transaction): void {
    for (const { key, value } of puts) {
      const { collection, parts = [] } = parseKey(key) ?? {};
      if (collection !== collections.deployments) continue;
      const [cluster = '', name = ''] = parts;
      const before = state.get(collections.deployments, cluster, name)?.value.deployments ?? [];
      const after = codec('ServiceDeploymentsRecord').decode(value).deployments;
      for (const deployment of after) {
        const former = before.find(({ id }) => id === deployment.id);
        if (former) this.#goesOn(former, deployment);
      }
    }
  }

  #goesOn(before: DeploymentRecord, after: DeploymentRecord): void {
    const [from, to] = [before.shift, after.shift];
    if (!from || !to || from.back || to.back) return;
    if (before.rolloutState !== 'IN_PROGRESS' || after.rolloutState === 'FAILED') return;
    if (from.stage === to.stage && from.step === to.step) return;
    const now = this.#world.clock.now();
    for (const hook of from.hooks) {
      const { hookId, targetType, expiresAt, timeoutAction } = hook;
      const agreed =
        targetType === 'PAUSE' ? this.continued.has(hookId) : this.#world.hooks.agreed.has(hookId);
      if (agreed || (now >= expiresAt && timeoutAction === 'CONTINUE')) continue;
      this.#world.fail(
        `invariant 13: ${after.id} left ${from.stage} though ${hookId} has not agreed`,
      );
    }
    if (to.stage !== 'CLEAN_UP') return;
    const bakeMs = (from.configuration?.bakeTimeInSeconds ?? 0) * 1000;
    const baked = from.stage === 'BAKE_TIME' ? now - from.stageSince : 0;
    if (baked >= bakeMs) return;
    this.#world.fail(`invariant 13: ${after.id} baked for ${baked} ms of ${bakeMs}`);
  }

  /** Law 14: at rest the traffic goes where the tasks are, and nothing of the deployment is left. */
  unrest(state: State): string | undefined {
    for (const { value } of state.list(collections.serviceDeployments, CLUSTER)) {
      const open = ['PENDING', 'IN_PROGRESS', 'STOP_REQUESTED', 'ROLLBACK_REQUESTED'];
      if (open.includes(value.status) || value.status === 'ROLLBACK_IN_PROGRESS') {
        return `service deployment ${value.id} of ${value.service} is ${value.status}`;
      }
    }
    for (const { value } of state.list(collections.deploymentCertificates, CLUSTER)) {
      if (value.status === 'OPEN') return `the certificate of ${value.deploymentId} is open`;
    }
    for (const { value: service } of state.list(collections.services)) {
      if (!isPaired(service)) continue;
      const found = unrestOf(state, service);
      if (found !== undefined) return `${service.name}: ${found}`;
    }
    return undefined;
  }
}

function unrestOf(state: State, service: ServiceRecord): string | undefined {
  const tasks = new Set(
    service.status === 'INACTIVE' ? [] : activeTasks(state, service).map(({ id }) => id),
  );
  for (const group of groupsOf(service)) {
    for (const { value } of state.list(collections.targets, group)) {
      if (!tasks.has(value.taskId)) return `target ${value.id} is left in ${group}`;
    }
  }
  if (service.status !== 'ACTIVE') return undefined;
  const [primary] =
    state.get(collections.deployments, service.cluster, service.name)?.value.deployments ?? [];
  for (const { targetGroupArn: own, advancedConfiguration: advanced } of primary?.loadBalancers ??
    []) {
    if (!advanced) continue;
    for (const rule of [advanced.productionListenerRule, advanced.testListenerRule]) {
      if (!rule) continue;
      for (const [group, share] of sharesOf(state, rule)) {
        if (share !== (group === own ? 1 : 0)) {
          return `rule ${rule} sends ${share * 100} percent to ${group}, the tasks are in ${own}`;
        }
      }
    }
  }
  return undefined;
}

function groupsOf({ loadBalancers }: ServiceRecord): string[] {
  return loadBalancers.flatMap(({ targetGroupArn, advancedConfiguration: advanced }) => [
    targetGroupArn,
    ...(advanced ? [advanced.alternateTargetGroupArn] : []),
  ]);
}

/** Tasks of the service that are healthy in a group and not about to leave it. */
function healthyIn(state: State, service: ServiceRecord, group: string): TaskRecord[] {
  return activeTasks(state, service).filter((task) => {
    const [target] = state.targetsByTask(task.id);
    return target?.value.group === group && isHealthy(state, task);
  });
}
