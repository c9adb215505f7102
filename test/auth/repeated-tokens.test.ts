/** Tokens that come again, as with every request of a client, are not checked anew: they must not outlive what they were checked against. */
import { describe, expect, it } from 'vitest';
import jwt from 'jsonwebtoken';
import type { KeySource } from '../../src/auth/keys.ts';
import { fixedKey } from '../../src/auth/keys.ts';
import { TokenVerifier } from '../../src/auth/tokens.ts';

const SECRET = 'a secret of this test, with more than 32 bytes';
const NOON = 1_800_000_000;

describe('a token that was admitted before', () => {
  let seconds = NOON;
  const verifierOf = (keys: KeySource = fixedKey({ secret: SECRET })): TokenVerifier => {
    seconds = NOON;
    return new TokenVerifier({ keys, now: () => seconds * 1_000 });
  };
  const sign = (claims: object = {}): string =>
    jwt.sign({ sub: 'ada', iat: NOON, exp: NOON + 600, ...claims }, SECRET);
  const outcome = async (verifier: TokenVerifier, token: string): Promise<string | null> =>
    verifier.verify(token).then(
      ({ userId }) => userId,
      ({ message }: Error) => message,
    );

  it('is admitted as the same viewer until its last second', async () => {
    const verifier = verifierOf();
    const token = sign();
    const viewer = await verifier.verify(token);
    seconds = NOON + 599;
    expect(await verifier.verify(token)).toEqual(viewer);
  });

  it('is refused when its time is over', async () => {
    const verifier = verifierOf();
    const token = sign();
    expect(await outcome(verifier, token)).toBe('ada');
    seconds = NOON + 600;
    expect(await outcome(verifier, token)).toBe('The token has expired.');
  });

  it('is refused where its time has not come again, as the clock was put back', async () => {
    const verifier = verifierOf();
    const token = sign({ nbf: NOON });
    expect(await outcome(verifier, token)).toBe('ada');
    seconds = NOON - 1;
    expect(await outcome(verifier, token)).toBe('The token is not valid.');
  });

  it('is refused when another key has the place of its own', async () => {
    let keys = fixedKey({ secret: SECRET });
    const verifier = verifierOf({ keyFor: async (hint) => keys.keyFor(hint) });
    const token = sign();
    expect(await outcome(verifier, token)).toBe('ada');
    keys = fixedKey({ secret: `${SECRET}, but another one` });
    expect(await outcome(verifier, token)).toBe('The token is not valid.');
  });

  it('is told from others that differ in their last character', async () => {
    const verifier = verifierOf();
    const token = sign();
    expect(await outcome(verifier, token)).toBe('ada');
    const forged = token.slice(0, -2) + (token.at(-2) === 'A' ? 'B' : 'A') + token.at(-1);
    expect(await outcome(verifier, forged)).toBe('The token is not valid.');
  });

  it('has its time of issue when that has come, where it came from the future', async () => {
    const verifier = verifierOf();
    const token = sign({ iat: NOON + 60 });
    expect((await verifier.verify(token)).issuedAt).toBeNull();
    seconds = NOON + 60;
    expect((await verifier.verify(token)).issuedAt).toBe(seconds * 1_000);
  });
});
