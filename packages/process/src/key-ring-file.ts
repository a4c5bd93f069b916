// The file of a key ring. It is made with mode 0600, and appears and changes whole or not at all.
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

import { BerthError } from '@berth/model/errors.ts';

import { KeyRing } from './key-ring.ts';

const PRIVATE = 0o600;

/** @throws BerthError InvalidParameterException when it can't be read, or holds no ring: says how to make one */
export function readKeyRing(path: string): KeyRing {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new BerthError(
      'InvalidParameterException',
      `The key ring that seals the secrets at rest can't be read (make it for a new installation with: berth secrets init --secrets-key ${path}; else copy the one of another api)`,
      { cause },
    );
  }
  return KeyRing.parse(text, path);
}

/** A new ring in a new file. @returns undefined, and changes nothing, when there is a file already */
export function createKeyRing(path: string): KeyRing | undefined {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const ring = KeyRing.create();
  const temporary = writeBeside(path, ring);
  try {
    linkSync(temporary, path);
    return ring;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  } finally {
    rmSync(temporary);
  }
}

export function replaceKeyRing(path: string, ring: KeyRing): void {
  renameSync(writeBeside(path, ring), path);
}

function writeBeside(path: string, ring: KeyRing): string {
  const temporary = `${path}.${process.pid}.new`;
  const file = openSync(temporary, 'w', PRIVATE);
  try {
    writeFileSync(file, ring.print());
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return temporary;
}
