// What condition keys say of the caller and of the moment. Source: ECS reference, section 12.2; IAM's "global condition
// context keys".
import type { RequestContext } from '@berth/model/access/template.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import type { Clock } from '@berth/control/clock.ts';
import type { CallContext } from '@berth/rpc/api.ts';

interface Place {
  readonly realm: Realm;
  readonly clock: Clock;
}

/** Keys in lower case. */
export function callerContext(
  { realm, clock }: Place,
  call: CallContext,
): Map<string, readonly string[]> & RequestContext {
  const now = clock.now();
  const context = new Map<string, readonly string[]>([
    ['aws:sourceip', [addressOf(call.peer)]],
    ['aws:currenttime', [new Date(now).toISOString()]],
    ['aws:epochtime', [String(Math.floor(now / 1000))]],
    ['aws:requestedregion', [realm.region]],
    ['aws:viaawsservice', ['false']],
  ]);
  const agent = call.metadata.get('user-agent');
  if (agent !== undefined) context.set('aws:useragent', [agent]);
  const { identity } = call;
  if (identity.role !== 'user') return context;
  const { arn, uniqueId, authority, tags, accessKeyId, issuedAt } = identity.principal;
  context.set('aws:securetransport', [String(identity.secure ?? false)]);
  if (issuedAt !== undefined) {
    context.set('aws:tokenissuetime', [new Date(issuedAt).toISOString()]);
  }
  // Of lasting keys there is no such key, as with AWS; sessions are begun without a second factor.
  if (accessKeyId.startsWith('ASIA')) context.set('aws:multifactorauthpresent', ['false']);
  context.set('aws:principalarn', [
    authority.kind === 'role' ? `arn:aws:iam::${realm.account}:role/${authority.role}` : arn,
  ]);
  context.set('aws:principalaccount', [realm.account]);
  context.set('aws:userid', [uniqueId]);
  context.set('aws:principaltype', [authority.kind === 'role' ? 'AssumedRole' : 'User']);
  if (authority.kind === 'user') context.set('aws:username', [authority.user]);
  for (const [key, value] of Object.entries(tags)) {
    context.set(`aws:principaltag/${key.toLowerCase()}`, [value]);
  }
  return context;
}

/** The address of a peer: of `ipv4:10.0.0.1:5000`, `[::1]:5000` or `10.0.0.1:5000`. */
export function addressOf(peer: string): string {
  const plain = peer.replace(/^ipv[46]:/, '');
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(plain)?.[1];
  if (bracketed !== undefined) return bracketed;
  return plain.split(':').length === 2 ? (plain.split(':')[0] ?? plain) : plain;
}
