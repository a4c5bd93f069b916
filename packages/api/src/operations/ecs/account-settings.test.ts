import assert from 'node:assert/strict';

import { Bench } from '../testing.ts';

describe('account settings', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
  });
  afterEach(() => bench.stop());

  const effective = async (name: string, principalArn?: string) => {
    const { settings } = await bench.ecs('ListAccountSettings', {
      name,
      effectiveSettings: true,
      principalArn,
    });
    return settings[0]?.value;
  };

  it('hold from the beginning: ARNs are long', async () => {
    const first = await bench.ecs('ListAccountSettings', { effectiveSettings: true });
    const { nextToken } = first;
    const second = await bench.ecs('ListAccountSettings', { effectiveSettings: true, nextToken });
    const all = [...first.settings, ...second.settings];
    assert.equal(all.length, 11);
    assert.equal(first.settings.length, 10);
    for (const { name, value, type } of all) {
      if (name.endsWith('LongArnFormat')) assert.equal(value, 'enabled');
      assert.equal(type, name === 'guardDutyActivate' ? 'aws_managed' : 'user');
    }
    assert.deepEqual((await bench.ecs('ListAccountSettings')).settings, []);
  });

  it('are the caller’s, or everybody’s who has said nothing', async () => {
    const name = 'containerInsights';
    await bench.ecs('PutAccountSettingDefault', { name, value: 'enhanced' });
    assert.equal(await effective(name), 'enhanced');
    const { setting } = await bench.ecs('PutAccountSetting', { name, value: 'enabled' });
    assert.equal(setting?.principalArn, 'arn:aws:iam::000000000000:user/ada');
    assert.equal(await effective(name), 'enabled');
    assert.equal(await effective(name, 'arn:aws:iam::000000000000:user/bob'), 'enhanced');
    const { settings } = await bench.ecs('ListAccountSettings');
    assert.deepEqual(settings, [setting]);
    const deleted = await bench.ecs('DeleteAccountSetting', { name });
    assert.equal(deleted.setting?.value, 'enhanced');
    assert.equal(await effective(name), 'enhanced');
  });

  it('of container insights are those of clusters of which nothing is said', async () => {
    await bench.ecs('PutAccountSetting', { name: 'containerInsights', value: 'enabled' });
    const { cluster } = await bench.ecs('CreateCluster', { clusterName: 'c' });
    assert.deepEqual(cluster?.settings, [{ name: 'containerInsights', value: 'enabled' }]);
  });

  it('that are none, or have no such value, are refused', async () => {
    for (const [name, value, message] of [
      ['nothing', 'on', /name is "nothing"/],
      ['taskLongArnFormat', 'disabled', /value is "disabled"; expected one of enabled/],
      ['guardDutyActivate', 'on', /can't modify/],
    ] as const) {
      await bench.refuses(
        () => bench.ecs('PutAccountSetting', { name, value }),
        'InvalidParameterException',
        message,
      );
    }
    await bench.refuses(
      () => bench.ecs('ListAccountSettings', { principalArn: 'ada' }),
      'InvalidParameterException',
      /principalArn/,
    );
  });
});
