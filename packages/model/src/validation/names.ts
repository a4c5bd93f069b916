// Names that people give to things, and tokens and reasons that they send along. Pure.
// Source: ECS reference, sections 1.6, 2.4, 2.5; ALB reference, section 1.2.
import type { Checker } from './check.ts';

/** Clusters, services, families, containers, volumes. */
const ECS_NAME = /^[A-Za-z0-9_-]{1,255}$/;
const ECS_NAME_EXPECTED = '1 to 255 letters, digits, hyphens and underscores';

export function checkEcsName(check: Checker, field: string, name: string): void {
  check.text(field, name, ECS_NAME, ECS_NAME_EXPECTED);
}

/** Load balancers, target groups and trust stores. */
export function checkBalancingName(check: Checker, field: string, name: string): void {
  check.text(
    field,
    name,
    /^(?!-)[A-Za-z0-9-]{1,32}(?<!-)$/,
    '1 to 32 letters, digits and hyphens, with no hyphen at either end',
  );
}

/** Visible ASCII without spaces. CreateService allows 36 characters, RunTask 64. */
export function checkClientToken(check: Checker, token: string | undefined, most: 36 | 64): void {
  const pattern = most === 36 ? /^[!-~]{1,36}$/ : /^[!-~]{1,64}$/;
  check.text('clientToken', token, pattern, `1 to ${most} visible ASCII characters`);
}
