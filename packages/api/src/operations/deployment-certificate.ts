// The certificate of a deployment: what became of the requests while it went on.
import { BerthError } from '@berth/model/errors.ts';
import type {
  DeploymentCertificateRecord,
  GetDeploymentCertificateRequest,
} from '@berth/model/generated/messages.ts';
import { nameOf } from '@berth/model/resources/arn.ts';
import { collections } from '@berth/store/keys.ts';

import type { OperationContext } from './deps.ts';
import { requireCluster, requireService } from './resolve.ts';

/** @throws BerthError ClusterNotFoundException, ServiceNotFoundException, ServiceDeploymentNotFoundException */
export function deploymentCertificate(
  { cache, realm }: OperationContext,
  { cluster, service, deployment }: GetDeploymentCertificateRequest,
): DeploymentCertificateRecord {
  const place = requireCluster({ state: cache, realm }, cluster);
  const { name } = requireService(place, service).value;
  const known = Array.from(
    cache.list(collections.deploymentCertificates, place.name, name),
    ({ value }) => value,
  ).sort((a, b) => b.begunAt - a.begunAt);
  const id = deployment?.startsWith('ecs-svc/') ? deployment : nameOf(deployment ?? '');
  const found =
    deployment === undefined
      ? known[0]
      : known.find((each) => [each.id, each.deploymentId].includes(id));
  // What the controller keeps in it for itself is of no use to anybody.
  if (found) return { ...found, draft: undefined };
  const what = deployment === undefined ? 'any deployment' : `deployment ${deployment}`;
  throw new BerthError(
    'ServiceDeploymentNotFoundException',
    `There is no certificate of ${what} of service ${name}. A certificate begins with its deployment and is kept as long as that; ` +
      `ListServiceDeployments shows those that there are.`,
  );
}
