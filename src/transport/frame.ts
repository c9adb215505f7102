/**
 * A WebSocket text frame of a server (RFC 6455, section 5.2), whole and unmasked: the header before the message, as bytes in a string.
 *
 * `message` holds UTF-8 bytes as characters, see `toWire`.
 */
export function textFrame(message: string): string {
  const { length } = message;
  const header =
    length < 126
      ? String.fromCharCode(FINAL_TEXT, length)
      : length < 65_536
        ? String.fromCharCode(FINAL_TEXT, 126, length >> 8, length & 255)
        : String.fromCharCode(
            FINAL_TEXT,
            127,
            0,
            0,
            0,
            0,
            length >>> 24,
            (length >> 16) & 255,
            (length >> 8) & 255,
            length & 255,
          );
  return header + message;
}

/** A ping (section 5.5.2) with a payload of ASCII, below 126 bytes. */
export function pingFrame(payload: string): string {
  return String.fromCharCode(FINAL_PING, payload.length) + payload;
}

const FINAL_TEXT = 0x81;
const FINAL_PING = 0x89;
