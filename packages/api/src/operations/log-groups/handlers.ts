// The operations of service LogGroups as gRPC handlers.
import type { Handlers } from '@berth/rpc/api.ts';

import { handlersOn, type OperationsDeps } from '../deps.ts';
import {
  createLogGroup,
  deleteLogGroup,
  deleteRetentionPolicy,
  describeLogGroups,
  listTags,
  putRetentionPolicy,
  tag,
  untag,
} from './log-groups.ts';

export function logGroupsHandlers(deps: OperationsDeps): Handlers<'LogGroups'> {
  const handle = handlersOn(deps);
  return {
    CreateLogGroup: handle(createLogGroup),
    DescribeLogGroups: handle(describeLogGroups),
    DeleteLogGroup: handle(deleteLogGroup),
    PutRetentionPolicy: handle(putRetentionPolicy),
    DeleteRetentionPolicy: handle(deleteRetentionPolicy),
    TagLogGroup: handle(tag),
    UntagLogGroup: handle(untag),
    ListTagsLogGroup: handle(listTags),
  };
}
