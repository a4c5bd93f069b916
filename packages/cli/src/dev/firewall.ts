// What a Docker Engine does to the machine's packet filter, undone. Compares what `iptables-save` said before
// the engine started with what it says now, and writes the input of `iptables-restore` that takes the
// engine's part back and leaves alone what others changed meanwhile. Pure.
import { type Range, overlap, parseRange } from './address-pool.ts';

export interface SavedTable {
  readonly name: string;
  /** Chain and policy ("-" for one that is no built-in), in order. */
  readonly chains: ReadonlyMap<string, string>;
  /** Rules as `iptables-save` writes them: "-A FORWARD -j DOCKER". */
  readonly rules: readonly string[];
}

/** The tables of `iptables-save`'s output, without its counters. */
export function parseTables(saved: string): SavedTable[] {
  const tables: SavedTable[] = [];
  let chains = new Map<string, string>();
  let rules: string[] = [];
  let name = '';
  for (const line of saved.split('\n').map((text) => text.trim())) {
    const chain = /^:(\S+) (\S+)/.exec(line);
    if (line.startsWith('*')) {
      name = line.slice(1);
      chains = new Map();
      rules = [];
    } else if (chain) chains.set(chain[1] ?? '', chain[2] ?? '-');
    else if (line.startsWith('-A ')) rules.push(line);
    else if (line === 'COMMIT') tables.push({ name, chains, rules });
  }
  return tables;
}

/** By what an engine's rules are told from others. */
export interface EngineMarks {
  readonly bridge: string;
  /** Its address ranges. */
  readonly ranges: readonly Range[];
}

/** A rule that an engine makes: it is in, or leads to, a chain of Docker's, or is about the bridge or its addresses. */
function isEngines(rule: string, { bridge, ranges }: EngineMarks): boolean {
  if (/(^-A |-j )DOCKER/.test(rule)) return true;
  return rule.split(' ').some((word) => {
    const address = word.includes('.') ? parseRange(word) : undefined;
    return (
      word === bridge ||
      (address !== undefined &&
        ranges.some((range) => address.bits >= range.bits && overlap(address, range)))
    );
  });
}

/**
 * @returns input for `iptables-restore`; undefined when there is nothing to undo
 */
export function undoEngine(before: string, now: string, marks: EngineMarks): string | undefined {
  const former = new Map(parseTables(before).map((table) => [table.name, table]));
  const texts = parseTables(now).flatMap((table) => {
    const wanted = restored(former.get(table.name), table, marks);
    return sameTable(wanted, table) ? [] : [printTable(wanted)];
  });
  return texts.length === 0 ? undefined : texts.join('');
}

function restored(before: SavedTable | undefined, now: SavedTable, marks: EngineMarks): SavedTable {
  const chains = new Map<string, string>();
  for (const [chain, policy] of now.chains) {
    const formerly = before?.chains.get(chain);
    if (formerly === undefined && chain.startsWith('DOCKER')) continue;
    // The engine sets the policy of FORWARD to DROP; nobody else's change is taken back.
    const dropped = chain === 'FORWARD' && policy === 'DROP';
    chains.set(chain, dropped ? (formerly ?? 'ACCEPT') : policy);
  }
  for (const [chain, policy] of before?.chains ?? []) {
    if (chain.startsWith('DOCKER') && !chains.has(chain)) chains.set(chain, policy);
  }
  const engines = (rule: string): boolean => isEngines(rule, marks);
  const others = now.rules.filter((rule) => !engines(rule));
  const othersBefore = (before?.rules ?? []).filter((rule) => !engines(rule));
  const untouched = others.join('\n') === othersBefore.join('\n');
  const rules = untouched
    ? [...(before?.rules ?? [])]
    : [...(before?.rules ?? []).filter(engines), ...others];
  return { name: now.name, chains, rules };
}

function printTable({ name, chains, rules }: SavedTable): string {
  const heads = [...chains].map(([chain, policy]) => `:${chain} ${policy} [0:0]`);
  return [`*${name}`, ...heads, ...rules, 'COMMIT', ''].join('\n');
}

function sameTable(a: SavedTable, b: SavedTable): boolean {
  const text = ({ chains, rules }: SavedTable): string =>
    JSON.stringify([[...chains].sort(), rules]);
  return text(a) === text(b);
}
