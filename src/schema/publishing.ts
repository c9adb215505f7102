import { createHash, randomUUID } from 'node:crypto';
import { requireScope } from '../auth/access.ts';
import type { InputIssue } from '../errors.ts';
import type { Plan } from '../publishing/change.ts';
import type { Published } from '../publishing/publisher.ts';
import { stableId } from '../publishing/report.ts';
import { isGiven } from './builder.ts';
import type { RequestContext } from './context.ts';

const IDEMPOTENCY_KEY_MAX = 200;
/** Longest key that a store takes. */
const STORED_KEY_MAX = 256;

interface PublishOptions {
  /** Name of the mutation. */
  readonly field: string;
  readonly idempotencyKey: string | null | undefined;
  readonly plan: Plan;
  /** How many events it is about; 1 when absent. */
  readonly events?: number;
}

/**
 * Publishes for a mutation.
 *
 * @throws TidingsError see Publisher; RATE_LIMITED
 */
export async function publish(
  { viewer, publisher, limits }: RequestContext,
  { field, idempotencyKey, plan, events = 1 }: PublishOptions,
): Promise<Published> {
  requireScope(viewer, 'publish');
  await limits.publish(viewer, events);
  const request = { publishedBy: viewer, source: 'api' };
  if (!isGiven(idempotencyKey)) return publisher.publish({ ...request, plan });
  if (idempotencyKey.length >= 1 && idempotencyKey.length <= IDEMPOTENCY_KEY_MAX) {
    return publisher.publish({
      ...request,
      plan,
      idempotencyKeys: [storedKey(viewer.userId, field, idempotencyKey)],
    });
  }
  const issue: InputIssue = {
    path: ['input', 'idempotencyKey'],
    message: `must have 1 to ${IDEMPOTENCY_KEY_MAX} characters`,
  };
  // Not thrown at once: all mistakes are told together.
  const withIssue: Plan = async (view) =>
    (await plan(view)).map((change, index) =>
      index === 0 ? { ...change, issues: [...(change.issues ?? []), issue] } : change,
    );
  return publisher.publish({ ...request, plan: withIssue });
}

/** A key holds for one user and one mutation: two services that both count from 1 don't meet. */
function storedKey(userId: string | null, field: string, key: string): string {
  const parts = JSON.stringify([userId, field, key]);
  return parts.length + 4 <= STORED_KEY_MAX ? `api:${parts}` : `api:${sha256(parts)}`;
}

/** An id for what comes without one: for a repeated idempotency key the same again, so that the answer is the same too. */
export function newId({ viewer }: RequestContext, field: string, key: string | null | undefined): string {
  if (!isGiven(key)) return randomUUID();
  return stableId([viewer.workspace, viewer.userId, field, key]);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
