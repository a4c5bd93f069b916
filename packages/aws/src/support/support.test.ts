// The tables of support are complete and true: each operation and each input member of the API's model has its word, and what is called
// supported reaches Berth's operations.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import type { MessageName } from '@berth/model/generated/messages.ts';
import { methodsOf } from '@berth/rpc/load.ts';
import { wordsOf } from '@berth/rpc/words.ts';

import { messageType, pairs } from '../mapping/messages.ts';
import type { ServiceModel } from '../models/model.ts';
import { ecs, elbv2, scaling, structureOf, structureWithin, sts } from '../models/services.ts';
import type { Fault } from '../wire/fault.ts';
import { compatibilityDocument } from './document.ts';
import { ecsSupport } from './ecs.ts';
import { elbv2Support } from './elbv2.ts';
import { scalingSupport } from './scaling.ts';
import { stsSupport } from './sts.ts';
import { namesOf, refuseUnsupported, type ServiceSupport } from './support.ts';

const TABLES: readonly (readonly [ServiceModel, ServiceSupport])[] = [
  [ecs, ecsSupport],
  [elbv2, elbv2Support],
  [scaling, scalingSupport],
  [sts, stsSupport],
];

/** The structures that inputs of supported operations can hold, but for what is inside of refused members. */
function reachable(model: ServiceModel, support: ServiceSupport): Set<string> {
  const met = new Set<string>();
  const visit = (name: string): void => {
    if (met.has(name)) return;
    met.add(name);
    for (const [member, shape] of Object.entries(structureOf(model, name).members)) {
      const row = support.structures[name];
      const ignored = row?.refused?.[member] ?? row?.accepted?.[member]?.startsWith('Not read');
      const within = structureWithin(shape);
      if (ignored === undefined || ignored === false) if (within !== undefined) visit(within);
    }
  };
  for (const operation of namesOf(support.supported)) {
    visit(model.operations[operation]?.input ?? '');
  }
  return met;
}

describe('tables of support', () => {
  for (const [model, support] of TABLES) {
    describe(model.name, () => {
      it('has a word for each operation, and for no other', () => {
        const named = [
          ...namesOf(support.supported),
          ...support.refused.flatMap(({ operations }) => namesOf(operations)),
        ];
        assert.deepEqual(named.toSorted(), Object.keys(model.operations).toSorted());
      });

      it('has a word for each member of each input, and for no other', () => {
        const needed = [...reachable(model, support)].toSorted();
        assert.deepEqual(Object.keys(support.structures).toSorted(), needed);
        for (const [name, row] of Object.entries(support.structures)) {
          const named = [
            ...namesOf(row.supported),
            ...Object.keys(row.accepted ?? {}),
            ...Object.keys(row.refused ?? {}),
          ];
          const members = Object.keys(structureOf(model, name).members);
          assert.deepEqual(named.toSorted(), members.toSorted(), name);
        }
      });

      it('says in sentences why and what to do instead', () => {
        const texts = [
          ...support.refused.map(({ message }) => message),
          ...Object.values(support.structures).flatMap(({ accepted, refused }) => [
            ...Object.values(accepted ?? {}),
            ...Object.values(refused ?? {}),
          ]),
        ];
        for (const text of texts) assert.match(text, /^[A-Z].*\.$/);
      });
    });
  }

  it('calls a member supported only where the message of the operation has it', () => {
    for (const [service, model, support] of [
      ['Ecs', ecs, ecsSupport],
      ['Scaling', scaling, scalingSupport],
    ] as const) {
      const methods = methodsOf(service);
      for (const operation of namesOf(support.supported)) {
        const method = methods.get(operation);
        if (!method) continue; // container instances: see container-instances.ts
        visit(model, support, model.operations[operation]?.input ?? '', method.requestMessage);
      }
    }
  });

  it('are the document that people read', () => {
    const file = new URL('../../../../docs/aws-compatibility.md', import.meta.url);
    const hint = 'run: node scripts/aws-compatibility.ts';
    assert.equal(readFileSync(file, 'utf8'), compatibilityDocument(), hint);
  });

  it('refuses what asks for something, and not what asks for nothing', () => {
    const refuse = (input: Record<string, unknown>): void =>
      refuseUnsupported(ecs, ecsSupport, 'RegisterTaskDefinitionRequest', input, 'ClientException');
    refuse({ enableFaultInjection: false, inferenceAccelerators: [], proxyConfiguration: {} });
    refuse({ containerDefinitions: [{ links: [], restartPolicy: { enabled: false } }] });
    assert.throws(
      () => refuse({ containerDefinitions: [{}, { links: ['db'] }] }),
      (error: Fault) =>
        error.code === 'ClientException' &&
        error.message.startsWith('containerDefinitions[1].links is not supported by Berth. '),
    );
  });
});

function visit(
  model: ServiceModel,
  support: ServiceSupport,
  structure: string,
  message: MessageName,
): void {
  const type = messageType(message);
  const shared = pairs(model, structure, type);
  const names = shared.map(({ member }) => member);
  const row = support.structures[structure];
  assert.ok(row, structure);
  for (const member of namesOf(row.supported)) {
    assert.ok(names.includes(member), `${structure}.${member} has no field in ${message}`);
  }
  for (const { member, shape, field } of shared) {
    const ownWords = wordsOf(field);
    const words = model.words[shape.words ?? ''] ?? [];
    if (ownWords && !words.every((word) => ownWords.includes(word))) {
      const told = row.accepted?.[member] ?? row.refused?.[member];
      assert.ok(told, `${structure}.${member} does not take all words, and the table is silent`);
    }
    const within = structureWithin(shape);
    const resolved = field.resolvedType;
    if (within === undefined || !resolved || !namesOf(row.supported).includes(member)) continue;
    const inner = 'fields' in resolved ? resolved.fields['items'] : undefined;
    const target = (inner?.resolvedType ?? resolved).name as MessageName;
    visit(model, support, within, target);
  }
}
