// The authority and the identities of a cluster whose roles are started alone.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { CertifiedIdentity } from '@berth/rpc/api.ts';
import { createAuthority, issue } from '@berth/rpc/authority.ts';
import { ETCD_CLIENT_NAME } from '@berth/store/embedded-etcd.ts';

import { type Handlers, argument } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import type { Flags } from '../flags.ts';
import { say } from '../output/terminal.ts';
import { hostIdFor } from '../roles/host-id.ts';

const DEFAULT_DIRECTORY = '/etc/berth/tls';
const DAYS = 365;
const ROLES = ['admin', 'control', 'host', 'proxy'] as const;
const NAME = /^[A-Za-z0-9._-]{1,128}$/;
const PRIVATE = 0o600;

function directoryOf(flags: Flags): string {
  return flags.text('tls-dir') ?? DEFAULT_DIRECTORY;
}

export const handlers: Handlers = {
  'certificate create-authority': async ({ flags, terminal, clock }) => {
    const directory = directoryOf(flags);
    const files = [join(directory, 'ca.crt'), join(directory, 'ca.key')] as const;
    const existing = files.find((file) => existsSync(file));
    if (existing !== undefined) {
      throw new CommandError(
        exitCodes.refused,
        `${existing} exists: a new authority would make every certificate of the cluster void`,
        { next: `berth certificate issue ROLE NAME --tls-dir ${directory}` },
      );
    }
    const authority = await createAuthority(clock.now());
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(files[0], authority.certificate);
    writeFileSync(files[1], authority.key, { mode: PRIVATE });
    say(terminal, `wrote ${files.join(' and ')}`);
    return undefined;
  },

  'certificate issue': async (context) => {
    const { flags, terminal, clock } = context;
    const [role, name] = [argument(context, 0), argument(context, 1)];
    const identity = identityFor(flags, role, name);
    const directory = directoryOf(flags);
    const authority = {
      certificate: readPem(join(directory, 'ca.crt'), directory),
      key: readPem(join(directory, 'ca.key'), directory),
    };
    // Only the control plane may open etcd, which can ask its clients' certificates for a name.
    const own = role === 'control' ? [ETCD_CLIENT_NAME] : [];
    const names = ['localhost', '127.0.0.1', ...own, ...flags.texts('san')];
    const days = flags.integer('days', { min: 1, max: 3650 }) ?? DAYS;
    const issued = await issue(authority, identity, names, clock.now(), days);
    const base = flags.text('out') ?? join(directory, role);
    mkdirSync(dirname(base), { recursive: true });
    writeFileSync(`${base}.crt`, issued.certificate);
    writeFileSync(`${base}.key`, issued.key, { mode: PRIVATE });
    chmodSync(`${base}.key`, PRIVATE); // a file that was there keeps its mode otherwise
    say(
      terminal,
      `wrote ${base}.crt and ${base}.key for ${identity.role}/${identity.name}, valid ${days} days`,
    );
    return undefined;
  },
};

function identityFor(flags: Flags, word: string, name: string): CertifiedIdentity {
  const role = ROLES.find((known) => known === word);
  if (!role) throw flags.wrong(`ROLE must be one of ${ROLES.join(', ')}, found "${word}"`);
  if (!NAME.test(name)) {
    throw flags.wrong(
      `NAME must be 1 to 128 letters, digits, dots, dashes or underscores, found "${name}"`,
    );
  }
  return { role, name: role === 'host' ? hostIdFor(name) : name };
}

function readPem(file: string, directory: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CommandError(exitCodes.failed, `can't read ${file}`, {
      cause,
      next: `berth certificate create-authority --tls-dir ${directory}`,
    });
  }
}
