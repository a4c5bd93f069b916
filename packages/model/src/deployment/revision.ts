// Which service revision a deployment runs. Pure. Source: ECS reference, section 2.6.
import type { DeploymentRecord } from '../generated/messages.ts';
import { revisionIdOf } from '../resources/deployment-ids.ts';

/** The id of the service revision that a deployment runs: of one that goes back, the one that it goes back to. */
export function revisionOf({ id, serviceRevision }: DeploymentRecord): string {
  return serviceRevision ?? revisionIdOf(id);
}
