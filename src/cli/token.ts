import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { developmentSecret } from '../auth/development-key.ts';
import { signToken } from '../auth/tokens.ts';
import { readConfig } from '../config.ts';
import { invalidInput, TidingsError, type InputIssue } from '../errors.ts';

interface TokenOptions {
  readonly sub: string;
  readonly workspace: string;
  readonly projects: string;
  readonly scope: string;
  /** Seconds. */
  readonly expires: number;
}

const MAX_SECONDS = 30 * 86_400;

/** Prints a token that a server with the same environment takes. */
export function printToken({ sub, workspace, projects, scope, expires }: TokenOptions): void {
  const issues: InputIssue[] = [];
  const check = (isRight: boolean, option: string, message: string): void => {
    if (!isRight) issues.push({ path: [option], message });
  };
  check(sub.length >= 1 && sub.length <= 256, '--sub', 'must have 1 to 256 characters');
  check(workspace.length >= 1 && workspace.length <= 256, '--workspace', 'must have 1 to 256 characters');
  const isScope = (each: string): boolean => ['read', 'publish', 'admin'].includes(each);
  check(
    scope.split(' ').every(isScope),
    '--scope',
    'must be of read, publish and admin, with spaces between',
  );
  check(expires >= 1 && expires <= MAX_SECONDS, '--expires', 'must be 1s to 30d');
  if (issues.length > 0) throw invalidInput(issues);
  const { secret, issuer, audience } = key();
  const claims = {
    sub,
    workspace,
    projects: projects === '*' ? ('*' as const) : projects.split(',').map((id) => id.trim()),
    scope,
    ...(issuer === undefined ? {} : { iss: issuer }),
    ...(audience === undefined ? {} : { aud: audience }),
  };
  console.log(signToken(secret, claims, expires));
}

function key(): {
  readonly secret: string;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
} {
  const { JWT_SECRET, DATA_DIR, JWT_ISSUER, JWT_AUDIENCE, developmentMode } = readConfig(process.env);
  const rest = { issuer: JWT_ISSUER, audience: JWT_AUDIENCE };
  if (JWT_SECRET !== undefined) return { secret: JWT_SECRET, ...rest };
  if (!developmentMode) {
    throw new TidingsError(
      'BAD_REQUEST',
      'Tokens of this server are signed with a private key that it does not know; whoever has that key makes them.',
    );
  }
  const directory = resolve(DATA_DIR);
  // Another key than the server's would make tokens that it refuses.
  if (!existsSync(join(directory, 'development.key'))) {
    throw new TidingsError(
      'NOT_FOUND',
      `There is no key in ${directory}. Start the server there once, or set DATA_DIR or JWT_SECRET as it has them.`,
    );
  }
  return { secret: developmentSecret(directory), ...rest };
}
