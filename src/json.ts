import { TidingsError } from './errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The key as it is, or with one of its characters escaped. */
const maybeProto = /__proto__|\\u00/;

/** No client has an honest use for more, and whoever walks through a value, such as JSON.stringify, would run out of stack some thousands down. */
const MAX_LEVELS = 100;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** What the characters that open and close a list are with the bit that makes them those of an object. */
const OPENING = 0x7b;
const CLOSING = 0x7d;
const OBJECT_BIT = 0x20;

/** Whether there are objects and lists in each other beyond that. Takes half as long as parsing. */
function isNestedTooDeep(json: Buffer): boolean {
  // Each level takes two characters.
  if (json.length <= 2 * MAX_LEVELS) return false;
  let levels = 0;
  let isInText = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!;
    if (byte === QUOTE) isInText = !isInText;
    else if (isInText) at += byte === BACKSLASH ? 1 : 0;
    else if ((byte | OBJECT_BIT) === OPENING && ++levels > MAX_LEVELS) return true;
    else if ((byte | OBJECT_BIT) === CLOSING) levels--;
  }
  return false;
}

/**
 * JSON as clients send it, which nothing can be harmed by further on.
 *
 * @throws TidingsError BAD_REQUEST
 */
export function parseJson(body: Buffer): unknown {
  try {
    if (isNestedTooDeep(body))
      throw new TidingsError('BAD_REQUEST', `The body is nested deeper than ${MAX_LEVELS} levels.`);
    const text = utf8.decode(body);
    // Looking at every key takes longer than parsing.
    if (!maybeProto.test(text)) return JSON.parse(text) as unknown;
    return JSON.parse(text, (key, value: unknown) => {
      // No client has an honest use for it, and somebody downstream may assign it.
      if (key === '__proto__') throw new TidingsError('BAD_REQUEST', 'The body has a key "__proto__".');
      return value;
    });
  } catch (error) {
    if (error instanceof TidingsError) throw error;
    // The parser's own message quotes the body, which has no place in answers and logs.
    throw new TidingsError('BAD_REQUEST', 'The body is not valid JSON in UTF-8.');
  }
}
