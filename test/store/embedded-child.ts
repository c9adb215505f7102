/** A process that holds the store of a directory and appends until it is killed: a line for each acknowledgement. */
import { EmbeddedEventStore } from '../../src/store/embedded/embedded-store.ts';
import { batch, change, content, keyed } from './sample.ts';
import { keepEverything } from './support.ts';

const store = await EmbeddedEventStore.open({ directory: process.argv[2]!, retention: () => keepEverything });
const log = { workspace: 'default', stream: 'events' } as const;
console.log('open');

await Promise.all(
  Array.from({ length: 16 }, async (_, writer) => {
    for (let on = 0; ; on++) {
      const events = [change(`entity ${writer}`, { on }), content()];
      const { appended } = await store.append(
        log,
        on % 2 === 0 ? keyed(`${writer} ${on}`, ...events) : batch(...events),
      );
      for (const { position } of appended) console.log(`${position.offset} ${position.chain}`);
    }
  }),
);
