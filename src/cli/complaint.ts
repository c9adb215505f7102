import { ConfigError } from '../config.ts';
import { TidingsError } from '../errors.ts';

/** What went wrong, for standard error: one line with its code. */
export function complaint(error: unknown): string {
  const { code, message } = codeAndMessage(error);
  return `tidings: ${code}: ${message}`.replaceAll(/\s*\n\s*/g, ' ');
}

function codeAndMessage(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof TidingsError || error instanceof ServerRefusal) return error;
  if (error instanceof ConfigError) return { code: 'INVALID_CONFIGURATION', message: error.message };
  if (!(error instanceof Error)) return { code: 'INTERNAL_ERROR', message: String(error) };
  const { code } = error as NodeJS.ErrnoException;
  // The system's own messages begin with their code.
  if (code !== undefined) return { code, message: error.message.replace(`${code}: `, '') };
  return { code: 'INTERNAL_ERROR', message: error.message };
}

/** What a server answered instead of what was asked for, or that none answered. */
export class ServerRefusal extends Error {
  override readonly name = 'ServerRefusal';
  readonly code: string;
  /** The same request can succeed later. */
  readonly isRetryable: boolean;
  /** Mistakes in the input. */
  readonly issues: readonly { readonly path: readonly (string | number)[]; readonly message: string }[];
  /** What the server asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: string,
    message: string,
    details: {
      readonly isRetryable: boolean;
      readonly issues?: ServerRefusal['issues'];
      readonly retryAfterMs?: number | undefined;
    },
  ) {
    super(message);
    this.code = code;
    this.isRetryable = details.isRetryable;
    this.issues = details.issues ?? [];
    this.retryAfterMs = details.retryAfterMs;
  }
}
