// The names of authorities that a listener tells clients, so that they choose a certificate that will do. OpenSSL takes the names from
// the certificates that it would also judge by, and what it has judged good Node.js hides (trust.ts); so it is given certificates that
// bear the names and keys of which nobody has the private part. Source: RFC 5246, section 7.4.4; RFC 8446, section 4.2.4.
import 'reflect-metadata'; // asked for by a dependency of @peculiar/x509; must come first
import { type X509Certificate, generateKeyPairSync, sign } from 'node:crypto';

import { X509Certificate as ParsedCertificate } from '@peculiar/x509';

/** All names of a message have to fit into 65,535 bytes together. */
const LONGEST = 60_000;
const ED25519 = der(0x30, Buffer.from('06032b6570', 'hex'));
const EVER = der(0x30, time('20000101000000Z'), time('99991231235959Z'));

/** @returns certificates as PEM, one for each name @throws Error when the names are too long to be told */
export function certificatesOfNames(authorities: readonly X509Certificate[]): string[] {
  const names = new Map<string, Buffer>();
  for (const { raw } of authorities) {
    const { subjectName } = new ParsedCertificate(new Uint8Array(raw));
    const name = Buffer.from(subjectName.toArrayBuffer());
    names.set(name.toString('base64'), name);
  }
  const all = [...names.values()];
  const bytes = all.reduce((sum, { length }) => sum + length + 2, 0);
  if (bytes > LONGEST) {
    throw new Error(
      `the names of its authorities have ${bytes} bytes; expected at most ${LONGEST}`,
    );
  }
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = publicKey.export({ type: 'spki', format: 'der' });
  return all.map((name) => {
    const serial = der(0x02, Buffer.from([1]));
    const content = der(0x30, serial, ED25519, name, EVER, name, key);
    const signature = der(0x03, Buffer.from([0]), sign(undefined, content, privateKey));
    const whole = der(0x30, content, ED25519, signature).toString('base64');
    return `-----BEGIN CERTIFICATE-----\n${whole.replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  });
}

function time(text: string): Buffer {
  return der(0x18, Buffer.from(text));
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  if (size < 0x80) return Buffer.concat([Buffer.from([tag, size]), content]);
  const length = Buffer.from(size.toString(16).padStart(size > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, content]);
}
