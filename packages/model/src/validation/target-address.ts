// Which addresses may be registered with target groups. Pure. Source: ALB reference, section 1.5.
import { blockContains, parseAddress, parseBlock } from '../routing/address.ts';

const PRIVATE = ['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']
  .map(parseBlock)
  .filter((block) => block !== undefined);

/** True for a private address in its usual form, without a zone. */
export function isTargetAddress(text: string): boolean {
  const bytes = /^[0-9a-f:.]+$/i.test(text) ? parseAddress(text) : undefined;
  return bytes !== undefined && PRIVATE.some((block) => blockContains(block, bytes));
}
