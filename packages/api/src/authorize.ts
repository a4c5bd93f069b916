// Who may call what, by the role that a caller's certificate names. What a host or proxy may speak of is
// checked where its session begins.
import { BerthError } from '@berth/model/errors.ts';
import type { CallContext, Handlers, Identity } from '@berth/rpc/api.ts';
import type { ServiceName } from '@berth/rpc/generated/services.ts';

/** `role` in the identity of a certificate; the services that the api serves. */
const CALLERS = {
  Ecs: ['admin', 'control'],
  LoadBalancing: ['admin', 'control'],
  Scaling: ['admin', 'control'],
  Operations: ['admin', 'control'],
  Agents: ['host'],
  Proxies: ['proxy'],
} as const satisfies Partial<Record<ServiceName, readonly Identity['role'][]>>;

/** What only the control plane asks itself. */
const INTERNAL: ReadonlySet<string> = new Set(['Operations.CountTraffic']);

export type ApiService = keyof typeof CALLERS;

/** The same handlers, for permitted callers only. Others are answered AccessDeniedException. */
export function authorized<S extends ApiService>(service: S, handlers: Handlers<S>): Handlers<S> {
  const guarded = Object.entries(handlers as Record<string, AnyHandler>).map(
    ([method, handler]): [string, AnyHandler] => [
      method,
      (request, context) => {
        const { role, name } = context.identity;
        const allowed = callersOf(service, method);
        if (!allowed.includes(role)) {
          throw new BerthError(
            'AccessDeniedException',
            `User: ${role}/${name} is not authorized to perform: ${service}.${method}; it is for ${allowed.join(' and ')}.`,
          );
        }
        return handler(request, context);
      },
    ],
  );
  return Object.fromEntries(guarded) as unknown as Handlers<S>;
}

function callersOf(service: ApiService, method: string): readonly Identity['role'][] {
  return INTERNAL.has(`${service}.${method}`) ? ['control'] : CALLERS[service];
}

type AnyHandler = (request: unknown, context: CallContext) => unknown;
