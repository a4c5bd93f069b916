// Schedules: at(...), rate(...) and cron(...). Pure. Source: Auto Scaling reference, section 6.
import { scalingCheck as check } from './target.ts';

const AT = /^at\((\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})\)$/;
const RATE = /^rate\(([1-9]\d{0,8}) (minute|minutes|hour|hours|day|days)\)$/;
const CRON = /^cron\((.+)\)$/;

interface CronField {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly names?: readonly string[];
  /** Besides numbers, ranges, lists and steps. */
  readonly special?: RegExp;
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const FIELDS: readonly CronField[] = [
  { name: 'minutes', least: 0, most: 59 },
  { name: 'hours', least: 0, most: 23 },
  { name: 'day of month', least: 1, most: 31, special: /^(\?|L|LW|\d{1,2}W)$/ },
  { name: 'month', least: 1, most: 12, names: MONTHS },
  {
    name: 'day of week',
    least: 1,
    most: 7,
    names: DAYS,
    special: /^(\?|L|([1-7]|[A-Z]{3})(L|#[1-5]))$/,
  },
  { name: 'year', least: 1970, most: 2199 },
];
const SECONDS: CronField = { name: 'seconds', least: 0, most: 59 };

/** @throws BerthError ValidationException that names the part which is wrong */
export function checkSchedule(schedule: string): void {
  if (AT.test(schedule)) {
    checkTime(schedule);
    return;
  }
  const rate = RATE.exec(schedule);
  if (rate !== null) {
    const singular = rate[1] === '1';
    if (singular === rate[2]?.endsWith('s')) {
      check.expected(
        'schedule',
        schedule,
        singular ? 'rate(1 minute)' : 'a plural, as in rate(5 minutes)',
      );
    }
    return;
  }
  const cron = CRON.exec(schedule)?.[1];
  if (cron === undefined) {
    check.expected('schedule', schedule, 'at(yyyy-mm-ddThh:mm:ss), rate(N unit) or cron(fields)');
  }
  checkCron(cron.trim().split(/ +/), schedule);
}

function checkTime(schedule: string): void {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (AT.exec(schedule) ?? [])
    .slice(1)
    .map(Number);
  const time = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const same = time.getUTCMonth() === month - 1 && time.getUTCDate() === day;
  if (!same || hour > 23 || minute > 59 || second > 59) {
    check.expected('schedule', schedule, 'a date and a time that exist');
  }
}

function checkCron(parts: readonly string[], schedule: string): void {
  const fields = parts.length === FIELDS.length + 1 ? [SECONDS, ...FIELDS] : FIELDS;
  if (parts.length !== fields.length) {
    check.expected('schedule', schedule, 'cron(minutes hours day-of-month month day-of-week year)');
  }
  for (const [index, field] of fields.entries()) {
    const part = parts[index] ?? '';
    for (const item of part.split(',')) {
      if (!isCronItem(item.toUpperCase(), field)) {
        check.refuse(`The ${field.name} of schedule ${schedule} can't be "${item}".`);
      }
    }
  }
  const [, , dayOfMonth, , dayOfWeek] = parts.length > FIELDS.length ? parts.slice(1) : parts;
  const free = (day: string | undefined): boolean => day === '?' || day === '*';
  if (!free(dayOfMonth) && !free(dayOfWeek)) {
    check.refuse(
      `Schedule ${schedule} sets both the day of month and the day of week; one must be ?.`,
    );
  }
}

function isCronItem(item: string, field: CronField): boolean {
  if (field.special?.test(item) === true) return true;
  const [range = '', step, ...more] = item.split('/');
  if (more.length > 0 || (step !== undefined && !/^[1-9]\d{0,3}$/.test(step))) return false;
  if (range === '*') return true;
  const bounds = range.split('-').map((text) => valueOf(text, field));
  const [first, last = first] = bounds;
  if (bounds.length > 2 || first === undefined || last === undefined) return false;
  return first <= last;
}

function valueOf(text: string, { names, least, most }: CronField): number | undefined {
  const named = names?.indexOf(text) ?? -1;
  if (named >= 0) return named + least;
  const value = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  return value >= least && value <= most ? value : undefined;
}
