// The operations of service Access as gRPC handlers.
import type { Handlers } from '@berth/rpc/api.ts';

import { handlersOn, type OperationsDeps } from '../../operations/deps.ts';
import {
  createAccessKey,
  deleteAccessKey,
  listAccessKeys,
  updateAccessKey,
} from './access-keys.ts';
import {
  attachPolicy,
  createPolicy,
  deletePolicy,
  detachPolicy,
  getPolicy,
  listPolicies,
  updatePolicy,
} from './policies.ts';
import { resealSecrets } from './reseal.ts';
import { createRole, deleteRole, getRole, listRoles, updateRole } from './roles.ts';
import { assumeRole, getCallerIdentity, getSessionToken } from './sessions.ts';
import { simulatePolicy } from './simulate.ts';
import { createUser, deleteUser, getUser, listUsers } from './users.ts';

export function accessHandlers(deps: OperationsDeps): Handlers<'Access'> {
  const handle = handlersOn(deps);
  return {
    CreateUser: handle(createUser),
    GetUser: handle(getUser),
    ListUsers: handle(listUsers),
    DeleteUser: handle(deleteUser),
    CreateAccessKey: handle(createAccessKey),
    ListAccessKeys: handle(listAccessKeys),
    UpdateAccessKey: handle(updateAccessKey),
    DeleteAccessKey: handle(deleteAccessKey),
    CreatePolicy: handle(createPolicy),
    GetPolicy: handle(getPolicy),
    ListPolicies: handle(listPolicies),
    UpdatePolicy: handle(updatePolicy),
    DeletePolicy: handle(deletePolicy),
    AttachPolicy: handle(attachPolicy),
    DetachPolicy: handle(detachPolicy),
    CreateRole: handle(createRole),
    GetRole: handle(getRole),
    ListRoles: handle(listRoles),
    UpdateRole: handle(updateRole),
    DeleteRole: handle(deleteRole),
    AssumeRole: handle(assumeRole),
    GetSessionToken: handle(getSessionToken),
    GetCallerIdentity: handle(getCallerIdentity),
    SimulatePolicy: handle(simulatePolicy),
    ResealSecrets: handle(resealSecrets),
  };
}
