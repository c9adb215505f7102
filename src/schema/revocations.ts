import { requireScope } from '../auth/access.ts';
import type { Revocation as RevocationFacts, RevocationTarget } from '../auth/revocations.ts';
import { invalidInput } from '../errors.ts';
import { builder } from './builder.ts';
import { requestOf } from './context.ts';

const MAX_ID_CHARACTERS = 256;

const isoOf = (milliseconds: number): string => new Date(milliseconds).toISOString();

const Revocation = builder.objectRef<RevocationFacts>('Revocation').implement({
  fields: (t) => ({
    tokenId: t.id({
      nullable: true,
      resolve: ({ target }) => ('tokenId' in target ? target.tokenId : null),
    }),
    userId: t.id({ nullable: true, resolve: ({ target }) => ('userId' in target ? target.userId : null) }),
    revokedBy: t.exposeString('revokedBy', { nullable: true }),
    revokedAt: t.field({ type: 'DateTime', resolve: ({ revokedAt }) => isoOf(revokedAt) }),
    expiresAt: t.field({ type: 'DateTime', resolve: ({ expiresAt }) => isoOf(expiresAt) }),
  }),
});

builder.queryField('revocations', (t) =>
  t.field({
    type: [Revocation],
    resolve: async (_root, _args, context) => {
      const { revocations, viewer } = requestOf(context);
      requireScope(viewer, 'admin');
      return revocations.list(viewer);
    },
  }),
);

const RevokeInput = builder.inputType('RevokeInput', {
  fields: (t) => ({ tokenId: t.id(), userId: t.id() }),
});

/** @throws TidingsError INVALID_INPUT */
function targetOf(input: {
  readonly tokenId?: string | null | undefined;
  readonly userId?: string | null | undefined;
}): RevocationTarget {
  const tokenId = input.tokenId ?? null;
  const userId = input.userId ?? null;
  if ((tokenId === null) === (userId === null)) {
    throw invalidInput([{ path: [], message: 'has to have either a tokenId or a userId' }]);
  }
  const [name, id] = tokenId === null ? ['userId', userId ?? ''] : ['tokenId', tokenId];
  if (id === '' || id.length > MAX_ID_CHARACTERS) {
    throw invalidInput([{ path: [name], message: `has to have 1 to ${MAX_ID_CHARACTERS} characters` }]);
  }
  return tokenId === null ? { userId: id } : { tokenId: id };
}

const RevokePayload = builder
  .objectRef<{ readonly revocation: RevocationFacts }>('RevokePayload')
  .implement({ fields: (t) => ({ revocation: t.expose('revocation', { type: Revocation }) }) });

builder.mutationField('revoke', (t) =>
  t.field({
    type: RevokePayload,
    args: { input: t.arg({ type: RevokeInput, required: true }) },
    resolve: async (_root, { input }, context) => {
      const { revocations, viewer } = requestOf(context);
      requireScope(viewer, 'admin');
      return { revocation: await revocations.revoke(viewer, targetOf(input)) };
    },
  }),
);

const LiftRevocationPayload = builder
  .objectRef<{ readonly lifted: boolean }>('LiftRevocationPayload')
  .implement({ fields: (t) => ({ lifted: t.exposeBoolean('lifted') }) });

builder.mutationField('liftRevocation', (t) =>
  t.field({
    type: LiftRevocationPayload,
    args: { input: t.arg({ type: RevokeInput, required: true }) },
    resolve: async (_root, { input }, context) => {
      const { revocations, viewer } = requestOf(context);
      requireScope(viewer, 'admin');
      return { lifted: await revocations.lift(viewer, targetOf(input)) };
    },
  }),
);
