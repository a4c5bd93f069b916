// Temporary credentials, and who the caller is. Source: STS's API, AssumeRole, GetSessionToken, GetCallerIdentity.
import { trustConditionsHold } from '@berth/model/access/evaluate.ts';
import {
  checkSessionName,
  drawAccessId,
  drawSecret,
  sessionArn,
} from '@berth/model/access/names.ts';
import { parsePolicy } from '@berth/model/access/policy.ts';
import type { PrincipalPattern } from '@berth/model/access/principal.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  AssumeRoleRequest,
  AssumeRoleResponse,
  GetCallerIdentityRequest,
  GetCallerIdentityResponse,
  GetSessionTokenRequest,
  GetSessionTokenResponse,
  RoleRecord,
  TemporaryCredentials,
} from '@berth/model/generated/messages.ts';
import { Checker } from '@berth/model/validation/check.ts';
import type { CallContext } from '@berth/rpc/api.ts';

import { type OperationContext, principalArn } from '../../operations/deps.ts';
import { callerContext } from '../caller-context.ts';
import { documentOf } from '../documents.ts';
import { type Session, writeSessionToken } from '../session-token.ts';
import { requireRole, requireUser } from './entities.ts';

const LEAST_SECONDS = 900;
const HOUR = 3600;
const DAY_AND_A_HALF = 129_600;

/** The role must trust the caller; that the caller's own policies allow it has been seen before. */
export function assumeRole(
  on: OperationContext,
  request: AssumeRoleRequest,
  call: CallContext,
): AssumeRoleResponse {
  const { roleArn, roleSessionName: sessionName, policy } = request;
  checkSessionName(sessionName);
  if (policy !== undefined) parsePolicy(policy, 'identity');
  const role = requireRole(on.cache, on, roleArn).value;
  // Before anything of the role is said, and in the words that STS has for a role that there is not: see the AWS endpoint.
  if (!trusts(on, role, sessionName, call)) {
    throw new BerthError(
      'AccessDeniedException',
      `User: ${principalArn(on.realm, call)} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
    );
  }
  const most = role.maxSessionDuration;
  const seconds = request.durationSeconds ?? HOUR;
  new Checker('ValidationError').integer('durationSeconds', seconds, {
    least: LEAST_SECONDS,
    most,
  });
  const { name, id } = role;
  return {
    credentials: issue(on, seconds, { kind: 'role', name, id, sessionName, policy }),
    assumedRoleArn: sessionArn(on.realm.account, name, sessionName),
    assumedRoleId: `${id}:${sessionName}`,
  };
}

/** Credentials of the user itself. */
export function getSessionToken(
  on: OperationContext,
  request: GetSessionTokenRequest,
  call: CallContext,
): GetSessionTokenResponse {
  const { identity } = call;
  if (identity.role !== 'user' || !identity.principal.accessKeyId.startsWith('AKIA')) {
    throw new BerthError(
      'AccessDeniedException',
      'Cannot call GetSessionToken with session credentials, nor without those of a user.',
    );
  }
  const seconds = request.durationSeconds ?? 12 * HOUR;
  new Checker('ValidationError').integer('durationSeconds', seconds, {
    least: LEAST_SECONDS,
    most: DAY_AND_A_HALF,
  });
  const { name, id } = requireUser(on.cache, on, undefined, call).value;
  const session = { kind: 'user', name, id, sessionName: '', policy: undefined } as const;
  return { credentials: issue(on, seconds, session) };
}

export function getCallerIdentity(
  on: OperationContext,
  _request: GetCallerIdentityRequest,
  call: CallContext,
): GetCallerIdentityResponse {
  const { identity } = call;
  return {
    arn: principalArn(on.realm, call),
    userId: identity.role === 'user' ? identity.principal.uniqueId : identity.name,
    account: on.realm.account,
  };
}

function issue(
  { clock, random, sealer }: OperationContext,
  seconds: number,
  whose: Omit<Session, 'accessKeyId' | 'secret' | 'expiresAt' | 'issuedAt'>,
): TemporaryCredentials {
  const issuedAt = clock.now();
  const session: Session = {
    ...whose,
    issuedAt,
    accessKeyId: drawAccessId(random, 'ASIA'),
    secret: drawSecret(random),
    expiresAt: issuedAt + seconds * 1000,
  };
  return {
    accessKeyId: session.accessKeyId,
    secretAccessKey: session.secret,
    sessionToken: writeSessionToken(sealer, session),
    expiration: session.expiresAt,
  };
}

/** A statement that denies wins here too. Holders of admin certificates may be anybody. */
function trusts(
  on: OperationContext,
  role: RoleRecord,
  sessionName: string,
  call: CallContext,
): boolean {
  if (call.identity.role !== 'user') return true;
  const document = documentOf(role, role.assumeRolePolicyDocument, 'trust');
  const context = callerContext(on, call).set('sts:rolesessionname', [sessionName]);
  const about = document.statements.filter(
    (statement) =>
      (statement.principals ?? []).some((pattern) => isMeant(on, pattern, call)) &&
      coversAssumeRole(statement.actions, statement.notActions) &&
      trustConditionsHold(document, statement, context),
  );
  return about.length > 0 && about.every(({ effect }) => effect === 'Allow');
}

function coversAssumeRole(
  actions: readonly string[] | undefined,
  notActions: readonly string[] | undefined,
): boolean {
  const covers = (list: readonly string[]): boolean =>
    list.some((text) => ['*', 'sts:*', 'sts:assumerole'].includes(text.toLowerCase()));
  return actions ? covers(actions) : !covers(notActions ?? []);
}

function isMeant(
  { realm }: OperationContext,
  { kind, value }: PrincipalPattern,
  { identity }: CallContext,
): boolean {
  if (kind !== 'AWS' || identity.role !== 'user') return false;
  if (value === '*') return true;
  const { account } = realm;
  if (value === account || value === `arn:aws:iam::${account}:root`) return true;
  const { arn, authority } = identity.principal;
  if (value === arn) return true;
  return (
    authority.kind === 'role' &&
    value.startsWith(`arn:aws:iam::${account}:role/`) &&
    value.endsWith(`/${authority.role}`)
  );
}
