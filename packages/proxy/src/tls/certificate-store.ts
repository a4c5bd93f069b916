// The certificates that listeners may show: those of the routing table, and files of a directory on this machine that are read
// again when they change. What can't be read leaves the earlier one in place, so that a slip never takes a listener down.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import type { ServedCertificate } from '@berth/model/generated/messages.ts';

import { type ServedPair, readPair } from './served-pair.ts';

export interface CertificateStoreOptions {
  /** Where `file:NAME` is NAME.pem, the chain and the key in one file; undefined: nowhere. */
  readonly directory: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

const FILE = /^file:([A-Za-z0-9_-][A-Za-z0-9._-]{0,127})$/;
const KEY = /-----BEGIN (?:EC |RSA )?PRIVATE KEY-----[^-]+-----END (?:EC |RSA )?PRIVATE KEY-----/;
const RELOAD_MS = 2_000;

interface KnownFile {
  text: string;
  problem: string | undefined;
}

export class CertificateStore {
  /** Grows whenever some certificate is another than before. */
  version = 0;
  readonly #options: CertificateStoreOptions;
  readonly #pairs = new Map<string, ServedPair>();
  readonly #problems = new Map<string, string>();
  readonly #files = new Map<string, KnownFile>();
  #served: ReadonlyMap<string, ServedCertificate> = new Map();

  constructor(options: CertificateStoreOptions) {
    this.#options = options;
  }

  /** @param named the certificates that listeners name: only files among them are read */
  apply(served: ReadonlyMap<string, ServedCertificate>, named: Iterable<string>): void {
    const before = this.#served;
    if (before !== served) {
      this.#served = served;
      for (const [arn, record] of served) {
        if (before.get(arn) !== record) this.#take(arn, record.chainPem, record.keyPem);
      }
      for (const arn of before.keys()) if (!served.has(arn)) this.#forget(arn);
    }
    const files = new Set([...named].filter((reference) => reference.startsWith('file:')));
    for (const reference of this.#files.keys()) {
      if (files.has(reference)) continue;
      this.#files.delete(reference);
      this.#forget(reference);
    }
    let added = false;
    for (const reference of files) {
      if (this.#files.has(reference)) continue;
      this.#files.set(reference, { text: '', problem: undefined });
      added = true;
    }
    if (added) this.refresh().catch(() => undefined);
  }

  /** @param reference an ARN, or `file:NAME` */
  pair(reference: string): ServedPair | undefined {
    return this.#pairs.get(reference);
  }

  /** Why certificates can't be shown as they are now, one text each. */
  problems(): string[] {
    return [...this.#problems.values()];
  }

  /** Reads the files again. Never rejects. */
  async refresh(): Promise<void> {
    await Promise.all([...this.#files].map(([reference, file]) => this.#read(reference, file)));
  }

  /** Until the signal is aborted. */
  async watch(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(RELOAD_MS, signal);
      await this.refresh();
    }
  }

  async #read(reference: string, file: KnownFile): Promise<void> {
    const { directory } = this.#options;
    const name = FILE.exec(reference)?.[1];
    if (directory === undefined || name === undefined) {
      this.#refuse(
        reference,
        directory === undefined ? 'this proxy has no directory of certificates' : 'not a file name',
      );
      return;
    }
    const path = join(directory, `${name}.pem`);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      this.#refuse(reference, `${path} can't be read (${code})`);
      file.text = '';
      return;
    }
    if (text === file.text || this.#files.get(reference) !== file) return;
    file.text = text;
    const key = KEY.exec(text)?.[0];
    if (key === undefined) this.#refuse(reference, `${path} has no private key`);
    else this.#take(reference, text.replace(key, ''), key);
  }

  #take(reference: string, chainPem: string, keyPem: string): void {
    try {
      const pair = readPair(reference, chainPem, keyPem);
      this.#problems.delete(reference);
      const known = this.#pairs.get(reference);
      if (known?.chainPem === pair.chainPem && known.keyPem === pair.keyPem) return;
      this.#pairs.set(reference, pair);
      this.version += 1;
      this.#options.logger.info(
        { certificate: reference, names: pair.names, notAfter: pair.notAfter },
        'certificate taken',
      );
    } catch (error) {
      this.#refuse(reference, error instanceof Error ? error.message : String(error));
    }
  }

  #refuse(reference: string, why: string): void {
    const stays = this.#pairs.has(reference) ? '; the earlier one is shown on' : '';
    const problem = `Can't use certificate ${reference}: ${why}${stays}`;
    if (this.#problems.get(reference) === problem) return;
    this.#problems.set(reference, problem);
    this.#options.logger.error({ certificate: reference }, problem);
  }

  #forget(reference: string): void {
    this.#problems.delete(reference);
    if (this.#pairs.delete(reference)) this.version += 1;
  }
}
