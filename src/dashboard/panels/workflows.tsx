import type { PanelProps } from '../app.tsx';
import { words } from '../describe.ts';
import type { WorkflowRowFragment, WorkflowStatus } from '../generated/operations.ts';
import { Chip, ListPanel, WebLink, type Tone } from '../parts.tsx';

const tones: Readonly<Record<WorkflowStatus, Tone>> = {
  QUEUED: 'quiet',
  RUNNING: 'busy',
  COMPLETED: 'good',
  FAILED: 'bad',
  CANCELLED: 'quiet',
};

const isOver = ({ status }: WorkflowRowFragment): boolean => status !== 'RUNNING' && status !== 'QUEUED';

export function Workflows({ live, project }: PanelProps) {
  const { workflows } = live.model;
  return (
    <ListPanel
      id="workflows"
      title="Workflows"
      live={live}
      rows={workflows.list(project)}
      hasMore={workflows.hasMore}
      counted="active"
      empty="Nothing runs."
      isOver={isOver}
    >
      {(workflow) => {
        const { id, name, status, percent, url, error } = workflow;
        return (
          <>
            <p class="title">
              <WebLink url={url}>{name ?? id}</WebLink>
              <Chip tone={tones[status]}>{words(status)}</Chip>
            </p>
            <progress
              class={tones[status]}
              max={100}
              value={percent}
              aria-label={`Progress of ${name ?? id}`}
            >
              {Math.round(percent)} %
            </progress>
            <p class="meta">
              <span>{error !== null && status === 'FAILED' ? error : place(workflow)}</span>
              <span class="number">{Math.round(percent)} %</span>
            </p>
          </>
        );
      }}
    </ListPanel>
  );
}

function place({ currentStep, step, totalSteps }: WorkflowRowFragment): string {
  if (currentStep !== null) return currentStep;
  return step === null ? '' : `step ${step}${totalSteps === null ? '' : ` of ${totalSteps}`}`;
}
