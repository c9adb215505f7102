import { vi } from 'vitest';

/**
 * Time that stands still until it is told to go on: for what a server does after so many seconds, to the millisecond. What the network and
 * the threads of the store do takes its own time, as everywhere.
 */
export class StillTime implements Disposable {
  constructor() {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  }

  async pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
  }

  /** As much as it takes until something is done, a millisecond at a time. */
  async passUntil<Result>(done: Promise<Result>): Promise<Result> {
    let isDone = false;
    const settled = done.finally(() => (isDone = true));
    settled.catch(() => undefined);
    await this.until(async () => {
      await this.pass(1);
      return isDone;
    });
    return settled;
  }

  /** To another time, without what timers would have done until then. */
  leap(ms: number): void {
    vi.setSystemTime(Date.now() + ms);
  }

  /** Asks again until the answer is yes, while no time passes. */
  async until(isSo: () => Promise<boolean> | boolean): Promise<void> {
    while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
  }

  [Symbol.dispose](): void {
    vi.useRealTimers();
  }
}
