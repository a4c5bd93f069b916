// Reading services. Source: ECS reference, section 2.5.
import type {
  DescribeServicesRequest,
  DescribeServicesResponse,
  Failure,
  LaunchSettings,
  ListServicesRequest,
  ListServicesResponse,
  Service,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { isFargate } from '@berth/model/validation/launch.ts';
import { pageOf } from '@berth/model/validation/pagination.ts';
import { collections } from '@berth/store/keys.ts';

import { serviceView } from '../../views/service-view.ts';
import type { OperationContext } from '../deps.ts';
import { included } from '../include.ts';
import { lookUpService } from '../lookup.ts';
import { invalid, lookUp, requireCluster } from '../resolve.ts';

/** How long a deleted service can still be described. */
const INACTIVE_SHOWN_MS = 3_600_000;

export function describeServices(
  on: OperationContext,
  request: DescribeServicesRequest,
): DescribeServicesResponse {
  if (request.services.length === 0) {
    throw invalid('Services cannot be empty. (services has 0 names; expected 1 to 10)');
  }
  new Checker('InvalidParameterException').atMost('services', request.services.length, 10, 'names');
  const tags = included(request.include, ['TAGS']).has('TAGS');
  const place = requireCluster(
    { state: on.cache, realm: on.realm },
    request.cluster,
    'service',
    request.services,
  );
  const services = new Map<string, Service>();
  const failures: Failure[] = [];
  for (const text of new Set(request.services)) {
    const found = lookUp(place, 'service', text, lookUpService);
    const record = found.kind === 'found' ? found.item.value : undefined;
    const deletedAt = record?.status === 'INACTIVE' ? (record.deletedAt ?? 0) : undefined;
    const forgotten = deletedAt !== undefined && on.clock.now() - deletedAt > INACTIVE_SHOWN_MS;
    if (record && !forgotten) {
      const service = serviceView(on.cache, on.realm, record, on.clock.now());
      services.set(record.name, tags ? service : { ...service, tags: [] });
    } else {
      const missing = text.startsWith('arn:') ? text : arn.service(on.realm, place.name, text);
      failures.push({ arn: missing, reason: 'MISSING' });
    }
  }
  return { services: [...services.values()], failures };
}

/** ACTIVE ones, by name. */
export function listServices(
  on: OperationContext,
  request: ListServicesRequest,
): ListServicesResponse {
  const place = requireCluster({ state: on.cache, realm: on.realm }, request.cluster);
  const strategy = request.schedulingStrategy || undefined;
  const launchType = request.launchType || undefined;
  const matching = Array.from(on.cache.list(collections.services, place.name), ({ value }) => value)
    .filter(({ status }) => status === 'ACTIVE')
    .filter((service) => strategy === undefined || service.schedulingStrategy === strategy)
    .filter(({ launch }) => launchType === undefined || launchTypeOf(launch) === launchType)
    .filter(() => request.resourceManagementType !== 'ECS'); // none of them is ECS's own
  const page = pageOf(matching, ({ name }) => name, {
    question: ['ListServices', place.name, strategy, launchType, request.resourceManagementType],
    nextToken: request.nextToken,
    maxResults: request.maxResults,
    defaultResults: 10,
  });
  return {
    serviceArns: page.items.map(({ name }) => arn.service(on.realm, place.name, name)),
    nextToken: page.nextToken,
  };
}

function launchTypeOf(launch: LaunchSettings | undefined): string {
  if (launch && isFargate(launch)) return 'FARGATE';
  return launch?.launchType ?? 'EC2';
}
