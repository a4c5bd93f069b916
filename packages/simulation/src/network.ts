// The network between machines, and gRPC over it, as a model: messages arrive later, in order; a lost packet is a delay; a
// direction that is cut holds everything back until it is mended or until keepalive gives the connection up. What crosses
// it is encoded and decoded as on the wire. Fulfils `Transport`, so that the roles can't tell.
import { Channel } from '@berth/control/channel.ts';
import type { Random } from '@berth/control/clock.ts';
import { abortable, childScope, type Scope, untilAborted } from '@berth/control/scope.ts';
import type { VirtualClock } from '@berth/control/virtual-clock.ts';
import { BerthError, isBerthError } from '@berth/model/errors.ts';
import type { CallContext, CallOptions, CertifiedIdentity, Client } from '@berth/rpc/api.ts';
import type { Connection, ConnectionOptions } from '@berth/rpc/client.ts';
import type { ServiceName } from '@berth/rpc/generated/services.ts';
import { type Method, methodsOf } from '@berth/rpc/load.ts';
import type { RpcServer, ServerOptions } from '@berth/rpc/server.ts';
import type { Transport } from '@berth/rpc/transport.ts';

import type { Process } from './process.ts';

const UNARY_MS = 10_000;
const DIAL_MS = 2_000;
/** As `channel-options.ts` of rpc sets it: a ping after so long, and so long for its answer. */
const KEEPALIVE_MS = { least: 1_500, most: 3_000 };
const UNBOUNDED = 1_000_000;

interface Served {
  readonly process: Process;
  readonly options: ServerOptions;
  readonly streamsEnd: AbortController;
  readonly callsEnd: AbortController;
  readonly open: Set<ServerCall>;
}

interface ServerCall {
  readonly client: Process;
  readonly server: Process;
  /** The connection breaks: each side learns of it when it runs. */
  readonly breakClient: () => void;
  readonly breakServer: () => void;
}

export interface NetworkOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  /** A handler threw what is no answer: a bug. */
  readonly onBug: (error: Error) => void;
}

/** A kind of client with untyped methods. */
type AnyClient = Readonly<Record<string, (request: unknown, options?: CallOptions) => unknown>>;
type AnyHandler = (request: unknown, context: CallContext) => unknown;

export class Network {
  readonly #options: NetworkOptions;
  readonly #served = new Map<string, Served>();
  readonly #calls = new Set<ServerCall>();
  readonly #cut = new Map<string, number>();
  #mended: (() => void)[] = [];
  #cuts = 0;
  #requests = 0;
  /** Part of the messages that are lost once and sent again. */
  loss = 0;
  /** What a message takes at most, ms; at least a tenth of it. */
  delayMs = 4;

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  transportOf(process: Process): Transport {
    return {
      serve: (options) => this.#serve(process, options),
      connect: (options) => this.#connect(process, options),
    };
  }

  isCut(from: string, to: string): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  /** Nothing gets from one machine to the other; the other way is not touched. */
  cut(from: string, to: string): void {
    this.#cuts += 1;
    this.#cut.set(`${from}>${to}`, this.#cuts);
    void this.#giveUp(from, to, this.#cuts);
  }

  mend(from: string, to: string): void {
    if (this.#cut.delete(`${from}>${to}`)) this.#wake();
  }

  mendAll(): void {
    this.#cut.clear();
    this.#wake();
  }

  /** Every connection between two machines is reset. */
  reset(a: string, b: string): void {
    this.#breakWhere(({ client, server }) => between(client, server, a, b));
  }

  /** A process does not answer pings: those who talk to it give it up. */
  async notAnswering(process: Process): Promise<void> {
    await this.#wait(this.#keepalive());
    if (process.runs) return;
    this.#breakWhere(({ client, server }) => client === process || server === process);
  }

  /** Could one machine begin a call to the other at this address now? */
  reaches(from: string, address: string): boolean {
    const to = address.split(':')[0] ?? '';
    const served = this.#served.get(address);
    return served?.process.runs === true && !this.isCut(from, to) && !this.isCut(to, from);
  }

  /** The process is gone, and its machine says so at once, or, when that is gone too, nobody does. */
  async gone(process: Process, told: boolean): Promise<void> {
    for (const [address, { process: by }] of this.#served) {
      if (by === process) this.#served.delete(address);
    }
    await this.#wait(told ? this.#delay() : this.#keepalive());
    this.#breakWhere(({ client, server }) => client === process || server === process);
  }

  /** A way from one machine to another of a message that is not gRPC. Never arrives while the way is cut. */
  async pass(from: string, to: string, signal: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(this.#delay(), signal);
    while (this.isCut(from, to)) await abortable(this.#mending(), signal);
  }

  async #giveUp(from: string, to: string, cut: number): Promise<void> {
    await this.#wait(this.#keepalive());
    if (this.#cut.get(`${from}>${to}`) === cut) this.reset(from, to);
  }

  #breakWhere(where: (call: ServerCall) => boolean): void {
    for (const call of [...this.#calls]) {
      if (!where(call)) continue;
      this.#calls.delete(call);
      void call.client.enter().then(call.breakClient);
      void call.server.enter().then(call.breakServer);
    }
  }

  #keepalive(): number {
    const { least, most } = KEEPALIVE_MS;
    return least + this.#options.random() * (most - least);
  }

  #delay(): number {
    const { random } = this.#options;
    const usual = this.delayMs * (0.1 + 0.9 * random());
    return this.loss > 0 && random() < this.loss ? usual + 200 + random() * 800 : usual;
  }

  #wait(ms: number): Promise<void> {
    return this.#options.clock.sleep(ms, NEVER);
  }

  #mending(): Promise<void> {
    return new Promise((resolve) => this.#mended.push(resolve));
  }

  #wake(): void {
    for (const go of this.#mended.splice(0)) go();
  }

  #serve(process: Process, options: ServerOptions): Promise<RpcServer> {
    const { address } = options;
    const served: Served = {
      process,
      options,
      streamsEnd: new AbortController(),
      callsEnd: new AbortController(),
      open: new Set(),
    };
    this.#served.set(address, served);
    return Promise.resolve({
      address,
      close: async (graceMs) => {
        if (this.#served.get(address) === served) this.#served.delete(address);
        const stopped = new BerthError('Unavailable', `The server at ${address} is stopping.`);
        served.streamsEnd.abort(stopped);
        const end = process.clock.monotonic() + graceMs;
        while (served.open.size > 0 && process.clock.monotonic() < end) {
          await process.clock.sleep(50, NEVER);
        }
        served.callsEnd.abort(stopped);
      },
    });
  }

  #connect(process: Process, options: ConnectionOptions): Connection {
    const state = { preferred: 0, closed: false };
    const call = (service: ServiceName, method: Method): AnyClient[string] => {
      const name = `${service}.${method.name}`;
      return method.kind === 'unary'
        ? (request, more = {}) =>
            this.#unary(process, options, state, { service, method, name }, request, more)
        : (request, more = {}) =>
            this.#stream(process, options, state, { service, method, name }, request, more);
    };
    return {
      client: <S extends ServiceName>(service: S) =>
        Object.fromEntries(
          [...methodsOf(service).values()].map((method) => [method.name, call(service, method)]),
        ) as unknown as Client<S>,
      close: () => {
        state.closed = true;
      },
    };
  }

  /** The first address that can be connected to, from the one that last worked on. @throws BerthError Unavailable */
  async #dial(
    process: Process,
    addresses: readonly string[],
    state: LinkState,
    name: string,
    signal: AbortSignal,
  ): Promise<Served> {
    if (state.closed)
      throw new BerthError('Cancelled', `${name} failed: the connection is closed.`);
    let why = '';
    for (let tried = 0; tried < addresses.length; tried += 1) {
      const index = (state.preferred + tried) % addresses.length;
      const address = addresses[index] ?? '';
      const machine = address.split(':')[0] ?? '';
      const blocked = this.isCut(process.machine, machine) || this.isCut(machine, process.machine);
      await process.clock.sleep(blocked ? DIAL_MS : 2 * this.#delay(), signal);
      const found = this.#served.get(address);
      if (found && !blocked && found.process.runs) {
        state.preferred = index;
        return found;
      }
      why = `${address} ${blocked || found ? 'does not answer' : 'refuses connections'}`;
    }
    throw new BerthError('Unavailable', `${name} failed: ${why}.`);
  }

  async #unary(
    process: Process,
    { addresses, tls }: ConnectionOptions,
    state: LinkState,
    of: Called,
    request: unknown,
    { signal, timeoutMs = UNARY_MS, metadata }: CallOptions,
  ): Promise<unknown> {
    const scope = childScope(...(signal ? [signal] : []));
    const { method, name } = of;
    let asked = false;
    try {
      void process.clock.sleep(timeoutMs, scope.signal).then(
        () =>
          scope.abort(
            new BerthError('DeadlineExceeded', `${name} took longer than ${timeoutMs} ms.`),
          ),
        () => undefined,
      );
      const bytes = method.request.encode(request);
      const served = await this.#dial(process, addresses, state, name, scope.signal);
      asked = true;
      const answer = this.#answer(process, served, of, bytes, {
        identity: identityIn(tls.certificate),
        metadata,
        scope,
      });
      return await abortable(answer, scope.signal);
    } catch (error) {
      if (signal?.aborted)
        throw new BerthError('Cancelled', `${name} was cancelled by its caller.`);
      if (asked) passOver(state, addresses, error);
      throw error;
    } finally {
      scope.abort(new BerthError('Cancelled', `${name} is over.`));
    }
  }

  async #answer(
    client: Process,
    served: Served,
    of: Called,
    bytes: Buffer,
    how: How,
  ): Promise<unknown> {
    const { process: server } = served;
    const broken = Promise.withResolvers<never>();
    broken.promise.catch(() => undefined);
    const within = childScope(served.callsEnd.signal);
    const call: ServerCall = {
      client,
      server,
      breakClient: () => broken.reject(lost(of.name)),
      breakServer: () => within.abort(callerGone(of.name)),
    };
    const leave = (): void => within.abort(callerGone(of.name));
    how.scope.signal.addEventListener('abort', leave, { once: true });
    this.#calls.add(call);
    try {
      return await Promise.race([
        broken.promise,
        this.#handled(call, served, of, bytes, how, within),
      ]);
    } finally {
      this.#calls.delete(call);
    }
  }

  async #handled(
    call: ServerCall,
    served: Served,
    of: Called,
    bytes: Buffer,
    how: How,
    within: Scope,
  ): Promise<unknown> {
    const { client, server } = call;
    await this.pass(client.machine, server.machine, NEVER);
    await server.enter();
    served.open.add(call);
    let outcome: { readonly bytes: Buffer } | { readonly error: BerthError };
    try {
      const { method, service } = of;
      const context = this.#context(how, client, within.signal);
      const handler = handlerIn(served, service, method.name);
      const answer = await abortable(
        handler(method.request.decode(bytes), context) as Promise<object>,
        within.signal,
      );
      outcome = { bytes: method.response.encode(answer) };
    } catch (error) {
      outcome = { error: this.#told(error, of.name, within.signal) };
    } finally {
      served.open.delete(call);
      within.abort(new BerthError('Cancelled', `${of.name} has been answered.`));
    }
    await this.pass(server.machine, client.machine, NEVER);
    await client.enter();
    if ('error' in outcome) throw outcome.error;
    return of.method.response.decode(outcome.bytes);
  }

  async *#stream(
    process: Process,
    { addresses, tls }: ConnectionOptions,
    state: LinkState,
    of: Called,
    request: unknown,
    { signal, metadata }: CallOptions,
  ): AsyncGenerator<unknown, void, undefined> {
    const { method, name } = of;
    const over = childScope(...(signal ? [signal] : []));
    const cancelled = (): BerthError =>
      new BerthError('Cancelled', `${name} was cancelled by its caller.`);
    let pipes: { readonly up: Pipe; readonly down: Pipe } | undefined;
    let call: ServerCall | undefined;
    try {
      const served = await this.#dial(process, addresses, state, name, over.signal);
      const { process: server } = served;
      const up = this.#pipe(process, server);
      const down = this.#pipe(server, process);
      pipes = { up, down };
      const within = childScope(served.streamsEnd.signal);
      call = {
        client: process,
        server,
        breakClient: () => down.fail(lost(name)),
        breakServer: () => within.abort(callerGone(name)),
      };
      up.onBroken = call.breakServer;
      this.#calls.add(call);
      void this.#serveStream(
        call,
        served,
        of,
        up,
        down,
        { identity: identityIn(tls.certificate), metadata, scope: over },
        within,
      );
      if (method.kind === 'server') {
        up.send(method.request.encode(request));
        up.end();
      } else void sendAll(request as AsyncIterable<unknown>, up, method, over.signal);
      for await (const bytes of untilAborted(down.items, over.signal))
        yield method.response.decode(bytes);
    } catch (error) {
      if (signal?.aborted) throw cancelled();
      if (call) passOver(state, addresses, error);
      throw error;
    } finally {
      over.abort(cancelled());
      pipes?.up.break();
      if (call) this.#calls.delete(call);
    }
  }

  async #serveStream(
    call: ServerCall,
    served: Served,
    of: Called,
    up: Pipe,
    down: Pipe,
    how: How,
    within: Scope,
  ): Promise<void> {
    const { method, service, name } = of;
    served.open.add(call);
    try {
      const first = method.kind === 'server' ? await firstOf(up.items) : undefined;
      const context = this.#context(how, call.client, within.signal);
      const requests = decoded(untilAborted(up.items, within.signal), method);
      const handler = handlerIn(served, service, method.name);
      const input = first === undefined ? requests : method.request.decode(first);
      const answers = handler(input, context) as AsyncIterable<object>;
      for await (const answer of untilAborted(answers, within.signal)) {
        down.send(method.response.encode(answer));
      }
      down.end();
    } catch (error) {
      down.endWith(this.#told(error, name, within.signal));
    } finally {
      served.open.delete(call);
      within.abort(new BerthError('Cancelled', `${name} has been answered.`));
    }
  }

  #context({ identity, metadata }: How, client: Process, signal: AbortSignal): CallContext {
    this.#requests += 1;
    return {
      identity,
      peer: client.machine,
      requestId: `r${this.#requests}`,
      metadata: new Map(Object.entries(metadata ?? {})),
      signal,
    };
  }

  /** What a caller is told of a failure. Whatever is no `BerthError` should not have come this far. */
  #told(error: unknown, name: string, signal: AbortSignal): BerthError {
    if (isBerthError(error)) {
      return new BerthError(error.code, error.message, { details: { ...error.details } });
    }
    if (!signal.aborted) {
      const found = error instanceof Error ? error : new Error(String(error));
      this.#options.onBug(
        new Error(`${name} failed unexpectedly: ${found.message}`, { cause: found }),
      );
    }
    return new BerthError('Internal', `${name} failed unexpectedly.`);
  }

  #pipe(from: Process, to: Process): Pipe {
    return new Pipe(
      (ms) => this.#wait(ms),
      () => this.#options.clock.monotonic() + this.#delay(),
      () => this.#options.clock.monotonic(),
      async () => {
        while (this.isCut(from.machine, to.machine)) await this.#mending();
        await to.enter();
      },
    );
  }
}

interface LinkState {
  preferred: number;
  closed: boolean;
}

/** Whoever answers that it can't serve now is not asked first the next time, as in `client.ts` of rpc. */
function passOver(state: LinkState, addresses: readonly string[], error: unknown): void {
  if (isBerthError(error, 'Unavailable')) {
    state.preferred = (state.preferred + 1) % addresses.length;
  }
}

interface Called {
  readonly service: ServiceName;
  readonly method: Method;
  readonly name: string;
}

interface How {
  readonly identity: CertifiedIdentity;
  readonly metadata: CallOptions['metadata'];
  /** Of the caller. */
  readonly scope: Scope;
}

const NEVER = new AbortController().signal;

type Parcel = Buffer | 'end' | 'break' | BerthError;

/** One direction of a stream: everything arrives in order. */
class Pipe {
  readonly items = new Channel<Buffer>(UNBOUNDED);
  onBroken: () => void = () => undefined;
  readonly #wait: (ms: number) => Promise<void>;
  readonly #arrival: () => number;
  readonly #now: () => number;
  readonly #way: () => Promise<void>;
  readonly #queue: { readonly at: number; readonly parcel: Parcel }[] = [];
  #pumping = false;
  #ended = false;

  constructor(
    wait: Pipe['wait'],
    arrival: () => number,
    now: () => number,
    way: () => Promise<void>,
  ) {
    this.#wait = wait;
    this.#arrival = arrival;
    this.#now = now;
    this.#way = way;
  }

  get wait(): (ms: number) => Promise<void> {
    return this.#wait;
  }

  send(bytes: Buffer): void {
    this.#put(bytes);
  }

  /** After all that was sent. */
  end(): void {
    this.#put('end');
    this.#ended = true;
  }

  endWith(error: BerthError): void {
    this.#put(error);
    this.#ended = true;
  }

  /** The sender is gone, whatever it has said so far. */
  break(): void {
    this.#put('break');
    this.#ended = true;
  }

  /** At once. */
  fail(error: BerthError): void {
    this.#ended = true;
    this.items.fail(error);
  }

  #put(parcel: Parcel): void {
    if (this.#ended && parcel !== 'break') return;
    const last = this.#queue.at(-1)?.at ?? 0;
    this.#queue.push({ at: Math.max(last, this.#arrival()), parcel });
    if (!this.#pumping) void this.#pump();
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      const left = next.at - this.#now();
      if (left > 0) await this.#wait(left);
      await this.#way();
      while (this.#queue[0] && this.#queue[0].at <= this.#now()) {
        this.#deliver((this.#queue.shift() as { parcel: Parcel }).parcel);
      }
    }
    this.#pumping = false;
  }

  #deliver(parcel: Parcel): void {
    if (parcel === 'end') this.items.close();
    else if (parcel === 'break') {
      this.items.close();
      this.onBroken();
    } else if (parcel instanceof BerthError) this.items.fail(parcel);
    else this.items.offer(parcel);
  }
}

async function sendAll(
  requests: AsyncIterable<unknown>,
  up: Pipe,
  method: Method,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const request of untilAborted(requests, signal))
      up.send(method.request.encode(request));
    up.end();
  } catch {
    up.break();
  }
}

async function* decoded(
  items: AsyncIterable<Buffer>,
  method: Method,
): AsyncGenerator<unknown, void, undefined> {
  for await (const bytes of items) yield method.request.decode(bytes);
}

async function firstOf(items: AsyncIterable<Buffer>): Promise<Buffer> {
  for await (const item of items) return item;
  throw new BerthError('Cancelled', 'The caller is gone.');
}

function handlerIn({ options }: Served, service: ServiceName, method: string): AnyHandler {
  const handlers = options.services[service] as Readonly<Record<string, AnyHandler>> | undefined;
  const handler = handlers?.[method];
  if (!handler) throw new BerthError('Internal', `${service}.${method} is not served there.`);
  return handler.bind(handlers);
}

function between(client: Process, server: Process, a: string, b: string): boolean {
  return (
    (client.machine === a && server.machine === b) || (client.machine === b && server.machine === a)
  );
}

/** A certificate of the model is what it would name: ROLE/NAME. */
function identityIn(certificate: string): CertifiedIdentity {
  const [role = '', name = ''] = certificate.split('/');
  return { role: role as CertifiedIdentity['role'], name };
}

function lost(name: string): BerthError {
  return new BerthError('Unavailable', `${name} failed: the connection broke.`);
}

function callerGone(name: string): BerthError {
  return new BerthError('Cancelled', `The caller of ${name} is gone, or its deadline has passed.`);
}
