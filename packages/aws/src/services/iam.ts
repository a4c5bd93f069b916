// The roles and users that Berth knows, for clients of IAM that look at them. Source: IAM API reference.
import type { Tag } from '@berth/model/generated/messages.ts';
import type { Handlers } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';

import { checked } from '../mapping/messages.ts';
import { iam } from '../models/companions.ts';
import { validationFault, violationsOf } from '../wire/constraints.ts';
import { Fault, type FaultCodes } from '../wire/fault.ts';
import type { WireService } from '../wire/service.ts';

const CODES: FaultCodes = {
  invalid: 'ValidationError',
  denied: { code: 'AccessDenied', status: 403 },
  internal: 'ServiceFailure',
};

export function iamService(handlers: Handlers<'Access'>): WireService {
  return {
    model: iam,
    signingName: 'iam',
    dialect: 'query',
    codes: CODES,
    operations: {
      GetRole: async (input, call) => {
        const request = checked(
          'GetRoleRequest',
          { roleName: input['RoleName'] },
          'ValidationError',
        );
        const role = complete('AccessRole', (await handlers.GetRole(request, call)).role ?? {});
        return {
          Role: {
            Path: role.path,
            RoleName: role.roleName,
            RoleId: role.roleId,
            Arn: role.arn,
            CreateDate: role.createdAt,
            AssumeRolePolicyDocument: encodeURIComponent(role.assumeRolePolicyDocument),
            Description: role.description,
            MaxSessionDuration: role.maxSessionDuration,
            Tags: shownTags(role.tags),
          },
        };
      },
      GetUser: async (input, call) => {
        const request = checked(
          'GetUserRequest',
          { userName: input['UserName'] },
          'ValidationError',
        );
        const user = complete('User', (await handlers.GetUser(request, call)).user ?? {});
        return {
          User: {
            Path: user.path,
            UserName: user.userName,
            UserId: user.userId,
            Arn: user.arn,
            CreateDate: user.createdAt,
            Tags: shownTags(user.tags),
          },
        };
      },
    },
    notServed: (operation) =>
      new Fault(
        'InvalidAction',
        `The action ${operation.slice(0, 100)} is not valid for this endpoint in version ${iam.version}. Users, keys, policies and roles are managed with berth user, access-key, policy and role.`,
      ),
    check: (_operation, structure, input) => {
      const violations = violationsOf(iam, structure, input);
      if (violations.length > 0) throw validationFault(iam, 'ValidationError', violations);
    },
  };
}

function shownTags(tags: readonly Tag[]): object[] | undefined {
  return tags.length === 0 ? undefined : tags.map(({ key, value }) => ({ Key: key, Value: value }));
}
