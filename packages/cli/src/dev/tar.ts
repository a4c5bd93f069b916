// Writes a tar archive (ustar) in memory. Pure.

export interface TarEntry {
  /** Without a leading slash; a directory ends in one. */
  readonly path: string;
  readonly mode: number;
  /** Absent for a directory or a link. */
  readonly content?: Buffer;
  /** Target of a symbolic link. */
  readonly link?: string;
}

const BLOCK = 512;
const NAME_MAX = 100;

/** @throws Error for a path or link target above 100 bytes */
export function tar(entries: readonly TarEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const content = entry.content ?? Buffer.alloc(0);
    parts.push(header(entry, content.length), content);
    const rest = content.length % BLOCK;
    if (rest > 0) parts.push(Buffer.alloc(BLOCK - rest));
  }
  parts.push(Buffer.alloc(2 * BLOCK));
  return Buffer.concat(parts);
}

function header({ path, mode, link }: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const text = (value: string, offset: number, length: number): void => {
    if (Buffer.byteLength(value) > length) throw new Error(`"${value}" is too long for a tar`);
    block.write(value, offset, length, 'utf8');
  };
  const octal = (value: number, offset: number, digits: number): void =>
    text(`${value.toString(8).padStart(digits, '0')}\0`, offset, digits + 1);
  text(path, 0, NAME_MAX);
  octal(mode, 100, 7);
  octal(0, 108, 7); // user
  octal(0, 116, 7); // group
  octal(size, 124, 11);
  octal(0, 136, 11); // time: the same content is the same archive
  block.fill(' ', 148, 156); // the checksum counts as spaces while it is computed
  text(link === undefined ? (path.endsWith('/') ? '5' : '0') : '2', 156, 1);
  if (link !== undefined) text(link, 157, NAME_MAX);
  text('ustar\u000000', 257, 8);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  text(`${checksum.toString(8).padStart(6, '0')}\0 `, 148, 8);
  return block;
}
