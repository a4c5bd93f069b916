// Writing a small file so that a crash at any moment leaves the old or the new content, never a part.
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Temp file, fsync, rename, fsync of the directory. Makes the directory. */
export async function writeDurably(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** @returns undefined when there is no such file */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The names of what is in a directory. Makes the directory. */
export async function listNames(path: string): Promise<readonly string[]> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  return await readdir(path);
}

export async function removeDurably(path: string): Promise<void> {
  await rm(path, { force: true });
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** What the agent asks of a disk. */
export interface Files {
  /** Undefined when there is no such file. */
  read(path: string): Promise<string | undefined>;
  /** The old or the new content stays, whenever the machine stops. */
  write(path: string, content: string): Promise<void>;
  remove(path: string): Promise<void>;
  list(directory: string): Promise<readonly string[]>;
}

export const diskFiles: Files = {
  read: readIfThere,
  write: writeDurably,
  remove: removeDurably,
  list: listNames,
};
