// Who may call which service, by what the caller has shown: a certificate's role, or a user's signature. What a host or
// proxy may speak of is checked where its session begins, what a user may do in `access/guard.ts`.
import { BerthError } from '@berth/model/errors.ts';
import type { CallContext, Handlers, Identity } from '@berth/rpc/api.ts';
import type { ServiceName } from '@berth/rpc/generated/services.ts';

/** `role` in the identity of a caller; the services that the api serves. */
const CALLERS = {
  Ecs: ['admin', 'control', 'user'],
  LoadBalancing: ['admin', 'control', 'user'],
  Scaling: ['admin', 'control', 'user'],
  Access: ['admin', 'control', 'user'],
  LogGroups: ['admin', 'control', 'user'],
  Operations: ['admin', 'control', 'user'],
  Agents: ['host'],
  Proxies: ['proxy'],
} as const satisfies Partial<Record<ServiceName, readonly Identity['role'][]>>;

/** What only the control plane asks itself. */
const INTERNAL: ReadonlySet<string> = new Set(['Operations.CountTraffic']);

export type ApiService = keyof typeof CALLERS;

/** @throws BerthError AccessDeniedException */
export function checkCaller(
  service: ApiService,
  method: string,
  { role, name }: CallContext['identity'],
): void {
  const allowed = callersOf(service, method);
  if (allowed.includes(role)) return;
  throw new BerthError(
    'AccessDeniedException',
    `User: ${role}/${name} is not authorized to perform: ${service}.${method}; it is for ${allowed.join(' and ')}.`,
  );
}

/** The same handlers, for permitted callers only. Others are answered AccessDeniedException. */
export function authorized<S extends ApiService>(service: S, handlers: Handlers<S>): Handlers<S> {
  const guarded = Object.entries(handlers as Record<string, AnyHandler>).map(
    ([method, handler]): [string, AnyHandler] => [
      method,
      (request, context) => {
        checkCaller(service, method, context.identity);
        return handler(request, context);
      },
    ],
  );
  return Object.fromEntries(guarded) as unknown as Handlers<S>;
}

function callersOf(service: ApiService, method: string): readonly Identity['role'][] {
  return INTERNAL.has(`${service}.${method}`) ? ['control'] : CALLERS[service];
}

export type AnyHandler = (request: unknown, context: CallContext) => unknown;
