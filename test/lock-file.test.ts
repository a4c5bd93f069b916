// What `npm ci` asks of the lock file, on every platform: npm leaves out optional packages that it could not
// look up where the file was written, and then refuses the file everywhere.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

interface Locked {
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const file = new URL('../package-lock.json', import.meta.url);
const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Locked> };

/** The places where Node looks for a package, from the inside out. */
function places(from: string, name: string): string[] {
  const folders = from
    .split('/node_modules/')
    .map((_part, index, parts) => parts.slice(0, index + 1).join('/node_modules/'));
  return [
    ...folders.reverse().map((folder) => `${folder}/node_modules/${name}`),
    `node_modules/${name}`,
  ];
}

describe('the lock file', () => {
  it('has an entry for each dependency of each package, the optional ones too', () => {
    const missing = Object.entries(packages).flatMap(([path, entry]) =>
      Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
        .filter((name) => !places(path, name).some((place) => place in packages))
        .map((name) => `${path} needs ${name}`),
    );
    assert.deepEqual(missing, []);
  });

  it('names no download address', () => {
    const addresses = Object.entries(packages).filter(
      ([, { resolved, link }]) => resolved !== undefined && link !== true,
    );
    assert.deepEqual(addresses, []);
  });

  it('holds one copy of grpc-js and of protobufjs', () => {
    for (const name of ['@grpc/grpc-js', 'protobufjs']) {
      const copies = Object.keys(packages).filter((path) => path.endsWith(`node_modules/${name}`));
      assert.deepEqual(copies, [`node_modules/${name}`]);
    }
  });
});
