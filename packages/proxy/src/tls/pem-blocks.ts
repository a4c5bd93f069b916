const PEM = /-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g;

/** The blocks of these kinds in a text, as PEM. Pure. */
export function pemBlocks(text: string, ...labels: readonly string[]): string[] {
  return [...text.matchAll(PEM)]
    .filter((found) => labels.includes(found[1] ?? ''))
    .map((found) => found[0]);
}
