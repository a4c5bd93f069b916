// From a request to the action of its rule: limits, the rule, what the rule makes of the request, who may pass, how many may pass, and then an answer of the proxy's
// own or an exchange with a target. Fronts of all protocols hand their requests to it. It reads the routing table anew for
// each request, so that a swap needs no word to it.
import type { Clock } from '@berth/control/clock.ts';
import { assertNever } from '@berth/model/assert.ts';
import type { RequestView } from '@berth/model/routing/conditions.ts';
import { redirectLocation } from '@berth/model/routing/redirect.ts';
import type { ForwardRoute, Route } from '@berth/model/routing/route.ts';
import { pathFor } from '@berth/model/routing/plain-path.ts';
import { matchRule } from '@berth/model/routing/rule-match.ts';
import type { ListenerRoutes } from '@berth/model/routing/table.ts';
import { transformRequest } from '@berth/model/routing/transforms.ts';

import {
  type Answer,
  fixedResponse,
  headerValue,
  page,
  redirectTo,
  sendAnswer,
  textAnswer,
} from './answers.ts';
import type { AuthOutcome } from './auth/outcome.ts';
import type { Admission, Authenticator } from './dispatch-hooks.ts';
import type { ClientInfo, ClientProtocol, ClientRequest } from './exchange-sides.ts';
import { type AnswerEdits, Exchange, type ExchangeSurroundings } from './forward.ts';
import type { Group } from './group.ts';
import type { AnswerKind, ProxyMetrics } from './metrics.ts';
import type { PassiveHealth } from './passive.ts';
import {
  type ForwardingRules,
  type Refusal,
  hostForTarget,
  outgoingLines,
} from './request-head.ts';
import { type RequestObserver, RequestSummary } from './request-summary.ts';
import type { Routing } from './routing.ts';
import type { ProxySettings } from './settings.ts';
import { acmeAnswer } from './tls/acme.ts';
import { nextTrace, requestIdOf, rootOf, traceparentOf } from './trace.ts';

export interface DispatchSurroundings {
  readonly routing: Routing;
  readonly passive: PassiveHealth;
  readonly metrics: ProxyMetrics;
  readonly settings: ProxySettings;
  readonly clock: Clock;
  /** Absent: actions that authenticate are answered with 500. */
  readonly authenticator?: Authenticator | undefined;
  readonly admission?: Admission | undefined;
  readonly observer?: RequestObserver | undefined;
}

/** Where a front's requests come in. */
export interface Entrance {
  /** As the routing table names it. */
  readonly port: number;
  /** What clients are told and targets see. */
  readonly actualPort: number;
  /** ADDRESS:PORT, for a client that names no host. */
  readonly address: string;
}

/** What the steps before the last have made of a request. */
interface Passage {
  readonly request: ClientRequest;
  readonly listener: ListenerRoutes;
  readonly route: Route;
  readonly summary: RequestSummary | undefined;
  /** As rules saw it. */
  readonly path: string;
  /** Of the rule's transforms. */
  authority: string | undefined;
  target: string;
  /** Fields for the target, from the authentication. */
  fields: string;
  /** Fields for the answer, from the authentication. */
  answerFields: string;
}

/** What a listener changes in the heads of all requests and answers. */
interface HeadChanges {
  readonly listener: ListenerRoutes;
  readonly rules: ForwardingRules;
  readonly edits: AnswerEdits | undefined;
}

const NO_NAMES: ReadonlySet<string> = new Set();
const LOGIN_PATHS = '/oauth2/';
const HAS_TRACE_CONTEXT = /^traceparent:/im;
const UNFIT = /[\0-\x08\x0a-\x1f\x7f]|[^\0-\xff]/;

export class Dispatcher {
  readonly #entrance: Entrance;
  readonly #with: DispatchSurroundings;
  readonly #exchanges: ExchangeSurroundings;
  /** What has been made of the listener as the table had it last. */
  #changes: HeadChanges | undefined;

  constructor(entrance: Entrance, surroundings: DispatchSurroundings) {
    this.#entrance = entrance;
    this.#with = surroundings;
    const { settings, clock, passive } = surroundings;
    this.#exchanges = { settings, clock, passive };
  }

  /** The listener as the table has it now. */
  get listener(): ListenerRoutes | undefined {
    return this.#with.routing.table.listeners.get(this.#entrance.port);
  }

  /** Takes charge of a request; it is answered, or its client is lost. */
  dispatch(request: ClientRequest): void {
    const { listener } = this;
    const summary =
      this.#with.observer === undefined
        ? undefined
        : this.#summarize(request.client, request.protocol, request, listener);
    if (listener === undefined) {
      this.#refuse(request, summary, 'unrouted', page(503));
      return;
    }
    const { desync, view } = request.head;
    const { desyncMitigation } = listener.loadBalancerSettings;
    if (desync !== undefined && desyncMitigation === 'strictest') {
      this.#refuse(request, summary, 'refused', page(400));
      return;
    }
    if (this.#takeOwn(request, listener, summary)) return;
    const path = pathFor(listener.settings.pathNormalization, view.path);
    if (path === undefined) {
      if (summary !== undefined) summary.errorReason = 'the path has no plain form';
      this.#refuse(request, summary, 'refused', page(400));
      return;
    }
    const route = matchRule(listener, path === view.path ? view : withPath(view, path));
    if (summary !== undefined) {
      summary.route = route;
      summary.routingRevision = this.#with.routing.table.records.revision;
    }
    const refusal = this.#with.admission?.requestArrived(listener, route, request);
    if (refusal !== undefined) {
      if (summary !== undefined) summary.errorReason = refusal.reason;
      this.#refuse(request, summary, 'refused', page(refusal.status, refusal.lines), false);
      return;
    }
    const passage = newPassage(request, listener, route, summary, path);
    if (route.transforms !== undefined && !this.#transform(passage)) return;
    if (route.authentication === undefined) this.#act(passage);
    else {
      this.#authenticate(passage, (authenticator) =>
        authenticator.authenticate(request, route, listener),
      );
    }
  }

  /**
   * What belongs to the proxy whatever the rules say: proofs for ACME, the way back from an identity provider, and the keys that claims
   * are signed with.
   * @returns true when the request is taken charge of
   */
  #takeOwn(
    request: ClientRequest,
    listener: ListenerRoutes,
    summary: RequestSummary | undefined,
  ): boolean {
    const { routing, authenticator } = this.#with;
    const { host, path } = request.head.view;
    const proof = acmeAnswer(routing.table.records.acmeChallenges, host, path);
    if (proof !== undefined) {
      this.#refuse(request, summary, 'fixed_response', textAnswer('text/plain', proof), false);
      return true;
    }
    if (authenticator === undefined || !path.startsWith(LOGIN_PATHS)) return false;
    const key = authenticator.publicKeyAt(path);
    if (key !== undefined) {
      this.#refuse(request, summary, 'fixed_response', textAnswer('application/json', key), false);
      return true;
    }
    const outcome = authenticator.comeBack(request, listener);
    if (outcome === undefined) return false;
    const passage = newPassage(request, listener, listener.defaultRoute, summary, path);
    this.#authenticate(passage, () => outcome);
    return true;
  }

  /**
   * Tells of a request that a front has refused because it did not understand it.
   * @returns what to answer
   */
  refused(
    client: ClientInfo,
    protocol: ClientProtocol,
    refusal: Refusal,
    received: number,
    startedAt: number,
    headMs = 0,
  ): Answer {
    const made = page(refusal.status);
    this.#with.metrics.answered('refused');
    const { observer } = this.#with;
    if (observer !== undefined) {
      const summary = this.#newSummary(
        client,
        protocol,
        undefined,
        this.listener,
        startedAt,
        false,
      );
      summary.status = refusal.status;
      summary.errorReason = refusal.problem;
      summary.desync = refusal.desync;
      summary.headMs = headMs;
      summary.receivedBytes = received;
      summary.sentBytes = made.body.length;
      summary.endedAt = this.#with.clock.monotonic();
      observer.onRequestEnd(summary);
    }
    return made;
  }

  #summarize(
    client: ClientInfo,
    protocol: ClientProtocol,
    { head, startedAt, headMs, upgrade }: ClientRequest,
    listener: ListenerRoutes | undefined,
  ): RequestSummary {
    const summary = this.#newSummary(client, protocol, head, listener, startedAt, upgrade);
    summary.desync = head.desync;
    summary.headMs = headMs ?? 0;
    return summary;
  }

  #newSummary(
    client: ClientInfo,
    protocol: ClientProtocol,
    head: ClientRequest['head'] | undefined,
    listener: ListenerRoutes | undefined,
    startedAt: number,
    upgrade: boolean,
  ): RequestSummary {
    const { actualPort } = this.#entrance;
    const now = this.#with.clock.now();
    return new RequestSummary(
      client,
      protocol,
      head,
      listener,
      actualPort,
      now,
      startedAt,
      upgrade,
    );
  }

  /** @returns false when the request is answered */
  #transform(passage: Passage): boolean {
    const { request, route, summary } = passage;
    const { transforms } = route;
    if (transforms === undefined) return true;
    const { authority = '', target } = passage;
    const made = transformRequest(transforms, { authority, target });
    if (!made.ok || UNFIT.test(made.target)) {
      if (summary !== undefined) {
        summary.transformStatus = 'TransformError';
        summary.errorReason = made.ok ? 'the rewritten URL is no path' : made.problem;
      }
      this.#answer(passage, 'unrouted', page(500), request.head.ambiguous);
      return false;
    }
    if (made.hostChanged) passage.authority = made.authority;
    passage.target = made.target;
    if (summary !== undefined && (made.hostChanged || made.urlChanged)) {
      summary.transformStatus = 'TransformSuccess';
      if (made.hostChanged) summary.transformedHost = made.authority;
      if (made.urlChanged) summary.transformedUri = made.target;
    }
    return true;
  }

  #authenticate(
    passage: Passage,
    begin: (authenticator: Authenticator) => AuthOutcome | Promise<AuthOutcome>,
  ): void {
    const { request, summary } = passage;
    const { authenticator } = this.#with;
    summary?.act('authenticate');
    if (authenticator === undefined) {
      if (summary !== undefined) summary.errorReason = 'this proxy does not authenticate';
      this.#answer(passage, 'unrouted', page(500), false);
      return;
    }
    let gone = false;
    request.owner = {
      onRequestBody: () => request.pauseBody(),
      onRequestEnd: () => undefined,
      onClientWritable: () => undefined,
      onClientLost: (_reason, status) => {
        gone = true;
        if (summary !== undefined) summary.status = status ?? 460;
        if (status === undefined) this.#ended(passage);
        else this.#answer(passage, 'refused', page(status), true);
      },
    };
    const pass = (outcome: AuthOutcome): void => {
      if (!gone) this.#authenticated(passage, outcome);
    };
    const fail = (): void => {
      if (summary !== undefined) summary.errorReason = 'AuthUnhandledException';
      if (!gone) this.#answer(passage, 'unrouted', page(500), false);
    };
    try {
      const outcome = begin(authenticator);
      if (outcome instanceof Promise) outcome.then(pass).catch(fail);
      else pass(outcome);
    } catch {
      fail();
    }
  }

  #authenticated(passage: Passage, outcome: AuthOutcome): void {
    const { summary } = passage;
    if (summary !== undefined) summary.authenticatedAt = this.#with.clock.monotonic();
    if (outcome.kind === 'refuse') {
      if (summary !== undefined) summary.errorReason = outcome.problem;
      this.#answer(passage, 'refused', page(outcome.status), false);
      return;
    }
    let cookies = '';
    for (const cookie of outcome.setCookies) cookies += `Set-Cookie: ${headerValue(cookie)}\r\n`;
    if (outcome.kind === 'redirect') {
      if (summary !== undefined) summary.redirectUrl = outcome.location;
      this.#answer(passage, 'redirect', redirectTo(outcome.location, 'HTTP_302', cookies), false);
      return;
    }
    passage.answerFields = cookies;
    for (const [name, value] of outcome.headers) {
      passage.fields += `${name}: ${headerValue(value)}\r\n`;
    }
    this.#act(passage);
  }

  #act(passage: Passage): void {
    const { request, route, summary } = passage;
    const { action } = route;
    switch (action.kind) {
      case 'forward':
        summary?.act('forward');
        this.#forward(passage, action);
        return;
      case 'fixed-response':
        summary?.act('fixed-response');
        this.#answer(
          passage,
          'fixed_response',
          fixedResponse(action.response),
          this.#ends(request),
        );
        return;
      case 'redirect': {
        summary?.act('redirect');
        const { actualPort: port, address } = this.#entrance;
        const { host, query } = request.head.view;
        const protocol = request.client.tls === undefined ? 'http' : 'https';
        const location = redirectLocation(action.redirect, {
          protocol,
          host: host === '' ? address.slice(0, address.lastIndexOf(':')) : host,
          port,
          path: passage.path,
          query,
        });
        if (summary !== undefined) summary.redirectUrl = location;
        const { statusCode } = action.redirect;
        const made = location === undefined ? page(500) : redirectTo(location, statusCode);
        this.#answer(passage, 'redirect', made, this.#ends(request));
        return;
      }
      case 'broken':
        if (summary !== undefined) summary.errorReason = action.reason;
        this.#answer(passage, 'unrouted', page(500), this.#ends(request));
        return;
      default:
        assertNever(action);
    }
  }

  /** After an answer of the proxy's own: is what follows on the connection in doubt? */
  #ends({ head, upgrade }: ClientRequest): boolean {
    return head.ambiguous || upgrade;
  }

  #forward(passage: Passage, action: ForwardRoute): void {
    const { request, listener, route, summary } = passage;
    const { settings, routing, clock, observer } = this.#with;
    const choice = routing.choose(action, request.head.view);
    if (choice === undefined) {
      this.#answer(passage, 'unrouted', page(503), this.#ends(request));
      return;
    }
    const { group, stickiness, preferred } = choice;
    if (summary !== undefined) {
      summary.group = group.name;
      if (stickiness?.badGroupCookie === true) summary.errorReason = 'AWSALBTGCookieInvalid';
    }
    const { head, client } = request;
    if (!speaks(group, request)) {
      this.#answer(passage, 'unrouted', page(464), this.#ends(request));
      return;
    }
    const most = route.settings.maximumBodyBytes ?? group.settings.maximumBodyBytes;
    if (most > 0 && head.bodyLength > most) {
      this.#answer(passage, 'refused', page(413), true);
      return;
    }
    const { actualPort, address } = this.#entrance;
    const balancer = listener.loadBalancerSettings;
    const trace = nextTrace(head.trace, summary === undefined ? clock.now() : summary.at);
    if (summary !== undefined) summary.trace = trace;
    const { rules, edits } = this.#changesOf(listener);
    if (balancer.createTraceContext && !HAS_TRACE_CONTEXT.test(head.lines)) {
      const context = traceparentOf(rootOf(trace));
      if (context !== undefined) passage.fields += `traceparent: ${context}\r\n`;
    }
    if (balancer.sendRequestId) {
      passage.answerFields += `X-Request-Id: ${requestIdOf(trace)}\r\n`;
    }
    const lines = outgoingLines(head, client, actualPort, trace, rules);
    const authority =
      passage.authority === undefined
        ? address
        : hostForTarget(
            passage.authority,
            actualPort,
            client.tls !== undefined,
            balancer.preserveHost,
          );
    const outgoing = {
      method: head.view.method,
      target: passage.target,
      authority,
      lines: passage.fields === '' ? lines : lines + passage.fields,
      bodyLength: head.bodyLength,
      upgrade: request.upgrade,
      trailers: head.trailers,
      idleTimeoutMs: settings.idleTimeoutMs ?? balancer.idleTimeoutMs,
    };
    new Exchange(
      {
        request,
        outgoing,
        group,
        stickiness,
        preferred: preferred ?? group.targetOfAddress(client.address),
        close: head.ambiguous && balancer.desyncMitigation !== 'monitor',
        edits: withFields(edits, passage.answerFields),
        maximumBodyBytes: most,
        requestTimeoutMs: route.settings.requestTimeoutMs ?? group.settings.requestTimeoutMs,
        copy: routing.mirrors.begin(route.settings.mirror, outgoing),
        summary,
        observer,
      },
      this.#exchanges,
    ).start();
  }

  #changesOf(listener: ListenerRoutes): HeadChanges {
    const known = this.#changes;
    if (known?.listener === listener) return known;
    const { dropInvalidHeaders, tlsHeaders, forwardedFor, forwardedForPort } =
      listener.loadBalancerSettings;
    const { renamedHeaders } = listener.settings;
    return (this.#changes = {
      listener,
      rules: { dropInvalidHeaders, tlsHeaders, forwardedFor, forwardedForPort, renamedHeaders },
      edits: listenerEdits(listener),
    });
  }

  #refuse(
    request: ClientRequest,
    summary: RequestSummary | undefined,
    kind: AnswerKind,
    made: Answer,
    close = true,
  ): void {
    this.#with.metrics.answered(kind);
    sendAnswer(request.answer, made, close, this.#with.clock.now());
    if (summary !== undefined) this.#close(summary, request, made.status);
  }

  #answer(passage: Passage, kind: AnswerKind, made: Answer, close: boolean): void {
    const { request, summary } = passage;
    this.#with.metrics.answered(kind);
    sendAnswer(request.answer, made, close, this.#with.clock.now());
    if (summary !== undefined) summary.status = made.status;
    this.#ended(passage);
  }

  #ended({ request, summary }: Passage): void {
    if (summary === undefined) return;
    if (summary.trace === '') summary.trace = nextTrace(request.head.trace, summary.at);
    this.#close(summary, request, summary.status);
  }

  #close(summary: RequestSummary, request: ClientRequest, status: number): void {
    summary.status = status;
    summary.receivedBytes = request.received;
    summary.sentBytes = request.sent;
    summary.endedAt = this.#with.clock.monotonic();
    this.#with.observer?.onRequestEnd(summary);
  }
}

/** @param path of the request, as the listener reads it */
function newPassage(
  request: ClientRequest,
  listener: ListenerRoutes,
  route: Route,
  summary: RequestSummary | undefined,
  path: string,
): Passage {
  const { authority, target: sent, view } = request.head;
  const target = path === view.path ? sent : withQuery(path, view.query);
  return {
    request,
    listener,
    route,
    summary,
    path,
    authority,
    target,
    fields: '',
    answerFields: '',
  };
}

/** Not by spreading: a view may make its headers when it is asked for them. */
function withPath(view: RequestView, path: string): RequestView {
  const { method, host, query, headers, sourceAddress } = view;
  return { method, host, path, query, headers, sourceAddress };
}

/** Source: ALB reference, section 3.1. */
function speaks({ settings: { version } }: Group, { protocol, head }: ClientRequest): boolean {
  if (protocol !== 'h2') return version === 'HTTP1';
  const posts = head.view.method === 'POST';
  if (version === 'GRPC') return posts;
  return version === 'HTTP2' || !posts || !/^content-type: application\/grpc/im.test(head.lines);
}

function listenerEdits({ settings }: ListenerRoutes): AnswerEdits | undefined {
  const { sendServer, responseHeaders } = settings;
  if (sendServer && responseHeaders.length === 0) return undefined;
  const without = new Set(responseHeaders.map(([name]) => name.toLowerCase()));
  if (!sendServer) without.add('server');
  const lines = responseHeaders
    .map(([name, value]) => `${name}: ${headerValue(value)}\r\n`)
    .join('');
  return { without, lines };
}

/** @param fields more of them, for one answer */
function withFields(edits: AnswerEdits | undefined, fields: string): AnswerEdits | undefined {
  if (fields === '') return edits;
  return { without: edits?.without ?? NO_NAMES, lines: (edits?.lines ?? '') + fields };
}

function withQuery(path: string, query: string): string {
  return query === '' ? path : `${path}?${query}`;
}
