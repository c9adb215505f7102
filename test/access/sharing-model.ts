/**
 * Who gets what of which event, as README and `schema.graphql` promise it: worked out for each viewer by itself, and with nothing of the
 * server's own code, so that a mistake there is not repeated here.
 */
import * as fc from 'fast-check';

export const workspaces = ['default', 'other'] as const;
/** Anybody may read the first one, in the workspace `default`. */
export const projects = ['open', 'red', 'blue'] as const;
const users = ['ann', 'bob'] as const;
const actors = ['ci', 'bot'] as const;
const rules = ['slow', 'down'] as const;
const severities = ['INFO', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'] as const;
/** Each belongs to the project that its name begins with. */
export const workflows = projects.flatMap((project) => [`${project}-build`, `${project}-deploy`]);

const someSeverity = fc.constantFrom(...severities);
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { freq: 2 });

export interface Viewer {
  readonly workspace: string;
  /** Null for those without a token. */
  readonly user: string | null;
  readonly projects: '*' | readonly string[];
  readonly mayRead: boolean;
}

const anonymous: Viewer = { workspace: 'default', user: null, projects: ['open'], mayRead: true };
export const someViewer: fc.Arbitrary<Viewer> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(anonymous) },
  {
    weight: 8,
    arbitrary: fc.record({
      workspace: fc.constantFrom('default', 'default', 'default', 'other'),
      user: fc.constantFrom(...users),
      projects: fc.oneof(fc.constant('*' as const), fc.subarray([...projects])),
      mayRead: fc.constantFrom(true, true, true, true, true, false),
    }),
  },
);

export const someEvent = fc
  .record({
    is: fc.constantFrom('alert', 'alert', 'workflow', 'announcement', 'notification'),
    workspace: fc.constantFrom('default', 'default', 'default', 'other'),
    project: fc.constantFrom(...projects, null),
    actor: fc.constantFrom(...actors),
    severity: someSeverity,
    rule: fc.constantFrom(...rules),
    workflow: fc.constantFrom(...workflows),
    to: fc.constantFrom(...users),
  })
  .map((drawn) => {
    if (drawn.is === 'workflow') return { ...drawn, project: drawn.workflow.split('-')[0]! };
    return drawn.is === 'announcement' ? { ...drawn, project: null } : drawn;
  });
/** `text` is told apart from that of all other events. */
export type Event = (typeof someEvent extends fc.Arbitrary<infer Value> ? Value : never) & {
  readonly text: string;
};

/** The mutation that publishes it. */
export function mutationFor(event: Event): readonly [field: string, inputType: string, input: object] {
  const { actor, severity, rule, workflow, to, project: projectId, text } = event;
  switch (event.is) {
    case 'alert':
      return ['triggerAlert', 'TriggerAlertInput', { projectId, rule, severity, actor, message: text }];
    case 'workflow':
      return ['reportWorkflow', 'ReportWorkflowInput', { id: workflow, projectId, actor, currentStep: text }];
    case 'announcement':
      return ['announce', 'AnnounceInput', { severity, actor, message: text }];
    default:
      return [
        'notify',
        'NotifyInput',
        { userId: to, projectId, severity, actor, title: text, message: text },
      ];
  }
}

/** A part of a selection: as text, and what it shows of an event. */
interface Part {
  readonly text: string;
  readonly shows: (event: Event) => object;
}
const common: readonly Part[] = [
  { text: 'actor', shows: ({ actor }) => ({ actor }) },
  { text: 'who: actor', shows: ({ actor }) => ({ who: actor }) },
  { text: 'projectId', shows: ({ project }) => ({ projectId: project }) },
  { text: '... on Event { source }', shows: () => ({ source: 'api' }) },
];
const special: Readonly<Record<string, readonly Part[]>> = {
  alert: [
    { text: 'alert { message }', shows: ({ text }) => ({ alert: { message: text } }) },
    { text: 'why: alert { rule severity }', shows: ({ rule, severity }) => ({ why: { rule, severity } }) },
  ],
  workflow: [
    { text: 'currentStep', shows: ({ text }) => ({ currentStep: text }) },
    { text: 'id: workflowId', shows: ({ workflow }) => ({ id: workflow }) },
  ],
  announcement: [
    { text: 'message', shows: ({ text }) => ({ message: text }) },
    { text: 'level: severity', shows: ({ severity }) => ({ level: severity }) },
  ],
  notification: [
    { text: 'message', shows: ({ text }) => ({ message: text }) },
    { text: 'for: userId', shows: ({ to }) => ({ for: to }) },
  ],
};
/** Of any event, what there is of one kind. */
const onlyOf = (is: string, type: string): Part => {
  const [part] = special[is]!;
  return {
    text: `... on ${type} { ${part!.text} }`,
    shows: (event) => (event.is === is ? part!.shows(event) : {}),
  };
};
const partsOf = (of: string): readonly Part[] => [
  ...common,
  ...(special[of] ?? [onlyOf('alert', 'AlertTriggered'), onlyOf('workflow', 'WorkflowProgress')]),
];

const typesOf: Readonly<Record<string, readonly string[]>> = {
  alert: ['ALERT_TRIGGERED'],
  workflow: ['WORKFLOW_STARTED', 'WORKFLOW_PROGRESS', 'WORKFLOW_COMPLETED', 'WORKFLOW_FAILED'],
  announcement: ['ANNOUNCEMENT'],
  notification: ['NOTIFICATION'],
};
const argumentTypes: Readonly<Record<string, string>> = {
  projectId: 'ID',
  workflowId: 'ID',
  rule: 'String',
  actor: 'String',
  minSeverity: 'Severity',
  types: '[EventType!]',
};

const someProject = maybe(fc.constantFrom(...projects));
const someUrgency = maybe(someSeverity);
const fields = {
  events: {
    of: 'event',
    given: fc.record({
      projectId: someProject,
      actor: maybe(fc.constantFrom(...actors)),
      types: maybe(fc.constantFrom(...Object.values(typesOf))),
    }),
  },
  alertTriggered: {
    of: 'alert',
    given: fc.record({
      projectId: someProject,
      minSeverity: someUrgency,
      rule: maybe(fc.constantFrom(...rules)),
    }),
  },
  workflowProgress: {
    of: 'workflow',
    given: fc.record({ projectId: someProject, workflowId: maybe(fc.constantFrom(...workflows)) }),
  },
  announcement: { of: 'announcement', given: fc.record({ minSeverity: someUrgency }) },
  notification: { of: 'notification', given: fc.record({ minSeverity: someUrgency }) },
} as const;

export interface Operation {
  readonly field: string;
  /** Kind of the events that the field tells; `event` for all. */
  readonly of: string;
  readonly given: Readonly<Record<string, unknown>>;
  readonly parts: readonly Part[];
  /** Which arguments are variables. */
  readonly byVariable: boolean;
}
/** A few of one form, that differ in what is given for their arguments: with variables their texts are the same. */
export const someOperations: fc.Arbitrary<readonly Operation[]> = fc
  .constantFrom(...(Object.keys(fields) as (keyof typeof fields)[]), 'events', 'alertTriggered')
  .chain((field) => {
    const { of, given } = fields[field];
    return fc
      .record({
        parts: fc.subarray([...partsOf(of)], { minLength: 1 }),
        byVariable: fc.boolean(),
        givens: fc.array(given as fc.Arbitrary<Operation['given']>, { minLength: 1, maxLength: 3 }),
      })
      .map(({ parts, byVariable, givens }) =>
        givens.map((each) => ({ field, of, given: each, parts, byVariable })),
      );
  });

/** As it is sent; `after` is a variable always. */
export function requestFor({ field, given, parts, byVariable }: Operation) {
  const set = Object.entries(given).filter(([, value]) => byVariable || value !== null);
  const literal = (name: string, value: unknown): string =>
    /^(minSeverity|types)$/.test(name) ? JSON.stringify(value).replaceAll('"', '') : JSON.stringify(value);
  const declared = byVariable ? set.map(([name]) => `, $${name}: ${argumentTypes[name]}`).join('') : '';
  const passed = set.map(([name, value]) => `, ${name}: ${byVariable ? `$${name}` : literal(name, value)}`);
  return {
    query: `subscription ($after: Cursor${declared}) { ${field}(after: $after${passed.join('')}) { ${parts.map(({ text }) => text).join(' ')} } }`,
    variables: byVariable ? Object.fromEntries(set) : {},
  };
}

/** Whether a viewer is refused an operation, whatever happens. */
export function isRefused(viewer: Viewer, { field, given }: Operation): boolean {
  const { projectId, workflowId } = given as { readonly projectId?: string; readonly workflowId?: string };
  const reads = (project: string): boolean => viewer.projects === '*' || viewer.projects.includes(project);
  if (!viewer.mayRead) return true;
  if (field === 'announcement') return viewer.user === null;
  if (field === 'notification') return viewer.user === null;
  return (
    (typeof projectId === 'string' && !reads(projectId)) ||
    (typeof workflowId === 'string' && !reads(workflowId.split('-')[0]!))
  );
}

/** What a viewer who is not refused gets of an event; undefined for nothing. */
export function shown(viewer: Viewer, operation: Operation, event: Event): object | undefined {
  if (!mayKnow(viewer, event) || !isMeant(operation, event)) return undefined;
  return Object.assign({}, ...operation.parts.map(({ shows }) => shows(event))) as object;
}

function mayKnow({ workspace, user, projects: mine }: Viewer, event: Event): boolean {
  if (event.workspace !== workspace) return false;
  if (event.is === 'notification') return event.to === user;
  if (event.is === 'announcement') return user !== null || mine === '*';
  return mine === '*' || (event.project !== null && mine.includes(event.project));
}

function isMeant({ of, given }: Operation, event: Event): boolean {
  const { types, minSeverity, ...equal } = given as Readonly<Record<string, string | null>>;
  // Notifications are no part of `events`.
  if (of === 'event' ? event.is === 'notification' : event.is !== of) return false;
  const facts = {
    projectId: event.project,
    actor: event.actor,
    rule: event.rule,
    workflowId: event.workflow,
  };
  const isUrgent =
    !minSeverity ||
    severities.indexOf(event.severity) >= severities.indexOf(minSeverity as typeof event.severity);
  const isOfType = !types || types === (typesOf[event.is] as unknown);
  return (
    isUrgent &&
    isOfType &&
    Object.entries(equal).every(
      ([name, value]) => value === null || facts[name as keyof typeof facts] === value,
    )
  );
}
