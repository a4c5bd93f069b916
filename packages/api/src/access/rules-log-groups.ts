// Permissions for log groups: those of CloudWatch Logs.
import { arn } from '@berth/model/resources/arn.ts';

import { type Rule, type Rules, requestTags } from './rule.ts';

const on =
  (name: string): Rule<{ readonly logGroupName: string }> =>
  ({ logGroupName }, { realm }) => [
    { action: `logs:${name}`, resource: `${arn.logGroup(realm, logGroupName)}:*` },
  ];

export const logGroupsRules: Rules<'LogGroups'> = {
  CreateLogGroup: (request, place) =>
    on('CreateLogGroup')(request, place).map((need) => ({
      ...need,
      conditions: requestTags(request.tags),
    })),
  DescribeLogGroups: (_request, { realm }) => [
    { action: 'logs:DescribeLogGroups', resource: `${arn.logGroup(realm, '*')}:*` },
  ],
  DeleteLogGroup: on('DeleteLogGroup'),
  PutRetentionPolicy: on('PutRetentionPolicy'),
  DeleteRetentionPolicy: on('DeleteRetentionPolicy'),
  TagLogGroup: on('TagResource'),
  UntagLogGroup: on('UntagResource'),
  ListTagsLogGroup: on('ListTagsForResource'),
};
