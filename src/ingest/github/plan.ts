import { pullRequestId } from '../../events/catalogue.ts';
import type { Project, Repository } from '../../events/states.ts';
import { topic } from '../../events/topics.ts';
import type { AnyChange, Change, Plan, StateView } from '../../publishing/change.ts';
import {
  asOf,
  SHARED_MAX,
  type Delivery,
  type GithubRepository,
  type Home,
  type Lookup,
  type Rank,
} from './delivery.ts';
import { firstSight, followRepository, ownId } from './repositories.ts';

interface Place {
  readonly project: Project;
  /** Undefined when the project is the repository's own but lost it. */
  readonly repository: Repository | undefined;
}

/**
 * The changes of one delivery, as one batch: the repository's project where that has to be made or brought up to date,
 * then what happened in it. Empty when the delivery turns out to concern nothing that is known.
 */
export function planOf(delivery: Delivery): Plan {
  return async (view) => {
    const place = await find(view, delivery.github);
    const changes =
      delivery.repository === undefined
        ? await happened(view, delivery, place)
        : aboutRepository(delivery, place, delivery.repository);
    const { actor, occurredAt } = delivery;
    return changes.map((change) => ({
      ...change,
      actor,
      ...(occurredAt === undefined ? {} : { occurredAt }),
    }));
  };
}

/** Something happened in the repository. */
async function happened(view: StateView, delivery: Delivery, place: Place | undefined): Promise<AnyChange[]> {
  const { github, lookup } = delivery;
  const projectId = place?.project.id ?? ownId(github.githubId);
  const repoId = place?.repository?.id ?? ownId(github.githubId);
  const home: Home = { projectId, repoId, ...(await lookUp(view, repoId, lookup ?? {})) };
  const changes = delivery.changes(home);
  if (place !== undefined) return [...catchUp(place, github), ...changes];
  // What says nothing is no reason to make a project.
  return changes.length === 0 ? [] : [create(github), ...changes];
}

function aboutRepository(
  { github }: Delivery,
  place: Place | undefined,
  what: NonNullable<Delivery['repository']>,
): AnyChange[] {
  if (what === 'DELETED') return place === undefined ? [] : [remove(place, github)];
  if (place === undefined) return [create(github)];
  return what === 'EXISTS' ? catchUp(place, github) : [follow(place, github)];
}

/**
 * A registered repository goes before the one that was made on first sight, and GitHub's id before the name: names are
 * given away, changed and given to others.
 */
async function find(view: StateView, github: GithubRepository): Promise<Place | undefined> {
  const own = ownId(github.githubId);
  const byId = await view.find('project', topic('github', github.githubId), SHARED_MAX);
  const registered = byId.find((project) => project.id !== own);
  const known = registered && placeIn(registered, ({ githubId }) => githubId === github.githubId);
  if (known !== undefined) return known;

  for (const name of [github.fullName, github.formerName]) {
    if (name === undefined) continue;
    const wanted = name.toLowerCase();
    const byName = await view.find('project', topic('repo-name', wanted), SHARED_MAX);
    for (const project of byName) {
      const isIt = ({ githubId, fullName }: Repository) =>
        githubId === null && fullName.toLowerCase() === wanted;
      const place = placeIn(project, isIt);
      if (place !== undefined) return place;
    }
  }

  // By its id, which also shows one that another delivery is about to make.
  const project = await view.entity('project', own);
  if (project === undefined) return undefined;
  return { project, repository: project.repositories.find(({ githubId }) => githubId === github.githubId) };
}

function placeIn(project: Project, isIt: (repository: Repository) => boolean): Place | undefined {
  const repository = project.repositories.find(isIt);
  return repository && { project, repository };
}

async function lookUp(
  view: StateView,
  repoId: string,
  { pullRequests: numbers = [], commit, workflow }: Lookup,
): Promise<Pick<Home, 'pullRequests' | 'workflow'>> {
  // A commit may head pull requests of several repositories: a fork has those of the original.
  const headed =
    commit === undefined ? [] : await view.find('pullRequest', topic('commit', commit), SHARED_MAX);
  const known = headed.filter((pull) => pull.repoId === repoId).map(({ number }) => number);
  // By their ids, which also shows what others are about to make of them.
  const pullRequests = await Promise.all(
    [...numbers.slice(0, SHARED_MAX), ...known].map((number) =>
      view.entity('pullRequest', pullRequestId(repoId, number)),
    ),
  );
  return {
    pullRequests: pullRequests.filter((pull) => pull !== undefined),
    workflow: workflow === undefined ? undefined : await view.entity('workflow', workflow),
  };
}

/** The version of what a payload says about its repository; several repositories of a project have one each. */
const versionOf = (github: GithubRepository, rank: Rank = 'first') =>
  asOf(`repository:${github.githubId}`, github.updatedAt, rank);

function create(github: GithubRepository): Change<'project'> {
  return {
    subject: 'project',
    kind: 'project.created',
    reason: 'REPOSITORY',
    patch: firstSight(github),
    ...versionOf(github),
  };
}

function follow({ project, repository }: Place, github: GithubRepository): Change<'project'> {
  const { patch } = followRepository(project, repository, github);
  return { subject: 'project', kind: 'project.updated', reason: 'REPOSITORY', patch, ...versionOf(github) };
}

/** A rename that we were not told of, or GitHub's id of a repository that was registered by name. */
function catchUp(place: Place, github: GithubRepository): Change<'project'>[] {
  const { differs } = followRepository(place.project, place.repository, github);
  return differs ? [follow(place, github)] : [];
}

function remove({ project, repository }: Place, github: GithubRepository): Change<'project'> {
  const rest = project.repositories.filter((each) => each !== repository);
  // A project that somebody made holds more than its repositories.
  if (rest.length === 0 && project.id === ownId(github.githubId)) {
    return {
      subject: 'project',
      kind: 'project.deleted',
      reason: 'DELETED',
      patch: { id: project.id },
      ...versionOf(github, 'last'),
    };
  }
  return {
    subject: 'project',
    kind: 'project.updated',
    reason: 'REPOSITORY',
    patch: { id: project.id, repositories: rest },
    ...versionOf(github, 'last'),
  };
}
