// Paths that mean something else to whoever takes them apart: `//`, `.` and `..`, encoded slashes and dots, backslashes. ALB takes paths as they are; a listener
// may refuse them, or make them plain before its rules see them. Source: RFC 3986, sections 5.2.4 and 6.2.2; ALB reference, section 2.2.

import type { ListenerSettings } from './listener-settings.ts';

/** The path that rules see and targets get; undefined: the request is refused with 400. Pure. */
export function pathFor(
  policy: ListenerSettings['pathNormalization'],
  path: string,
): string | undefined {
  if (policy === 'off' || isPlainPath(path)) return path;
  return policy === 'normalize' ? plainPath(path) : undefined;
}

/** True for a path that is as plain as `plainPath` makes it. Pure. */
export function isPlainPath(path: string): boolean {
  return (path.startsWith('/') && !SUSPICIOUS.test(path)) || plainPath(path) === path;
}

const SUSPICIOUS = /\/\/|\/\.|\\|%/;
const ENCODED = /%([0-9A-Fa-f]{2})/g;
const UNRESERVED = /[A-Za-z0-9._~-]/;

/**
 * Decodes what needs no encoding, joins slashes, resolves dot segments.
 * @returns undefined when no plain form is safe: an encoded slash, backslash or NUL, a broken encoding, or more `..` than there are
 * segments. Pure.
 */
export function plainPath(path: string): string | undefined {
  if (!path.startsWith('/')) return path === '*' ? path : undefined;
  if (path.includes('\\') || /%(?![0-9A-Fa-f]{2})/.test(path)) return undefined;
  if (/%(2[fF]|5[cC]|00)/.test(path)) return undefined;
  const decoded = path.replace(ENCODED, (whole, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return UNRESERVED.test(character) ? character : whole.toUpperCase();
  });
  const kept: string[] = [];
  const segments = decoded.split('/').slice(1);
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    if (segment === '..') {
      if (kept.pop() === undefined) return undefined;
    } else if (segment !== '.' && segment !== '') kept.push(segment);
    if (last && (segment === '' || segment === '.' || segment === '..')) kept.push('');
  }
  return `/${kept.join('/')}`;
}
