#!/usr/bin/env node
import { runCommandLine } from './cli/program.ts';

// Without a command it is the server, which is what containers and process managers start.
const given = process.argv.slice(2);
process.exitCode = await runCommandLine(given.length === 0 ? ['serve'] : given);
