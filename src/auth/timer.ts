/** Node's longest timer, about 25 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Calls back at a moment in milliseconds since 1970, however far it is. Returns what cancels it. */
export function onceAt(time: number, now: () => number, listener: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const left = time - now();
    timer = setTimeout(left > MAX_TIMER_MS ? wait : listener, Math.max(0, Math.min(left, MAX_TIMER_MS)));
  };
  wait();
  return () => clearTimeout(timer);
}
