// From a whole HTTP request to a whole answer: which service, who calls, what is asked, and what comes of it. Whatever happens, the
// answer is one that the service's clients understand.
import type { AccessCredentials } from '@berth/model/access/principal.ts';
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { isBerthError } from '@berth/model/errors.ts';
import type { CallContext } from '@berth/rpc/api.ts';

import { jsonFailure, queryFailure } from '../sigv4/failure.ts';
import type { SigningKeys } from '../sigv4/signing-keys.ts';
import { verify } from '../sigv4/verify.ts';
import { jsonFault, queryFault, type WireAnswer } from './answers.ts';
import { Fault, faultOf } from './fault.ts';
import { readJson } from './json-input.ts';
import { writeJson } from './json-output.ts';
import { type Parameters, parseParameters, readQuery } from './query-input.ts';
import type { WireService } from './service.ts';
import { writeXml } from './xml-output.ts';

export interface WireRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly peer: string;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

export interface DispatcherDeps {
  readonly services: readonly WireService[];
  readonly credentials: (
    accessKeyId: string,
    sessionToken: string | undefined,
  ) => AccessCredentials | undefined | Promise<AccessCredentials | undefined>;
  readonly region: string;
  readonly clock: Clock;
  readonly keys: SigningKeys;
  readonly logger: Logger;
  /** @param code of the fault, or OK */
  readonly onCall: (service: string, operation: string, code: string, seconds: number) => void;
}

/** What is asked, as far as the request's head and its parameters say. */
interface Asked {
  readonly service: WireService;
  readonly operation: string;
  /** Query only. */
  readonly parameters: Parameters | undefined;
}

export class Dispatcher {
  readonly #deps: DispatcherDeps;

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
  }

  /** Never throws. */
  async answer(request: WireRequest): Promise<WireAnswer> {
    const started = this.#deps.clock.monotonic();
    let asked: Asked | undefined;
    let code = 'OK';
    try {
      asked = this.#asked(request);
      return await this.#serve(asked, request);
    } catch (error) {
      const fault = this.#fault(error, asked, request.requestId);
      ({ code } = fault);
      const json = asked ? asked.service.model.protocol === 'json' : isJson(request);
      return json ? jsonFault(fault) : queryFault(fault, request.requestId, asked?.service);
    } finally {
      this.#count(asked, code, (this.#deps.clock.monotonic() - started) / 1000);
    }
  }

  /** Labels come from closed sets: of an operation that nobody serves the name is not kept. */
  #count(asked: Asked | undefined, code: string, seconds: number): void {
    const { name } = asked?.service.model ?? { name: 'none' };
    const served = asked !== undefined && Object.hasOwn(asked.service.operations, asked.operation);
    this.#deps.onCall(name, served ? asked.operation : 'none', code, seconds);
  }

  #asked(request: WireRequest): Asked {
    const target = request.headers['x-amz-target'];
    return typeof target === 'string' ? this.#byTarget(target) : this.#byParameters(request);
  }

  #byTarget(target: string): Asked {
    const dot = target.lastIndexOf('.');
    const prefix = target.slice(0, Math.max(dot, 0));
    const service = this.#deps.services.find(({ model }) => model.target === prefix);
    if (!service || dot < 0) {
      const known = this.#deps.services.flatMap(({ model }) => model.target ?? []).join(', ');
      throw new Fault(
        'UnknownOperationException',
        `X-Amz-Target ${target.slice(0, 100)} names no API of this endpoint; expected an operation of ${known}.`,
      );
    }
    return { service, operation: target.slice(dot + 1), parameters: undefined };
  }

  #byParameters({ method, target, body }: WireRequest): Asked {
    const mark = target.indexOf('?');
    const query = mark < 0 ? '' : target.slice(mark + 1);
    const parameters = parseParameters(method === 'GET' ? query : body.toString('utf8'));
    const operation = parameters.get('Action');
    if (!operation) {
      throw new Fault(
        'MissingAction',
        'The request names no operation: expected the header X-Amz-Target, or the parameters Action and Version.',
      );
    }
    const version = parameters.get('Version');
    const service = this.#deps.services.find(
      ({ model }) => model.protocol === 'query' && model.version === version,
    );
    if (!service) {
      throw new Fault(
        'InvalidAction',
        `The action ${operation.slice(0, 100)} is not valid for this endpoint in version ${version?.slice(0, 40) ?? '(none)'}.`,
      );
    }
    return { service, operation, parameters };
  }

  async #serve(asked: Asked, request: WireRequest): Promise<WireAnswer> {
    const { service, operation, parameters } = asked;
    const { model } = service;
    const call = await this.#authenticated(service, request);
    const names = Object.hasOwn(model.operations, operation)
      ? model.operations[operation]
      : undefined;
    const run =
      names && Object.hasOwn(service.operations, operation)
        ? service.operations[operation]
        : undefined;
    if (!names || !run) throw service.notServed(operation);
    const input = parameters
      ? readQuery(model, names.input, parameters, service.dialect)
      : readJson(model, names.input, request.body.toString('utf8'));
    service.check(operation, names.input, input);
    const output = await run(input, call);
    const { requestId } = request;
    return model.protocol === 'json'
      ? {
          status: 200,
          type: 'application/x-amz-json-1.1',
          headers: {},
          body: writeJson(model, names.output, output),
        }
      : {
          status: 200,
          type: 'text/xml',
          headers: {},
          body: writeXml(model, operation, output, requestId, service.dialect),
        };
  }

  /** @throws Fault when the request is nobody's */
  async #authenticated(service: WireService, request: WireRequest): Promise<CallContext> {
    const { credentials: lookup, clock, region, keys } = this.#deps;
    const verdict = await verify(request, {
      lookup,
      now: clock.now(),
      region,
      service: service.signingName,
      keys,
    });
    if (!verdict.authentic) {
      const failure = service.model.protocol === 'json' ? jsonFailure : queryFailure;
      const { code, message, status } = failure(verdict.failure);
      throw new Fault(code, message, { status });
    }
    const { principal } = verdict.credentials;
    return {
      identity: { role: 'user', name: principal.name, principal },
      peer: request.peer,
      requestId: request.requestId,
      metadata: metadataOf(request),
      signal: request.signal,
    };
  }

  #fault(error: unknown, asked: Asked | undefined, requestId: string): Fault {
    if (!(error instanceof Fault) && !isBerthError(error)) {
      this.#deps.logger.error(
        { err: error, service: asked?.service.model.name, operation: asked?.operation, requestId },
        'an AWS call failed unexpectedly',
      );
    }
    if (error instanceof Fault) return error;
    if (asked) return faultOf(error, asked.service.model, asked.service.codes);
    return new Fault('InternalFailure', 'The request failed for an unknown reason.', {
      status: 500,
    });
  }
}

function isJson({ headers }: WireRequest): boolean {
  const type = headers['content-type'];
  return (
    headers['x-amz-target'] !== undefined || (typeof type === 'string' && type.includes('json'))
  );
}

/** What conditions of policies can ask of a request besides. */
function metadataOf({ headers }: WireRequest): ReadonlyMap<string, string> {
  const agent = headers['user-agent'];
  return new Map(typeof agent === 'string' ? [['user-agent', agent]] : []);
}
