// Lists in pages as ELBv2 has them: without a size everything is one page. Pure. Source: ALB reference, section 1.2.
import { BerthError, isBerthError } from '../errors.ts';
import { Checker } from './check.ts';
import { pageOf } from './pagination.ts';

export interface MarkedRequest {
  readonly marker?: string | undefined;
  readonly pageSize?: number | undefined;
}

export interface MarkedPage<T> {
  readonly items: readonly T[];
  readonly nextMarker: string | undefined;
}

const MOST = 400;

/**
 * One page of the items, ordered by key.
 * @param question what makes this list: the operation and all its filters
 * @throws BerthError ValidationError for a page size out of range or a marker that was not given for this question
 */
export function markedPage<T>(
  items: Iterable<T>,
  keyOf: (item: T) => string,
  question: readonly (string | undefined)[],
  { marker, pageSize }: MarkedRequest,
): MarkedPage<T> {
  new Checker('ValidationError').integer('pageSize', pageSize, { least: 1, most: MOST });
  const all = [...items];
  const size = pageSize ?? Math.max(1, all.length);
  try {
    const page = pageOf(all, keyOf, {
      question,
      nextToken: marker,
      maxResults: size,
      mostResults: size,
      defaultResults: size,
    });
    return { items: page.items, nextMarker: page.nextToken };
  } catch (error) {
    if (!isBerthError(error, 'InvalidParameterException')) throw error;
    throw new BerthError('ValidationError', error.message.replace('nextToken', 'marker'));
  }
}

/** Text that sorts as the numbers do. */
export function sortable(number: number): string {
  return String(number).padStart(6, '0');
}
