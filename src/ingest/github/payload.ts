import { invalidInput, TidingsError } from '../../errors.ts';

/** Longest texts that events take (events/states.ts). Longer ones are cut: a delivery that is refused is lost. */
const NAME_MAX = 1_024;
const TEXT_MAX = 65_536;
/** Most labels, assignees and the like that events take; GitHub itself allows 100 of each. */
export const NAMES_MAX = 500;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads the few fields of GitHub's JSON that events are made of.
 *
 * The answers fit a patch: undefined is "not told" and leaves the state as it is, null is "known to be nothing" and
 * clears it. A value of another type than expected counts as not told, because GitHub adds to its payloads and we can
 * do without most of them. Only what an event can't exist without is demanded (`need…`).
 */
export class Payload {
  readonly #fields: Fields;
  readonly #path: readonly string[];

  private constructor(fields: Fields, path: readonly string[]) {
    this.#fields = fields;
    this.#path = path;
  }

  /** @throws TidingsError BAD_REQUEST when it is not a JSON object */
  static of(value: unknown): Payload {
    if (!isObject(value)) throw new TidingsError('BAD_REQUEST', 'The payload must be a JSON object.');
    return new Payload(value, []);
  }

  #get(key: string): unknown {
    // Own fields only: a payload that lacks `constructor` has none.
    return Object.hasOwn(this.#fields, key) ? this.#fields[key] : undefined;
  }

  #refuse(key: string, message: string): TidingsError {
    return invalidInput([{ path: [...this.#path, key], message }]);
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#fields, key);
  }

  object(key: string): Payload | undefined {
    const value = this.#get(key);
    return isObject(value) ? new Payload(value, [...this.#path, key]) : undefined;
  }

  need(key: string): Payload {
    const found = this.object(key);
    if (found === undefined) throw this.#refuse(key, 'must be an object');
    return found;
  }

  /** The objects of an array; other elements are passed over. */
  list(key: string): readonly Payload[] | undefined {
    const value = this.#get(key);
    if (!Array.isArray(value)) return undefined;
    return value.filter(isObject).map((item) => new Payload(item, [...this.#path, key]));
  }

  /** The strings of an array; other elements are passed over. */
  strings(key: string): readonly string[] {
    const value = this.#get(key);
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  }

  /** A short text: a title, a login, a URL. GitHub often writes '' for nothing. */
  name(key: string): string | null | undefined {
    const value = this.#get(key);
    if (value === null || value === '') return null;
    return typeof value === 'string' ? clip(value, NAME_MAX) : undefined;
  }

  needName(key: string): string {
    const value = this.name(key);
    if (typeof value !== 'string') throw this.#refuse(key, 'must be a text that is not empty');
    return value;
  }

  text(key: string): string | null | undefined {
    const value = this.#get(key);
    if (value === null) return null;
    return typeof value === 'string' ? clip(value, TEXT_MAX) : undefined;
  }

  flag(key: string): boolean | undefined {
    const value = this.#get(key);
    return typeof value === 'boolean' ? value : undefined;
  }

  number(key: string): number | undefined {
    const value = this.#get(key);
    return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
  }

  /** A count from 1 up: the number of an issue, pull request or alert. */
  ordinal(key: string): number | undefined {
    const value = this.#get(key);
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 ? value : undefined;
  }

  needOrdinal(key: string): number {
    const value = this.ordinal(key);
    if (value === undefined) throw this.#refuse(key, 'must be a whole number from 1 up');
    return value;
  }

  /** GitHub's numeric id, as text. */
  id(key: string): string | undefined {
    const value = this.ordinal(key);
    return value === undefined ? undefined : String(value);
  }

  needId(key: string): string {
    return String(this.needOrdinal(key));
  }

  /** The login of a user object; null for nobody, such as a deleted account. */
  login(key: string): string | null | undefined {
    return this.#get(key) === null ? null : this.object(key)?.name('login');
  }

  /** One field of each object of an array, without repetition. */
  names(key: string, field: string): string[] | undefined {
    const names = this.list(key)?.map((item) => item.name(field));
    if (names === undefined) return undefined;
    return [...new Set(names.filter((name) => typeof name === 'string'))].slice(0, NAMES_MAX);
  }

  /** A moment as ISO 8601 in UTC with milliseconds; GitHub writes texts of several forms, and seconds since 1970. */
  time(key: string): string | undefined {
    const value = this.#get(key);
    const parsed =
      typeof value === 'number' ? value * 1_000 : typeof value === 'string' ? Date.parse(value) : NaN;
    return parsed >= 0 && parsed < FARTHEST ? new Date(parsed).toISOString() : undefined;
  }

  /** The first of these fields that holds a moment. */
  firstTime(...keys: readonly string[]): string | undefined {
    for (const key of keys) {
      const time = this.time(key);
      if (time !== undefined) return time;
    }
    return undefined;
  }
}

/** The year 10000, from which on ISO 8601 has more digits. */
const FARTHEST = Date.UTC(10_000, 0);

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Fits a text that was put together of several into a name's length. */
export function shorten(text: string): string {
  return clip(text, NAME_MAX);
}

/** Cuts a text, but never through a surrogate pair. */
function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = text.charCodeAt(max - 2);
  return `${text.slice(0, end >= 0xd800 && end <= 0xdbff ? max - 2 : max - 1)}…`;
}
