import type { PanelProps } from '../app.tsx';
import { words } from '../describe.ts';
import type {
  PullRequestReviewDecision,
  PullRequestRowFragment,
  StatusState,
} from '../generated/operations.ts';
import { Chip, ListPanel, WebLink, type Tone } from '../parts.tsx';

const reviewTones: Readonly<Record<PullRequestReviewDecision, Tone>> = {
  APPROVED: 'good',
  CHANGES_REQUESTED: 'bad',
  REVIEW_REQUIRED: 'quiet',
};
const pipelines: Readonly<Record<StatusState, readonly [tone: Tone, text: string]>> = {
  SUCCESS: ['good', 'checks pass'],
  FAILURE: ['bad', 'checks fail'],
  ERROR: ['bad', 'checks broken'],
  PENDING: ['busy', 'checks run'],
  EXPECTED: ['quiet', 'checks expected'],
};

const isOver = ({ state }: PullRequestRowFragment): boolean => state !== 'OPEN';

export function PullRequests({ live, project }: PanelProps) {
  const { pullRequests, projects } = live.model;
  return (
    <ListPanel
      id="pull-requests"
      title="Pull requests"
      live={live}
      rows={pullRequests.list(project)}
      hasMore={pullRequests.hasMore}
      counted="open"
      empty="No pull request is open."
      isOver={isOver}
    >
      {({ number, title, author, url, projectId, state, isDraft, reviewDecision, pipelineState }) => (
        <>
          <p class="title">
            <WebLink url={url}>
              <span class="number">#{number}</span> {title ?? 'without a title'}
            </WebLink>
          </p>
          <p class="meta">
            {state === 'OPEN' ? (
              <Chip tone={isDraft === true ? 'quiet' : 'good'}>{isDraft === true ? 'draft' : 'open'}</Chip>
            ) : (
              <Chip tone={state === 'MERGED' ? 'busy' : 'bad'}>{words(state)}</Chip>
            )}
            {reviewDecision !== null && (
              <Chip tone={reviewTones[reviewDecision]}>{words(reviewDecision)}</Chip>
            )}
            {pipelineState !== null && (
              <Chip tone={pipelines[pipelineState][0]}>{pipelines[pipelineState][1]}</Chip>
            )}
            <span>
              {author !== null && `${author} · `}
              {projects.get(projectId) ?? projectId}
            </span>
          </p>
        </>
      )}
    </ListPanel>
  );
}
