// From a whole HTTP request to a whole answer: which service, who calls, what is asked, and what comes of it. Whatever happens, the
// answer is one that the service's clients understand.
import type { IncomingHttpHeaders } from 'node:http';

import type { AccessCredentials } from '@berth/model/access/principal.ts';
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { isBerthError } from '@berth/model/errors.ts';
import type { CallContext, Identity } from '@berth/rpc/api.ts';

import { jsonFailure, queryFailure } from '../sigv4/failure.ts';
import type { SigningKeys } from '../sigv4/signing-keys.ts';
import { verify } from '../sigv4/verify.ts';
import { jsonFault, queryFault, type WireAnswer } from './answers.ts';
import { Fault, faultOf } from './fault.ts';
import { readJson } from './json-input.ts';
import { writeJson } from './json-output.ts';
import { type Parameters, parseParameters, parseSignedQuery, readQuery } from './query-input.ts';
import type { WireService } from './service.ts';
import { writeXml } from './xml-output.ts';

export interface WireRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly peer: string;
  /** Over TLS. */
  readonly secure: boolean;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

/** What the api decides for callers in its process. */
export interface AccessDoor {
  credentials(
    accessKeyId: string,
    sessionToken: string | undefined,
  ): Promise<AccessCredentials | undefined>;
  /** For what no handler of the api's stands for. @throws BerthError AccessDeniedException */
  check(
    needs: readonly { readonly action: string; readonly resource: string }[],
    call: CallContext,
  ): Promise<void>;
  /** For the audit log: calls that came to no handler, which tells of its calls itself. */
  record(call: UnhandledCall): Promise<void>;
}

export interface UnhandledCall {
  readonly service: string;
  readonly operation: string;
  readonly readOnly: boolean;
  /** Undefined for one who could not prove who it is. */
  readonly identity: Identity | undefined;
  /** As it was claimed. */
  readonly accessKeyId?: string | undefined;
  readonly peer: string;
  readonly userAgent?: string | undefined;
  readonly requestId: string;
  readonly resources: readonly string[];
  readonly durationMs: number;
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

export interface DispatcherDeps {
  readonly services: readonly WireService[];
  readonly access: Pick<AccessDoor, 'credentials' | 'record'>;
  /** Whether a call has come to a handler of the api's. */
  readonly handled: (call: CallContext) => boolean;
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

/** How far a call has come. */
interface Course {
  asked: Asked | undefined;
  call: CallContext | undefined;
  fault: Fault | undefined;
}

const READING = /^(Describe|List|Get)/;
const LONGEST_OPERATION = 100;

export class Dispatcher {
  readonly #deps: DispatcherDeps;

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
  }

  /** Never throws. */
  async answer(request: WireRequest): Promise<WireAnswer> {
    const started = this.#deps.clock.monotonic();
    const course: Course = { asked: undefined, call: undefined, fault: undefined };
    let answer: WireAnswer;
    try {
      course.asked = this.#asked(request);
      answer = await this.#serve(course.asked, request, course);
    } catch (error) {
      course.fault = this.#fault(error, course.asked, request.requestId);
      answer = faultAnswer(course.fault, course.asked, request);
    }
    const tookMs = this.#deps.clock.monotonic() - started;
    this.#count(course, tookMs / 1000);
    await this.#tell(course, request, tookMs);
    return answer;
  }

  /** Labels come from closed sets: of an operation that nobody serves the name is not kept. */
  #count({ asked, fault }: Course, seconds: number): void {
    const { name } = asked?.service.model ?? { name: 'none' };
    const served = asked !== undefined && Object.hasOwn(asked.service.operations, asked.operation);
    this.#deps.onCall(name, served ? asked.operation : 'none', fault?.code ?? 'OK', seconds);
  }

  /** To the audit log, unless a handler has told it. */
  async #tell({ asked, call, fault }: Course, request: WireRequest, tookMs: number): Promise<void> {
    const { access, handled } = this.#deps;
    if (!asked || (call && handled(call))) return;
    const { operation, service } = asked;
    const agent = request.headers['user-agent'];
    await access.record({
      service: service.signingName,
      operation: operation.slice(0, LONGEST_OPERATION),
      readOnly: READING.test(operation),
      identity: call?.identity,
      accessKeyId: call ? undefined : claimedKey(request),
      peer: request.peer,
      userAgent: agent,
      requestId: request.requestId,
      resources: [],
      durationMs: tookMs,
      error: fault && { code: fault.code, message: fault.message },
    });
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
    const parameters =
      method === 'GET' ? parseSignedQuery(query) : parseParameters(body.toString('utf8'));
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

  async #serve(asked: Asked, request: WireRequest, course: Course): Promise<WireAnswer> {
    const { service, operation, parameters } = asked;
    const { model } = service;
    const call = await this.#authenticated(service, request);
    course.call = call;
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
    const { access, clock, region, keys, logger } = this.#deps;
    const verdict = await verify(request, {
      lookup: (accessKeyId, sessionToken) => access.credentials(accessKeyId, sessionToken),
      now: clock.now(),
      region,
      service: service.signingName,
      keys,
    }).catch((error: unknown) => {
      // Of the store and the key ring nobody learns who has not shown yet who it is.
      logger.error(
        { err: error, requestId: request.requestId },
        'the signature of an AWS call could not be checked',
      );
      throw new Fault(
        service.codes.internal,
        'The signature of the request could not be checked at present; try again later.',
        { status: 500 },
      );
    });
    if (!verdict.authentic) {
      const failure = service.model.protocol === 'json' ? jsonFailure : queryFailure;
      const { code, message, status } = failure(verdict.failure);
      throw new Fault(code, message, { status });
    }
    const { principal } = verdict.credentials;
    return {
      identity: { role: 'user', name: principal.name, principal, secure: request.secure },
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

function faultAnswer(fault: Fault, asked: Asked | undefined, request: WireRequest): WireAnswer {
  const json = asked ? asked.service.model.protocol === 'json' : isJson(request);
  return json ? jsonFault(fault) : queryFault(fault, request.requestId, asked?.service);
}

/** Whose key the request says that it is signed with. */
function claimedKey({ headers }: WireRequest): string | undefined {
  return /Credential=([A-Z0-9]{16,32})\//.exec(headers.authorization?.toString() ?? '')?.[1];
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
  return new Map(agent === undefined ? [] : [['user-agent', agent]]);
}
