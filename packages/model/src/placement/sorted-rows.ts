// Names in order: the position of each in a list kept sorted by code units, whatever the order of arrival.

export interface Row {
  readonly name: string;
  /** Its position; kept right by `insertRow` and `removeRow`. */
  row: number;
}

/** Put a row with a new name where it belongs. */
export function insertRow<T extends Row>(rows: T[], row: T): void {
  let low = 0;
  let high = rows.length;
  // Names mostly come in order, so the end is looked at first.
  if (high > 0 && (rows[high - 1] as T).name < row.name) low = high;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle] as T).name < row.name) low = middle + 1;
    else high = middle;
  }
  rows.splice(low, 0, row);
  renumber(rows, low);
}

export function removeRow<T extends Row>(rows: T[], row: T): void {
  rows.splice(row.row, 1);
  renumber(rows, row.row);
}

function renumber(rows: readonly Row[], from: number): void {
  for (let index = from; index < rows.length; index += 1) (rows[index] as Row).row = index;
}
