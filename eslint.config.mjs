// Typed linting of everything, and the two rules of the house that a program can check: time and chance
// come in as arguments, and I/O libraries are used in one adapter each.
import tseslint from 'typescript-eslint';

const TIME_AND_CHANCE = ['setTimeout', 'setInterval', 'setImmediate'].map((name) => ({
  name,
  message: 'Take a Clock as an argument; the real one is made in packages/process.',
}));

export default tseslint.config(
  {
    ignores: [
      '**/node_modules/**',
      '.node24/**',
      '.berth/**',
      '**/generated/**',
      'test/out/**',
      'packages/console/assets/**',
    ],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // It does not know that a flag or a signal may change while an await is pending.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: [
      'packages/process/**',
      'packages/cli/**',
      'packages/proxy/**',
      '**/*.test.ts',
      '**/testing/**',
    ],
    rules: {
      'no-restricted-globals': ['error', ...TIME_AND_CHANCE],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Take a Clock as an argument.' },
        { object: 'Math', property: 'random', message: 'Take a Random as an argument.' },
      ],
      'no-restricted-imports': [
        'error',
        { patterns: ['timers', 'timers/promises', 'node:timers', 'node:timers/promises'] },
      ],
    },
  },
  {
    files: ['**/*.test.ts', '**/testing/**', '**/*-contract.ts', 'test/**/*.ts'],
    rules: {
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-expressions': 'off',
    },
  },
  { files: ['**/*.mjs'], ...tseslint.configs.disableTypeChecked },
  {
    files: ['eslint.config.mjs', 'test/support/reporter.mjs'],
    rules: { 'no-restricted-exports': 'off' },
  },
);
