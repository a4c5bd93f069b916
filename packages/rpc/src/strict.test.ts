import assert from 'node:assert/strict';

import { complete } from './codec.ts';
import { nearest } from './nearest.ts';
import { formatProblem, jsonProblems } from './strict.ts';
import { unknownWords } from './words.ts';

function problemsOf(value: unknown): string[] {
  return jsonProblems('RegisterTaskDefinitionRequest', value).map(formatProblem);
}

describe('jsonProblems', () => {
  const container = {
    name: 'web',
    image: 'nginx',
    portMappings: [{ containerPort: 80, protocol: 'tcp' }],
  };

  it('finds nothing wrong with what ECS would take', () => {
    const definition = {
      family: 'web',
      networkMode: null,
      containerDefinitions: [{ ...container, dockerLabels: { a: 'b' }, essential: true }],
    };
    assert.deepEqual(problemsOf(definition), []);
    const read = complete('RegisterTaskDefinitionRequest', definition);
    assert.equal(read.containerDefinitions[0]?.portMappings[0]?.containerPort, 80);
  });

  const cases: { name: string; value: unknown; expected: string[] }[] = [
    {
      name: 'a misspelt field, with what was meant',
      value: { containerDefinitions: [{ portMapings: [] }] },
      expected: [
        'containerDefinitions[0].portMapings: unknown field; did you mean "portMappings"?',
      ],
    },
    {
      name: 'a field in another case',
      value: { container_definitions: [] },
      expected: ['container_definitions: unknown field; did you mean "containerDefinitions"?'],
    },
    {
      name: 'a field that nothing resembles',
      value: { colour: 'red' },
      expected: ['colour: unknown field'],
    },
    {
      name: 'a name that every object has',
      value: JSON.parse('{"constructor": 1, "__proto__": 2}'),
      expected: ['constructor: unknown field', '__proto__: unknown field'],
    },
    {
      name: 'a number in quotes',
      value: { containerDefinitions: [{ cpu: '512' }] },
      expected: ['containerDefinitions[0].cpu: expected an integer, found "512"'],
    },
    {
      name: 'a fraction and a number out of range',
      value: { containerDefinitions: [{ cpu: 0.5, memory: 2 ** 31 }] },
      expected: [
        'containerDefinitions[0].cpu: expected an integer, found 0.5',
        'containerDefinitions[0].memory: expected an integer, found 2147483648',
      ],
    },
    {
      name: 'a string where a list belongs, and a list where a string does',
      value: { containerDefinitions: [{ command: 'sh', image: ['nginx'] }] },
      expected: [
        'containerDefinitions[0].command: expected a list, found "sh"',
        'containerDefinitions[0].image: expected a string, found a list',
      ],
    },
    {
      name: 'a word outside its set',
      value: {
        networkMode: 'brigde',
        containerDefinitions: [{ portMappings: [{ protocol: 'sctp' }] }],
      },
      expected: [
        'networkMode: expected one of "bridge", "host", "none", "awsvpc", found "brigde"; did you mean "bridge"?',
        'containerDefinitions[0].portMappings[0].protocol: expected one of "tcp", "udp", found "sctp"',
      ],
    },
    {
      name: 'a value of a map that is no string',
      value: { containerDefinitions: [{ dockerLabels: { a: 1 } }] },
      expected: ['containerDefinitions[0].dockerLabels["a"]: expected a string, found 1'],
    },
    {
      name: 'a value that is no object',
      value: 'web',
      expected: ['expected an object, found "web"'],
    },
  ];
  for (const { name, value, expected } of cases) {
    it(`names ${name}`, () => assert.deepEqual(problemsOf(value), expected));
  }
});

describe('unknownWords', () => {
  it('finds words at any depth, and takes an empty text for an absent one', () => {
    const message = complete('RegisterTaskDefinitionRequest', {
      networkMode: 'overlay',
      containerDefinitions: [
        { portMappings: [{ protocol: '' }], dependsOn: [{ condition: 'STARTED' }] },
      ],
    });
    assert.deepEqual(
      unknownWords('RegisterTaskDefinitionRequest', message).map(({ path, found }) => [
        path,
        found,
      ]),
      [
        ['containerDefinitions[0].dependsOn[0].condition', 'STARTED'],
        ['networkMode', 'overlay'],
      ],
    );
  });
});

describe('nearest', () => {
  it('forgives a third of the letters, swaps and case, and no more', () => {
    const names = ['image', 'essential', 'portMappings', 'cpu'];
    assert.equal(nearest('imgae', names), 'image');
    assert.equal(nearest('ESSENTIAL', names), 'essential');
    assert.equal(nearest('portsMapping', names), 'portMappings');
    assert.equal(nearest('cpus', names), 'cpu');
    assert.equal(nearest('volume', names), undefined);
    assert.equal(nearest('', names), undefined);
  });
});
