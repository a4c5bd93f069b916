// What may have a say in a request on its way to its rule's action, besides the rule itself.
import type { ListenerRoutes, Route } from '@berth/model/routing/table.ts';

import type { AuthOutcome } from './auth/outcome.ts';
import type { ClientRequest } from './exchange-sides.ts';

export interface Authenticator {
  /** Runs the authentication action of `route`. A rejected promise is answered with 500. */
  authenticate(
    request: ClientRequest,
    route: Route,
    listener: ListenerRoutes,
  ): AuthOutcome | Promise<AuthOutcome>;
  /** A browser's way back from an identity provider; undefined for any other request. Never lets a request pass. */
  comeBack(request: ClientRequest, listener: ListenerRoutes): Promise<AuthOutcome> | undefined;
  /** The key that claims for targets are signed with, as JSON; undefined for any other path. */
  publicKeyAt(path: string): string | undefined;
}

export interface AdmissionRefusal {
  readonly status: number;
  /** Fields for the answer, each with its line break: Retry-After. */
  readonly lines: string;
  /** For the log's error reason. */
  readonly reason: string;
}

/** Limits of a proxy's own. All calls are synchronous and must not throw. */
export interface Admission {
  /** @returns false: the connection is closed without a word. Else `connectionClosed` follows once. */
  connectionOpened(listener: ListenerRoutes | undefined, address: string): boolean;
  connectionClosed(listener: ListenerRoutes | undefined, address: string): void;
  /** @returns why the request is not served now; undefined: it is */
  requestArrived(
    listener: ListenerRoutes,
    route: Route,
    request: ClientRequest,
  ): AdmissionRefusal | undefined;
}
