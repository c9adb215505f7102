import type {
  AgentRowFragment,
  AlertRowFragment,
  EventRowFragment,
  PullRequestRowFragment,
  RiskRowFragment,
  StateQuery,
  SuggestionRowFragment,
  WorkflowRowFragment,
} from './generated/operations.ts';
import { Rows } from './rows.ts';

export type Event = EventRowFragment;

/** What the feed shows: an event, or a word about the feed itself. */
export type FeedItem =
  | { readonly key: string; readonly event: Event }
  | { readonly key: string; readonly notice: string; readonly at: string };

const MAX_FEED = 1_000;

/** What the page knows: the state of everything at the start, all that happened since, and some of what did before. */
export class Model {
  readonly projects = new Map<string, string>();
  readonly pullRequests = new Rows<PullRequestRowFragment>({
    keyOf: ({ repoId, number }) => `${repoId}#${number}`,
    isOver: ({ state }) => state !== 'OPEN',
  });
  readonly workflows = new Rows<WorkflowRowFragment>({
    keyOf: ({ id }) => id,
    isOver: ({ status }) => status !== 'RUNNING' && status !== 'QUEUED',
  });
  readonly agents = new Rows<AgentRowFragment>({ keyOf: ({ id }) => id });
  readonly alerts = new Rows<AlertRowFragment>({
    keyOf: ({ id }) => id,
    isOver: ({ status }) => status !== 'OPEN',
  });
  readonly risks = new Rows<RiskRowFragment>({ keyOf: ({ id }) => id });
  readonly suggestions = new Rows<SuggestionRowFragment>({ keyOf: ({ id }) => id });
  /** Newest first. */
  feed: readonly FeedItem[] = [];

  /** Begins again with the state of now. The feed is left as it is. */
  begin(state: StateQuery): void {
    this.projects.clear();
    for (const { id, name } of state.projects.nodes) this.projects.set(id, name);
    // The list is ordered by id, in which 10 comes before 9.
    const pullRequests = state.pullRequests.nodes.toSorted((one, other) => one.number - other.number);
    this.pullRequests.begin({ ...state.pullRequests, nodes: pullRequests });
    this.workflows.begin(state.workflows);
    this.agents.begin(state.agents);
    this.alerts.begin(state.alerts);
    this.risks.begin(state.risks);
    this.suggestions.begin(state.aiSuggestions);
  }

  /** An event carries the state of its entity after the change. */
  apply(event: Event): void {
    switch (event.__typename) {
      case 'ProjectUpdate':
        this.#applyProject(event.project, event.type === 'PROJECT_DELETED');
        break;
      case 'PrStateChange':
        this.pullRequests.put(event.pullRequest);
        break;
      case 'WorkflowProgress':
        this.workflows.put(event.workflow);
        break;
      case 'AgentStatusChange':
        this.agents.put(event.agent);
        break;
      case 'AlertTriggered':
        this.alerts.put(event.alert);
        break;
      case 'RiskAlert':
        this.risks.put(event.risk);
        break;
      case 'AiSuggestionMade':
        this.suggestions.put(event.suggestion);
        break;
      default:
        // Of the others there is nothing but the feed.
        break;
    }
    this.#tell({ key: event.cursor, event });
  }

  /** What happened before the page was opened, oldest first: it is in the state already. */
  recall(events: readonly Event[]): void {
    for (const event of events) this.#tell({ key: event.cursor, event });
  }

  notice(notice: string): void {
    const at = new Date().toISOString();
    this.#tell({ key: `notice ${at}`, notice, at });
  }

  #tell(item: FeedItem): void {
    this.feed = [item, ...this.feed.slice(0, MAX_FEED - 1)];
  }

  #applyProject({ id, name }: { readonly id: string; readonly name: string }, isDeleted: boolean): void {
    if (!isDeleted) return void this.projects.set(id, name);
    this.projects.delete(id);
    const all = [this.pullRequests, this.workflows, this.agents, this.alerts, this.risks, this.suggestions];
    for (const rows of all) rows.dropProject(id);
  }
}
