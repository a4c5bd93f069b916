// Finds the smallest change after which one more task would be placed. It looks at each host that refuses the task for
// the cheapest set of changes that makes every rule pass, and at a host more; whatever it proposes has been checked
// against the same rules that placement uses.
//
// What may change: attributes of people's own, the host's state, its agent's connection, resources and ports that other
// tasks hold; where a rule speaks of tasks also which groups' tasks are on the host and how many. What a host is (its size,
// its reserved attributes, ports it keeps for itself) does not change.
import type { Attribute, PlacementChange, PlacementRemedy } from '../generated/messages.ts';
import type { HostFacts } from '../query/expression.ts';
import { type Wishes, wishesOf } from '../query/wishes.ts';
import { isAttributeValue, isReservedAttribute, MOST_CUSTOM } from '../validation/attributes.ts';
import { candidatesOf } from './explain.ts';
import type { Charge, HostAccount, Ledger } from './ledger.ts';
import { change, COSTS, describeChanges } from './remedies.ts';
import type { PlacementSpec } from './spec.ts';

/** Sets of changes of one call that are tried against expressions; then the best so far has to do. */
const MOST_TRIES = 200_000;
/** Choices that are taken together for the sake of expressions. */
const MOST_CHOICES = 4;

/** How small a set of changes is: what it costs, then how much of the task's size has to be freed. */
interface Found {
  readonly changes: readonly PlacementChange[];
  readonly cost: number;
  readonly amount: number;
  /** Absent: a host more. */
  readonly host?: HostAccount;
}

/**
 * The smallest change that would place one more task of the request; of several hosts on which the same would do, all.
 * @param now milliseconds since the Unix epoch: when a new host would be registered
 * @returns undefined where a host fits already, or nothing was found that would help. Pure.
 */
export function smallestChange(
  ledger: Ledger,
  spec: PlacementSpec,
  now: number,
): PlacementRemedy | undefined {
  const search = new Search(ledger, spec, now);
  for (const host of candidatesOf(ledger, spec)) search.visit(host);
  if (!spec.onlyHosts) search.imagineHost();
  return search.result();
}

/** Facts that can still be changed while choices are made. */
interface Draft {
  readonly attributes: Map<string, string>;
  readonly moved: Set<string>;
  readonly stopped: number;
}

interface Choice {
  readonly change: PlacementChange;
  readonly apply: (draft: Draft) => Draft;
}

class Search {
  readonly #ledger: Ledger;
  readonly #spec: PlacementSpec;
  readonly #now: number;
  readonly #wishes: Wishes;
  #tries = 0;
  #held: Map<string, Charge[]> | undefined;
  #best: Found[] = [];

  constructor(ledger: Ledger, spec: PlacementSpec, now: number) {
    this.#ledger = ledger;
    this.#spec = spec;
    this.#now = now;
    this.#wishes = wishesOf(spec.memberOf.map(({ expression }) => expression));
  }

  result(): PlacementRemedy | undefined {
    const [first] = this.#best.sort((a, b) => (a.host && b.host ? byName(a.host, b.host) : 0));
    if (!first || first.changes.length === 0) return undefined;
    const same = first.host
      ? this.#best.filter(({ changes }) => keyOf(changes) === keyOf(first.changes))
      : [];
    const hosts = same.flatMap(({ host }) => host ?? []).sort(byName);
    return {
      changes: first.changes,
      hostIds: hosts.map(({ id }) => id),
      text: describeChanges(
        first.changes,
        hosts.map(({ view }) => view.name),
      ),
    };
  }

  visit(host: HostAccount): void {
    const { requirements, distinctInstance, group } = this.#spec;
    if (requirements.cpu > host.view.cpu || requirements.memory > host.view.memory) return;
    if (requirements.gpus > host.view.gpuIds.length) return;
    if (requirements.ports.some((port) => host.view.ports.includes(port))) return;
    if (requirements.portsUdp.some((port) => host.view.portsUdp.includes(port))) return;
    const forced: PlacementChange[] = [];
    if (host.view.status !== 'ACTIVE') forced.push(change('ACTIVATE_HOST'));
    if (!host.view.connected) forced.push(change('CONNECT_AGENT'));
    const attributes = new Map(host.attributes);
    for (const [name, value] of requirements.attributes) {
      if (attributes.get(name) === value) continue;
      if (isReservedAttribute(name)) return;
      attributes.set(name, value);
      forced.push(setAttribute(name, value));
    }
    const moved = new Set<string>();
    if (distinctInstance && host.groups.has(group)) {
      moved.add(group);
      forced.push(moveTasks(group, host.groups.get(group) ?? 0));
    }
    this.#choose(
      { attributes, moved, stopped: 0 },
      forced,
      this.#choicesOn(host),
      MOST_CHOICES,
      (draft, changes) => {
        if (
          customAttributes(draft.attributes) >
          Math.max(MOST_CUSTOM, customAttributes(host.attributes))
        )
          return;
        const facts = factsOf(host, draft);
        if (facts.runningTasksCount < 0 || !this.#holds(facts)) return;
        const freed = this.#shortages(host, draft.moved);
        this.#offer({
          changes: [...changes, ...freed],
          cost: costOf(changes) + costOf(freed),
          amount: this.#amountOf(freed),
          host,
        });
      },
    );
  }

  /** A host that does not exist yet may be whatever the rules ask for. */
  imagineHost(): void {
    const { requirements } = this.#spec;
    const gpus = requirements.gpus || undefined;
    const attributes = new Map(requirements.attributes);
    const newest = [...this.#ledger.hosts()].reduce(
      (found, { view }) => (view.registeredAt > found.registeredAt ? view : found),
      { registeredAt: -1, agentVersion: '' },
    );
    this.#choose(
      { attributes, moved: new Set(), stopped: 0 },
      [],
      this.#attributeChoices(new Map(), () => true),
      MOST_CHOICES,
      (draft) => {
        const facts: HostFacts = {
          id: '',
          attributes: draft.attributes,
          agentConnected: true,
          agentVersion: newest.agentVersion,
          registeredAt: this.#now,
          runningTasksCount: 0,
          groups: new Map<string, number>(),
        };
        if (!this.#holds(facts)) return;
        const { cpu, memory } = requirements;
        const asked = [...draft.attributes]
          .sort()
          .map(([name, value]): Attribute => ({ name, value }));
        const added = change('ADD_HOST', {
          attributes: asked,
          resources: { cpu, memory, ports: [], portsUdp: [], gpuIds: [], gpus },
        });
        this.#offer({ changes: [added], cost: COSTS.ADD_HOST, amount: asked.length });
      },
    );
  }

  /** Try each set of choices that may still be the smallest. */
  #choose(
    draft: Draft,
    changes: readonly PlacementChange[],
    choices: readonly (readonly Choice[])[],
    left: number,
    tried: (draft: Draft, changes: readonly PlacementChange[]) => void,
  ): void {
    if (costOf(changes) > this.#cost) return;
    // Each host is looked at as it is, however many there are.
    if (left < MOST_CHOICES && this.#tries >= MOST_TRIES) return;
    this.#tries += 1;
    tried(draft, changes);
    if (left === 0) return;
    for (const [index, options] of choices.entries()) {
      for (const { change: made, apply } of options) {
        this.#choose(apply(draft), [...changes, made], choices.slice(index + 1), left - 1, tried);
      }
    }
  }

  get #cost(): number {
    return this.#best[0]?.cost ?? Number.POSITIVE_INFINITY;
  }

  #holds(facts: HostFacts): boolean {
    return this.#spec.memberOf.every(({ holds }) => holds(facts));
  }

  /** One list of alternatives for each thing that expressions ask about. */
  #choicesOn(host: HostAccount): Choice[][] {
    const { distinctInstance, group: own } = this.#spec;
    const asked = new Set(this.#spec.requirements.attributes.map(([name]) => name));
    const choices = this.#attributeChoices(
      host.attributes,
      (name) => !isReservedAttribute(name) && !asked.has(name),
    );
    if (this.#wishes.groups) {
      for (const [group, count] of [...host.groups].sort()) {
        if (distinctInstance && group === own) continue;
        choices.push([
          {
            change: moveTasks(group, count),
            apply: (draft) => ({ ...draft, moved: new Set(draft.moved).add(group) }),
          },
        ]);
      }
    }
    const moved = distinctInstance ? (host.groups.get(own) ?? 0) : 0;
    const staying = host.runningTasksCount - moved;
    const counts = this.#wishes.taskCounts.filter((count) => count < staying);
    choices.push(
      counts.map((count) => {
        const stopped = staying - count;
        return {
          change: change('STOP_TASKS', { amount: stopped }),
          apply: (draft) => ({ ...draft, stopped }),
        };
      }),
    );
    return choices.filter((options) => options.length > 0);
  }

  #attributeChoices(
    present: ReadonlyMap<string, string>,
    mayChange: (name: string) => boolean,
  ): Choice[][] {
    return [...this.#wishes.attributes]
      .filter(([name]) => mayChange(name))
      .map(([name, values]) => {
        const options = values
          .filter((value) => value !== present.get(name) && isAttributeValue(value))
          .map((value): Choice => ({
            change: setAttribute(name, value),
            apply: (draft) => ({
              ...draft,
              attributes: new Map(draft.attributes).set(name, value),
            }),
          }));
        if (present.has(name)) options.push(removal(name));
        return options;
      });
  }

  /** What has to be freed for the task besides what leaves with the groups that are moved. */
  #shortages(host: HostAccount, moved: ReadonlySet<string>): PlacementChange[] {
    const { requirements } = this.#spec;
    const leaving = moved.size === 0 ? [] : this.#heldBy(host.id, moved);
    const sum = (key: 'cpu' | 'memory'): number =>
      leaving.reduce((total, charge) => total + charge[key], 0);
    const cpu = requirements.cpu - host.cpuFree - sum('cpu');
    const memory = requirements.memory - host.memoryFree - sum('memory');
    const freed: PlacementChange[] = [];
    if (requirements.cpu > 0 && cpu > 0) freed.push(change('FREE_CPU', { amount: cpu }));
    if (requirements.memory > 0 && memory > 0) {
      freed.push(change('FREE_MEMORY', { amount: memory }));
    }
    for (const [protocol, key] of [
      ['tcp', 'ports'],
      ['udp', 'portsUdp'],
    ] as const) {
      for (const port of requirements[key]) {
        const holders = host[key].get(port) ?? 0;
        const going = leaving.filter((charge) => charge[key].includes(port)).length;
        if (holders > going) freed.push(change('FREE_PORT', { amount: port, protocol }));
      }
    }
    const gpus = requirements.gpus - this.#gpusWithout(host, leaving);
    if (requirements.gpus > 0 && gpus > 0) freed.push(change('FREE_GPU', { amount: gpus }));
    return freed;
  }

  /** How many are free once these tasks have left. */
  #gpusWithout(host: HostAccount, leaving: readonly Charge[]): number {
    const holders = new Map(host.gpuHolders);
    for (const id of leaving.flatMap(({ gpuIds = [] }) => gpuIds)) {
      holders.set(id, (holders.get(id) ?? 0) - 1);
    }
    return host.view.gpuIds.filter((id) => (holders.get(id) ?? 0) === 0).length;
  }

  #heldBy(hostId: string, groups: ReadonlySet<string>): Charge[] {
    if (!this.#held) {
      this.#held = new Map();
      for (const charge of this.#ledger.charges()) {
        if (!charge.running) continue;
        const held = this.#held.get(charge.hostId);
        if (held) held.push(charge);
        else this.#held.set(charge.hostId, [charge]);
      }
    }
    return (this.#held.get(hostId) ?? []).filter(({ group }) => groups.has(group));
  }

  #amountOf(freed: readonly PlacementChange[]): number {
    const { cpu, memory, gpus } = this.#spec.requirements;
    return freed.reduce((sum, { kind, amount }) => {
      if (kind === 'FREE_CPU') return sum + amount / cpu;
      if (kind === 'FREE_GPU') return sum + amount / gpus;
      return kind === 'FREE_MEMORY' ? sum + amount / memory : sum;
    }, 0);
  }

  #offer(found: Found): void {
    const [best] = this.#best;
    const order = best ? found.cost - best.cost || found.amount - best.amount : -1;
    if (order < 0) this.#best = [found];
    else if (order === 0) this.#best.push(found);
  }
}

function factsOf(host: HostAccount, { attributes, moved, stopped }: Draft): HostFacts {
  const groups = new Map([...host.groups].filter(([group]) => !moved.has(group)));
  const gone = [...moved].reduce((sum, group) => sum + (host.groups.get(group) ?? 0), 0);
  return {
    id: host.id,
    attributes,
    agentConnected: true,
    agentVersion: host.agentVersion,
    registeredAt: host.registeredAt,
    runningTasksCount: host.runningTasksCount - gone - stopped,
    groups,
  };
}

function removal(name: string): Choice {
  return {
    change: change('REMOVE_ATTRIBUTE', { attributes: [{ name }] }),
    apply: (draft) => {
      const attributes = new Map(draft.attributes);
      attributes.delete(name);
      return { ...draft, attributes };
    },
  };
}

function setAttribute(name: string, value: string): PlacementChange {
  return change('SET_ATTRIBUTE', { attributes: [{ name, value }] });
}

function moveTasks(group: string, count: number): PlacementChange {
  return change('MOVE_TASKS', { group, amount: count });
}

function costOf(changes: readonly PlacementChange[]): number {
  return changes.reduce((sum, { kind }) => sum + COSTS[kind], 0);
}

function customAttributes(attributes: ReadonlyMap<string, string>): number {
  return [...attributes.keys()].filter((name) => !isReservedAttribute(name)).length;
}

function keyOf(changes: readonly PlacementChange[]): string {
  return JSON.stringify(changes);
}

function byName(a: HostAccount, b: HostAccount): number {
  const [left, right] = a.view.name === b.view.name ? [a.id, b.id] : [a.view.name, b.view.name];
  return left < right ? -1 : 1;
}
