export declare function ownVersion(): string;
export declare function early(
  args: readonly string[],
  columns: number | undefined,
): { readonly code: number; readonly text: string } | undefined;
