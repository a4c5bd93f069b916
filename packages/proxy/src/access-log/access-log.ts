// The access log: each request that ends becomes a line, in the log of the whole proxy if it has one, and in that of its load balancer if
// its attributes ask for one.
import { join } from 'node:path';

import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';

import type { RequestObserver, RequestSummary } from '../request-summary.ts';
import { albLine } from './alb-line.ts';
import { jsonLine } from './json-line.ts';
import { LogFile } from './log-file.ts';

export type AccessLogFormat = 'alb' | 'json';

export interface AccessLogSettings {
  /** A file, or `stdout`. Undefined: only those of load balancers that ask for one. */
  readonly path?: string | undefined;
  readonly format: AccessLogFormat;
  /** Where the logs of load balancers go: BUCKET/PREFIX/NAME/access.log below it. */
  readonly directory: string;
  /** The address of this proxy, for the log. */
  readonly node: string;
}

export interface AccessLogOptions extends AccessLogSettings {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Load balancers with a log of their own. */
const MOST_FILES = 256;
const SAFE_PART = /^(?!\.{1,2}$)[A-Za-z0-9._-]+$/;

export class AccessLog implements RequestObserver {
  readonly #options: AccessLogOptions;
  readonly #own: LogFile | undefined;
  readonly #files = new Map<string, LogFile>();
  /** Of files that are closed. */
  readonly #before = { written: 0, dropped: 0 };

  constructor(options: AccessLogOptions) {
    this.#options = options;
    if (options.path !== undefined) this.#own = this.#file(options.path);
  }

  get written(): number {
    return this.#all().reduce((sum, file) => sum + file.written, this.#before.written);
  }

  get dropped(): number {
    return this.#all().reduce((sum, file) => sum + file.dropped, this.#before.dropped);
  }

  onRequestEnd(summary: RequestSummary): void {
    const wanted = summary.listener?.loadBalancerSettings.accessLog;
    const balancer = wanted?.enabled === true ? this.#ofBalancer(summary) : undefined;
    if (this.#own === undefined && balancer === undefined) return;
    const { format, node } = this.#options;
    this.#own?.write(inFormat(summary, format, node));
    balancer?.write(inFormat(summary, wanted?.format ?? 'alb', node));
  }

  #ofBalancer({ listener }: RequestSummary): LogFile | undefined {
    const { bucket, prefix } = listener?.loadBalancerSettings.accessLog ?? {};
    const name = listener?.loadBalancer?.name ?? '';
    const parts = [bucket ?? '', ...(prefix ?? '').split('/'), name].filter((part) => part !== '');
    // A name that could lead elsewhere gets no file.
    if (name === '' || !parts.every((part) => SAFE_PART.test(part))) return undefined;
    const path = join(this.#options.directory, ...parts, 'access.log');
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    if (this.#files.size >= MOST_FILES) this.#forgetFirst();
    const file = this.#file(path);
    this.#files.set(path, file);
    return file;
  }

  #forgetFirst(): void {
    const [path, file] = [...this.#files][0] ?? [];
    if (path === undefined || file === undefined) return;
    this.#files.delete(path);
    void file.close().then(() => {
      this.#before.written += file.written;
      this.#before.dropped += file.dropped;
    });
  }

  #file(path: string): LogFile {
    const { clock, logger } = this.#options;
    return new LogFile({ path, clock, logger });
  }

  #all(): LogFile[] {
    return [...(this.#own === undefined ? [] : [this.#own]), ...this.#files.values()];
  }

  async close(): Promise<void> {
    await Promise.all(this.#all().map((file) => file.close()));
  }
}

function inFormat(summary: RequestSummary, format: AccessLogFormat, node: string): string {
  return format === 'json' ? jsonLine(summary, node) : albLine(summary, node);
}
