/** What is written behind options, as values. */
import { InvalidArgumentError } from 'commander';
import { kindNamed, kinds, type Kind } from '../events/catalogue.ts';

const units = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** `45m` in seconds. */
export function duration(text: string): number {
  const [, number, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (number === undefined)
    throw new InvalidArgumentError('It has to be a number with s, m, h or d, such as 12h.');
  return Number(number) * units[unit as keyof typeof units];
}

export function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It has to be a whole number from ${min} to ${max}.`);
  };
}

/** Kinds with commas between, by either of their names: `pr.updated` or PR_UPDATED. */
export function kindList(text: string): Kind[] {
  return text.split(',').map((part) => {
    const kind = kindOf(part.trim());
    if (kind !== undefined) return kind;
    throw new InvalidArgumentError(
      `There is no kind "${part.trim()}". The kinds are ${Object.keys(kinds).join(', ')}.`,
    );
  });
}

export function kindOf(name: string): Kind | undefined {
  return Object.hasOwn(kinds, name) ? (name as Kind) : kindNamed(name);
}
