// Logs of a task, or of all tasks of a service interleaved as they come; with `follow`, of those that start
// meanwhile too.
import { Channel } from '@berth/control/channel.ts';
import { childScope, untilAborted, type Scope } from '@berth/control/scope.ts';
import { isBerthError } from '@berth/model/errors.ts';
import type {
  LogChunk,
  ServiceRecord,
  StreamLogsRequest,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import type { Change } from '@berth/store/state.ts';

import { lastStatusOf, reportedStatus } from '../views/task-status.ts';
import type { OwnOperationsDeps } from './deps-operations.ts';
import { invalid, requireCluster, requireService, requireTask } from './resolve.ts';
import { taskLogs, type LogWishes } from './task-logs.ts';

/** Chunks that may wait for a slow reader, of all tasks together. */
const MOST_WAITING = 64;
const MOST_TASKS = 200;
/** A task whose host went away is asked again after this. */
const AGAIN_MS = 1_000;

/** @throws BerthError InvalidParameterException when it is not one task or one service that is asked for, or it is not known */
export async function* streamLogs(
  deps: OwnOperationsDeps,
  request: StreamLogsRequest,
  context: CallContext,
): AsyncGenerator<LogChunk, void, undefined> {
  await deps.freshen(context.signal);
  const { cluster, task, service, ...wishes } = request;
  if ((task === undefined) === (service === undefined)) {
    throw invalid(
      'Logs are of one task or of one service: expected exactly one of task and service.',
    );
  }
  if (wishes.tail !== undefined && wishes.tail < 0) {
    throw invalid(`tail is ${wishes.tail}; expected 0 or more.`);
  }
  const view = { state: deps.cache, realm: deps.realm };
  if (task !== undefined) {
    const place = requireCluster(view, cluster, 'task', [task]);
    yield* taskLogs(deps, requireTask(place, task).value, wishes, context, context.signal);
  } else {
    const place = requireCluster(view, cluster, 'service', [service ?? '']);
    const scope = childScope(context.signal);
    const logs = new ServiceLogs(
      deps,
      requireService(place, service ?? '').value,
      wishes,
      context,
      scope,
    );
    try {
      yield* logs.chunks();
    } finally {
      scope.abort();
    }
  }
}

class ServiceLogs {
  readonly #deps: OwnOperationsDeps;
  readonly #service: ServiceRecord;
  readonly #wishes: LogWishes;
  readonly #context: CallContext;
  readonly #scope: Scope;
  readonly #out = new Channel<LogChunk>(MOST_WAITING);
  /** Tasks that have been asked for, with the streams of those that still run. */
  readonly #asked = new Set<string>();
  #running = 0;
  #delivered = false;
  #failure: Error | undefined;

  constructor(
    deps: OwnOperationsDeps,
    service: ServiceRecord,
    wishes: LogWishes,
    context: CallContext,
    scope: Scope,
  ) {
    this.#deps = deps;
    this.#service = service;
    this.#wishes = wishes;
    this.#context = context;
    this.#scope = scope;
  }

  async *chunks(): AsyncGenerator<LogChunk, void, undefined> {
    const { cache } = this.#deps;
    this.#begin(this.#wishes);
    if (!this.#wishes.follow && this.#running === 0) return;
    // What a task wrote before it was found is asked for from its start.
    const later = { ...this.#wishes, tail: undefined, since: undefined };
    const unsubscribe = cache.subscribe(({ changes }) => {
      for (const { collection, parts, after } of changes) {
        if (collection === 'tasks' && !after) this.#asked.delete(parts[1] ?? '');
      }
      if (this.#wishes.follow && changes.some((change) => this.#reports(change)))
        this.#begin(later);
    });
    try {
      yield* untilAborted(this.#out, this.#scope.signal);
    } finally {
      unsubscribe();
    }
  }

  /** Whether the agent of one of the service's tasks has reported. */
  #reports({ collection, parts: [cluster = '', id = ''] }: Change): boolean {
    if (collection !== 'taskStatus') return false;
    const task = this.#deps.cache.get(collections.tasks, cluster, id)?.value;
    return cluster === this.#service.cluster && task?.service === this.#service.name;
  }

  /** Ask for the logs of every task that runs and has not been asked for. */
  #begin(wishes: LogWishes): void {
    const { cache } = this.#deps;
    for (const { value } of cache.tasksByService(this.#service.cluster, this.#service.name)) {
      const reported = reportedStatus(cache, value)?.lastStatus;
      const runs = reported === 'RUNNING' || reported === 'STOPPING';
      if (!runs || this.#asked.has(value.id) || this.#running >= MOST_TASKS) continue;
      this.#asked.add(value.id);
      this.#running += 1;
      void this.#pump(value, wishes);
    }
  }

  /** Never rejects. */
  async #pump(task: TaskRecord, wishes: LogWishes): Promise<void> {
    const { cache, clock } = this.#deps;
    const { signal } = this.#scope;
    let asked = wishes;
    while (!signal.aborted) {
      try {
        for await (const chunk of taskLogs(this.#deps, task, asked, this.#context, signal)) {
          this.#delivered = true;
          if (!(await this.#out.send(chunk))) return;
        }
        break;
      } catch (error) {
        // A container that is unknown stays unknown; a host that is away may come back.
        const lasting =
          this.#wishes.container !== undefined && isBerthError(error, 'ClientException');
        if (lasting || !this.#wishes.follow) this.#failure ??= error as Error;
        if (lasting) break;
        const present = cache.get(collections.tasks, task.cluster, task.id)?.value;
        if (!this.#wishes.follow || !present || lastStatusOf(cache, present) === 'STOPPED') break;
        asked = { ...wishes, tail: undefined, since: clock.now() };
        await clock.sleep(AGAIN_MS, signal).catch(() => undefined);
      }
    }
    this.#ended();
  }

  /** Without `follow` the last task's end is the end; that nothing could be read is an error, also with it. */
  #ended(): void {
    this.#running -= 1;
    if (this.#running > 0) return;
    if (this.#failure && !this.#delivered) this.#out.fail(this.#failure);
    else if (!this.#wishes.follow) this.#out.close();
  }
}
