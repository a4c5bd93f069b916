// What is counted of handshakes with clients.
import { Counter, Histogram, type Registry } from 'prom-client';

export type HandshakeOutcome =
  | 'full'
  | 'resumed'
  /** TLS could not be agreed upon, or the client broke it off. */
  | 'failed'
  | 'timeout'
  /** Its certificate is missing, not trusted or revoked. */
  | 'client_refused'
  | 'plain_http'
  /** The listener has no certificate to show. */
  | 'no_certificate'
  | 'acme';

const OUTCOMES: readonly HandshakeOutcome[] = [
  'full',
  'resumed',
  'failed',
  'timeout',
  'client_refused',
  'plain_http',
  'no_certificate',
  'acme',
];

export class TlsMetrics {
  readonly #registry: Registry;
  readonly #handshakes: Counter<'outcome'>;
  readonly #duration: Histogram;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#handshakes = new Counter({
      name: 'berth_proxy_tls_handshakes_total',
      help: 'TLS handshakes with clients, by how they ended.',
      labelNames: ['outcome'],
      registers: [registry],
    });
    for (const outcome of OUTCOMES) this.#handshakes.inc({ outcome }, 0);
    this.#duration = new Histogram({
      name: 'berth_proxy_tls_handshake_duration_seconds',
      help: 'From the accepted connection to the end of its TLS handshake.',
      buckets: [0.001, 0.005, 0.025, 0.1, 0.25, 1, 5],
      registers: [registry],
    });
  }

  handshake(outcome: HandshakeOutcome, milliseconds: number): void {
    this.#handshakes.inc({ outcome });
    if (outcome === 'full' || outcome === 'resumed') this.#duration.observe(milliseconds / 1000);
  }

  remove(): void {
    this.#registry.removeSingleMetric('berth_proxy_tls_handshakes_total');
    this.#registry.removeSingleMetric('berth_proxy_tls_handshake_duration_seconds');
  }
}
