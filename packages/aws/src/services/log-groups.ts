// Log groups over Berth's own operations, for configurations that make them beside their tasks. Source: CloudWatch Logs API reference.
import { BerthError } from '@berth/model/errors.ts';
import type { Handlers, Input } from '@berth/rpc/api.ts';

import { checked } from '../mapping/messages.ts';
import { logs } from '../models/companions.ts';
import { validationFault, violationsOf } from '../wire/constraints.ts';
import { Fault, type FaultCodes } from '../wire/fault.ts';
import type { Plain } from '../wire/json-input.ts';
import type { WireService } from '../wire/service.ts';

const CODES: FaultCodes = {
  invalid: 'InvalidParameterException',
  denied: { code: 'AccessDeniedException', status: 400 },
  internal: 'ServiceUnavailableException',
};
const INVALID = 'InvalidParameterException';
const STANDARD = 'STANDARD';
const ONE_CLASS = 'All log groups are STANDARD.';
/** By which DescribeLogGroups can't choose. */
const OTHER_CHOICES: Readonly<Record<string, string>> = {
  accountIdentifiers: 'There is one account.',
  includeLinkedAccounts: 'There is one account.',
  logGroupIdentifiers: 'Choose by logGroupNamePrefix.',
};

export function logGroupsService(handlers: Handlers<'LogGroups'>): WireService {
  const tag = (logGroupName: unknown, tags: unknown) =>
    checked('TagLogGroupRequest', { logGroupName, tags: tagList(tags) }, INVALID);
  const untag = (logGroupName: unknown, tagKeys: unknown) =>
    checked('UntagLogGroupRequest', { logGroupName, tagKeys }, INVALID);
  const list = (logGroupName: unknown) =>
    checked('ListTagsLogGroupRequest', { logGroupName }, INVALID);
  return {
    model: logs,
    signingName: 'logs',
    dialect: 'query',
    codes: CODES,
    operations: {
      CreateLogGroup: (input, call) => {
        const { logGroupName, tags, kmsKeyId, logGroupClass = STANDARD } = input;
        if (kmsKeyId !== undefined) throw unsupported('kmsKeyId', 'There is no KMS here.');
        if (logGroupClass !== STANDARD) {
          throw unsupported(`logGroupClass ${String(logGroupClass).slice(0, 100)}`, ONE_CLASS);
        }
        if (input['deletionProtectionEnabled'] === true) {
          throw unsupported('deletionProtectionEnabled', 'Deny logs:DeleteLogGroup by a policy.');
        }
        const request = { logGroupName, tags: tagList(tags) };
        return handlers.CreateLogGroup(checked('CreateLogGroupRequest', request, INVALID), call);
      },
      DescribeLogGroups: async (input, call) => {
        for (const [member, why] of Object.entries(OTHER_CHOICES)) {
          const asked = input[member];
          const empty = asked === undefined || asked === false || isEmptyList(asked);
          if (!empty) throw unsupported(member, why);
        }
        if ((input['logGroupClass'] ?? STANDARD) !== STANDARD) return { logGroups: [] };
        const request = checked('DescribeLogGroupsRequest', input, INVALID);
        const { logGroups = [], nextToken } = await handlers.DescribeLogGroups(request, call);
        return { logGroups: logGroups.map(shownGroup), nextToken };
      },
      DeleteLogGroup: (input, call) =>
        handlers.DeleteLogGroup(checked('DeleteLogGroupRequest', input, INVALID), call),
      PutRetentionPolicy: (input, call) =>
        handlers.PutRetentionPolicy(checked('PutRetentionPolicyRequest', input, INVALID), call),
      DeleteRetentionPolicy: (input, call) =>
        handlers.DeleteRetentionPolicy(
          checked('DeleteRetentionPolicyRequest', input, INVALID),
          call,
        ),
      TagResource: ({ resourceArn, tags }, call) =>
        handlers.TagLogGroup(tag(nameIn(resourceArn), tags), call),
      UntagResource: ({ resourceArn, tagKeys }, call) =>
        handlers.UntagLogGroup(untag(nameIn(resourceArn), tagKeys), call),
      ListTagsForResource: async ({ resourceArn }, call) =>
        shownTags(await handlers.ListTagsLogGroup(list(nameIn(resourceArn)), call)),
      TagLogGroup: ({ logGroupName, tags }, call) =>
        handlers.TagLogGroup(tag(logGroupName, tags), call),
      UntagLogGroup: ({ logGroupName, tags }, call) =>
        handlers.UntagLogGroup(untag(logGroupName, tags), call),
      ListTagsLogGroup: async ({ logGroupName }, call) =>
        shownTags(await handlers.ListTagsLogGroup(list(logGroupName), call)),
    },
    notServed: (operation) =>
      new Fault(
        'UnknownOperationException',
        `${operation.slice(0, 100)} is no operation of this endpoint: what tasks write is read with berth logs.`,
      ),
    check: (_operation, structure, input) => {
      const violations = violationsOf(logs, structure, input);
      if (violations.length > 0) throw validationFault(logs, INVALID, violations);
    },
  };
}

/** Of arn:aws:logs:REGION:ACCOUNT:log-group:NAME, with or without an end in :* @throws BerthError */
function nameIn(arn: unknown): string {
  const name = /^arn:aws:logs:[^:]*:[^:]*:log-group:([^:]+)(?::\*)?$/.exec(String(arn))?.[1];
  if (name !== undefined) return name;
  throw new BerthError(
    INVALID,
    `resourceArn is ${String(arn).slice(0, 100)}; expected that of a log group.`,
  );
}

function unsupported(what: string, why: string): Fault {
  return new Fault(INVALID, `${what} is not supported by Berth. ${why}`);
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function tagList(tags: unknown): object[] {
  return Object.entries((tags ?? {}) as Plain).map(([key, value]) => ({ key, value }));
}

function shownTags({
  tags = [],
}: {
  readonly tags?: readonly Input<{ key: string; value: string }>[] | undefined;
}): object {
  return { tags: Object.fromEntries(tags.map(({ key = '', value = '' }) => [key, value])) };
}

/** Of its two ARNs one is for policies, in which all of its streams are meant. */
function shownGroup(group: {
  readonly logGroupName?: string | undefined;
  readonly logGroupArn?: string | undefined;
  readonly creationTime?: number | undefined;
  readonly retentionInDays?: number | undefined;
}): object {
  return {
    ...group,
    arn: `${group.logGroupArn ?? ''}:*`,
    metricFilterCount: 0,
    storedBytes: 0,
    logGroupClass: 'STANDARD',
  };
}
