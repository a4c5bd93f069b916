import assert from 'node:assert/strict';

import { VirtualClock } from '@berth/control/virtual-clock.ts';
import { EMPTY_TABLE, type ListenerRoutes, updateTable } from '@berth/model/routing/table.ts';
import { condition, fixed, listener, rule, update } from '@berth/model/routing/testing.ts';

import type { ClientRequest } from '../exchange-sides.ts';
import { ClientTable } from './client-table.ts';
import { Limits } from './limits.ts';

type Attributes = Readonly<Record<string, string>>;

function listenerOf(outer: Attributes, inner: Attributes = {}): ListenerRoutes {
  const table = updateTable(
    EMPTY_TABLE,
    update(1, {
      listeners: [{ ...listener(80, fixed('200')), attributes: outer }],
      rules: [
        { ...rule('l80', 1, [condition('path-pattern', ['/a'])], fixed('200')), attributes: inner },
      ],
    }),
  );
  return table.listeners.get(80) as ListenerRoutes;
}

/** All that limits look at. */
const from = (address: string): ClientRequest =>
  ({ client: { address, port: 1 } }) as Partial<ClientRequest> as ClientRequest;

describe('limits', () => {
  const total = (perSecond: number, burst = 0): Attributes => ({
    'berth.rate_limit.requests_per_second': String(perSecond),
    'berth.rate_limit.burst': String(burst),
  });
  const perClient = (perSecond: number): Attributes => ({
    'berth.client_rate_limit.requests_per_second': String(perSecond),
  });

  function asks(
    limits: Limits,
    routes: ListenerRoutes,
    ...addresses: string[]
  ): (number | string)[] {
    return addresses.map((address) => {
      const refusal = limits.requestArrived(routes, routes.defaultRoute, from(address));
      return refusal === undefined ? 'ok' : `${refusal.status} ${refusal.lines.trim()}`;
    });
  }

  it('let everything pass that is not limited', () => {
    const limits = new Limits({ clock: new VirtualClock() });
    assert.deepEqual(asks(limits, listenerOf({}), 'a', 'a'), ['ok', 'ok']);
  });

  it('refuse what is over a listener’s rate, and say when to come back', async () => {
    const clock = new VirtualClock();
    const limits = new Limits({ clock });
    const routes = listenerOf(total(0.5, 2));
    assert.deepEqual(asks(limits, routes, 'a', 'b', 'c'), ['ok', 'ok', '429 Retry-After: 2']);
    await clock.advance(2_000);
    assert.deepEqual(asks(limits, routes, 'a', 'b'), ['ok', '429 Retry-After: 2']);
  });

  it('count each client by itself, an IPv6 network as one', () => {
    const limits = new Limits({ clock: new VirtualClock() });
    const routes = listenerOf(perClient(1));
    const found = asks(
      limits,
      routes,
      '192.0.2.1',
      '192.0.2.2',
      '192.0.2.1',
      '2001:db8::1',
      '2001:db8::2',
      '2001:db8:0:1::1',
    );
    const refused = '429 Retry-After: 1';
    assert.deepEqual(found, ['ok', 'ok', refused, 'ok', refused, 'ok']);
  });

  it('give back to the listener what the rule refuses', () => {
    const limits = new Limits({ clock: new VirtualClock() });
    const routes = listenerOf(total(1, 3), total(1, 1));
    const [inner] = routes.routes;
    assert.ok(inner);
    const at = (route: typeof inner): boolean =>
      limits.requestArrived(routes, route, from('a')) === undefined;
    assert.deepEqual([at(inner), at(inner), at(inner)], [true, false, false]);
    assert.deepEqual(
      [at(routes.defaultRoute), at(routes.defaultRoute), at(routes.defaultRoute)],
      [true, true, false],
    );
  });

  it('are shared among workers', () => {
    const limits = new Limits({ clock: new VirtualClock(), workers: 2 });
    const routes = listenerOf(total(4, 4));
    assert.deepEqual(asks(limits, routes, 'a', 'a', 'a').slice(0, 3), [
      'ok',
      'ok',
      '429 Retry-After: 1',
    ]);
  });

  it('bound the connections of a client', () => {
    const limits = new Limits({ clock: new VirtualClock() });
    const routes = listenerOf({ 'berth.connections.per_client': '2' });
    const open = (address: string): boolean => limits.connectionOpened(routes, address);
    assert.deepEqual([open('a'), open('a'), open('a'), open('b')], [true, true, false, true]);
    limits.connectionClosed(routes, 'a');
    assert.deepEqual([open('a'), open('a')], [true, false]);
    assert.equal(limits.connectionOpened(undefined, 'a'), true);
    // An IPv6 network is one client here, too.
    const network = ['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8:0:1::1'];
    assert.deepEqual(network.map(open), [true, true, false, true]);
    limits.connectionClosed(routes, '2001:db8::1');
    assert.deepEqual(network.slice(2, 3).map(open), [true]);
  });
});

describe('the table of clients', () => {
  it('forgets the one that has been silent longest', () => {
    const table = new ClientTable<number>(2);
    let made = 0;
    const get = (key: string): number => table.get(key, () => (made += 1));
    assert.deepEqual([get('a'), get('b'), get('a'), get('c'), get('a')], [1, 2, 1, 3, 1]);
    assert.equal(table.known('b'), undefined);
    assert.equal(table.size, 2);
  });
});
