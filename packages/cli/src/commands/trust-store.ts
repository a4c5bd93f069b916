import type { TrustStore } from '@berth/model/generated/messages.ts';

import { readText } from '../actions-file.ts';
import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { age, count, grouped } from '../output/text.ts';

async function describe(context: Context, name: string): Promise<TrustStore> {
  const { loadBalancing } = await context.api();
  const { trustStores } = await loadBalancing.DescribeTrustStores({ trustStores: [name] });
  const [store] = trustStores;
  if (store) return store;
  throw new CommandError(exitCodes.notFound, `there is no trust store "${name}"`, {
    next: 'berth trust-store list',
  });
}

export const handlers: Handlers = {
  'trust-store create': async (context) => {
    const { flags } = context;
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.CreateTrustStore({
      name: argument(context, 0),
      bundlePem: await readText(flags.required('bundle')),
      revocationsPem: await Promise.all(flags.texts('revocations').map(readText)),
      tags: flags.pairs('tag'),
    });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `created trust store ${answer.trustStore?.name ?? ''}`);
    }
    return undefined;
  },

  'trust-store list': async (context) => {
    const { loadBalancing } = await context.api();
    return show(
      context,
      () => loadBalancing.DescribeTrustStores({}),
      ({ trustStores }) =>
        table<TrustStore>(
          [
            { title: 'TRUST STORE', value: ({ name }) => name, style: 'accent' },
            {
              title: 'AUTHORITIES',
              value: (row) => row.numberOfCaCertificates,
              align: 'right',
            },
            { title: 'REVOKED', value: (row) => grouped(row.totalRevokedEntries), align: 'right' },
            {
              title: 'AGE',
              value: ({ createdAt }) => age(context.clock.now() - createdAt),
              align: 'right',
            },
          ],
          trustStores,
          context.terminal,
        ),
    );
  },

  'trust-store show': async (context) => {
    const store = await describe(context, argument(context, 0));
    if (printedAsJson(context, { trustStores: [store] })) return undefined;
    const { loadBalancing } = await context.api();
    const trustStore = store.trustStoreArn;
    const { resourceArns } = await loadBalancing.DescribeTrustStoreAssociations({ trustStore });
    const { revocations } = await loadBalancing.DescribeTrustStoreRevocations({ trustStore });
    const lines = facts(
      [
        ['Trust store', store.name],
        ['ARN', store.trustStoreArn],
        ['Authorities', store.numberOfCaCertificates],
        ...revocations.map(({ revocationId, numberOfRevokedEntries }): [string, string] => [
          'Revocations',
          `${revocationId}: ${count(numberOfRevokedEntries, 'certificate')}`,
        ]),
        ['Used by', resourceArns.join(' ')],
      ],
      context.terminal.color,
    );
    for (const line of lines) say(context.terminal, line);
    return undefined;
  },

  'trust-store modify': async (context) => {
    const bundlePem = await readText(context.flags.required('bundle'));
    const { loadBalancing } = await context.api();
    const trustStore = argument(context, 0);
    const answer = await loadBalancing.ModifyTrustStore({ trustStore, bundlePem });
    if (!printedAsJson(context, answer))
      say(context.terminal, `modified trust store ${trustStore}`);
    return undefined;
  },

  'trust-store revoke': async (context) => {
    const revocationsPem = await Promise.all(context.positionals.slice(1).map(readText));
    const { loadBalancing } = await context.api();
    const trustStore = argument(context, 0);
    const answer = await loadBalancing.AddTrustStoreRevocations({ trustStore, revocationsPem });
    if (!printedAsJson(context, answer)) {
      for (const { revocationId, numberOfRevokedEntries } of answer.revocations) {
        const entries = count(numberOfRevokedEntries, 'certificate');
        say(context.terminal, `added list ${revocationId} of ${entries}`);
      }
    }
    return undefined;
  },

  'trust-store unrevoke': async (context) => {
    const { name, trustStoreArn } = await describe(context, argument(context, 0));
    const ids = context.positionals.slice(1);
    const wrong = ids.find((id) => !/^\d{1,15}$/.test(id));
    if (wrong !== undefined) {
      throw context.flags.wrong(`REVOCATION must be the id of a list, found "${wrong}"`);
    }
    await confirm(context, `Accept what ${count(ids.length, 'list')} of ${name} revoked?`);
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.RemoveTrustStoreRevocations({
      trustStore: trustStoreArn,
      revocationIds: ids.map(Number),
    });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `removed ${count(ids.length, 'list')} from trust store ${name}`);
    }
    return undefined;
  },

  'trust-store delete': async (context) => {
    const { name, trustStoreArn } = await describe(context, argument(context, 0));
    await confirm(context, `Delete trust store ${name}?`);
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.DeleteTrustStore({ trustStore: trustStoreArn });
    if (!printedAsJson(context, answer)) say(context.terminal, `deleted trust store ${name}`);
    return undefined;
  },
};
