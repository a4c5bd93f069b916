// What the host has to say of its tasks: the newest status of each, and which of them the present session has yet
// to be told. Bounded by the number of tasks. A new session starts from the whole (the hello), so nothing has
// to be acknowledged one by one.
import type { Clock } from '@berth/control/clock.ts';
import { Latch } from '@berth/control/latch.ts';
import type { TaskStatusRecord } from '@berth/model/generated/messages.ts';

/** Statuses that come so close together go out in one message. */
const GATHER_MS = 50;
const MAX_BATCH = 200;

export class Reporter {
  readonly #clock: Clock;
  readonly #newest = new Map<string, TaskStatusRecord>();
  readonly #untold = new Set<string>();
  readonly #changed = new Latch();
  #told: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  report(status: TaskStatusRecord): void {
    const known = this.#newest.get(status.id);
    if (known && known.sequence > status.sequence) return;
    this.#newest.set(status.id, status);
    this.#untold.add(status.id);
    this.#changed.set();
  }

  /** Say again what is known of a task. */
  repeat(taskId: string): void {
    if (!this.#newest.has(taskId)) return;
    this.#untold.add(taskId);
    this.#changed.set();
  }

  forget(taskId: string): void {
    this.#newest.delete(taskId);
    this.#untold.delete(taskId);
  }

  newest(taskId: string): TaskStatusRecord | undefined {
    return this.#newest.get(taskId);
  }

  /** Everything, for a new session's hello; what it holds need not be told again. */
  all(): readonly TaskStatusRecord[] {
    this.#untold.clear();
    return [...this.#newest.values()];
  }

  /** The next batch; waits for one. @throws the signal's reason */
  async next(signal: AbortSignal): Promise<readonly TaskStatusRecord[]> {
    for (;;) {
      if (this.#untold.size === 0) {
        this.#tellWaiters();
        await this.#changed.take(signal);
        await this.#clock.sleep(GATHER_MS, signal);
      }
      const batch: TaskStatusRecord[] = [];
      for (const id of this.#untold) {
        if (batch.length === MAX_BATCH) break;
        this.#untold.delete(id);
        const status = this.#newest.get(id);
        if (status) batch.push(status);
      }
      if (batch.length > 0) return batch;
    }
  }

  /** Resolves once everything known has been handed to a session. */
  async flushed(): Promise<void> {
    if (this.#untold.size === 0) return;
    await new Promise<void>((resolve) => this.#told.push(resolve));
  }

  #tellWaiters(): void {
    for (const resolve of this.#told.splice(0)) resolve();
  }
}
