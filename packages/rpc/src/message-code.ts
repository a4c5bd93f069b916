// What writing the code of readers and writers of messages has in common.
import protobuf from 'protobufjs';

/** By its name here the code finds what it calls. */
export type Scope = Record<string, unknown>;

/** The kinds of values on the wire. Source: protobuf.dev, Encoding, "Message structure". */
export const WIRE = { varint: 0, fixed64: 1, delimited: 2 } as const;

export function wireOf({ type, resolvedType }: protobuf.Field): number {
  if (resolvedType || type === 'string' || type === 'bytes') return WIRE.delimited;
  return type === 'double' ? WIRE.fixed64 : WIRE.varint;
}

/** The values of a message that are absent, instead of 0 or empty. */
export function isOptional(field: protobuf.Field): boolean {
  if (field.map || field.repeated) return false;
  return field.resolvedType instanceof protobuf.Type || field.options?.['proto3_optional'] === true;
}

/** protobufjs' own way to code that is made at run time; its types lack it. */
export function compile(
  name: string,
  parameters: readonly string[],
  scope: Scope,
  lines: readonly string[],
): unknown {
  const { codegen } = protobuf.util as unknown as {
    codegen: (parameters: readonly string[], name: string) => Codegen;
  };
  const write = codegen(parameters, name);
  // It fills in whatever follows a percent sign.
  for (const line of lines) write('%s', line);
  return write(scope);
}

type Codegen = (...of: [scope: Scope] | [format: string, line: string]) => unknown;
