// Cases in the form of a table: what is called, and what comes of it. Cases of one table run in their order, on one control plane.
import { ApplicationAutoScalingClient } from '@aws-sdk/client-application-auto-scaling';
import { ECS } from '@aws-sdk/client-ecs';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { STSClient } from '@aws-sdk/client-sts';
import assert from 'node:assert/strict';

import { type ControlPlane, REALM, startControlPlane } from './control-plane.ts';
import { assertMatches } from './match.ts';

/** What the calls of a case are made with. */
export interface Ground {
  readonly plane: ControlPlane;
  readonly ecs: ECS;
  readonly elbv2: ElasticLoadBalancingV2Client;
  readonly scaling: ApplicationAutoScalingClient;
  readonly sts: STSClient;
  /** What earlier cases of the table have kept. */
  readonly kept: Record<string, string>;
}

interface Call {
  readonly name: string;
  readonly call: (on: Ground) => Promise<unknown>;
}

export type Case =
  /** The answer matches: see `match.ts`. */
  | (Call & { readonly gives: unknown })
  /** The error's name, and its text or a part of it. */
  | (Call & { readonly fails: string; readonly message?: string | RegExp });

/** Register the cases as tests of mocha. */
export function conformance(title: string, cases: readonly Case[]): void {
  describe(title, function () {
    this.timeout(60_000);
    let ground: Ground | undefined;

    before(async () => {
      const plane = await startControlPlane();
      const settings = settingsFor(plane);
      ground = {
        plane,
        ecs: new ECS(settings),
        elbv2: new ElasticLoadBalancingV2Client(settings),
        scaling: new ApplicationAutoScalingClient(settings),
        sts: new STSClient(settings),
        kept: {},
      };
    });

    after(async () => {
      if (!ground) return;
      const { plane, ecs, elbv2, scaling, sts } = ground;
      for (const client of [ecs, elbv2, scaling, sts]) client.destroy();
      await plane.stop();
      assert.deepEqual(
        plane.logger.lines.filter(({ message }) => message.includes('unexpectedly')),
        [],
      );
    });

    for (const one of cases) {
      it(one.name, async () => {
        assert.ok(ground);
        const on = ground;
        if ('fails' in one) {
          await assert.rejects(one.call(on), (error: Error) => {
            assert.equal(error.name, one.fails, error.message);
            if (one.message !== undefined) assertMatches(error.message, one.message, 'message');
            return true;
          });
        } else {
          assertMatches(await one.call(on), one.gives);
        }
      });
    }
  });
}

/** What an earlier case of the table has kept. @throws AssertionError when it has not */
export function kept(on: Ground, name: string): string {
  const value = on.kept[name];
  assert.ok(value, `no earlier case has kept "${name}"`);
  return value;
}

/** All pages of a list: what each holds. */
export async function pages<T>(
  page: (nextToken: string | undefined) => Promise<{
    readonly items: readonly T[] | undefined;
    readonly nextToken: string | undefined;
  }>,
): Promise<(readonly T[])[]> {
  const found: (readonly T[])[] = [];
  let token: string | undefined;
  do {
    const { items = [], nextToken } = await page(token);
    found.push(items);
    token = nextToken;
    assert.ok(found.length < 1000, 'the pages have no end');
  } while (token !== undefined);
  return found;
}

/** Of any of the SDK's clients. */
export function settingsFor({
  endpoint,
  accessKeyId,
  secretAccessKey,
}: Pick<ControlPlane, 'endpoint' | 'accessKeyId' | 'secretAccessKey'>) {
  return {
    endpoint,
    region: REALM.region,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
  };
}
