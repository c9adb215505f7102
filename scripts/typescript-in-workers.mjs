/**
 * `node --import` this to run sources whose worker threads are TypeScript too. Threads inherit the option, and on Node 20
 * tsx by itself prepares the main thread only (on newer ones it finds itself there already; twice does no harm).
 *
 * The code under test names its worker by its own extension: .ts here, .cjs in dist/.
 */
import { isMainThread } from 'node:worker_threads';
import { register } from 'tsx/esm/api';

if (!isMainThread) register();
