// The table of docs/chaos.md.
import { p99 } from './fault.ts';
import type { Row } from './measure.ts';
import type { Result } from './results.ts';

/** @param names of faults, in the order of the table */
export function tableOf(names: readonly string[], results: readonly Result[]): string {
  const lines = names.flatMap((name) => {
    const ours = results.find((one) => one.who === 'berth' && one.name === name);
    const theirs = results.find((one) => one.who === 'swarm' && one.name === name);
    return (ours?.rows ?? []).map((row, at) => {
      const last = at === (ours?.rows.length ?? 0) - 1;
      const broke = last && ours?.broke !== undefined ? [`**did not hold**: ${ours.broke}`] : [];
      return lineOf(name, row, broke, at === 0 ? theirs : undefined);
    });
  });
  return [
    '| fault | failed requests | detected after | recovered after | Docker Swarm: failed / detected / recovered | |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines,
    '',
  ].join('\n');
}

function lineOf(
  name: string,
  row: Row,
  broke: readonly string[],
  theirs: Result | undefined,
): string {
  const how = row.failed > 0 ? [row.how] : [];
  const cells = [
    ...[`${row.fault} (\`${name}\`)`, failedOf(row), times(row.detectedMs), times(row.recoveredMs)],
    ...[theirs ? swarmText(theirs) : '', [...broke, ...how, ...row.notes].join('; ')],
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}

function swarmText({ rows, broke }: Result): string {
  const texts = rows.map((row) => {
    const parts = [failedOf(row), times(row.detectedMs) || '–', times(row.recoveredMs) || '–'];
    return [parts.join(' / '), ...row.notes].join('; ');
  });
  return [...texts, ...(broke === undefined ? [] : [`ended with: ${broke}`])].join('; ');
}

function failedOf({ failed, requests }: Row): string {
  return `${failed} of ${requests}`;
}

/** "2.9 s", of several rounds "2.9 s, p99 3.6 s of 20". */
function times(all: readonly number[]): string {
  if (all.length === 0) return '';
  const sorted = [...all].sort((a, b) => a - b);
  const middle = text(sorted[Math.floor((sorted.length - 1) / 2)] ?? 0);
  return all.length === 1 ? middle : `${middle}, p99 ${text(p99(all))} of ${all.length}`;
}

function text(ms: number): string {
  return ms < 100 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
