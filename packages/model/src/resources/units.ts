// CPU and memory sizes of task definitions as people write them. Pure.
// Source: ECS reference, section 3.1.

export const CPU_UNITS_PER_VCPU = 1024;
export const MIB_PER_GB = 1024;

const VCPU = /^(\d+(?:\.\d+)?|\.\d+)\s*vcpu$/i;
const GB = /^(\d+(?:\.\d+)?|\.\d+)\s*gb$/i;
const WHOLE = /^\d+$/;

/** CPU units of `"512"`, `"0.5 vCPU"` or `"1 vcpu"`; undefined for anything else. */
export function parseCpuUnits(text: string): number | undefined {
  return parseSize(text, VCPU, CPU_UNITS_PER_VCPU);
}

/** MiB of `"1024"`, `"1GB"` or `"0.5 GB"`; undefined for anything else. */
export function parseMemoryMiB(text: string): number | undefined {
  return parseSize(text, GB, MIB_PER_GB);
}

function parseSize(text: string, pattern: RegExp, factor: number): number | undefined {
  const trimmed = text.trim();
  if (WHOLE.test(trimmed)) return safe(Number(trimmed));
  const amount = pattern.exec(trimmed)?.[1];
  return amount === undefined ? undefined : safe(Math.round(Number(amount) * factor));
}

function safe(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value : undefined;
}
