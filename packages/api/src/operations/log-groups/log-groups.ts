// Log groups: kept and shown for the templates that create them. Source: the API reference of CloudWatch Logs.
import { BerthError } from '@berth/model/errors.ts';
import type {
  CreateLogGroupRequest,
  DeleteLogGroupRequest,
  DeleteRetentionPolicyRequest,
  DescribeLogGroupsRequest,
  DescribeLogGroupsResponse,
  ListTagsLogGroupRequest,
  ListTagsLogGroupResponse,
  LogGroup,
  LogGroupRecord,
  PutRetentionPolicyRequest,
  TagLogGroupRequest,
  UntagLogGroupRequest,
} from '@berth/model/generated/messages.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { pageOf } from '@berth/model/validation/pagination.ts';
import { checkTags, withTags } from '@berth/model/validation/tags.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';

import type { OperationContext } from '../deps.ts';
import { replace, write } from '../write.ts';

const NAME = /^[.\-_/#A-Za-z0-9]{1,512}$/;
/** Days. */
const RETENTIONS: readonly number[] = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
  3653,
];
const MOST_RESULTS = 50;

const check = new Checker('InvalidParameterException');

export async function createLogGroup(
  on: OperationContext,
  { logGroupName: name, tags }: CreateLogGroupRequest,
  { signal }: CallContext,
): Promise<object> {
  check.text('logGroupName', name, NAME, '1 to 512 of A-Z a-z 0-9 . - _ / #');
  checkTags(check, tags);
  return write(on, { signal, attempted: `create log group ${name}` }, (state) => {
    if (state.get(collections.logGroups, keyPart(name))) {
      throw new BerthError(
        'ResourceAlreadyExistsException',
        'The specified log group already exists',
      );
    }
    const record: LogGroupRecord = { name, createdAt: on.clock.now(), tags };
    return {
      guards: [guardAbsent(collections.logGroups, keyPart(name))],
      puts: [putRecord(collections.logGroups, [keyPart(name)], record)],
      result: () => ({}),
    };
  });
}

/** By name. */
export function describeLogGroups(
  on: OperationContext,
  request: DescribeLogGroupsRequest,
): DescribeLogGroupsResponse {
  const { logGroupNamePrefix: prefix = '', logGroupNamePattern: part = '', limit } = request;
  if (prefix !== '' && part !== '') {
    check.refuse(
      'LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.',
    );
  }
  check.integer('limit', limit, { least: 1, most: MOST_RESULTS });
  const records = Array.from(on.cache.list(collections.logGroups), ({ value }) => value);
  const matching = records.filter(
    ({ name }) => name.startsWith(prefix) && name.toLowerCase().includes(part.toLowerCase()),
  );
  const page = pageOf(matching, ({ name }) => name, {
    question: ['DescribeLogGroups', prefix, part],
    nextToken: request.nextToken,
    maxResults: limit,
    defaultResults: MOST_RESULTS,
  });
  return {
    logGroups: page.items.map((record) => logGroupView(on.realm, record)),
    nextToken: page.nextToken,
  };
}

export async function deleteLogGroup(
  on: OperationContext,
  { logGroupName: name }: DeleteLogGroupRequest,
  { signal }: CallContext,
): Promise<object> {
  return write(on, { signal, attempted: `delete log group ${name}` }, (state) => ({
    guards: [guardUnchanged(requireLogGroup(state, name))],
    deletes: [keyOf(collections.logGroups, keyPart(name))],
    result: () => ({}),
  }));
}

export async function putRetentionPolicy(
  on: OperationContext,
  { logGroupName, retentionInDays }: PutRetentionPolicyRequest,
  call: CallContext,
): Promise<object> {
  if (!RETENTIONS.includes(retentionInDays)) {
    check.expected('retentionInDays', retentionInDays, `one of ${RETENTIONS.join(', ')}`);
  }
  return change(on, logGroupName, call, (record) => ({ ...record, retentionInDays }));
}

export async function deleteRetentionPolicy(
  on: OperationContext,
  { logGroupName }: DeleteRetentionPolicyRequest,
  call: CallContext,
): Promise<object> {
  return change(on, logGroupName, call, (record) => ({ ...record, retentionInDays: undefined }));
}

export async function tag(
  on: OperationContext,
  { logGroupName, tags }: TagLogGroupRequest,
  call: CallContext,
): Promise<object> {
  return change(on, logGroupName, call, (record) => ({
    ...record,
    tags: withTags(check, record.tags, tags),
  }));
}

export async function untag(
  on: OperationContext,
  { logGroupName, tagKeys }: UntagLogGroupRequest,
  call: CallContext,
): Promise<object> {
  return change(on, logGroupName, call, (record) => ({
    ...record,
    tags: record.tags.filter(({ key }) => !tagKeys.includes(key)),
  }));
}

export function listTags(
  { cache }: OperationContext,
  { logGroupName }: ListTagsLogGroupRequest,
): ListTagsLogGroupResponse {
  return { tags: requireLogGroup(cache, logGroupName).value.tags };
}

function change(
  on: OperationContext,
  name: string,
  { signal }: CallContext,
  to: (record: LogGroupRecord) => LogGroupRecord,
): Promise<object> {
  return write(on, { signal, attempted: `change log group ${name}` }, (state) => {
    const found = requireLogGroup(state, name);
    const { guard, put } = replace(collections.logGroups, found, to(found.value));
    return { guards: [guard], puts: [put], result: () => ({}) };
  });
}

/** @throws BerthError ResourceNotFoundException */
function requireLogGroup(state: State, name: string): Stored<LogGroupRecord> {
  const found = name === '' ? undefined : state.get(collections.logGroups, keyPart(name));
  if (found) return found;
  throw new BerthError('ResourceNotFoundException', 'The specified log group does not exist.');
}

function logGroupView(realm: Realm, record: LogGroupRecord): LogGroup {
  return {
    logGroupName: record.name,
    logGroupArn: arn.logGroup(realm, record.name),
    creationTime: record.createdAt,
    retentionInDays: record.retentionInDays,
  };
}

/** Names have slashes, parts of keys have none. */
function keyPart(name: string): string {
  return encodeURIComponent(name.toWellFormed());
}
