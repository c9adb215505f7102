import { useEffect, useReducer, useState } from 'preact/hooks';
import { Header } from './header.tsx';
import type { Live } from './live.ts';
import { Agents } from './panels/agents.tsx';
import { Alerts, Suggestions } from './panels/attention.tsx';
import { Feed } from './panels/feed.tsx';
import { PullRequests } from './panels/pull-requests.tsx';
import { Room } from './panels/room.tsx';
import { Server } from './panels/server.tsx';
import { Workflows } from './panels/workflows.tsx';
import { SignIn } from './sign-in.tsx';

/** What every panel is given. */
export interface PanelProps {
  readonly live: Live;
  /** The one project that is looked at; null: all of them. */
  readonly project: string | null;
}

/** Ages are told in seconds. */
const TICK_MS = 1_000;

export function App({ live }: { readonly live: Live }) {
  const [, renderAgain] = useReducer((count: number) => count + 1, 0);
  const [project, setProject] = useState<string | null>(null);
  const [wantsToSignIn, setWantsToSignIn] = useState(false);
  useEffect(() => live.onChange(() => renderAgain(undefined)), [live]);
  useEffect(() => {
    const timer = setInterval(() => renderAgain(undefined), TICK_MS);
    return () => clearInterval(timer);
  }, []);

  const { link, viewer, model, problem } = live;
  // A project may be deleted while it is looked at.
  const shown = project !== null && model.projects.has(project) ? project : null;
  const why = link.state === 'refused' ? link.why : wantsToSignIn ? 'asked' : null;
  // Who is not let in any more sees nothing of what was; an expired token goes on from there with the next.
  const isShown = why === null || why === 'asked' || (why === 'expired' && live.isLoaded);
  const props: PanelProps = { live, project: shown };
  const isAdmin = viewer?.scopes.includes('admin') === true;

  return (
    <>
      <a class="skip" href="#panels">
        Skip to the panels
      </a>
      <Header
        live={live}
        project={shown}
        onProject={setProject}
        onSignIn={() => setWantsToSignIn(true)}
        onSignOut={() => live.signOut()}
      />
      {why !== null && (
        <SignIn
          key={why}
          why={why}
          onToken={(token) => {
            setWantsToSignIn(false);
            live.signIn(token);
          }}
          onCancel={why === 'asked' ? () => setWantsToSignIn(false) : null}
        />
      )}
      {problem !== null && (
        <p class="banner" role="alert">
          {problem} Trying again.
        </p>
      )}
      <main id="panels" tabIndex={-1} class={link.state === 'live' ? '' : 'stale'}>
        {isShown && (
          <>
            <Feed {...props} />
            <PullRequests {...props} />
            <Workflows {...props} />
            <Alerts {...props} />
            <Suggestions {...props} />
            <Agents {...props} />
            <Room {...props} />
            {isAdmin && <Server live={live} />}
          </>
        )}
      </main>
      <footer>
        <a href="graphql">GraphiQL</a>
        {live.version !== null && <span>Tidings {live.version}</span>}
      </footer>
    </>
  );
}
