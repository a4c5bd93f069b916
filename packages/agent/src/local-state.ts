// The agent's memory on disk: who this host is, what it has begun for each task, which ports were used last.
// One file a task, replaced whole. A create is recorded here before Docker is asked for it; Docker's labels are
// the second memory, should this one be lost. Holds environments of tasks: readable by its owner only.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import type { Logger } from '@berth/control/logger.ts';
import { BerthError, messageChain } from '@berth/model/errors.ts';

import { diskFiles, type Files } from './durable-file.ts';
import type { TaskMemory } from './task-memory.ts';

const TASK_FILE = /^([0-9a-f]{32})\.json$/;
const HOST_ID = /^[0-9a-f]{32}$/;
/** Of the files' form. */
const VERSION = 1;

interface Slot {
  writing: Promise<void>;
  /** The newest content that waits for its turn; undefined: the file is to go. */
  next: { readonly content: string | undefined } | undefined;
}

export class LocalState {
  readonly #directory: string;
  readonly #files: Files;
  readonly #slots = new Map<string, Slot>();
  #trouble: string | undefined;

  constructor(directory: string, files: Files = diskFiles) {
    this.#directory = directory;
    this.#files = files;
  }

  /** Why nothing can be written; undefined after a write that succeeded. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /**
   * The host's identity, 32 hexadecimal digits; drawn at the first start and kept for ever.
   * @throws BerthError InvalidConfigurationRequest when the file holds something else
   */
  async hostId(): Promise<string> {
    const path = join(this.#directory, 'host-id');
    const known = (await this.#files.read(path))?.trim();
    if (known === undefined) {
      const drawn = randomBytes(16).toString('hex');
      await this.#files.write(path, `${drawn}\n`);
      return drawn;
    }
    if (HOST_ID.test(known)) return known;
    throw new BerthError(
      'InvalidConfigurationRequest',
      `${path} holds "${known.slice(0, 64)}"; expected the host's id of 32 hexadecimal digits`,
    );
  }

  /** All tasks that are remembered. What can't be read is left out and said; labels bring it back. */
  async tasks(logger: Logger): Promise<readonly TaskMemory[]> {
    const directory = join(this.#directory, 'tasks');
    const found: TaskMemory[] = [];
    for (const name of await this.#files.list(directory)) {
      const taskId = TASK_FILE.exec(name)?.[1];
      if (taskId === undefined) continue;
      const memory = parseTask((await this.#files.read(join(directory, name))) ?? '');
      if (memory?.task.id === taskId) found.push(memory);
      else logger.warn({ file: join(directory, name) }, 'a task memory is unreadable');
    }
    return found;
  }

  /** Resolves when this memory, or a newer one of the same task, is on disk. */
  async saveTask(memory: TaskMemory): Promise<void> {
    const content = JSON.stringify({ version: VERSION, memory });
    await this.#put(`tasks/${memory.task.id}.json`, content);
  }

  async forgetTask(taskId: string): Promise<void> {
    await this.#put(`tasks/${taskId}.json`, undefined);
  }

  /** Ports in the order of their last use, the longest unused first. */
  async usedPorts(): Promise<readonly number[]> {
    const text = await this.#files.read(join(this.#directory, 'ports.json'));
    if (text === undefined) return [];
    const parsed = parseJson(text) as { used?: unknown } | undefined;
    const used = Array.isArray(parsed?.used) ? (parsed.used as unknown[]) : [];
    return used.filter((port): port is number => Number.isInteger(port));
  }

  async saveUsedPorts(used: readonly number[]): Promise<void> {
    await this.#put('ports.json', JSON.stringify({ version: VERSION, used }));
  }

  /** One write a file at a time; of those that wait only the newest is done. */
  async #put(file: string, content: string | undefined): Promise<void> {
    const slot = this.#slots.get(file);
    if (slot) {
      slot.next = { content };
      await slot.writing;
      return;
    }
    const created: Slot = { writing: Promise.resolve(), next: { content } };
    this.#slots.set(file, created);
    created.writing = this.#drain(file, created);
    await created.writing;
  }

  async #drain(file: string, slot: Slot): Promise<void> {
    const path = join(this.#directory, file);
    try {
      for (let job = slot.next; job; job = slot.next) {
        slot.next = undefined;
        if (job.content === undefined) await this.#files.remove(path);
        else await this.#files.write(path, job.content);
      }
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = `${path} can't be written: ${messageChain(error)}`;
      throw error;
    } finally {
      this.#slots.delete(file);
    }
  }
}

function parseTask(text: string): TaskMemory | undefined {
  const parsed = parseJson(text) as { version?: unknown; memory?: TaskMemory } | undefined;
  return parsed?.version === VERSION ? parsed.memory : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
