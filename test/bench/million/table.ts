// Prints what the bench `million` found.
import type { MillionResult } from './run.ts';

const WIDE = 34;
const CELL = 11;

export function printTable({ phases, usage }: MillionResult): void {
  const names = Object.keys(usage);
  const row = (first: string, cells: readonly string[]): void =>
    console.log(`${first.padEnd(WIDE)}${cells.map((cell) => cell.padStart(CELL)).join('')}`);
  console.log('\nCPU seconds of each process');
  row('', ['seconds', 'count', 'a second', ...names, 'all', 'µs each']);
  for (const { name, seconds, count, cpu } of phases) {
    const all = Object.values(cpu).reduce((sum, one) => sum + one, 0);
    row(name, [
      seconds.toFixed(1),
      String(count),
      (count / seconds).toFixed(0),
      ...names.map((one) => (cpu[one] ?? 0).toFixed(1)),
      all.toFixed(1),
      ((all / count) * 1e6).toFixed(0),
    ]);
  }
  const roles = names.filter((name) => phases.some(({ stalls }) => name in stalls));
  console.log('\nlongest stall of each role, in ms');
  row('', roles);
  for (const { name, stalls } of phases) {
    row(
      name,
      roles.map((role) => (stalls[role] ?? 0).toFixed(0)),
    );
  }
  console.log('\nmemory in MiB');
  row('', ['', '', '', ...names, 'all']);
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const now = names.map((name) => usage[name]?.residentMiB ?? 0);
  const peaks = names.map((name) => usage[name]?.peakMiB ?? 0);
  const shown = (values: readonly number[]): string[] => values.map((value) => value.toFixed(0));
  row('at the end', ['', '', '', ...shown(now), sum(now).toFixed(0)]);
  const peak = Math.max(...phases.map(({ peakMiB }) => peakMiB));
  row('at most', ['', '', '', ...shown(peaks), peak.toFixed(0)]);
  console.log('\nmemory of all processes at one time, at most, in MiB');
  for (const { name, peakMiB } of phases) row(name, [peakMiB.toFixed(0)]);
}
