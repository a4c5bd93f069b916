// Tables for people: aligned, under the width they are given, coloured after they are measured. Pure.
import { type Style, paint, styleOf } from './style.ts';

export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string | number;
  readonly align?: 'right';
  /** It may be cut, down to this many letters, where the table is too wide; the first such column gives way first. */
  readonly shrinksTo?: number;
  /** Colour; `status` takes that of the status word. */
  readonly style?: Style | 'status';
}

const GAP = 2;

/**
 * @param width letters that a line may have; only columns that may shrink are cut to keep to it
 * @returns lines without trailing spaces, the header first; the header alone for no rows
 */
export function table<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  options: { readonly width: number; readonly color: boolean },
): string[] {
  const cells = rows.map((row) => columns.map((column) => String(column.value(row))));
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  shrink(columns, widths, options.width);
  const line = (texts: readonly string[], header: boolean): string => {
    const parts = columns.map((column, index) => {
      const width = widths[index] ?? 0;
      const text = cut(texts[index] ?? '', width);
      const style = column.style === 'status' ? styleOf(text) : column.style;
      const painted = paint(options.color, header ? 'dim' : style, text);
      const pad = ' '.repeat(width - text.length);
      if (column.align === 'right') return pad + painted;
      return index === columns.length - 1 ? painted : painted + pad;
    });
    return parts.join(' '.repeat(GAP)).trimEnd();
  };
  return [
    line(
      columns.map(({ title }) => title),
      true,
    ),
    ...cells.map((texts) => line(texts, false)),
  ];
}

function shrink<T>(columns: readonly Column<T>[], widths: number[], width: number): void {
  let over = widths.reduce((sum, one) => sum + one, GAP * (widths.length - 1)) - width;
  for (const [index, column] of columns.entries()) {
    if (over <= 0 || column.shrinksTo === undefined) continue;
    const now = widths[index] ?? 0;
    const next = Math.max(Math.min(now, column.shrinksTo, now), now - over);
    widths[index] = next;
    over -= now - next;
  }
}

/** The text, or its beginning and an ellipsis where it is longer than `width`. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** "Name:   value" lines, the values aligned; rows without a value are left out. */
export function facts(
  rows: readonly (readonly [string, string | number | undefined])[],
  color: boolean,
): string[] {
  const known = rows.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(0, ...known.map(([name]) => name.length)) + 1;
  return known.map(
    ([name, value]) =>
      `${paint(color, 'dim', `${name}:`.padEnd(width))} ${paint(color, styleOf(String(value)), String(value))}`,
  );
}
