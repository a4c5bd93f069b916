// Berth's own operations: what ECS has no words for.
import type { GetInfoResponse, GroupTraffic } from '@berth/model/generated/messages.ts';
import type { Handlers } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';

import type { TrafficSource } from '../sessions/traffic.ts';
import { handlersOn } from './deps.ts';
import { deploymentCertificate } from './deployment-certificate.ts';
import type { OwnOperationsDeps } from './deps-operations.ts';
import {
  createEventSink,
  deleteEventSink,
  describeEventSinks,
  redriveEventSink,
} from './events/sinks.ts';
import { deleteAlarm, describeAlarms, setAlarmStates } from './alarms.ts';
import { exec } from './exec.ts';
import { explainPlacement } from './explain-placement.ts';
import { replayPlacement } from './placement-decisions.ts';
import { predictPlacement } from './predict-placement.ts';
import { getState, listState } from './raw-state.ts';
import { streamLogs } from './stream-logs.ts';
import { watchEvents } from './watch-events.ts';
import { explainRequest, watchRequests } from './watch-requests.ts';
import { watchService } from './watch-service.ts';

export function operationsHandlers(deps: OwnOperationsDeps): Handlers<'Operations'> {
  const on = handlersOn(deps);
  return {
    GetInfo: async (_request, { signal }) => {
      await deps.freshen(signal);
      return info(deps);
    },
    WatchEvents: (request, context) => watchEvents(deps, request, context),
    WatchService: (request, context) => watchService(deps, request, context),
    StreamLogs: (request, context) => streamLogs(deps, request, context),
    Exec: (inputs, context) => exec(deps, inputs, context),
    GetState: (request, { signal }) => getState(deps.store, request, signal),
    ListState: (request, { signal }) => listState(deps.store, request, signal),
    WatchRequests: (request, context) => watchRequests(deps, request, context),
    ExplainRequest: (request, context) => explainRequest(deps, request, context),
    ExplainPlacement: (request, { signal }) => explainPlacement(deps, request, signal),
    PredictPlacement: (request, { signal }) => predictPlacement(deps, request, signal),
    ReplayPlacement: (request, { signal }) => replayPlacement(deps, request, signal),
    CountTargets: async ({ groups }, { signal }) => ({
      proxies: await deps.targetCounts.countTargets(groups, signal),
    }),
    GetDeploymentCertificate: on(deploymentCertificate),
    CreateEventSink: on(createEventSink),
    DescribeEventSinks: on(describeEventSinks),
    DeleteEventSink: on(deleteEventSink),
    RedriveEventSink: on(redriveEventSink),
    SetAlarmStates: on(setAlarmStates),
    DescribeAlarms: on(describeAlarms),
    DeleteAlarm: on(deleteAlarm),
    CountTraffic: () => Promise.resolve({ groups: counted(deps.proxies) }),
  };
}

function counted(proxies: TrafficSource): GroupTraffic[] {
  return Array.from(proxies.groups(), (group) => ({ group, ...proxies.counters(group) }));
}

function info({ cache, realm, version, replicaAddress }: OwnOperationsDeps): GetInfoResponse {
  return {
    version,
    replica: replicaAddress(),
    region: realm.region,
    account: realm.account,
    leaders: Array.from(cache.list(collections.leader), ({ value }) => value),
    proxies: Array.from(cache.list(collections.sessions, 'proxy'), ({ value }) => value),
    revision: cache.revision,
  };
}
