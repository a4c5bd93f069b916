// Which versions of etcd Berth works with. Pure but for the question to the members.
import { BerthError } from '@berth/model/errors.ts';

import type { EtcdLink } from './etcd-link.ts';

/** Refuses versions that are known to corrupt data (etcd #13766). @throws BerthError InvalidConfigurationRequest */
export function refuseCorrupting(version: string, where: string): void {
  if (!/^3\.5\.[0-2](?!\d)/.test(version)) return;
  throw new BerthError(
    'InvalidConfigurationRequest',
    `${where} is etcd ${version}, which can corrupt its data after a crash (versions 3.5.0 to 3.5.2). ` +
      'Upgrade it to 3.5.16 or later before Berth may use it.',
  );
}

/** Versions with a known, lesser danger: what to say about them; undefined for a good one. */
export function concernAbout(version: string): string | undefined {
  const [, minor = 0, patch = 0] = version.split('.').map(Number);
  const old = (minor === 4 && patch < 22) || (minor === 5 && patch < 6);
  return old
    ? 'members of this version may disagree after a crash; upgrade to the newest 3.5'
    : undefined;
}

/**
 * The versions of all members that answer.
 * @throws BerthError InvalidConfigurationRequest when one of them must not be used
 */
export async function checkVersions(
  link: EtcdLink,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const versions = new Map<string, string>();
  await Promise.all(
    link.members.map(async (member) => {
      const answer = await link.ask(
        member,
        (of, options) => of.maintenance.status(options),
        signal,
      );
      if (answer) versions.set(member.address, answer.version);
    }),
  );
  for (const [address, version] of versions) refuseCorrupting(version, `The member ${address}`);
  return versions;
}
