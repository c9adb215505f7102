import { useEffect, useRef } from 'preact/hooks';

interface SignInProps {
  readonly why: 'missing' | 'expired' | 'refused' | 'asked';
  readonly onToken: (token: string) => void;
  /** null where there is nothing to go back to. */
  readonly onCancel: (() => void) | null;
}

const texts = {
  missing: ['Sign in', 'This server shows its projects to those who have a token.'],
  expired: [
    'Your token has expired',
    'Paste a new one to go on from here. What happens meanwhile will be caught up.',
  ],
  refused: [
    'The server does not accept this token',
    'It may be of another server or have lost its access. Paste another one.',
  ],
  asked: ['Sign in', 'With a token you see all projects that it lists.'],
} as const;

export function SignIn({ why, onToken, onCancel }: SignInProps) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const [title, text] = texts[why];
  return (
    <section class="sign-in" aria-labelledby="sign-in-title">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const token = input.current?.value.trim() ?? '';
          if (token !== '') onToken(token);
        }}
      >
        <div role={why === 'asked' ? 'group' : 'alert'}>
          <h2 id="sign-in-title">{title}</h2>
          <p id="sign-in-text">{text}</p>
        </div>
        <label htmlFor="token">Access token</label>
        <div class="line">
          <input
            ref={input}
            id="token"
            type="password"
            required
            autocomplete="off"
            spellcheck={false}
            aria-describedby="sign-in-text"
          />
          <button type="submit" class="primary">
            Sign in
          </button>
          {onCancel !== null && (
            <button type="button" onClick={onCancel}>
              Cancel
            </button>
          )}
        </div>
        <p class="hint">It is kept in this tab only, until you close it.</p>
      </form>
    </section>
  );
}
