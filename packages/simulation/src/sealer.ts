// Secrets that are not: sealed texts are the same in each run of a seed.
import type { Sealer } from '@berth/process/seal.ts';

export const openSealer: Sealer = {
  seal: (plain, purpose) =>
    Buffer.from(JSON.stringify([purpose, Buffer.from(plain).toString('base64')])),
  open: (sealed, purpose) => {
    const [found, plain] = JSON.parse(Buffer.from(sealed).toString()) as [string, string];
    if (found !== purpose) throw new Error(`sealed for ${found}, not for ${purpose}`);
    return Buffer.from(plain, 'base64');
  },
  keyIdOf: () => 'model',
  keyIds: ['model'],
};
