import { ApolloLink } from '@apollo/client';
import { OperationTypeNode } from 'graphql';
import { tap } from 'rxjs';

/** Keeps a subscription's newest cursor in its variables, which go to the server anew at each connection. */
export const resumeLink = new ApolloLink((operation, forward) => {
  const { variables } = operation;
  if (operation.operationType !== OperationTypeNode.SUBSCRIPTION) return forward(operation);
  let cursor: unknown = variables['after'];
  Object.defineProperty(variables, 'after', { enumerable: true, get: () => cursor });
  return forward(operation).pipe(
    tap(({ data }) => {
      const [event] = Object.values((data ?? {}) as Record<string, { cursor?: string }>);
      cursor = event?.cursor ?? cursor;
    }),
  );
});
