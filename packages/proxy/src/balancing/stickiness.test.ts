import assert from 'node:assert/strict';

import type { CookieKey, RoutingUpdate } from '@berth/model/generated/messages.ts';
import { VirtualClock } from '@berth/control/virtual-clock.ts';
import type { RequestView } from '@berth/model/routing/conditions.ts';
import type { ForwardRoute } from '@berth/model/routing/route.ts';
import { updateTable } from '@berth/model/routing/table.ts';
import * as records from '@berth/model/routing/testing.ts';
import { Registry } from 'prom-client';

import { ProxyMetrics } from '../metrics.ts';
import { type GroupChoice, Routing } from '../routing.ts';
import { DEFAULT_SETTINGS } from '../settings.ts';
import type { Target } from '../target.ts';

const key = (id: string, fill: number): CookieKey => ({ id, key: new Uint8Array(32).fill(fill) });
const DAY = 86_400_000;

const LB_COOKIE = { 'stickiness.enabled': 'true', 'stickiness.lb_cookie.duration_seconds': '60' };
const APP_COOKIE = {
  'stickiness.enabled': 'true',
  'stickiness.type': 'app_cookie',
  'stickiness.app_cookie.cookie_name': 'SESSION',
  'stickiness.app_cookie.duration_seconds': '60',
};

/** A routing with healthy targets; the browser keeps what answers set. */
class World {
  readonly clock = new VirtualClock();
  readonly routing: Routing;
  readonly jar = new Map<string, string>();
  lines = '';
  #revision = 0;

  constructor(attributes: Readonly<Record<string, string>>) {
    const none = (): number => 0;
    this.routing = new Routing({
      metrics: new ProxyMetrics(new Registry(), {
        tableRevision: none,
        clientConnections: none,
        failedListeners: none,
        groups: () => [],
      }),
      settings: DEFAULT_SETTINGS,
      clock: this.clock,
      random: Math.random,
      hooks: { onIdle: () => undefined, onAnomaly: () => undefined },
    });
    this.update({
      cookieKeys: [key('k1', 1)],
      listeners: [records.listener(80, records.forward('a'))],
      targetGroups: [records.targetGroup('a', attributes), records.targetGroup('b', attributes)],
      targets: ['1', '2', '3', '4'].flatMap((id) => [
        records.target('a', `a${id}`),
        records.target('b', `b${id}`),
      ]),
    });
  }

  update(parts: Partial<RoutingUpdate>): void {
    this.#revision += 1;
    const { table } = this.routing;
    this.routing.swap(updateTable(table, records.update(this.#revision, parts)));
    for (const group of this.routing.groups.values()) {
      for (const target of group.targets.values())
        target.health = { state: 'healthy', failures: 0 };
      group.refresh();
    }
  }

  setAction(action: ReturnType<typeof records.forward>): void {
    this.update({ listeners: [records.listener(80, action)] });
  }

  get view(): RequestView {
    const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
    return records.request({ headers: cookie === '' ? [] : ['Cookie', cookie] });
  }

  choose(): GroupChoice {
    const action = this.routing.table.listeners.get(80)?.defaultRoute.action as ForwardRoute;
    const choice = this.routing.choose(action, this.view);
    assert.ok(choice);
    return choice;
  }

  /** One request. @param answer fields of the target's answer. @returns who got it */
  ask(answer = ''): Target {
    const { group, preferred, stickiness } = this.choose();
    const target = group.select(undefined, preferred);
    assert.ok(target);
    this.lines = answer + (stickiness?.answerLines(target, answer) ?? '');
    for (const [, name, value] of this.lines.matchAll(/^Set-Cookie: ([^=]+)=([^;\r]*)/gm)) {
      this.jar.set(name ?? '', value ?? '');
    }
    group.release(target);
    return target;
  }
}

describe('stickiness', () => {
  it('by AWSALB keeps a client on its target, with the cookies of ALB', () => {
    const world = new World(LB_COOKIE);
    const first = world.ask();
    const expires = new Date(world.clock.now() + 7 * DAY).toUTCString();
    const value = world.jar.get('AWSALB') ?? '';
    assert.equal(
      world.lines,
      `Set-Cookie: AWSALB=${value}; Expires=${expires}; Path=/\r\n` +
        `Set-Cookie: AWSALBCORS=${value}; Expires=${expires}; Path=/; SameSite=None; Secure\r\n`,
    );
    for (let i = 0; i < 10; i += 1) assert.equal(world.ask(), first);
    world.jar.delete('AWSALB');
    assert.equal(world.ask(), first, 'the twin is as good');
  });

  it('tells nothing of the target, and can not be forged', () => {
    const world = new World(LB_COOKIE);
    const target = world.ask();
    const value = world.jar.get('AWSALB') ?? '';
    assert.ok(!Buffer.from(value.split('.')[1] ?? '', 'base64url').includes(target.record.id));
    for (const forged of [
      '',
      'a1',
      value.slice(0, -2),
      `k2.${value.slice(3)}`,
      '{"target":"a1"}',
    ]) {
      world.jar.clear();
      world.jar.set('AWSALB', forged);
      assert.equal(world.choose().preferred, undefined, forged);
    }
  });

  it('ends with its time, and begins anew with each answer', async () => {
    const world = new World(LB_COOKIE);
    world.ask();
    await world.clock.advance(50_000);
    const again = world.ask();
    await world.clock.advance(50_000);
    assert.equal(world.choose().preferred, again);
    await world.clock.advance(10_000);
    assert.equal(world.choose().preferred, undefined);
  });

  it('never reaches a draining target; the client gets a new one and a new cookie', () => {
    const world = new World(LB_COOKIE);
    const first = world.ask();
    world.update({ targets: [{ ...first.record, state: 'DRAINING' }] });
    const second = world.ask();
    assert.notEqual(second, first);
    assert.equal(world.ask(), second);
  });

  it('does not take a later registration of the same address for the former', () => {
    const world = new World(LB_COOKIE);
    const first = world.ask();
    world.update({
      targets: [{ ...first.record, registeredAt: 99, id: 'new' }],
      removedTargets: [first.key],
    });
    assert.equal(world.choose().preferred, undefined);
  });

  it('outlives a change of keys, until the old one is gone', () => {
    const world = new World(LB_COOKIE);
    const first = world.ask();
    world.update({ cookieKeys: [key('k2', 2), key('k1', 1)] });
    const old = new Map(world.jar);
    assert.equal(world.ask(), first);
    assert.ok(world.jar.get('AWSALB')?.startsWith('k2.'));
    world.update({ cookieKeys: [key('k2', 2)] });
    assert.equal(world.choose().preferred, first);
    world.jar.set('AWSALB', old.get('AWSALB') ?? '').delete('AWSALBCORS');
    assert.equal(world.choose().preferred, undefined);
  });

  it('makes no cookie while there is no key, and none where it is off', () => {
    const world = new World({});
    world.ask();
    assert.equal(world.lines, '');
    assert.equal(world.choose().stickiness, undefined);
  });

  it('by an application cookie begins when the target sets that', () => {
    const world = new World(APP_COOKIE);
    world.ask();
    assert.equal(world.lines, '');
    const until = new Date(world.clock.now() + DAY).toUTCString();
    const first = world.ask(`Set-Cookie: SESSION=x; Expires=${until}; Path=/shop\r\n`);
    assert.match(
      world.lines,
      new RegExp(`\\r\\nSet-Cookie: AWSALBAPP-0=[^;]+; Expires=${until}; Path=/\\r\\n$`),
    );
    for (let i = 0; i < 6; i += 1) {
      assert.equal(world.ask(), first);
      assert.match(world.lines, new RegExp(`Expires=${until}`), 'as long as the application said');
    }
    world.jar.delete('SESSION');
    assert.equal(world.choose().preferred, undefined, 'it ends with the application cookie');
  });

  it('by an application cookie moves on when its target drains', () => {
    const world = new World(APP_COOKIE);
    const first = world.ask('Set-Cookie: SESSION=x\r\n');
    world.update({ targets: [{ ...first.record, state: 'DRAINING' }] });
    const second = world.ask();
    assert.notEqual(second, first);
    assert.equal(world.ask(), second);
  });

  describe('of groups', () => {
    const sticky = (...groups: string[]): ReturnType<typeof records.forward> => {
      const action = records.forward(...groups);
      return {
        ...action,
        forward: {
          targetGroups: action.forward?.targetGroups ?? [],
          targetGroupStickinessConfig: { enabled: true, durationSeconds: 60 },
        },
      };
    };

    it('keeps a client on its group for a fixed time', async () => {
      const world = new World({});
      world.setAction(sticky('a=1', 'b=1'));
      const { group } = world.ask().record;
      assert.match(
        world.lines,
        /^Set-Cookie: AWSALBTG=[^;]+; Expires=[^;]+; Path=\/\r\nSet-Cookie: AWSALBTGCORS=/,
      );
      for (let i = 0; i < 6; i += 1) {
        assert.equal(world.ask().record.group, group);
        assert.equal(world.lines, '', 'the cookie is not made anew');
      }
      await world.clock.advance(60_000);
      world.ask();
      assert.notEqual(world.lines, '');
    });

    it('chooses anew when the group has weight 0 or is no longer in the action', () => {
      const world = new World({});
      world.setAction(sticky('a=1', 'b=0'));
      assert.equal(world.ask().record.group, 'a');
      world.setAction(sticky('a=0', 'b=1'));
      assert.equal(world.ask().record.group, 'b');
      world.setAction(sticky('a=1'));
      assert.equal(world.ask().record.group, 'a');
    });

    it('goes together with the stickiness of targets', () => {
      const world = new World(LB_COOKIE);
      world.setAction(sticky('a=1', 'b=1'));
      const first = world.ask();
      assert.equal(world.jar.size, 4);
      for (let i = 0; i < 8; i += 1) assert.equal(world.ask(), first);
    });

    it('tells of a cookie that says nothing', () => {
      const world = new World({});
      world.setAction(sticky('a=1', 'b=1'));
      assert.equal(world.choose().stickiness?.badGroupCookie, false);
      world.jar.set('AWSALBTG', 'nonsense');
      assert.equal(world.choose().stickiness?.badGroupCookie, true);
    });
  });

  it('without cookies follows the weights over a cycle', () => {
    const world = new World({});
    world.setAction(records.forward('a=3', 'b=1'));
    const groups = Array.from({ length: 8 }, () => world.ask().record.group);
    assert.equal(groups.filter((group) => group === 'b').length, 2);
  });
});
