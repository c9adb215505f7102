import type { PanelProps } from '../app.tsx';
import type { AlertRowFragment, RiskRowFragment } from '../generated/operations.ts';
import { words } from '../describe.ts';
import { bySeverity, Chip, ListPanel, SeverityChip, WebLink } from '../parts.tsx';
import type { Row } from '../rows.ts';

type AlertOrRisk = AlertRowFragment | RiskRowFragment;

const isOver = (entity: AlertOrRisk): boolean => 'rule' in entity && entity.status !== 'OPEN';

/** What needs somebody, most urgent first; what is mended at the end. */
export function Alerts({ live, project }: PanelProps) {
  const { alerts, risks } = live.model;
  const prefixed = (prefix: string) => (row: Row<AlertOrRisk>) => ({ ...row, key: prefix + row.key });
  const rows: Row<AlertOrRisk>[] = [
    ...alerts.list(project).map(prefixed('alert ')),
    ...risks.list(project).map(prefixed('risk ')),
  ].toSorted(
    (one, other) =>
      Number(isOver(one.entity)) - Number(isOver(other.entity)) || bySeverity(one.entity, other.entity),
  );
  return (
    <ListPanel
      id="alerts"
      title="Alerts and risks"
      live={live}
      rows={rows}
      hasMore={alerts.hasMore || risks.hasMore}
      counted="open"
      empty="All is well: no alert is open, no risk is known."
      isOver={isOver}
    >
      {(entity) => (
        <>
          <p class="title">
            <WebLink url={'rule' in entity ? entity.url : null}>{entity.message}</WebLink>
            {isOver(entity) ? (
              <Chip tone="good">{words((entity as AlertRowFragment).status)}</Chip>
            ) : (
              <SeverityChip severity={entity.severity} />
            )}
          </p>
          <p class="meta">
            <span>{'rule' in entity ? `alert · ${entity.rule}` : 'risk'}</span>
            {'rule' in entity && entity.value !== null && (
              <span class="number" title="Value and threshold">
                {entity.value}
                {entity.threshold !== null && ` / ${entity.threshold}`}
              </span>
            )}
          </p>
        </>
      )}
    </ListPanel>
  );
}

/** What AI analysers suggest, most urgent first. */
export function Suggestions({ live, project }: PanelProps) {
  const { suggestions } = live.model;
  return (
    <ListPanel
      id="suggestions"
      title="AI suggestions"
      live={live}
      rows={suggestions.list(project).toSorted((one, other) => bySeverity(one.entity, other.entity))}
      hasMore={suggestions.hasMore}
      empty="No suggestion yet."
    >
      {({ title, category, targetId, severity, confidence, suggestedAction }) => (
        <>
          <p class="title">
            {title}
            <SeverityChip severity={severity} />
          </p>
          {suggestedAction !== null && <p class="action">{suggestedAction}</p>}
          <p class="meta">
            <span>
              {category} · {targetId}
            </span>
            <span class="number">{Math.round(confidence * 100)} % sure</span>
          </p>
        </>
      )}
    </ListPanel>
  );
}
