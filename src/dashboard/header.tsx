import type { Live } from './live.ts';
import type { Link } from './connection.ts';
import { isPasted } from './session.ts';

interface HeaderProps {
  readonly live: Live;
  readonly project: string | null;
  readonly onProject: (id: string | null) => void;
  readonly onSignIn: () => void;
  readonly onSignOut: () => void;
}

export function Header({ live, project, onProject, onSignIn, onSignOut }: HeaderProps) {
  const { viewer, link, model } = live;
  const [tone, text, title] = badge(link);
  return (
    <header class="top">
      <h1>
        Tidings
        {viewer !== null && <span class="workspace">{viewer.workspace}</span>}
      </h1>
      {live.isLoaded && (
        <label class="field">
          <span>Project</span>
          <select value={project ?? ''} onChange={(event) => onProject(event.currentTarget.value || null)}>
            <option value="">All projects</option>
            {[...model.projects].map(([id, name]) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      <p class={`badge ${tone}`} role="status" aria-label="Connection" title={title}>
        {text}
      </p>
      <div class="viewer">
        {viewer !== null && <span>{viewer.userId ?? 'Anonymous'}</span>}
        {viewer?.userId === null && (
          <button type="button" onClick={onSignIn}>
            Sign in
          </button>
        )}
        {isPasted() && link.state !== 'refused' && (
          <button type="button" onClick={onSignOut}>
            Sign out
          </button>
        )}
      </div>
    </header>
  );
}

function badge(link: Link): readonly [tone: string, text: string, title: string] {
  switch (link.state) {
    case 'connecting':
      return ['busy', 'Connecting', 'The first connection is being made.'];
    case 'live':
      return link.resumedAfter === null
        ? ['good', 'Live', 'What happens is shown as it happens.']
        : [
            'good',
            `Live, resumed after ${link.resumedAfter} s`,
            'What happened meanwhile has been caught up.',
          ];
    case 'lost':
      return ['bad', 'Reconnecting', 'The connection is lost. What happens meanwhile will be caught up.'];
    case 'refused':
      return ['bad', 'Signed out', 'The server needs a valid token.'];
  }
}
