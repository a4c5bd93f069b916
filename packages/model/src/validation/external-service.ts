// What may be said of a service of deployment controller EXTERNAL: the rest belongs to its task sets. Pure.
// Source: ECS reference, sections 2.5 and 6.9.
import type {
  CreateServiceRequest,
  DeploymentConfiguration,
  UpdateServiceRequest,
} from '../generated/messages.ts';
import type { Checker } from './check.ts';

const INSTEAD = 'a deployment controller of type EXTERNAL: give it to CreateTaskSet';

/** @throws BerthError by the checker */
export function checkExternal(check: Checker, request: CreateServiceRequest): void {
  if (request.schedulingStrategy === 'DAEMON') {
    check.expected(
      'schedulingStrategy',
      'DAEMON',
      'REPLICA for a deployment controller of type EXTERNAL',
    );
  }
  refuseGiven(check, [
    ['taskDefinition', request.taskDefinition],
    ['launchType', request.launchType],
    ['capacityProviderStrategy', request.capacityProviderStrategy.length],
    ['platformVersion', request.platformVersion],
    ['networkConfiguration', request.networkConfiguration],
    ['loadBalancers', request.loadBalancers.length],
  ]);
  checkConfiguration(check, request.deploymentConfiguration);
  checkRebalancing(check, request.availabilityZoneRebalancing);
}

/** @throws BerthError by the checker */
export function checkExternalUpdate(check: Checker, request: UpdateServiceRequest): void {
  refuseGiven(check, [
    ['taskDefinition', request.taskDefinition],
    ['capacityProviderStrategy', request.capacityProviderStrategy],
    ['platformVersion', request.platformVersion],
    ['networkConfiguration', request.networkConfiguration],
    ['loadBalancers', request.loadBalancers],
  ]);
  if (request.forceNewDeployment === true) {
    check.refuse(
      'Cannot force a new deployment on services with an EXTERNAL deployment controller. Use CreateTaskSet to run another revision.',
    );
  }
  checkConfiguration(check, request.deploymentConfiguration);
  checkRebalancing(check, request.availabilityZoneRebalancing);
}

function refuseGiven(check: Checker, members: readonly (readonly [string, unknown])[]): void {
  // What a message holds when nothing was said is falsy.
  const given = members.find(([, value]) => Boolean(value));
  if (given) check.refuse(`${given[0]} is given; expected none for a service with ${INSTEAD}.`);
}

/** Only the percentages, which say nothing here but are sent by clients that fill in defaults. */
function checkConfiguration(check: Checker, of: DeploymentConfiguration | undefined): void {
  const field = 'deploymentConfiguration';
  const given = [
    ['deploymentCircuitBreaker', of?.deploymentCircuitBreaker?.enable],
    ['alarms', of?.alarms?.enable],
    ['strategy', of?.strategy && of.strategy !== 'ROLLING'],
    ['bakeTimeInMinutes', of?.bakeTimeInMinutes],
    ['bakeTimeInSeconds', of?.bakeTimeInSeconds],
    ['lifecycleHooks', of?.lifecycleHooks?.items.length],
    ['linearConfiguration', of?.linearConfiguration],
    ['canaryConfiguration', of?.canaryConfiguration],
    ['progressDeadlineInSeconds', of?.progressDeadlineInSeconds],
  ] as const;
  const found = given.find(([, value]) => Boolean(value));
  if (!found) return;
  check.refuse(
    `${field}.${found[0]} is given; expected none for a service with a deployment controller of type EXTERNAL: it has no deployments.`,
  );
}

function checkRebalancing(check: Checker, asked: string | undefined): void {
  if (asked !== 'ENABLED') return;
  check.expected(
    'availabilityZoneRebalancing',
    asked,
    'DISABLED for a service with a deployment controller of type EXTERNAL',
  );
}
