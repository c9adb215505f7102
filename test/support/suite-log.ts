import { appendFileSync } from 'node:fs';

/** All that the servers of tests log. When the tests are over, nothing secret is to be in it (see suite-log-check.ts). */
export const suiteLog = {
  write(lines: string): void {
    if (waiting === '') setImmediate(append);
    waiting += lines;
  },
};

const file = process.env['SUITE_LOG'];
let waiting = '';

function append(): void {
  if (file !== undefined) appendFileSync(file, waiting);
  waiting = '';
}

process.on('exit', append);
