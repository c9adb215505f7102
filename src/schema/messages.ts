import { requireScope, userScope, workspaceScope } from '../auth/access.ts';
import { TidingsError } from '../errors.ts';
import { topic } from '../events/topics.ts';
import { builder } from './builder.ts';
import { eventType, isAtLeast, Severity } from './event.ts';
import { causeFields, mutation, stateIn } from './mutations.ts';
import { subscription } from './subscriptions.ts';

const Announcement = eventType('announcement', (t) => ({
  title: t.string({ nullable: true, resolve: ({ data }) => data.title }),
  message: t.string({ resolve: ({ data }) => data.message }),
  severity: t.field({ type: Severity, resolve: ({ data }) => data.severity }),
  url: t.string({ nullable: true, resolve: ({ data }) => data.url }),
}));

const Notification = eventType('notification', (t) => ({
  userId: t.id({ resolve: ({ data }) => data.userId }),
  title: t.string({ resolve: ({ data }) => data.title }),
  message: t.string({ nullable: true, resolve: ({ data }) => data.message }),
  severity: t.field({ type: Severity, resolve: ({ data }) => data.severity }),
  url: t.string({ nullable: true, resolve: ({ data }) => data.url }),
}));

const messageArguments = builder.args((t) => ({ minSeverity: t.field({ type: Severity }) }));

subscription('announcement', {
  about: 'announcement',
  type: Announcement,
  snapshot: false,
  args: messageArguments,
  listen: ({ minSeverity }, { viewer }) => ({
    topics: ['announcements'],
    scope: workspaceScope(viewer),
    matches: ({ data }) => isAtLeast(minSeverity, data.severity),
  }),
});

subscription('notification', {
  about: 'notification',
  type: Notification,
  snapshot: false,
  args: messageArguments,
  listen: ({ minSeverity }, { viewer }) => {
    requireScope(viewer, 'read');
    if (viewer.userId === null) throw new TidingsError('FORBIDDEN', 'This is for users with a token only.');
    return {
      topics: [topic('user', viewer.userId)],
      scope: userScope(viewer.userId),
      matches: ({ data }) => isAtLeast(minSeverity, data.severity),
    };
  },
});

const AnnounceInput = builder.inputType('AnnounceInput', {
  fields: (t) => ({
    title: t.string(),
    message: t.string({ required: true }),
    severity: t.field({ type: Severity }),
    url: t.string(),
    ...causeFields(t),
  }),
});

mutation('announce', {
  input: AnnounceInput,
  plan: (input) => [{ subject: 'announcement', patch: stateIn(input) }],
});

const NotifyInput = builder.inputType('NotifyInput', {
  fields: (t) => ({
    userId: t.id({ required: true }),
    projectId: t.id(),
    title: t.string({ required: true }),
    message: t.string(),
    severity: t.field({ type: Severity }),
    url: t.string(),
    ...causeFields(t),
  }),
});

mutation('notify', {
  input: NotifyInput,
  plan: (input) => [{ subject: 'notification', patch: stateIn(input) }],
});
