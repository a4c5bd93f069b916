// When a target that keeps failing is passed over, and for how long. Beside health checks: it is quicker, it ends by itself, and it changes nothing that is
// reported as health. Source: ALB reference, section 7 (Envoy's outlier detection).
import type { EjectionSettings } from './group-settings.ts';

export interface Outlier {
  /** Gateway failures in a row. */
  readonly failures: number;
  /** How often it has been ejected of late: the next time takes as many times longer. */
  readonly ejections: number;
  /** Monotonic milliseconds; undefined while it is not ejected. */
  readonly ejectedUntil: number | undefined;
  /** Until then `ejections` counts. */
  readonly rememberedUntil: number;
}

export const INLIER: Outlier = {
  failures: 0,
  ejections: 0,
  ejectedUntil: undefined,
  rememberedUntil: 0,
};

/** Of the group: those registered and not draining, and those of them that are ejected. */
export interface Crowd {
  readonly targets: number;
  readonly ejected: number;
}

/** After a failure. It is ejected only while the group's share allows it, and never the last one. Pure. */
export function afterFailure(
  outlier: Outlier,
  settings: EjectionSettings,
  crowd: Crowd,
  now: number,
): Outlier {
  if (outlier.ejectedUntil !== undefined || settings.consecutiveFailures === 0) return outlier;
  const failures = outlier.failures + 1;
  const wouldBe = crowd.ejected + 1;
  const allowed =
    wouldBe < crowd.targets && wouldBe * 100 <= crowd.targets * settings.maximumPercent;
  if (failures < settings.consecutiveFailures || !allowed) return { ...outlier, failures };
  const ejections = now < outlier.rememberedUntil ? outlier.ejections + 1 : 1;
  const ms = Math.min(settings.baseMs * ejections, settings.maximumMs);
  return {
    failures: 0,
    ejections,
    ejectedUntil: now + ms,
    rememberedUntil: now + ms + settings.maximumMs,
  };
}

/** After any other answer. Pure. */
export function afterSuccess(outlier: Outlier): Outlier {
  return outlier.failures === 0 ? outlier : { ...outlier, failures: 0 };
}

/** When its time is over. Pure. */
export function readmitted(outlier: Outlier): Outlier {
  return { ...outlier, failures: 0, ejectedUntil: undefined };
}
