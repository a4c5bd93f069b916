// What policies would say, and why. Source: IAM's API, SimulatePrincipalPolicy.
import { decide, missingKeys, nearMisses } from '@berth/model/access/evaluate.ts';
import { entityArn } from '@berth/model/access/names.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  PolicyDecision,
  SimulatePolicyRequest,
  SimulatePolicyResponse,
} from '@berth/model/generated/messages.ts';

import type { OperationContext } from '../../operations/deps.ts';
import { attachedPolicies } from '../documents.ts';
import { requireRole, requireUser } from './entities.ts';

export function simulatePolicy(
  on: OperationContext,
  request: SimulatePolicyRequest,
): SimulatePolicyResponse {
  const { action, userName, roleName } = request;
  if (!/^[A-Za-z0-9-]+:[A-Za-z0-9]+$/.test(action)) {
    throw new BerthError(
      'ValidationError',
      `action is ${JSON.stringify(action)}; expected SERVICE:NAME, for instance ecs:RunTask.`,
    );
  }
  if ((userName === undefined) === (roleName === undefined)) {
    throw new BerthError('ValidationError', 'Expected one of userName and roleName.');
  }
  const { account } = on.realm;
  const user = userName === undefined ? undefined : requireUser(on.cache, on, userName).value;
  const holder = user ?? requireRole(on.cache, on, roleName ?? '').value;
  const policies = attachedPolicies(on.cache, account, holder.attachedPolicies);
  const context = new Map(
    Object.entries({
      ...(user ? { 'aws:username': user.name, 'aws:userid': user.id } : {}),
      'aws:PrincipalArn': entityArn(account, user ? 'user' : 'role', holder),
      'aws:PrincipalAccount': account,
      'aws:RequestedRegion': on.realm.region,
      'aws:CurrentTime': new Date(on.clock.now()).toISOString(),
      ...Object.fromEntries(
        holder.tags.map(({ key, value }) => [`aws:PrincipalTag/${key}`, value]),
      ),
      ...request.context,
    }).map(([key, value]) => [key.toLowerCase(), value.split(',')]),
  );
  const resources = request.resources.length > 0 ? request.resources : ['*'];
  return {
    decisions: resources.map((resource): PolicyDecision => {
      const asked = { action, resource, context };
      const { outcome, by } = decide({ policies, sessionPolicy: undefined }, asked);
      return {
        action,
        resource,
        decision: outcome,
        policy: by?.policy,
        statement: by && by.statement + 1,
        sid: by?.sid,
        missingContextKeys: missingKeys(policies, asked),
        nearMisses: nearMisses(policies, asked).map(
          ({ policy, statement, sid, conditions }) =>
            `${policy}, statement ${statement + 1}${sid === undefined ? '' : ` (${sid})`}: ${conditions.join(', ')}`,
        ),
      };
    }),
  };
}
