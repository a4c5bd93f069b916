// Who is who: from the key that a request was signed with to its user or role and their policies.
import { entityArn, entityKey, sessionArn } from '@berth/model/access/names.ts';
import { parsePolicy } from '@berth/model/access/policy.ts';
import type { AccessCredentials, NamedPolicy, Principal } from '@berth/model/access/principal.ts';
import type { RoleRecord, Tag, UserRecord } from '@berth/model/generated/messages.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import type { Sealer } from '@berth/process/seal.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { attachedPolicies } from './documents.ts';
import { type Session, readSessionToken } from './session-token.ts';

interface DirectoryDeps {
  readonly cache: State;
  readonly realm: Realm;
  readonly sealer: Sealer;
}

export class Directory {
  readonly #cache: State;
  readonly #account: string;
  readonly #sealer: Sealer;

  constructor({ cache, realm, sealer }: DirectoryDeps) {
    this.#cache = cache;
    this.#account = realm.account;
    this.#sealer = sealer;
  }

  /**
   * The credentials of a key, if it is active and its user or role is there. Expired ones are given as well.
   * @throws BerthError Internal when the ring lacks the key that its secret is sealed with
   */
  credentials(
    accessKeyId: string,
    sessionToken: string | undefined,
  ): AccessCredentials | undefined {
    return sessionToken === undefined
      ? this.#lasting(accessKeyId)
      : this.#passing(accessKeyId, sessionToken);
  }

  /** The same principal with its policies of now; undefined when its key or itself is gone or inactive. */
  refreshed(principal: Principal): Principal | undefined {
    const { accessKeyId, authority, sessionPolicy, issuedAt } = principal;
    if (authority.kind === 'role') {
      const role = this.#cache.get(collections.roles, entityKey(authority.role))?.value;
      if (!role || !principal.uniqueId.startsWith(`${role.id}:`)) return undefined;
      return { ...principal, policies: this.#policiesOf(role), tags: tagsOf(role.tags) };
    }
    const user = this.#cache.get(collections.users, entityKey(authority.user))?.value;
    if (user?.id !== principal.uniqueId) return undefined;
    if (accessKeyId.startsWith('AKIA')) {
      const key = this.#cache.get(collections.accessKeys, accessKeyId)?.value;
      if (key?.status !== 'Active') return undefined;
    }
    return { ...this.#userPrincipal(user, accessKeyId), sessionPolicy, issuedAt };
  }

  #lasting(accessKeyId: string): AccessCredentials | undefined {
    if (!/^AKIA[A-Z2-7]{16}$/.test(accessKeyId)) return undefined;
    const key = this.#cache.get(collections.accessKeys, accessKeyId)?.value;
    if (key?.status !== 'Active') return undefined;
    const user = this.#cache.get(collections.users, entityKey(key.user))?.value;
    if (!user) return undefined;
    const purpose = keyOf(collections.accessKeys, accessKeyId);
    return {
      accessKeyId,
      secretAccessKey: Buffer.from(this.#sealer.open(key.sealedSecret, purpose)).toString(),
      sessionToken: undefined,
      expiresAt: undefined,
      principal: this.#userPrincipal(user, accessKeyId),
    };
  }

  #passing(accessKeyId: string, sessionToken: string): AccessCredentials | undefined {
    const session = readSessionToken(this.#sealer, sessionToken);
    if (session?.accessKeyId !== accessKeyId) return undefined;
    const principal = session.kind === 'role' ? this.#inRole(session) : this.#asUser(session);
    if (!principal) return undefined;
    const { secret, expiresAt } = session;
    return { accessKeyId, secretAccessKey: secret, sessionToken, expiresAt, principal };
  }

  #asUser({ name, id, accessKeyId, issuedAt }: Session): Principal | undefined {
    const user = this.#cache.get(collections.users, entityKey(name))?.value;
    return user?.id === id ? { ...this.#userPrincipal(user, accessKeyId), issuedAt } : undefined;
  }

  #inRole({
    name,
    id,
    sessionName,
    accessKeyId,
    policy,
    issuedAt,
  }: Session): Principal | undefined {
    const role = this.#cache.get(collections.roles, entityKey(name))?.value;
    if (role?.id !== id) return undefined;
    return {
      arn: sessionArn(this.#account, role.name, sessionName),
      uniqueId: `${role.id}:${sessionName}`,
      name: `${role.name}/${sessionName}`,
      accessKeyId,
      authority: { kind: 'role', role: role.name },
      policies: this.#policiesOf(role),
      sessionPolicy:
        policy === undefined
          ? undefined
          : { name: 'session', document: parsePolicy(policy, 'identity') },
      tags: tagsOf(role.tags),
      issuedAt,
    };
  }

  #userPrincipal(user: UserRecord, accessKeyId: string): Principal {
    return {
      arn: entityArn(this.#account, 'user', user),
      uniqueId: user.id,
      name: user.name,
      accessKeyId,
      authority: { kind: 'user', user: user.name },
      policies: this.#policiesOf(user),
      sessionPolicy: undefined,
      tags: tagsOf(user.tags),
    };
  }

  #policiesOf({ attachedPolicies: arns }: UserRecord | RoleRecord): NamedPolicy[] {
    return attachedPolicies(this.#cache, this.#account, arns);
  }
}

function tagsOf(tags: readonly Tag[]): Record<string, string> {
  return Object.fromEntries(tags.map(({ key, value }) => [key, value]));
}
