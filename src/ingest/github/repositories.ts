import type { Project, Repository } from '../../events/states.ts';
import type { Change } from '../../publishing/change.ts';
import type { GithubRepository, Normaliser } from './delivery.ts';
import type { Payload } from './payload.ts';

/** Id of a repository that nobody registered, and of the project of its own that it gets. */
export function ownId(githubId: string): string {
  return `github:${githubId}`;
}

/** @throws TidingsError INVALID_INPUT when the payload does not tell the repository */
export function readRepository(payload: Payload): GithubRepository {
  const repository = payload.need('repository');
  const fullName = repository.needName('full_name');
  return {
    githubId: repository.needId('id'),
    fullName,
    formerName: formerName(payload, fullName),
    url: repository.name('html_url'),
    description: repository.text('description'),
    isNewlyDescribed: payload.object('changes')?.has('description') === true,
    defaultBranch: repository.name('default_branch'),
    isArchived: repository.flag('archived'),
    updatedAt: repository.time('updated_at'),
  };
}

/** A repository that was registered by its name alone, and renamed before any other delivery, is found by this. */
function formerName(payload: Payload, fullName: string): string | undefined {
  const [owner = '', name = ''] = fullName.split('/');
  const changes = payload.object('changes');
  const from = changes?.object('owner')?.object('from');
  const formerOwner = from?.login('user') ?? from?.login('organization') ?? owner;
  const former = `${formerOwner}/${changes?.object('repository')?.object('name')?.name('from') ?? name}`;
  return former === fullName ? undefined : former;
}

const actions: Readonly<Record<string, 'EXISTS' | 'CHANGED' | 'DELETED'>> = {
  created: 'EXISTS',
  renamed: 'CHANGED',
  transferred: 'CHANGED',
  archived: 'CHANGED',
  unarchived: 'CHANGED',
  edited: 'CHANGED',
  privatized: 'CHANGED',
  publicized: 'CHANGED',
  deleted: 'DELETED',
};

const otherwise = {
  EXISTS: 'repository.created: it is known already',
  CHANGED: 'repository: there is nothing to publish',
  DELETED: 'repository.deleted: it was not known here',
};

export const repositoryItself: Normaliser = (payload, { updatedAt }) => {
  const action = payload.name('action') ?? '';
  const what = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (what === undefined) return { ignored: `repository.${action.slice(0, 40)} is not mapped` };
  return { occurredAt: updatedAt, repository: what, changes: () => [], otherwise: otherwise[what] };
};

/** A registered repository as the payload has it now; what the payload doesn't tell stays. */
function refreshed(known: Repository | undefined, seen: GithubRepository): Repository {
  return {
    id: known?.id ?? ownId(seen.githubId),
    fullName: seen.fullName,
    githubId: seen.githubId,
    url: seen.url ?? known?.url ?? null,
    defaultBranch: seen.defaultBranch ?? known?.defaultBranch ?? null,
    isArchived: seen.isArchived ?? known?.isArchived ?? false,
  };
}

type ProjectPatch = Change<'project'>['patch'] & { readonly id: string };

/** The project that a repository gets when it is first seen and nobody registered it. */
export function firstSight(seen: GithubRepository): ProjectPatch {
  const repository = refreshed(undefined, seen);
  return {
    id: ownId(seen.githubId),
    name: seen.fullName,
    description: seen.description,
    repositoryUrl: repository.url,
    status: repository.isArchived ? 'ARCHIVED' : 'ACTIVE',
    repositories: [repository],
  };
}

/**
 * Brings a project up to date with what a payload tells of one of its repositories. A project of the repository's own
 * follows it in name and status as well, as far as nobody gave it others.
 */
export function followRepository(
  project: Project,
  known: Repository | undefined,
  seen: GithubRepository,
): { readonly patch: ProjectPatch; readonly differs: boolean } {
  const now = refreshed(known, seen);
  const repositories =
    known === undefined
      ? [...project.repositories, now]
      : project.repositories.map((each) => (each.id === known.id ? now : each));
  const patch: ProjectPatch = {
    id: project.id,
    repositories,
    ...(project.id === ownId(seen.githubId) && known !== undefined
      ? followAsOwn(project, known, now, seen)
      : {}),
  };
  const fields = Object.keys(now) as (keyof Repository)[];
  return { patch, differs: fields.some((field) => known?.[field] !== now[field]) };
}

function followAsOwn(
  project: Project,
  known: Repository,
  now: Repository,
  seen: GithubRepository,
): Omit<Change<'project'>['patch'], 'id'> {
  const isTurned = now.isArchived !== known.isArchived;
  const unarchived = project.status === 'ARCHIVED' ? 'ACTIVE' : project.status;
  return {
    name: project.name === known.fullName ? now.fullName : project.name,
    description:
      project.description === null || seen.isNewlyDescribed ? seen.description : project.description,
    repositoryUrl: project.repositoryUrl === known.url ? now.url : project.repositoryUrl,
    status: isTurned ? (now.isArchived ? 'ARCHIVED' : unarchived) : project.status,
  };
}
