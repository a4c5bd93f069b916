// A host's id, its certificate and the agent's memory must agree: the certificate names the id, and the agent
// keeps it in its data directory.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { CommandError, exitCodes } from '../failure.ts';

const HOST_ID = /^[0-9a-f]{32}$/;

/** The id of a host that people call so: the name itself where it is an id. Always the same for a name. Pure. */
export function hostIdFor(name: string): string {
  if (HOST_ID.test(name)) return name;
  return createHash('sha256').update(`berth host ${name}`).digest('hex').slice(0, 32);
}

/**
 * Give a new agent the id that its certificate names.
 * @throws CommandError when the data directory belongs to another host
 */
export function claimHostId(dataDirectory: string, id: string): void {
  const file = join(dataDirectory, 'host-id');
  if (!existsSync(file)) {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    writeFileSync(file, `${id}\n`);
    return;
  }
  const known = readFileSync(file, 'utf8').trim();
  if (known === id) return;
  throw new CommandError(
    exitCodes.refused,
    `${dataDirectory} belongs to host ${known}, and the certificate names host ${id}`,
    { next: 'the certificate of that host, or another --data-dir' },
  );
}
