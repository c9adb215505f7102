import type { ComponentChildren } from 'preact';
import { age } from './describe.ts';
import type { Severity } from './generated/operations.ts';
import type { Live } from './live.ts';
import type { Row } from './rows.ts';

export type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'quiet';

export function Chip({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return <span class={`chip ${tone}`}>{children}</span>;
}

interface PanelProps {
  readonly id: string;
  readonly title: string;
  /** How many of what it shows. */
  readonly count?: string | undefined;
  /** Controls beside the title. */
  readonly controls?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** One part of the page: a region with a name, whose content can be reached and scrolled by keyboard. */
export function Panel({ id, title, count, controls, children }: PanelProps) {
  return (
    <section class={`panel ${id}`} aria-labelledby={`${id}-title`}>
      <div class="head">
        <h2 id={`${id}-title`}>{title}</h2>
        {count !== undefined && <span class="count">{count}</span>}
        {controls}
      </div>
      <div class="body" role="group" tabIndex={0} aria-labelledby={`${id}-title`}>
        {children}
      </div>
    </section>
  );
}

interface ListPanelProps<Entity> extends Omit<PanelProps, 'children' | 'count'> {
  readonly live: Live;
  readonly rows: readonly Row<Entity>[];
  readonly hasMore: boolean;
  /** What those are that are not over. */
  readonly counted?: string;
  /** What is said where there is nothing. */
  readonly empty: string;
  readonly children: (entity: Entity) => ComponentChildren;
  readonly isOver?: (entity: Entity) => boolean;
}

/** A panel with a row an entity. A row lights up when its entity changes. */
export function ListPanel<Entity>(props: ListPanelProps<Entity>) {
  const { live, rows, hasMore, counted = '', empty, children, isOver, ...panel } = props;
  const open = isOver === undefined ? rows.length : rows.filter(({ entity }) => !isOver(entity)).length;
  return (
    <Panel {...panel} count={live.isLoaded ? `${open}${hasMore ? '+' : ''} ${counted}` : undefined}>
      {!live.isLoaded ? (
        <Loading />
      ) : rows.length === 0 ? (
        <p class="empty">{empty}</p>
      ) : (
        <ul>
          {rows.map(({ key, entity, changes }) => (
            <li key={key} class={isOver?.(entity) === true ? 'row over' : 'row'}>
              {changes > 0 && <i key={changes} class="flash" />}
              {children(entity)}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

export function Loading() {
  return (
    <p class="loading">
      Loading
      <i />
      <i />
      <i />
    </p>
  );
}

/** How long ago, with the moment in full behind it. */
export function Age({ live, since }: { readonly live: Live; readonly since: string }) {
  return (
    <time dateTime={since} title={new Date(since).toLocaleString()}>
      {age(since, live.now)}
    </time>
  );
}

/** A link to a web page; what is no address of one stays text. Publishers choose it. */
export function WebLink({
  url,
  children,
}: {
  readonly url: string | null;
  readonly children: ComponentChildren;
}) {
  if (url === null || !/^https?:\/\//i.test(url)) return <>{children}</>;
  return (
    <a href={url} target="_blank" rel="noreferrer noopener">
      {children}
    </a>
  );
}

const severityTones: Readonly<Record<Severity, Tone>> = {
  CRITICAL: 'bad',
  HIGH: 'bad',
  MEDIUM: 'warn',
  LOW: 'quiet',
  INFO: 'quiet',
};
const severities: readonly Severity[] = ['INFO', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'];

export function SeverityChip({ severity }: { readonly severity: Severity }) {
  return <Chip tone={severityTones[severity]}>{severity.toLowerCase()}</Chip>;
}

/** Most urgent first, and among equals in the order given. */
export function bySeverity(
  one: { readonly severity: Severity },
  other: { readonly severity: Severity },
): number {
  return severities.indexOf(other.severity) - severities.indexOf(one.severity);
}
