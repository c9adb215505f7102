import type { PanelProps } from '../app.tsx';
import { words } from '../describe.ts';
import type { AgentRowFragment, AgentStatus } from '../generated/operations.ts';
import { Chip, ListPanel, type Tone } from '../parts.tsx';

const tones: Readonly<Record<AgentStatus, Tone>> = {
  ONLINE: 'good',
  IDLE: 'good',
  BUSY: 'busy',
  ERROR: 'bad',
  OFFLINE: 'quiet',
};

const isOver = ({ status }: AgentRowFragment): boolean => status === 'OFFLINE';

export function Agents({ live, project }: PanelProps) {
  const { agents, projects } = live.model;
  const rows = agents.list(project);
  return (
    <ListPanel
      id="agents"
      title="Agents"
      live={live}
      rows={[...rows.filter(({ entity }) => !isOver(entity)), ...rows.filter(({ entity }) => isOver(entity))]}
      hasMore={agents.hasMore}
      counted="online"
      empty="No agent has reported yet."
      isOver={isOver}
    >
      {({ id, name, status, availability, projectId }) => (
        <>
          <p class="title">
            {name ?? id}
            <Chip tone={tones[status]}>{words(status)}</Chip>
          </p>
          <p class="meta">
            <span>{projectId === null ? 'whole workspace' : (projects.get(projectId) ?? projectId)}</span>
            {availability !== null && status !== 'OFFLINE' && (
              <span class="number">{Math.round(availability)} % free</span>
            )}
          </p>
        </>
      )}
    </ListPanel>
  );
}
