// Around every handler that people and programs call, over gRPC and the AWS endpoint alike: may this caller do that? And a
// line in the audit log of what came of it. Certificates of admins and of the control plane may do everything; users what
// their policies allow, as they stand at the moment of the call.
import type { Clock } from '@berth/control/clock.ts';
import { type Decision, decide } from '@berth/model/access/evaluate.ts';
import type { Principal } from '@berth/model/access/principal.ts';
import type { RequestContext } from '@berth/model/access/template.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import type { CallContext, Handlers } from '@berth/rpc/api.ts';
import { type Method, methodsOf } from '@berth/rpc/load.ts';
import type { State } from '@berth/store/state.ts';

import { type AnyHandler, checkCaller } from '../authorize.ts';
import { type Audit, auditedError } from './audit.ts';
import { callerContext } from './caller-context.ts';
import type { Directory } from './directory.ts';
import type { KeyUses } from './key-uses.ts';
import { type Need, type Rule, type Rules } from './rule.ts';
import { OWN, accessRules } from './rules-access.ts';
import { ecsRules } from './rules-ecs.ts';
import { loadBalancingRules } from './rules-load-balancing.ts';
import { logGroupsRules } from './rules-log-groups.ts';
import { operationsRules } from './rules-operations.ts';
import { scalingRules } from './rules-scaling.ts';

interface GuardDeps {
  readonly cache: State;
  readonly realm: Realm;
  readonly clock: Clock;
  readonly directory: Directory;
  readonly freshen: (signal: AbortSignal) => Promise<void>;
  readonly audit: Audit;
  readonly uses: KeyUses;
}

/** By method. */
export type AnyHandlers = Readonly<Record<string, AnyHandler>>;

export type GuardedService =
  'Ecs' | 'LoadBalancing' | 'Scaling' | 'Access' | 'LogGroups' | 'Operations';

/** What each method needs; a method without a rule does not compile. */
export const RULES: { readonly [S in GuardedService]: Rules<S> } = {
  Ecs: ecsRules,
  LoadBalancing: loadBalancingRules,
  Scaling: scalingRules,
  Access: accessRules,
  LogGroups: logGroupsRules,
  Operations: operationsRules,
};

/** What the audit log calls a service, where its permissions don't say so. */
const SOURCES: Readonly<Record<GuardedService, string>> = {
  Ecs: 'ecs',
  LoadBalancing: 'elasticloadbalancing',
  Scaling: 'application-autoscaling',
  Access: 'iam',
  LogGroups: 'logs',
  Operations: 'berth',
};

const READING = /^(Describe|List|Get|Watch|Stream|Simulate|Find|Test|Explain|Count)/;
/** Their names say otherwise: they give out credentials. */
const GIVING: ReadonlySet<string> = new Set(['GetSessionToken']);

export class Guard {
  readonly #deps: GuardDeps;

  constructor(deps: GuardDeps) {
    this.#deps = deps;
  }

  /** The same handlers, guarded and audited. */
  guarded<S extends GuardedService>(service: S, handlers: Handlers<S>): Handlers<S> {
    const all = this.guardedAny(service, handlers as unknown as AnyHandlers);
    return all as unknown as Handlers<S>;
  }

  /** As `guarded`, for some handlers of a service. */
  guardedAny(service: GuardedService, handlers: AnyHandlers): AnyHandlers {
    const methods = methodsOf(service);
    const all = Object.entries(handlers).map(([name, handler]): [string, AnyHandler] => {
      const method = methods.get(name);
      if (!method) throw new Error(`${service} has no method ${name}`);
      return [
        name,
        method.kind === 'unary'
          ? this.#unary(service, method, handler)
          : this.#stream(service, method, handler),
      ];
    });
    return Object.fromEntries(all);
  }

  /**
   * May this caller do what no handler stands for?
   * @throws BerthError AccessDeniedException
   */
  async check(needs: readonly Need[], call: CallContext): Promise<void> {
    if (call.identity.role !== 'user') return;
    await this.#deps.freshen(call.signal);
    const principal = this.#current(call.identity.principal);
    for (const item of needs) refuseUnlessAllowed(principal, item, this.#contextOf(item, call));
  }

  #unary(service: GuardedService, method: Method, handler: AnyHandler): AnyHandler {
    return async (request, call) => {
      const began = this.#deps.clock.monotonic();
      let failure: unknown;
      let needs: readonly Need[] = [];
      try {
        needs = await this.#permitted(service, method, request, call);
        return await handler(request, call);
      } catch (error) {
        failure = error ?? new Error('nothing was thrown');
        throw error;
      } finally {
        await this.#record(service, method, request, call, needs, began, failure);
      }
    };
  }

  /** Told when it begins, or is refused: it may go on for days. */
  #stream(service: GuardedService, method: Method, handler: AnyHandler): AnyHandler {
    const { clock } = this.#deps;
    const guard = async (request: unknown, call: CallContext): Promise<void> => {
      const began = clock.monotonic();
      const asked = method.kind === 'bidi' ? undefined : request;
      let failure: unknown;
      let needs: readonly Need[] = [];
      try {
        needs = await this.#permitted(service, method, asked, call);
      } catch (error) {
        failure = error;
        throw error;
      } finally {
        await this.#record(service, method, asked, call, needs, began, failure);
      }
    };
    return async function* (request, call) {
      await guard(request, call);
      yield* handler(request, call) as AsyncIterable<unknown>;
    };
  }

  /** @returns what it needed @throws BerthError AccessDeniedException */
  async #permitted(
    service: GuardedService,
    method: Method,
    request: unknown,
    call: CallContext,
  ): Promise<readonly Need[]> {
    checkCaller(service, method.name, call.identity);
    const rule = ruleOf(service, method.name);
    const place = { state: this.#deps.cache, realm: this.#deps.realm };
    if (call.identity.role !== 'user') return isReading(method) ? [] : rule(request, place);
    await this.#deps.freshen(call.signal);
    const principal = this.#current(call.identity.principal);
    this.#deps.uses.note(principal.accessKeyId, SOURCES[service]);
    const needs = rule(request, place).map((item) =>
      item.resource === OWN ? { ...item, resource: ownArn(principal, this.#deps.realm) } : item,
    );
    for (const item of needs) refuseUnlessAllowed(principal, item, this.#contextOf(item, call));
    return needs;
  }

  #current(principal: Principal): Principal {
    const current = this.#deps.directory.refreshed(principal);
    if (current) return current;
    throw new BerthError(
      'AccessDeniedException',
      `User: ${principal.arn} is not authorized: access key ${principal.accessKeyId} has been deactivated or deleted, or its user or role has been.`,
    );
  }

  #contextOf({ conditions = {} }: Need, call: CallContext): RequestContext {
    const context = callerContext(this.#deps, call);
    for (const [key, value] of Object.entries(conditions)) {
      if (value === undefined) continue;
      context.set(key.toLowerCase(), typeof value === 'string' ? [value] : value);
    }
    return context;
  }

  async #record(
    service: GuardedService,
    method: Method,
    request: unknown,
    call: CallContext,
    needs: readonly Need[],
    began: number,
    failure: unknown,
  ): Promise<void> {
    await this.#deps.audit.record({
      service: needs[0]?.action.split(':', 1)[0] ?? SOURCES[service],
      operation: method.name,
      readOnly: isReading(method),
      identity: call.identity,
      peer: call.peer,
      userAgent: call.metadata.get('user-agent'),
      requestId: call.requestId,
      request,
      resources: [...new Set(needs.map(({ resource }) => resource))].filter((arn) => arn !== '*'),
      durationMs: this.#deps.clock.monotonic() - began,
      error: auditedError(failure),
    });
  }
}

function ruleOf(service: GuardedService, method: string): Rule<unknown> {
  const rules = RULES[service] as Readonly<Record<string, Rule<unknown> | undefined>>;
  const rule = Object.hasOwn(rules, method) ? rules[method] : undefined;
  if (!rule) throw new Error(`${service}.${method} has no rule`);
  return rule;
}

function isReading({ name }: Method): boolean {
  return READING.test(name) && !GIVING.has(name);
}

function ownArn({ arn, authority }: Principal, { account }: Realm): string {
  return authority.kind === 'user' ? arn : `arn:aws:iam::${account}:role/${authority.role}`;
}

/** In the words of ECS. Source: ECS reference, section 1.2. */
function refuseUnlessAllowed(
  principal: Principal,
  { action, resource }: Need,
  context: RequestContext,
): void {
  const decision = decide(principal, { action, resource, context });
  if (decision.outcome === 'allowed') return;
  throw new BerthError(
    'AccessDeniedException',
    `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${resource} ${reason(decision, action)}`,
  );
}

function reason({ outcome, source }: Decision, action: string): string {
  const policy = source === 'session' ? 'session policy' : 'identity-based policy';
  const article = source === 'session' ? 'a' : 'an';
  return outcome === 'explicitDeny'
    ? `with an explicit deny in ${article} ${policy}`
    : `because no ${policy} allows the ${action} action`;
}
