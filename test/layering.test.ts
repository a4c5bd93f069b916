// The layering of the house: who may import whom, and that every import is declared.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const KITS = ['model', 'control', 'process', 'rpc', 'store'];
const SERVICES = ['scheduler', 'controller', 'api', 'agent', 'proxy', 'aws', 'console'];

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  model: [],
  control: ['model'],
  process: ['model', 'control'],
  rpc: ['model', 'control'],
  store: ['model', 'control', 'rpc'],
  ...Object.fromEntries(SERVICES.map((name) => [name, KITS])),
  simulation: [...KITS, 'scheduler', 'controller', 'api', 'agent', 'proxy'],
  cli: [...KITS, ...SERVICES],
};
/** The agents and proxies of a stolen machine must not be able to touch the state: they don't even contain the code. */
const NO_STORE = ['agent', 'proxy', 'aws', 'console'];

interface Import {
  readonly file: string;
  readonly line: number;
  readonly specifier: string;
}

function importsOf(file: string): Import[] {
  const found: Import[] = [];
  const lines = readFileSync(`${ROOT}/${file}`, 'utf8').split('\n');
  for (const [index, line] of lines.entries()) {
    const match = /(?:from|import|import\()\s*'([^']+)'/.exec(line);
    if (match?.[1]) found.push({ file, line: index + 1, specifier: match[1] });
  }
  return found;
}

interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

/** What only tests and their support may import. */
const DEVELOPMENT =
  (JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as Manifest).devDependencies ?? {};

describe('layering', () => {
  for (const [name, allowed] of Object.entries(MAY_IMPORT)) {
    const files = globSync(`packages/${name}/src/**/*.ts`, { cwd: ROOT });
    const sources = files.filter((file) => !file.includes('.test.'));

    it(`${name} imports only what its layer allows`, () => {
      assert.ok(sources.length > 0, `packages/${name} has no source`);
      const wrong = sources.flatMap(importsOf).filter(({ specifier }) => {
        const other = /^@berth\/([^/]+)\//.exec(specifier)?.[1];
        if (other === undefined || other === name) return false;
        return !allowed.includes(other) || (NO_STORE.includes(name) && other === 'store');
      });
      assert.deepEqual(wrong, []);
    });

    it(`${name} declares what it imports`, () => {
      const manifest = JSON.parse(
        readFileSync(`${ROOT}/packages/${name}/package.json`, 'utf8'),
      ) as Manifest;
      const declared = Object.keys(manifest.dependencies ?? {});
      const undeclared = sources.flatMap(importsOf).filter(({ file, specifier }) => {
        if (specifier.startsWith('.') || specifier.startsWith('node:')) return false;
        const parts = specifier.split('/');
        const packageName = specifier.startsWith('@')
          ? parts.slice(0, 2).join('/')
          : (parts[0] ?? '');
        const forTests = file.includes('/testing/') && packageName in DEVELOPMENT;
        return packageName !== `@berth/${name}` && !declared.includes(packageName) && !forTests;
      });
      assert.deepEqual(undeclared, []);
    });
  }

  it('model is pure: it imports nothing, reads no clock and draws no random number', () => {
    const files = globSync('packages/model/src/**/*.ts', { cwd: ROOT }).filter(
      (file) => !file.includes('.test.'),
    );
    const impure = files
      .flatMap(importsOf)
      .filter(
        ({ specifier }) => !specifier.startsWith('.') && !specifier.startsWith('@berth/model/'),
      );
    assert.deepEqual(impure, []);
    const forbidden =
      /\b(Date\.now|new Date\(\)|Math\.random|performance\.|setTimeout|setInterval|process\.)/;
    const lines = files.flatMap((file) =>
      readFileSync(`${ROOT}/${file}`, 'utf8')
        .split('\n')
        .map((text, index) => ({ file, line: index + 1, text }))
        .filter(({ text }) => forbidden.test(text) && !/^\s*(\/\/|\*|\/\*)/.test(text)),
    );
    assert.deepEqual(lines, []);
  });

  it('node built-ins are imported by their node: names', () => {
    const files = globSync(['packages/*/src/**/*.ts', 'test/**/*.ts', 'scripts/**/*.ts'], {
      cwd: ROOT,
    });
    const bare = files
      .flatMap(importsOf)
      .filter(({ specifier }) => !specifier.startsWith('node:') && isBuiltin(specifier));
    assert.deepEqual(bare, []);
  });
});
