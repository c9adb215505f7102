import { projectScope, requireProject, workspaceScope, type AccessScope } from '../auth/access.ts';
import type { Viewer } from '../auth/viewer.ts';
import { TidingsError } from '../errors.ts';
import { roomProject, type StateOf } from '../events/catalogue.ts';
import { Member } from '../events/states.ts';
import { topic } from '../events/topics.ts';
import { presenceLog, type Holder } from '../presence/presence.ts';
import { builder, coversOneOf } from './builder.ts';
import { listField } from './connections.ts';
import { requestOf, type RequestContext } from './context.ts';
import { eventType } from './event.ts';
import { subscription } from './subscriptions.ts';

const PresenceStatus = builder.enumType('PresenceStatus', { values: Member.shape.status.options });

const PresenceMember = builder.objectRef<StateOf<'member'>>('PresenceMember').implement({
  fields: (t) => ({
    room: t.exposeID('room'),
    userId: t.exposeID('userId'),
    status: t.expose('status', { type: PresenceStatus }),
    activity: t.exposeString('activity', { nullable: true }),
    lastSeenAt: t.expose('lastSeenAt', { type: 'DateTime' }),
  }),
});

const PresenceChange = eventType('member', (t) => ({
  room: t.id({ resolve: ({ data }) => data.room }),
  userId: t.id({ resolve: ({ data }) => data.userId }),
  status: t.field({ type: PresenceStatus, resolve: ({ data }) => data.status }),
  activity: t.string({ nullable: true, resolve: ({ data }) => data.activity }),
  lastSeenAt: t.field({ type: 'DateTime', resolve: ({ data }) => data.lastSeenAt }),
}));

/**
 * Who may see who is in a room: a project's readers, or everybody with a token.
 *
 * @throws TidingsError FORBIDDEN the viewer is not among them
 */
function scopeOfRoom(viewer: Viewer, room: string): AccessScope {
  const projectId = roomProject(room);
  if (projectId === null) return workspaceScope(viewer);
  requireProject(viewer, projectId);
  return projectScope(projectId);
}

/** Who left stays known until the log forgets it, but is no part of a snapshot. */
function isThere(member: StateOf<'member'>): boolean {
  return member.status !== 'OFFLINE';
}

listField('presence', {
  of: 'member',
  node: PresenceMember,
  args: builder.args((t) => ({
    room: t.id({ required: true }),
    statuses: t.field({ type: [PresenceStatus] }),
  })),
  where: ({ room, statuses }, { presence, viewer }) => {
    scopeOfRoom(viewer, room);
    return {
      place: { topic: topic('room', room) },
      matches: ({ status }) => coversOneOf(statuses, status),
      read: async (page) => presence.members(viewer.workspace, room, page),
    };
  },
});

subscription('presence', {
  about: 'member',
  type: PresenceChange,
  snapshot: true,
  args: builder.args((t) => ({ room: t.id({ required: true }) })),
  listen: async ({ room }, { presence, viewer }) => {
    const scope = scopeOfRoom(viewer, room);
    await presence.touch(viewer.workspace);
    return {
      log: presenceLog(viewer.workspace),
      topics: [topic('room', room)],
      scope,
      matches: ({ reason, data }) => reason !== 'SNAPSHOT' || isThere(data),
    };
  },
});

/** @throws TidingsError FORBIDDEN */
function memberOf({ viewer }: RequestContext, room: string): string {
  scopeOfRoom(viewer, room);
  if (viewer.userId === null) throw new TidingsError('FORBIDDEN', 'This is for users with a token only.');
  return viewer.userId;
}

const SetPresenceInput = builder.inputType('SetPresenceInput', {
  fields: (t) => ({
    room: t.id({ required: true }),
    status: t.field({ type: PresenceStatus, defaultValue: 'ONLINE' }),
    activity: t.string(),
  }),
});

const SetPresencePayload = builder
  .objectRef<{ readonly member: StateOf<'member'>; readonly expiresAt: number | null }>('SetPresencePayload')
  .implement({
    fields: (t) => ({
      member: t.expose('member', { type: PresenceMember }),
      expiresAt: t.field({
        type: 'DateTime',
        nullable: true,
        resolve: ({ expiresAt }) => (expiresAt === null ? null : new Date(expiresAt).toISOString()),
      }),
    }),
  });

builder.mutationField('setPresence', (t) =>
  t.field({
    type: SetPresencePayload,
    args: { input: t.arg({ type: SetPresenceInput, required: true }) },
    resolve: async (_root, { input }, context) => {
      const request = requestOf(context);
      const { connection, limits, presence, viewer } = request;
      const userId = memberOf(request, input.room);
      const holder: Holder = connection === null ? { lease: userId } : { connection: connection.id };
      const { room, status, activity } = input;
      const member = { room, userId, status: status ?? 'ONLINE', activity: activity ?? null };
      await limits.publish(viewer, 1);
      return presence.set(viewer.workspace, member, holder);
    },
  }),
);

const LeaveRoomInput = builder.inputType('LeaveRoomInput', {
  fields: (t) => ({ room: t.id({ required: true }) }),
});

const LeaveRoomPayload = builder.objectRef<{ readonly left: boolean }>('LeaveRoomPayload').implement({
  fields: (t) => ({ left: t.exposeBoolean('left') }),
});

builder.mutationField('leaveRoom', (t) =>
  t.field({
    type: LeaveRoomPayload,
    args: { input: t.arg({ type: LeaveRoomInput, required: true }) },
    resolve: async (_root, { input }, context) => {
      const request = requestOf(context);
      const userId = memberOf(request, input.room);
      await request.limits.publish(request.viewer, 1);
      return { left: await request.presence.leave(request.viewer.workspace, input.room, userId) };
    },
  }),
);
