/** A process that puts items into the spool of a directory until it is killed: a line for each that is durable. */
import { Spool } from '../../src/ingest/spool.ts';

const [directory = '', first = ''] = process.argv.slice(2);
const quiet = (): void => undefined;
const spool = await Spool.open({
  directory,
  maxBytes: 1e9,
  replay: () => Promise.reject(new Error('never started')),
  lock: () => ({ release: quiet }),
  log: { info: quiet, warn: quiet, error: console.error },
});
console.log('open');
// Several at a time, each of another size.
for (let number = Number(first); ; number += 8) {
  const numbers = Array.from({ length: 8 }, (_, index) => number + index);
  await Promise.all(
    numbers.map(async (each) => {
      await spool.add({
        about: { number: String(each) },
        body: Buffer.alloc((each * 997) % 20_000, each % 256),
      });
      console.log(each);
    }),
  );
}
