// The hosts of a ledger in the order in which requests of one shape prefer them, kept up to date host by
// host. Hosts with the same values of all attributes that are spread over form a place; a tree inside each place
// knows its best hosts, a tree over the places knows the best places, so a choice costs the logarithm of both. It must
// choose what looking at every host would choose: `reference.ts` says what that is.
import { filtersFor, passesAll } from './filters.ts';
import type { Filter } from './filters.ts';
import { lot } from './hash.ts';
import type { HostView } from './host.ts';
import type { HostAccount, Ledger } from './ledger.ts';
import { insertRow, removeRow } from './sorted-rows.ts';
import type { Row } from './sorted-rows.ts';
import type { PlacementSpec } from './spec.ts';
import { decisive } from './strategies.ts';
import type { DecisiveStrategy } from './strategies.ts';
import { WinnerTree } from './winner-tree.ts';

/** A known host, whether it fits or not; named by its id. */
interface Entry extends Row {
  readonly host: HostAccount;
  readonly view: HostView;
  /** It passes every rule whose verdict lasts as long as this view. */
  readonly eligible: boolean;
  readonly place: Place;
  /** Running tasks of the group on it, as counted in the place. */
  tasks: number;
}

/** The hosts with the same value of every attribute that is spread over; named by these values. */
interface Place extends Row {
  readonly entries: Entry[];
  /** A leaf for each entry, in their order. */
  readonly tree: WinnerTree;
  /** One for each attribute that is spread over. */
  readonly tallies: readonly Tally[];
}

/** How many running tasks of the group are on all hosts with one value of one attribute. */
interface Tally {
  readonly value: string | undefined;
  tasks: number;
  readonly places: Set<Place>;
}

/** Some of a request's filters, with what they shall look at of the request. */
interface Rules {
  readonly spec: PlacementSpec;
  readonly filters: readonly Filter[];
}

export class HostIndex {
  readonly #ledger: Ledger;
  readonly #only: ReadonlySet<string> | undefined;
  readonly #lasting: Rules;
  #changing: Rules;
  readonly #order: readonly DecisiveStrategy[];
  readonly #attributes: readonly string[];
  /** The strategies that compare hosts of a place. */
  readonly #inside: readonly DecisiveStrategy[];
  readonly #looksAtGroup: boolean;
  readonly #entries = new Map<string, Entry>();
  /** By attribute, then by value; hosts that lack the attribute share a value of their own. */
  readonly #tallies: readonly Map<string | undefined, Tally>[];
  readonly #byName = new Map<string, Place>();
  readonly #places: Place[] = [];
  /** A leaf for each place, in their order. */
  readonly #tree: WinnerTree;
  /** Places of which the leaf is out of date. */
  readonly #changed = new Set<Place>();
  /** Keys on their way into a tree. */
  readonly #key: number[];
  readonly #placeKey: number[];
  #group: string;
  #seen: number;

  /** @param only the hosts that may be chosen; all when absent. Tell `refresh` of hosts that leave the set */
  constructor(ledger: Ledger, spec: PlacementSpec, only?: ReadonlySet<string>) {
    this.#ledger = ledger;
    this.#only = only;
    this.#group = spec.group;
    this.#lasting = rulesOf(spec, true);
    this.#changing = rulesOf(spec, false);
    this.#order = decisive(spec.strategies);
    this.#attributes = this.#order.flatMap((strategy) =>
      strategy.kind === 'spread' ? (strategy.attribute ?? []) : [],
    );
    this.#inside = this.#order.filter((strategy) => attributeOf(strategy) === undefined);
    this.#looksAtGroup = spec.distinctInstance || this.#order.some(({ kind }) => kind === 'spread');
    this.#tallies = this.#attributes.map(() => new Map<string | undefined, Tally>());
    this.#tree = new WinnerTree(this.#order.length);
    this.#key = this.#inside.map(() => 0);
    this.#placeKey = this.#order.map(() => 0);
    this.#refreshAll();
    this.#seen = ledger.journal.end;
  }

  /** What it takes memory for. */
  get size(): { readonly places: number; readonly hosts: number } {
    return { places: this.#places.length, hosts: this.#entries.size };
  }

  /** Go on with a request of the same shape, maybe of another group. Costs what the tasks of both groups cost. */
  serve(spec: PlacementSpec): void {
    this.#catchUp();
    const former = this.#group;
    if (!this.#looksAtGroup || former === spec.group) return;
    this.#group = spec.group;
    const { filters, spec: rules } = this.#changing;
    this.#changing = { filters, spec: { ...rules, group: spec.group } };
    for (const group of [former, spec.group]) {
      for (const hostId of this.#ledger.hostsOfGroup(group).keys()) this.refresh(hostId);
    }
  }

  /**
   * The host that is preferred among those that fit now.
   * @param draw which choice of the plan this is; lots are drawn anew for each
   */
  best(seed: number, draw: number): HostAccount | undefined {
    this.#catchUp();
    for (const place of this.#changed) this.#rate(place);
    this.#changed.clear();
    const { weight } = this.#tree;
    if (weight === 0) return undefined;
    const { leaf, ticket } = this.#tree.pick(lot(seed, draw, weight));
    const place = this.#places[leaf] as Place;
    return (place.entries[place.tree.pick(ticket).leaf] as Entry).host;
  }

  /** Look at one host anew. */
  refresh(hostId: string): void {
    const host = this.#ledger.host(hostId);
    const former = this.#entries.get(hostId);
    if (!host) {
      if (former) this.#forget(former);
      return;
    }
    const entry = this.#entryFor(host, former);
    const { place } = entry;
    if (this.#looksAtGroup) this.#count(entry, host.groups.get(this.#group) ?? 0);
    const fits =
      entry.eligible && (this.#only?.has(hostId) ?? true) && passes(this.#changing, host);
    if (fits) {
      for (const [at, strategy] of this.#inside.entries()) {
        this.#key[at] = rate(strategy, host, entry);
      }
    }
    place.tree.set(entry.row, this.#key, fits ? 1 : 0);
    this.#changed.add(place);
  }

  #catchUp(): void {
    const { journal } = this.#ledger;
    if (this.#seen < journal.start || journal.end - this.#seen > this.#entries.size + 1) {
      this.#refreshAll();
    } else {
      for (let at = this.#seen; at < journal.end; at += 1) this.refresh(journal.at(at));
    }
    this.#seen = journal.end;
  }

  #refreshAll(): void {
    const ids = Array.from(this.#ledger.hosts(), ({ id }) => id).sort();
    for (const id of [...this.#entries.keys()]) if (!this.#ledger.host(id)) this.refresh(id);
    for (const id of ids) this.refresh(id);
  }

  #entryFor(host: HostAccount, former: Entry | undefined): Entry {
    if (!former) return this.#enter(host);
    const same = former.host === host && former.view === host.view;
    return same ? former : this.#renew(former, host);
  }

  #enter(host: HostAccount): Entry {
    const entry = this.#entryOf(host, this.#placeOf(host));
    this.#entries.set(host.id, entry);
    insertRow(entry.place.entries, entry);
    entry.place.tree.insert(entry.row);
    return entry;
  }

  /** The host registered anew: mostly it stays where it is. */
  #renew(former: Entry, host: HostAccount): Entry {
    const place = this.#placeOf(host);
    if (place !== former.place) {
      this.#forget(former);
      return this.#enter(host);
    }
    const entry = { ...this.#entryOf(host, place), row: former.row, tasks: former.tasks };
    this.#entries.set(host.id, entry);
    place.entries[entry.row] = entry;
    return entry;
  }

  #entryOf(host: HostAccount, place: Place): Entry {
    const eligible = passes(this.#lasting, host);
    return { name: host.id, row: 0, host, view: host.view, eligible, place, tasks: 0 };
  }

  #forget(entry: Entry): void {
    const { place } = entry;
    this.#count(entry, 0);
    this.#entries.delete(entry.name);
    place.tree.remove(entry.row);
    removeRow(place.entries, entry);
    this.#changed.add(place);
    if (place.entries.length === 0) this.#close(place);
  }

  #placeOf({ attributes }: HostAccount): Place {
    const values = this.#attributes.map((name) => attributes.get(name));
    const name = placeName(values);
    return this.#byName.get(name) ?? this.#open(name, values);
  }

  #open(name: string, values: readonly (string | undefined)[]): Place {
    const tallies = this.#tallies.map((ofAttribute, at) => {
      const value = values[at];
      let tally = ofAttribute.get(value);
      if (!tally) ofAttribute.set(value, (tally = { value, tasks: 0, places: new Set() }));
      return tally;
    });
    const tree = new WinnerTree(this.#inside.length);
    const place: Place = { name, row: 0, entries: [], tree, tallies };
    for (const tally of tallies) tally.places.add(place);
    this.#byName.set(name, place);
    insertRow(this.#places, place);
    this.#tree.insert(place.row);
    return place;
  }

  #close(place: Place): void {
    for (const [at, tally] of place.tallies.entries()) {
      tally.places.delete(place);
      if (tally.places.size === 0) this.#tallies[at]?.delete(tally.value);
    }
    this.#byName.delete(place.name);
    this.#changed.delete(place);
    this.#tree.remove(place.row);
    removeRow(this.#places, place);
  }

  #count(entry: Entry, tasks: number): void {
    const change = tasks - entry.tasks;
    if (change === 0) return;
    entry.tasks = tasks;
    for (const tally of entry.place.tallies) {
      tally.tasks += change;
      for (const place of tally.places) this.#changed.add(place);
    }
  }

  #rate(place: Place): void {
    const { weight } = place.tree;
    let [inside, tally] = [0, 0];
    for (const [at, strategy] of this.#order.entries()) {
      this.#placeKey[at] =
        attributeOf(strategy) === undefined
          ? place.tree.key(inside++)
          : (place.tallies[tally++] as Tally).tasks;
    }
    this.#tree.set(place.row, this.#placeKey, weight);
  }
}

/** The rules whose verdict lasts until a host registers anew, or those that tasks can change. */
function rulesOf(request: PlacementSpec, lasting: boolean): Rules {
  const memberOf = request.memberOf.filter(({ readsTasks }) => readsTasks !== lasting);
  const spec = { ...request, memberOf };
  return { spec, filters: filtersFor(spec).filter((filter) => filter.lasts(spec) === lasting) };
}

function passes({ spec, filters }: Rules, host: HostAccount): boolean {
  return passesAll(filters, host, spec);
}

function attributeOf(strategy: DecisiveStrategy): string | undefined {
  return strategy.kind === 'spread' ? strategy.attribute : undefined;
}

/** Smaller is better. */
function rate(strategy: DecisiveStrategy, host: HostAccount, { tasks }: { tasks: number }): number {
  if (strategy.kind === 'spread') return tasks;
  return strategy.resource === 'cpu' ? host.cpuFree : host.memoryFree;
}

/** Names hosts' common values, so that the order of places does not hang on the order of arrival. */
export function placeName(values: readonly (string | undefined)[]): string {
  return JSON.stringify(values.map((value) => value ?? null));
}
