import type { TermContext } from '../context.ts';
import type { Ask } from './https-client.ts';

/** What getting certificates needs of a term. */
export interface AcmeContext extends Pick<
  TermContext,
  'store' | 'cache' | 'leadership' | 'clock' | 'logger' | 'metrics' | 'sealer'
> {
  /** Asks a server whose certificate is signed by the given authority, or by a public one. */
  readonly askerOf: (authorityPem: string | undefined) => Ask;
}
