import { useEffect, useState } from 'preact/hooks';
import type { PanelProps } from '../app.tsx';
import { words } from '../describe.ts';
import type { PresenceStatus } from '../generated/operations.ts';
import { Age, Chip, Loading, Panel, type Tone } from '../parts.tsx';

const tones: Readonly<Record<PresenceStatus, Tone>> = {
  ONLINE: 'good',
  AWAY: 'quiet',
  BUSY: 'busy',
  OFFLINE: 'quiet',
};

/** Who is present in a project's room. To look does not show the viewer there; that is a button. */
export function Room({ live, project }: PanelProps) {
  const [chosen, setChosen] = useState<string | null>(null);
  const { projects } = live.model;
  const { presence, session, viewer, isLoaded } = live;
  const [first] = projects.keys();
  const of = project ?? (chosen !== null && projects.has(chosen) ? chosen : (first ?? null));
  const room = isLoaded && of !== null ? `project:${of}` : null;
  // A new sign-in may have ended the one before.
  useEffect(() => (room === null ? undefined : presence.watch(room)), [presence, room, session]);

  const { members, isEntered } = presence;
  return (
    <Panel
      id="room"
      title="Present"
      count={room === null ? undefined : `${members.length} here`}
      controls={
        room !== null && (
          <>
            {project === null && projects.size > 1 && (
              <label class="field">
                <span>Room</span>
                <select value={of ?? ''} onChange={(event) => setChosen(event.currentTarget.value)}>
                  {[...projects].map(([id, name]) => (
                    <option key={id} value={id}>
                      {name}
                    </option>
                  ))}
                </select>
              </label>
            )}
            {viewer?.userId !== null && (
              <button
                type="button"
                aria-label={isEntered ? 'Leave room' : 'Enter room'}
                onClick={() => void (isEntered ? presence.leave() : presence.enter())}
              >
                {isEntered ? 'Leave' : 'Enter'}
              </button>
            )}
          </>
        )
      }
    >
      {!isLoaded ? (
        <Loading />
      ) : members.length === 0 ? (
        <p class="empty">
          {room === null ? 'Rooms belong to projects, and there is none yet.' : 'Nobody is here.'}
        </p>
      ) : (
        <ul>
          {members.map(({ userId, status, activity, lastSeenAt }) => (
            <li key={userId} class="row">
              <p class="title">
                {userId}
                {userId === viewer?.userId && ' (you)'}
                <Chip tone={tones[status]}>{words(status)}</Chip>
              </p>
              <p class="meta">
                <span>{activity ?? 'here'}</span>
                <Age live={live} since={lastSeenAt} />
              </p>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
