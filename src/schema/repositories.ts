import { invalidInput, type InputIssue } from '../errors.ts';
import { subjects, type StateOf, type SubjectName } from '../events/catalogue.ts';
import { Project as ProjectSchema, type Repository as RepositoryState } from '../events/states.ts';
import { topic, type Topic } from '../events/topics.ts';
import type { StateView } from '../publishing/change.ts';
import { notFound, type Report } from '../publishing/report.ts';
import { builder, isGiven } from './builder.ts';
import { causeFields, entityPayload, mutation } from './mutations.ts';
import { Project, Repository } from './projects.ts';

type ProjectState = StateOf<'project'>;

/** What moves with its repository. */
const movable = ['pullRequest', 'issue', 'workflow', 'autoCommit'] as const satisfies readonly SubjectName[];
/** One write moves them all, and has to fit into memory. */
const MAX_MOVED = 10_000;

const RegisterRepositoryInput = builder.inputType('RegisterRepositoryInput', {
  fields: (t) => ({
    projectId: t.id({ required: true }),
    fullName: t.string({ required: true }),
    repoId: t.id(),
    githubId: t.id(),
    url: t.string(),
    defaultBranch: t.string(),
    ...causeFields(t),
  }),
});
type Registration = typeof RegisterRepositoryInput.$inferInput;

mutation('registerRepository', {
  input: RegisterRepositoryInput,
  gives: entityPayload('RegisterRepositoryPayload', 'project', Project, (t) => ({
    repository: t.field({
      type: Repository,
      resolve: ({ entity, input }) => {
        const repository = among(entity.repositories, input as Registration);
        if (repository === undefined) throw notFound('repository', (input as Registration).fullName);
        return repository;
      },
    }),
  })),
  id: ({ projectId }) => projectId,
  plan: async (input, view, projectId) => {
    const project = await view.entity('project', projectId);
    if (project === undefined) throw notFound('project', projectId);
    const holder = await holderOf(view, input);
    const known = holder && among(holder.repositories, input);
    const repository = registered(input, known);
    const issues = mistakesIn(repository, input, known);
    const add = {
      subject: 'project',
      reason: 'REPOSITORY',
      // What is wrong with the repository was told already, in the names of the input.
      patch: {
        id: projectId,
        ...(issues.length === 0 ? { repositories: replace(project.repositories, repository) } : {}),
      },
      issues,
    } as const;
    // The repository has a clock of its own: what is newer of its project says nothing about it.
    if (holder === undefined || holder.id === projectId)
      return [{ ...add, aspect: `repository ${repository.id}` }];
    const remaining = holder.repositories.filter(({ id }) => id !== repository.id);
    return [
      {
        subject: 'project',
        reason: 'REPOSITORY',
        patch: { id: holder.id, repositories: remaining },
        aspect: null,
      },
      // The clocks of two projects can't tell which of two moves is the older.
      { ...add, aspect: null },
      ...(await moveAll(view, repository.id, projectId)),
    ];
  },
});

/** The project that holds the repository already, under any of the names that the input has for it. */
async function holderOf(
  view: StateView,
  { repoId, githubId, fullName }: Registration,
): Promise<ProjectState | undefined> {
  const topics: Topic[] = [
    ...(isGiven(repoId) ? [topic('repo', repoId)] : []),
    ...(isGiven(githubId) ? [topic('github', githubId)] : []),
    topic('repo-name', fullName.toLowerCase()),
  ];
  for (const each of topics) {
    const holders = await view.find('project', each, 2);
    const holder = holders.find(
      ({ repositories }) => among(repositories, { repoId, githubId, fullName }) !== undefined,
    );
    if (holder !== undefined) return holder;
  }
}

/** The repository that an input is about: by our id, by GitHub's, or by name, where GitHub's id doesn't say that it is another. */
function among(
  repositories: readonly RepositoryState[],
  { repoId, githubId, fullName }: Pick<Registration, 'repoId' | 'githubId' | 'fullName'>,
): RepositoryState | undefined {
  return (
    repositories.find(({ id }) => id === repoId) ??
    repositories.find((each) => isGiven(githubId) && each.githubId === githubId) ??
    repositories.find(
      (each) =>
        each.fullName.toLowerCase() === fullName.toLowerCase() &&
        (!isGiven(githubId) || each.githubId === null || each.githubId === githubId),
    )
  );
}

function registered(input: Registration, known: RepositoryState | undefined): RepositoryState {
  const { fullName, repoId, githubId, url, defaultBranch } = input;
  const gitHubs = githubId === undefined ? known?.githubId : githubId;
  return {
    id: known?.id ?? repoId ?? (isGiven(gitHubs) ? `github:${gitHubs}` : fullName),
    fullName,
    githubId: gitHubs ?? known?.githubId ?? null,
    url: (url === undefined ? known?.url : url) ?? null,
    defaultBranch: (defaultBranch === undefined ? known?.defaultBranch : defaultBranch) ?? null,
    isArchived: known?.isArchived ?? false,
  };
}

function mistakesIn(
  repository: RepositoryState,
  { repoId }: Registration,
  known: RepositoryState | undefined,
): readonly InputIssue[] {
  if (known !== undefined && isGiven(repoId) && known.id !== repoId) {
    return [
      { path: ['repoId'], message: 'the repository has another id already; leave this out to keep it' },
    ];
  }
  const parsed = ProjectSchema.shape.repositories.element.safeParse(repository);
  const idField = isGiven(repoId) ? 'repoId' : 'fullName';
  return (parsed.error?.issues ?? []).map(({ path, message }) => ({
    path: [path[0] === 'id' ? idField : String(path[0])],
    message,
  }));
}

function replace(repositories: readonly RepositoryState[], repository: RepositoryState): RepositoryState[] {
  const isKnown = repositories.some(({ id }) => id === repository.id);
  if (!isKnown) return [...repositories, repository];
  return repositories.map((each) => (each.id === repository.id ? repository : each));
}

async function moveAll(view: StateView, repoId: string, projectId: string): Promise<Report[]> {
  const reports: Report[] = [];
  for (const subject of movable) {
    const found = await view.find(subject, topic('repo', repoId), MAX_MOVED + 1);
    const key: readonly string[] = subjects[subject].key ?? ['id'];
    for (const state of found) {
      const id = Object.fromEntries(Object.entries(state).filter(([field]) => key.includes(field)));
      reports.push({ subject, reason: 'MOVED', patch: { ...id, projectId }, aspect: null });
    }
  }
  if (reports.length <= MAX_MOVED) return reports;
  const message = `holds more than ${MAX_MOVED} pull requests, issues and workflows, too many to move at once`;
  throw invalidInput([{ path: ['input', 'fullName'], message }]);
}
