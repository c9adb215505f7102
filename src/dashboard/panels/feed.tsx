import { useState } from 'preact/hooks';
import type { PanelProps } from '../app.tsx';
import { count, describe, families, kindOf } from '../describe.ts';
import type { FeedItem } from '../model.ts';
import { Age, Loading, Panel } from '../parts.tsx';

/** The page remembers more, for the filters. */
const MAX_SHOWN = 200;

/** Everything that happens, newest first. */
export function Feed({ live, project }: PanelProps) {
  const [kind, setKind] = useState('');
  /** What there was when it was paused. */
  const [held, setHeld] = useState<readonly FeedItem[] | null>(null);
  const { feed, projects } = live.model;
  const wanted = wantedTypes(kind);
  const matches = (item: FeedItem): boolean =>
    !('event' in item) ||
    ((wanted === null || wanted.has(item.event.type)) &&
      (project === null || item.event.projectId === project));
  const shown = (held ?? feed).filter(matches).slice(0, MAX_SHOWN);
  const waiting = held === null ? 0 : feed.filter(matches).length - held.filter(matches).length;

  return (
    <Panel
      id="feed"
      title="Events"
      controls={
        <>
          <label class="field">
            <span>Kind</span>
            <select value={kind} onChange={(event) => setKind(event.currentTarget.value)}>
              <option value="">All kinds</option>
              {families.map(({ id, name, kinds }) => (
                <optgroup key={id} label={name}>
                  <option value={id}>{name}: all</option>
                  {kinds.map(({ type, label }) => (
                    <option key={type} value={type}>
                      {label}
                    </option>
                  ))}
                </optgroup>
              ))}
            </select>
          </label>
          <button
            type="button"
            class={held === null ? '' : 'primary'}
            onClick={() => setHeld(held === null ? feed : null)}
          >
            {held === null ? 'Pause' : waiting > 0 ? `Resume (${waiting} new)` : 'Resume'}
          </button>
        </>
      }
    >
      {!live.isLoaded ? (
        <Loading />
      ) : shown.length === 0 ? (
        <p class="empty">
          {feed.length === 0
            ? 'Nothing has happened so far. The next event appears here.'
            : `None of the ${count(feed.length, 'event')} seen so far matches the filters.`}
        </p>
      ) : (
        <ol>
          {shown.map((item) => (
            <FeedRow key={item.key} item={item} live={live} projects={project === null ? projects : null} />
          ))}
        </ol>
      )}
    </Panel>
  );
}

interface FeedRowProps {
  readonly item: FeedItem;
  readonly live: PanelProps['live'];
  /** Names by id; null where all events are of one project. */
  readonly projects: ReadonlyMap<string, string> | null;
}

function FeedRow({ item, live, projects }: FeedRowProps) {
  if (!('event' in item)) {
    return (
      <li class="notice">
        <Age live={live} since={item.at} /> {item.notice}
      </li>
    );
  }
  const { event } = item;
  const { label, family } = kindOf(event.type);
  return (
    <li class="event">
      <Age live={live} since={event.occurredAt} />
      <span class={`kind ${event.type === 'WORKFLOW_FAILED' ? 'alert' : family}`}>{label}</span>
      <span class="what">{describe(event)}</span>
      <span class="who">
        <span title="Actor">{event.actor ?? event.source}</span>
        {projects !== null && event.projectId !== null && (
          <span title="Project">{projects.get(event.projectId) ?? event.projectId}</span>
        )}
      </span>
    </li>
  );
}

/** The value of the filter is a family or a kind. */
function wantedTypes(value: string): ReadonlySet<string> | null {
  if (value === '') return null;
  const family = families.find(({ id }) => id === value);
  return new Set(family === undefined ? [value] : family.kinds.map(({ type }) => type));
}
