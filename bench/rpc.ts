import type { ChildProcess } from 'node:child_process';

/** What another process does for us, by name. */
type Handlers = Readonly<Record<string, (...args: never[]) => unknown>>;

export type Remote<Answers extends Handlers> = {
  readonly [Name in keyof Answers]: (
    ...args: Parameters<Answers[Name]>
  ) => Promise<Awaited<ReturnType<Answers[Name]>>>;
};

interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: never[];
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** Calls the functions of a child process as if they were here. Calls that its end leaves without an answer fail. */
export function remote<Answers extends Handlers>(child: ChildProcess, name: string): Remote<Answers> {
  const waiting = new Map<number, (answer: Answer) => void>();
  let calls = 0;
  let hasExited = false;
  child.on('message', (answer: Answer) => {
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  child.once('exit', (code, signal) => {
    hasExited = true;
    for (const [id, settle] of waiting) settle({ id, error: `${name} has ended (${signal ?? code})` });
  });
  const call = async (method: string, args: unknown[]): Promise<unknown> => {
    if (hasExited) throw new Error(`${name} has ended`);
    const id = ++calls;
    const answer = await new Promise<Answer>((resolve) => {
      waiting.set(id, resolve);
      child.send({ id, method, args });
    });
    if (answer.error !== undefined) throw new Error(`${name}: ${answer.error}`);
    return answer.value;
  };
  return new Proxy({} as Remote<Answers>, {
    get: (_target, method) =>
      method === 'then' ? undefined : async (...args: unknown[]) => call(String(method), args),
  });
}

/** The other end, for a process that does nothing else. It ends with the process that asks. */
export function answerTo(handlers: Handlers): void {
  process.on('message', ({ id, method, args }: Call) => {
    Promise.resolve()
      .then(() => handlers[method]?.(...args))
      .then(
        (value) => process.send?.({ id, value }),
        (error: unknown) =>
          process.send?.({ id, error: error instanceof Error ? error.message : String(error) }),
      );
  });
  process.once('disconnect', () => process.exit());
}
