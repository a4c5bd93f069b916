// AWS Security Token Service over Berth's own operations: who calls, and temporary credentials. Source: STS API reference.
import { BerthError, isBerthError } from '@berth/model/errors.ts';
import type { TemporaryCredentials } from '@berth/model/generated/messages.ts';
import type { Handlers, Input } from '@berth/rpc/api.ts';

import { checked } from '../mapping/messages.ts';
import { sts } from '../models/services.ts';
import { refusalOf, refuseUnsupported } from '../support/support.ts';
import { stsSupport } from '../support/sts.ts';
import { validationFault, violationsOf } from '../wire/constraints.ts';
import { Fault, type FaultCodes } from '../wire/fault.ts';
import type { WireService } from '../wire/service.ts';

const CODES: FaultCodes = {
  invalid: 'ValidationError',
  denied: { code: 'AccessDenied', status: 403 },
  internal: 'InternalFailure',
};

export function stsService(handlers: Handlers<'Access'>): WireService {
  /** Of a role that there is not, STS says no more than of one that may not be assumed. */
  const assume: typeof handlers.AssumeRole = async (request, call) => {
    try {
      return await handlers.AssumeRole(request, call);
    } catch (error) {
      if (!isBerthError(error, 'NoSuchEntity')) throw error;
      throw new BerthError(
        'AccessDeniedException',
        `User: ${call.identity.role === 'user' ? call.identity.principal.arn : call.identity.name} is not authorized to perform: sts:AssumeRole on resource: ${request.roleArn}`,
      );
    }
  };
  return {
    model: sts,
    signingName: 'sts',
    dialect: 'query',
    codes: CODES,
    operations: {
      GetCallerIdentity: async (_input, call) => {
        const { arn, userId, account } = await handlers.GetCallerIdentity({}, call);
        return { UserId: userId, Account: account, Arn: arn };
      },
      AssumeRole: async (input, call) => {
        const request = checked(
          'AssumeRoleRequest',
          {
            roleArn: input['RoleArn'],
            roleSessionName: input['RoleSessionName'],
            durationSeconds: input['DurationSeconds'],
            policy: input['Policy'],
          },
          'ValidationError',
        );
        const answer = await assume(request, call);
        return {
          Credentials: shownCredentials(answer.credentials),
          AssumedRoleUser: { AssumedRoleId: answer.assumedRoleId, Arn: answer.assumedRoleArn },
        };
      },
      GetSessionToken: async (input, call) => {
        const request = checked(
          'GetSessionTokenRequest',
          { durationSeconds: input['DurationSeconds'] },
          'ValidationError',
        );
        const answer = await handlers.GetSessionToken(request, call);
        return { Credentials: shownCredentials(answer.credentials) };
      },
    },
    notServed: (operation) =>
      new Fault(
        'InvalidAction',
        `Could not find operation ${operation.slice(0, 100)} for version ${sts.version}. ${refusalOf(stsSupport, operation)?.message ?? ''}`.trim(),
      ),
    check: (_operation, structure, input) => {
      const violations = violationsOf(sts, structure, input);
      if (violations.length > 0) throw validationFault(sts, 'ValidationError', violations);
      refuseUnsupported(sts, stsSupport, structure, input, 'ValidationError');
    },
  };
}

function shownCredentials(credentials: Input<TemporaryCredentials> | undefined): object {
  return {
    AccessKeyId: credentials?.accessKeyId,
    SecretAccessKey: credentials?.secretAccessKey,
    SessionToken: credentials?.sessionToken,
    Expiration: credentials?.expiration,
  };
}
