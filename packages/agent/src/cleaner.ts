// Removes what tasks leave at the engine: containers and the volumes that live and die with a task. Goes by
// labels, so that it also finds what nobody remembers.
import type { Logger } from '@berth/control/logger.ts';
import { Semaphore } from '@berth/control/semaphore.ts';

import { hostLabels, LABEL, taskLabels, type Labels } from './labels.ts';
import type { ContainerSummary } from './runtime/runtime.ts';
import type { Workshop } from './task-operations.ts';
import { retryDelayMs } from './transition-policy.ts';

const MAX_REMOVALS = 8;
/** An unwanted container is asked to stop before it is removed. */
const STRAY_STOP_SECONDS = 10;

export class Cleaner {
  readonly #workshop: Workshop;
  readonly #logger: Logger;
  readonly #signal: AbortSignal;
  readonly #slots = new Semaphore(MAX_REMOVALS);
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(workshop: Workshop, logger: Logger, signal: AbortSignal) {
    this.#workshop = workshop;
    this.#logger = logger;
    this.#signal = signal;
  }

  /** Stop and remove these containers, in the background; what fails is found again by the next list. */
  removeAll(containers: readonly ContainerSummary[]): void {
    this.#inBackground(containers, (container) => this.#removeStray(container));
  }

  /** Stop those of these containers that run, in the background, though they are taken to have ended. Their logs stay. */
  stopAll(containers: readonly ContainerSummary[]): void {
    this.#inBackground(containers, (container) => this.#stopOutliving(container));
  }

  #inBackground(
    containers: readonly ContainerSummary[],
    work: (container: ContainerSummary) => Promise<void>,
  ): void {
    for (const container of containers) {
      if (this.#underWay.has(container.id)) continue;
      const done = work(container).finally(() => {
        this.#underWay.delete(container.id);
      });
      this.#underWay.set(container.id, done);
    }
  }

  /** Remove all that a stopped task has left. Goes on until it has succeeded. @returns false when the agent ends first */
  async removeTask(taskId: string): Promise<boolean> {
    const { host, clock } = this.#workshop;
    for (let failures = 1; !this.#signal.aborted; failures += 1) {
      try {
        await this.#remove(taskLabels(host.cluster, host.id, taskId));
        return true;
      } catch (error) {
        if (this.#signal.aborted) break;
        this.#logger.warn({ taskId, err: error }, 'what a task has left could not be removed');
        await clock.sleep(retryDelayMs(failures), this.#signal).catch(() => undefined);
      }
    }
    return false;
  }

  /** Remove all containers and task volumes of this host, running or not. Never throws. */
  async removeHost(): Promise<void> {
    const { host } = this.#workshop;
    try {
      await this.#remove(hostLabels(host.cluster, host.id));
    } catch (error) {
      this.#logger.error({ err: error }, 'containers of this host could not be removed');
    }
  }

  async idle(): Promise<void> {
    await Promise.allSettled(this.#underWay.values());
  }

  async #remove(labels: Labels): Promise<void> {
    const { runtime } = this.#workshop;
    const containers = await runtime.list(labels, this.#signal);
    await Promise.all(
      containers.map(({ id }) =>
        this.#slots.run(this.#signal, () => runtime.remove(id, this.#signal)),
      ),
    );
    for (const name of await runtime.listVolumes(labels, this.#signal)) {
      await runtime.removeVolume(name, this.#signal);
    }
  }

  async #stopOutliving(container: ContainerSummary): Promise<void> {
    const { runtime } = this.#workshop;
    const { id } = container;
    try {
      // The list may be older than the container's end.
      const facts = await runtime.inspect(id, this.#signal);
      if (facts?.state !== 'running') return;
      this.#logger.warn(fieldsOf(container), 'stopping a container that was taken to have ended');
      await runtime.stop(id, STRAY_STOP_SECONDS, this.#signal);
    } catch (error) {
      if (this.#signal.aborted) return;
      const fields = { ...fieldsOf(container), err: error };
      this.#logger.warn(fields, 'a container that was taken to have ended could not be stopped');
    }
  }

  async #removeStray(container: ContainerSummary): Promise<void> {
    const { runtime } = this.#workshop;
    const { id, state } = container;
    const fields = fieldsOf(container);
    try {
      this.#logger.info({ ...fields, state }, 'removing a container that nobody ordered');
      if (state === 'running') await runtime.stop(id, STRAY_STOP_SECONDS, this.#signal);
      await runtime.remove(id, this.#signal);
    } catch (error) {
      if (this.#signal.aborted) return;
      this.#logger.warn({ ...fields, err: error }, 'an unwanted container could not be removed');
    }
  }
}

function fieldsOf({ id, labels }: ContainerSummary): object {
  return { runtimeId: id, taskId: labels[LABEL.task], container: labels[LABEL.container] };
}
