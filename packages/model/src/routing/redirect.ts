// The Location of a redirect action. Source: ALB reference, section 2.3.
import type { RedirectAction } from '../generated/messages.ts';

/** Parts of the request that the placeholders #{protocol} #{host} #{port} #{path} #{query} stand for. */
export interface RedirectParts {
  readonly protocol: 'http' | 'https';
  /** Without its port. */
  readonly host: string;
  readonly port: number;
  /** With its leading slash. */
  readonly path: string;
  /** Without the `?`; empty when there is none. */
  readonly query: string;
}

/** ALB refuses to send a longer one. */
export const LOCATION_LIMIT = 8192;

/**
 * The absolute Location, with its port even where that is the scheme's own; undefined when it would be
 * longer than `LOCATION_LIMIT`. Percent-encoding is kept as received. Pure.
 */
export function redirectLocation(action: RedirectAction, parts: RedirectParts): string | undefined {
  const values: Readonly<Record<string, string>> = {
    protocol: parts.protocol,
    host: parts.host,
    port: String(parts.port),
    path: parts.path.replace(/^\//, ''),
    query: parts.query,
  };
  const fill = (template: string): string =>
    template.replace(
      /#\{(protocol|host|port|path|query)\}/g,
      (_, name: string) => values[name] ?? '',
    );
  const protocol = fill(action.protocol ?? '#{protocol}').toLowerCase();
  const host = fill(action.host ?? '#{host}');
  const port = fill(action.port ?? '#{port}');
  const path = fill(action.path ?? '/#{path}');
  const query = fill(action.query ?? '#{query}');
  const location = `${protocol}://${host}:${port}${path}${query === '' ? '' : `?${query}`}`;
  return location.length > LOCATION_LIMIT ? undefined : location;
}
