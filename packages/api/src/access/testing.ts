// What decides who may do what, on a store in memory, and handlers that do nothing. For tests only.
import { Buffer } from 'node:buffer';

import { VirtualClock, seededRandom } from '@berth/control/virtual-clock.ts';
import type { AccessCredentials } from '@berth/model/access/principal.ts';
import type { MessageName, MessageTypes } from '@berth/model/generated/messages.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { KeyRing } from '@berth/process/key-ring.ts';
import type { LineSink } from '@berth/process/line-writer.ts';
import { createRegistry } from '@berth/process/metrics.ts';
import type { CallContext, Identity } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';
import type { ServiceTypes } from '@berth/rpc/generated/services.ts';
import { methodsOf } from '@berth/rpc/load.ts';
import { testLogger } from '@berth/rpc/testing/fixtures.ts';
import type { Collection } from '@berth/store/keys.ts';
import { MemoryStore } from '@berth/store/memory-store.ts';
import { putRecord } from '@berth/store/record.ts';
import { type ListWatchCache, startCache } from '@berth/store/state-cache.ts';

import type { OperationsDeps } from '../operations/deps.ts';
import { freshenFrom } from '../operations/freshen.ts';
import type { AnyHandlers, GuardedService } from './guard.ts';
import { accessHandlers } from './operations/handlers.ts';
import { type Access, startAccess } from './start-access.ts';

export const REALM: Realm = { region: 'us-east-1', account: '000000000000' };
const ADMIN: Identity = { role: 'admin', name: 'tester' };

/** Keeps lines; writes none while `broken`. */
export class MemorySink implements LineSink {
  readonly lines: Record<string, unknown>[] = [];
  broken = false;
  closed = false;

  write(line: string): Promise<boolean> {
    return Promise.resolve(this.offer(line));
  }

  offer(line: string): boolean {
    if (this.broken) return false;
    this.lines.push(JSON.parse(line) as Record<string, unknown>);
    return true;
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

type Response<
  S extends GuardedService,
  M extends keyof ServiceTypes[S],
> = ServiceTypes[S][M] extends { response: infer R } ? R : never;

export class AccessBench {
  readonly clock = new VirtualClock(Date.parse('2026-01-31T12:00:00Z'));
  readonly store = new MemoryStore({ clock: this.clock });
  readonly random = seededRandom(7);
  readonly logger = testLogger();
  readonly sealer: KeyRing;
  readonly sink = new MemorySink();
  readonly cache: ListWatchCache;
  readonly access: Access;
  readonly #end: AbortController;
  readonly #handlers = new Map<GuardedService, AnyHandlers>();

  private constructor(
    sealer: KeyRing,
    store: MemoryStore,
    cache: ListWatchCache,
    end: AbortController,
  ) {
    this.sealer = sealer;
    this.store = store;
    this.cache = cache;
    this.#end = end;
    const { clock, random, logger } = this;
    const metrics = createRegistry({ defaults: false });
    const freshen = freshenFrom(store, cache);
    const audit = { sink: this.sink, reads: true };
    const parts = { store, cache, realm: REALM, sealer, clock, logger, metrics, freshen, audit };
    this.access = startAccess(parts);
    const deps = { ...parts, random } as unknown as OperationsDeps; // no operation here needs the rest
    this.#guard('Access', accessHandlers(deps) as unknown as AnyHandlers);
    for (const service of ['Ecs', 'LoadBalancing', 'Scaling', 'Operations'] as const) {
      const names = [...methodsOf(service).values()].filter(({ kind }) => kind === 'unary');
      const handlers = names.map(({ name }) => [name, () => Promise.resolve({})]);
      this.#guard(service, Object.fromEntries(handlers) as AnyHandlers);
    }
  }

  static async start(sealer = KeyRing.create(), store?: MemoryStore): Promise<AccessBench> {
    const clock = new VirtualClock(Date.parse('2026-01-31T12:00:00Z'));
    const own = store ?? new MemoryStore({ clock });
    const end = new AbortController();
    const random = seededRandom(3);
    const cache = await startCache({ store: own, clock, random, logger: testLogger() }, end.signal);
    return new AccessBench(sealer, own, cache, end);
  }

  async stop(): Promise<void> {
    await this.access.stop();
    this.#end.abort();
    await this.store.close();
  }

  call(identity: Identity = ADMIN, peer = '10.1.2.3:5000'): CallContext {
    return { identity, peer, requestId: 'r1', metadata: new Map(), signal: this.#end.signal };
  }

  async ask<S extends GuardedService, M extends keyof ServiceTypes[S] & string>(
    service: S,
    method: M,
    request: object = {},
    call: CallContext = this.call(),
  ): Promise<Response<S, M>> {
    const { requestMessage } = methodsOf(service).get(method) ?? { requestMessage: undefined };
    const asked = complete(requestMessage as MessageName, request);
    return (await this.#handlers.get(service)?.[method]?.(asked, call)) as Response<S, M>;
  }

  /** A user with a key and a policy of these statements. @returns the caller that it is */
  async user(name: string, ...statements: object[]): Promise<CallContext> {
    await this.ask('Access', 'CreateUser', { userName: name });
    if (statements.length > 0) {
      const document = JSON.stringify({ Version: '2012-10-17', Statement: statements });
      await this.ask('Access', 'CreatePolicy', { policyName: `of-${name}`, document });
      await this.ask('Access', 'AttachPolicy', { policy: `of-${name}`, userName: name });
    }
    const { accessKey } = await this.ask('Access', 'CreateAccessKey', { userName: name });
    return this.caller(await this.credentials(accessKey?.accessKeyId ?? ''));
  }

  async credentials(id: string, token?: string): Promise<AccessCredentials> {
    const found = await this.access.door.credentials(id, token);
    if (!found) throw new Error(`there are no credentials ${id}`);
    return found;
  }

  caller({ principal }: AccessCredentials): CallContext {
    return this.call({ role: 'user', name: principal.name, principal });
  }

  async put<N extends MessageName>(
    of: Collection<N>,
    parts: readonly string[],
    value: Partial<MessageTypes[N]>,
  ): Promise<void> {
    const puts = [putRecord(of, parts, complete(of.message, value))];
    const { signal } = this.#end;
    const { revision } = await this.store.commit({ guards: [], puts, deletes: [] }, signal);
    await this.cache.reached(revision, signal);
  }

  seal(text: string, purpose: string): Uint8Array {
    return this.sealer.seal(Buffer.from(text), purpose);
  }

  #guard(service: GuardedService, handlers: AnyHandlers): void {
    this.#handlers.set(service, this.access.guard.guardedAny(service, handlers));
  }
}
