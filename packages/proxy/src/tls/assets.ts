// What the TLS listeners of a data path share: the certificates, and the count of handshakes.
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import type { RouteTable } from '@berth/model/routing/table.ts';
import type { Registry } from 'prom-client';

import { CertificateStore } from './certificate-store.ts';
import { TlsMetrics } from './metrics.ts';

export interface TlsAssetsOptions {
  /** Where the files of `file:NAME` certificates are. */
  readonly directory: string | undefined;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class TlsAssets {
  readonly certificates: CertificateStore;
  readonly metrics: TlsMetrics;
  readonly logger: Logger;
  readonly #stopping = new AbortController();

  constructor(options: TlsAssetsOptions) {
    const { directory, clock, logger } = options;
    this.logger = logger;
    this.certificates = new CertificateStore({ directory, clock, logger });
    this.metrics = new TlsMetrics(options.registry);
    this.certificates.watch(this.#stopping.signal).catch(() => undefined);
  }

  /** Takes in what a new table brings. */
  apply({ records, listeners }: RouteTable): void {
    const named = new Set<string>();
    for (const { record } of listeners.values()) {
      for (const { certificateArn } of record.certificates) named.add(certificateArn);
    }
    this.certificates.apply(records.certificates, named);
  }

  stop(): void {
    this.#stopping.abort(new Error('the proxy stops'));
    this.metrics.remove();
  }
}
