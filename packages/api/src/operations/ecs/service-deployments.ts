// Service deployments and revisions. Source: ECS reference, sections 2.6 and 6.7.
import { isOpen } from '@berth/model/deployment/history.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  ContinueServiceDeploymentRequest,
  ContinueServiceDeploymentResponse,
  DescribeServiceDeploymentsRequest,
  DescribeServiceDeploymentsResponse,
  DescribeServiceRevisionsRequest,
  DescribeServiceRevisionsResponse,
  Failure,
  ListServiceDeploymentsRequest,
  ListServiceDeploymentsResponse,
  ServiceDeployment,
  ServiceDeploymentRecord,
  ServiceRecord,
  ServiceRevision,
  StopServiceDeploymentRequest,
  StopServiceDeploymentResponse,
} from '@berth/model/generated/messages.ts';
import { parseHistoryArn } from '@berth/model/resources/reference.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { pageOf } from '@berth/model/validation/pagination.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import {
  serviceDeploymentBrief,
  serviceDeploymentView,
  serviceHistory,
  serviceRevisionView,
} from '../../views/service-history-view.ts';
import type { OperationContext } from '../deps.ts';
import { invalid, requireCluster, requireService } from '../resolve.ts';
import { replace, write } from '../write.ts';

const MOST = 20;
const STATUSES = [
  'PENDING',
  'IN_PROGRESS',
  'STOP_REQUESTED',
  'STOPPED',
  'SUCCESSFUL',
  'ROLLBACK_REQUESTED',
  'ROLLBACK_IN_PROGRESS',
  'ROLLBACK_SUCCESSFUL',
  'ROLLBACK_FAILED',
];

/** Newest first. */
export function listServiceDeployments(
  on: OperationContext,
  request: ListServiceDeploymentsRequest,
): ListServiceDeploymentsResponse {
  const check = new Checker('InvalidParameterException');
  for (const [index, word] of request.status.entries())
    check.word(`status[${index}]`, word, STATUSES);
  const place = requireCluster({ state: on.cache, realm: on.realm }, request.cluster, 'service', [
    request.service,
  ]);
  const { name } = requireService(place, request.service).value;
  const { before, after } = request.createdAt ?? {};
  const { deployments } = serviceHistory(on.cache, place.name, name, on.clock.now());
  const matching = deployments
    .filter(({ status }) => request.status.length === 0 || request.status.includes(status))
    .filter(({ createdAt }) => before === undefined || createdAt < before)
    .filter(({ createdAt }) => after === undefined || createdAt > after);
  const page = pageOf(matching, sortKey, {
    question: [
      'ListServiceDeployments',
      place.name,
      name,
      [...request.status].sort().join(' '),
      String(before),
      String(after),
    ],
    nextToken: request.nextToken,
    maxResults: request.maxResults,
    defaultResults: MOST,
    descending: true,
  });
  return {
    serviceDeployments: page.items.map((record) => serviceDeploymentBrief(on.realm, record)),
    nextToken: page.nextToken,
  };
}

function sortKey({ createdAt, id }: ServiceDeploymentRecord): string {
  return `${String(createdAt).padStart(15, '0')} ${id}`;
}

export function describeServiceDeployments(
  on: OperationContext,
  { serviceDeploymentArns: arns }: DescribeServiceDeploymentsRequest,
): DescribeServiceDeploymentsResponse {
  checkCount('serviceDeploymentArns', arns);
  const serviceDeployments: ServiceDeployment[] = [];
  const failures: Failure[] = [];
  for (const text of new Set(arns)) {
    const found = find(on, 'service-deployment', text);
    const record = found?.history.deployments.find(({ id }) => id === found.id);
    if (record) serviceDeployments.push(serviceDeploymentView(on.cache, on.realm, record));
    else failures.push({ arn: text, reason: 'MISSING' });
  }
  return { serviceDeployments, failures };
}

export function describeServiceRevisions(
  on: OperationContext,
  { serviceRevisionArns: arns }: DescribeServiceRevisionsRequest,
): DescribeServiceRevisionsResponse {
  checkCount('serviceRevisionArns', arns);
  const serviceRevisions: ServiceRevision[] = [];
  const failures: Failure[] = [];
  for (const text of new Set(arns)) {
    const found = find(on, 'service-revision', text);
    const record = found?.history.revisions.find(({ id }) => id === found.id);
    if (record) serviceRevisions.push(serviceRevisionView(on.cache, on.realm, record));
    else failures.push({ arn: text, reason: 'MISSING' });
  }
  return { serviceRevisions, failures };
}

function checkCount(field: string, arns: readonly string[]): void {
  if (arns.length === 0) throw invalid(`${field} is empty; expected 1 to ${MOST} ARNs.`);
  new Checker('InvalidParameterException').atMost(field, arns.length, MOST, 'ARNs');
}

/** @throws BerthError InvalidParameterException for what is no such ARN here */
function find(on: OperationContext, kind: 'service-deployment' | 'service-revision', text: string) {
  const reference = parseHistoryArn(on.realm, kind, text);
  if (!reference) {
    throw invalid(
      `"${text}" is no ARN of a ${kind} in region ${on.realm.region} and account ${on.realm.account}.`,
    );
  }
  const { cluster, service, id } = reference;
  const history = serviceHistory(on.cache, cluster, service, on.clock.now());
  return { ...reference, id, history };
}

/** The controller undoes the deployment; what is under way already is left to it. */
export async function stopServiceDeployment(
  on: OperationContext,
  request: StopServiceDeploymentRequest,
  { signal }: CallContext,
): Promise<StopServiceDeploymentResponse> {
  const { serviceDeploymentArn } = request;
  const check = new Checker('InvalidParameterException');
  const stopType = request.stopType ?? 'ROLLBACK';
  check.word('stopType', stopType, ['ABORT', 'ROLLBACK']);
  if (stopType === 'ABORT') {
    throw new BerthError(
      'UnsupportedFeatureException',
      'stopType is "ABORT"; expected ROLLBACK: a deployment can only be stopped by going back.',
    );
  }
  const attempted = `stop ${serviceDeploymentArn}`;
  return write(on, { signal, attempted }, (state) => {
    const result = () => ({ serviceDeploymentArn });
    const { record, service } = requireDeployment(on, state, serviceDeploymentArn);
    if (!isOpen(record)) {
      throw new BerthError(
        'ConflictException',
        `The service deployment can't be stopped: it is ${record.status}. (${serviceDeploymentArn})`,
      );
    }
    if (record.status !== 'PENDING' && record.status !== 'IN_PROGRESS') return { result };
    const next: ServiceRecord = {
      ...service.value,
      generation: service.value.generation + 1,
      stopRequestedOf: record.deploymentId,
    };
    const { guard, put } = replace(collections.services, service, next);
    return { guards: [guard], puts: [put], result };
  });
}

/** Answers a hook of type PAUSE; the controller takes the answer in. An answer that was given stands. */
export async function continueServiceDeployment(
  on: OperationContext,
  request: ContinueServiceDeploymentRequest,
  { signal }: CallContext,
): Promise<ContinueServiceDeploymentResponse> {
  const { serviceDeploymentArn, hookId } = request;
  const action = request.action || 'CONTINUE';
  new Checker('InvalidParameterException').word('action', action, ['CONTINUE', 'ROLLBACK']);
  const attempted = `answer hook ${hookId} of ${serviceDeploymentArn}`;
  return write(on, { signal, attempted }, (state) => {
    const result = () => ({ serviceDeploymentArn });
    const { record, service } = requireDeployment(on, state, serviceDeploymentArn);
    const hook = record.lifecycleHooks.find((each) => each.hookId === hookId);
    if (!hook || hook.targetType !== 'PAUSE') {
      const waiting = record.lifecycleHooks
        .filter(({ status }) => status === 'AWAITING_ACTION')
        .map((each) => each.hookId);
      throw invalid(
        `hookId "${hookId}" is no hook of type PAUSE that the service deployment has reached; ${waiting.length > 0 ? `expected ${waiting.join(' or ')}` : 'it waits for none now'}.`,
      );
    }
    const given = service.value.hookDecisions.find((each) => each.hookId === hookId);
    if (given?.action === action) return { result };
    if (given || hook.status !== 'AWAITING_ACTION' || !isOpen(record)) {
      throw new BerthError(
        'ConflictException',
        `The hook can't be answered: it is ${given ? `answered with ${given.action}` : hook.status} already. (${hookId} of ${serviceDeploymentArn})`,
      );
    }
    const next: ServiceRecord = {
      ...service.value,
      generation: service.value.generation + 1,
      hookDecisions: [...service.value.hookDecisions, { hookId, action, at: on.clock.now() }],
    };
    const { guard, put } = replace(collections.services, service, next);
    return { guards: [guard], puts: [put], result };
  });
}

/** @throws BerthError InvalidParameterException, ServiceDeploymentNotFoundException */
function requireDeployment(on: OperationContext, state: State, text: string) {
  const found = find(on, 'service-deployment', text);
  const record = found.history.deployments.find(({ id }) => id === found.id);
  const service = state.get(collections.services, found.cluster, found.service);
  if (record && service) return { record, service };
  throw new BerthError(
    'ServiceDeploymentNotFoundException',
    `Service deployment not found. (${text})`,
  );
}
