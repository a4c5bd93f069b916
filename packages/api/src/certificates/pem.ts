// PEM texts: their blocks, and nothing else. Source: RFC 7468.

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----[A-Za-z0-9+/=\s]*?-----END \1-----/g;

export interface PemBlock {
  readonly label: string;
  /** With its lines. */
  readonly text: string;
}

/** The blocks of a text, in order. What stands between them is left out. */
export function pemBlocks(text: string): PemBlock[] {
  return Array.from(text.matchAll(BLOCK), ([block, label]) => ({
    label: label ?? '',
    text: `${block}\n`,
  }));
}

/** What a block holds. */
export function derOf({ text }: PemBlock): Buffer {
  return Buffer.from(text.replace(/-----[^-]+-----/g, ''), 'base64');
}
