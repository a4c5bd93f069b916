// The table of docs/chaos.md.
import { p99 } from './fault.ts';
import type { Row } from './ground.ts';

export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const failed = row.failed === 0 ? '0' : `${row.failed} (${row.how})`;
    const cells = [
      ...[row.fault, `${failed} of ${row.requests}`],
      ...[times(row.detectedMs), times(row.recoveredMs), row.notes.join('; ')],
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [
    '| fault | failed requests | noticed after | well again after | |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
    '',
  ].join('\n');
}

/** "2.9 s", of several rounds "2.9 s, at most 3.6 s of 20". */
function times(all: readonly number[]): string {
  if (all.length === 0) return '';
  const sorted = [...all].sort((a, b) => a - b);
  const middle = text(sorted[Math.floor((sorted.length - 1) / 2)] ?? 0);
  return all.length === 1 ? middle : `${middle}, at most ${text(p99(all))} of ${all.length}`;
}

function text(ms: number): string {
  return ms < 100 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
