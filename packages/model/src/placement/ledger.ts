// Who holds what on which host of one cluster: kept up to date by charging and releasing single tasks and
// by putting single hosts, never rebuilt for a call. It records facts and plans alike and refuses
// nothing; whether something fits is asked of `fit.ts` beforehand.
import type { HostFacts } from '../query/expression.ts';
import type { Ask, Room } from './fit.ts';
import type { HostView } from './host.ts';
import { HostIndexes } from './host-indexes.ts';
import { Journal } from './journal.ts';
import { ShardedMap } from './sharded-map.ts';

/** What one task holds on its host. */
export interface Charge extends Omit<Ask, 'gpus'> {
  readonly hostId: string;
  readonly group: string;
  /** It shall run: it counts for spreading, for `task:group` and for `distinctInstance`. */
  readonly running: boolean;
  /** Absent: none. */
  readonly gpuIds?: readonly string[];
}

/** A host with what is left of it. Belongs to the ledger, which goes on changing it. */
export interface HostAccount extends HostFacts, Room {
  readonly view: HostView;
  /** How many running tasks of each group are on it; groups without any are absent. */
  readonly groups: ReadonlyMap<string, number>;
}

class Account implements HostAccount {
  readonly id: string;
  readonly groups = new Map<string, number>();
  readonly ports = new Map<number, number>();
  readonly portsUdp = new Map<number, number>();
  readonly gpuHolders = new Map<string, number>();
  runningTasksCount = 0;
  cpuHeld = 0;
  memoryHeld = 0;
  charges = 0;
  known: HostView | undefined;

  constructor(id: string) {
    this.id = id;
  }
  get view(): HostView {
    if (!this.known) throw new Error(`host ${this.id} is not in the ledger`);
    return this.known;
  }
  get cpuFree(): number {
    return this.view.cpu - this.cpuHeld;
  }
  get memoryFree(): number {
    return this.view.memory - this.memoryHeld;
  }
  get freeGpuIds(): readonly string[] {
    return this.view.gpuIds.filter((id) => !this.gpuHolders.has(id));
  }
  get attributes(): ReadonlyMap<string, string> {
    return this.view.attributes;
  }
  get agentConnected(): boolean {
    return this.view.connected;
  }
  get agentVersion(): string {
    return this.view.agentVersion;
  }
  get registeredAt(): number {
    return this.view.registeredAt;
  }
}

export class Ledger {
  readonly #accounts = new Map<string, Account>();
  readonly #charges = new ShardedMap<Charge>();
  /** Group -> host -> running tasks. */
  readonly #groups = new Map<string, Map<string, number>>();
  /** The ids of hosts that came, went, or hold something else now. */
  readonly journal = new Journal();
  readonly indexes = new HostIndexes(this);

  /** How many hosts there are, those included that are not known any more but still have charges. */
  get size(): number {
    return this.#accounts.size;
  }

  /** Add a host or take in its newest form; what its tasks hold stays charged. */
  putHost(view: HostView): void {
    const account = this.#account(view.id);
    if (account.known) reserve(account, account.known, -1);
    account.known = view;
    reserve(account, view, 1);
    this.journal.add(view.id);
  }

  /** Forget a host. Charges on it are kept, in case it comes back before its tasks are gone. */
  removeHost(hostId: string): void {
    const account = this.#accounts.get(hostId);
    if (!account?.known) return;
    reserve(account, account.known, -1);
    account.known = undefined;
    this.#prune(account);
    this.journal.add(hostId);
  }

  /** Charge a task to its host, in place of what it was charged before. */
  charge(taskId: string, charge: Charge): void {
    this.release(taskId);
    this.#charges.set(taskId, charge);
    const account = this.#account(charge.hostId);
    account.charges += 1;
    this.#book(account, charge, 1);
  }

  /** Take a task off its host; nothing happens where it holds nothing. */
  release(taskId: string): void {
    const charge = this.#charges.get(taskId);
    if (!charge) return;
    this.#charges.delete(taskId);
    const account = this.#account(charge.hostId);
    account.charges -= 1;
    this.#book(account, charge, -1);
    this.#prune(account);
  }

  host(hostId: string): HostAccount | undefined {
    const account = this.#accounts.get(hostId);
    return account?.known ? account : undefined;
  }

  /** All known hosts, in no particular order. */
  *hosts(): Generator<HostAccount, void, undefined> {
    for (const account of this.#accounts.values()) if (account.known) yield account;
  }

  /** Host ids with the number of running tasks of the group on each. */
  hostsOfGroup(group: string): ReadonlyMap<string, number> {
    return this.#groups.get(group) ?? new Map<string, number>();
  }

  /** Everything that is held, in no particular order. */
  charges(): Iterable<Charge> {
    return this.#charges.values();
  }

  chargeOf(taskId: string): Charge | undefined {
    return this.#charges.get(taskId);
  }

  /** Look at the ledger as if a task held nothing. */
  without<T>(taskId: string | undefined, look: () => T): T {
    const charge = taskId === undefined ? undefined : this.#charges.get(taskId);
    if (taskId === undefined || !charge) return look();
    this.release(taskId);
    try {
      return look();
    } finally {
      this.charge(taskId, charge);
    }
  }

  /** All of it as plain data in a fixed order: equal ledgers, equal dumps. For checks. */
  dump(): unknown {
    const sorted = <K extends string | number, V>(map: ReadonlyMap<K, V>): [K, V][] =>
      [...map].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      hosts: sorted(this.#accounts).map(([id, account]) => ({
        id,
        view: account.known,
        held: [account.cpuHeld, account.memoryHeld, account.runningTasksCount, account.charges],
        ports: sorted(account.ports),
        portsUdp: sorted(account.portsUdp),
        gpus: sorted(account.gpuHolders),
        groups: sorted(account.groups),
      })),
      charges: sorted(new Map(this.#charges.entries())),
      groups: sorted(this.#groups).map(([group, hosts]) => [group, sorted(hosts)]),
    };
  }

  #account(hostId: string): Account {
    let account = this.#accounts.get(hostId);
    if (!account) {
      account = new Account(hostId);
      this.#accounts.set(hostId, account);
    }
    return account;
  }

  #prune(account: Account): void {
    if (account.charges === 0 && !account.known) this.#accounts.delete(account.id);
  }

  #book(account: Account, charge: Charge, sign: 1 | -1): void {
    account.cpuHeld += sign * charge.cpu;
    account.memoryHeld += sign * charge.memory;
    reserve(account, charge, sign);
    if (charge.gpuIds) for (const id of charge.gpuIds) add(account.gpuHolders, id, sign);
    this.journal.add(account.id);
    if (!charge.running) return;
    account.runningTasksCount += sign;
    add(account.groups, charge.group, sign);
    let hosts = this.#groups.get(charge.group);
    if (!hosts) this.#groups.set(charge.group, (hosts = new Map<string, number>()));
    add(hosts, account.id, sign);
    if (hosts.size === 0) this.#groups.delete(charge.group);
  }
}

function reserve(account: Account, ports: Pick<Ask, 'ports' | 'portsUdp'>, sign: 1 | -1): void {
  for (const port of ports.ports) add(account.ports, port, sign);
  for (const port of ports.portsUdp) add(account.portsUdp, port, sign);
}

function add<K>(counts: Map<K, number>, key: K, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
