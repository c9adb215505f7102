/** The command line: what can be asked for, and how it ends. What a command does is loaded when it is asked for. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { complaint } from './complaint.ts';
import { duration, kindList, whole } from './options.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Beside 0: it went well. */
const exitCodes = { failed: 1, usage: 2 } as const;

const ENDING = `
Exit codes:
  0  it went well, or was ended by Ctrl-C or a closed pipe
  1  it failed or was refused; the reason is on standard error, with its code
  2  the command line is wrong`;

/** Runs one command. Resolves with the exit code; a server goes on running. */
export async function runCommandLine(given: readonly string[]): Promise<number> {
  // A reader that has seen enough, such as `head`.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(0);
    });
  }
  try {
    await program().parseAsync(given, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // It has said by itself what is wrong, or has only shown its help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    console.error(complaint(error));
    return exitCodes.failed;
  }
}

function program(): Command {
  const tidings = new Command('tidings')
    .description('Live project events over GraphQL subscriptions.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(--help shows what can be given)')
    .addHelpText('after', ENDING);
  // Subcommands inherit exitOverride when they are made by `command`.
  addServe(tidings.command('serve'));
  addToken(tidings.command('token'));
  addTail(tidings.command('tail'));
  addPublish(tidings.command('publish'));
  addExport(tidings.command('export'));
  addImport(tidings.command('import'));
  addDoctor(tidings.command('doctor'));
  return tidings;
}

function addServe(command: Command): void {
  command
    .description('Run the server. It is configured by environment variables; see the README.')
    .addHelpText('after', examples('tidings serve', 'PORT=8080 DATA_DIR=/var/lib/tidings tidings serve'))
    .action(async () => (await import('./serve.ts')).serve());
}

function addToken(command: Command): void {
  command
    .description(
      'Make a token, signed with JWT_SECRET or, without one, with the key of development mode in DATA_DIR.',
    )
    .option('--sub <user>', 'the user or service that it stands for', 'developer')
    .option('--workspace <name>', 'the workspace that it opens', 'default')
    .option('--projects <ids>', 'ids of the projects that it opens, with commas between, or * for all', '*')
    .option('--scope <scopes>', 'read, publish and admin, with spaces between', 'read')
    .option('--expires <time>', 'how long it lives: 45m, 12h, 30d at most', duration, duration('24h'))
    .addHelpText(
      'after',
      examples(
        'export TIDINGS_TOKEN=$(tidings token --scope "read publish")',
        'tidings token --sub ci --projects shop,website --scope publish --expires 30d',
      ),
    )
    .action(async (options) => (await import('./token.ts')).printToken(options));
}

function addTail(command: Command): void {
  server(command)
    .description('Show events as they happen. Lost connections and restarts of the server leave no gap.')
    .option('--type <kinds>', 'only these kinds, with commas between: pr.created,workflow.failed', kindList)
    .option('--project <id>', 'only of this project')
    .option('--repo <id>', 'only of this repository')
    .option('--after <cursor>', 'begin right behind this cursor')
    .option(
      '--resume [file]',
      'remember the place, here or in the state directory, and go on from there next time',
    )
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      examples(
        'tidings tail',
        'tidings tail --project shop --type pr.created,pr.closed',
        'tidings tail --json --resume shop.cursor | while read -r event; do ./handle "$event"; done',
      ),
    )
    .action(async (options) => (await import('./tail.ts')).tail(options));
}

function addPublish(command: Command): void {
  server(command)
    .description(
      'Publish one event, or many from JSON lines. Waits and tries again while the server is away.',
    )
    .argument('[file]', 'JSON lines, each an event as publishEvents takes it; - for standard input')
    .option('--type <kind>', 'one event of this kind: issue.created')
    .option('--data <json>', 'what is known of its entity, with the names of its GraphQL type')
    .option('--reason <reason>', 'why, such as STATE')
    .option('--actor <name>', 'who or what did it; default: the user of the token')
    .option('--occurred-at <time>', 'when, in ISO 8601 with a time zone; default: now')
    .option('--key <text>', 'names this run: what is published again under the same name is written once')
    .option('--batch <number>', 'lines that are sent at once', whole(1, 500), 100)
    .option('--wait <time>', 'how long a server that is away or busy is waited for', duration, duration('5m'))
    .addHelpText(
      'after',
      examples(
        `tidings publish --type announcement --data '{"message":"Lunch"}'`,
        'tidings publish events.jsonl --key import-1',
        `echo '{"type":"RISK_ALERT","data":{"projectId":"shop","severity":"LOW","message":"Rain"}}' | tidings publish -`,
      ),
    )
    .action(async (file, options) => (await import('./publish.ts')).publish(file, options));
}

function addExport(command: Command): void {
  command
    .description(
      'Write the log of a workspace as JSON lines, with the states that outlived it. Reads REDIS_URL or DATA_DIR itself: a server without Redis has to be stopped first.',
    )
    .option('--workspace <name>', 'the workspace', 'default')
    .option('--output <file>', 'a new file; default: standard output')
    .addHelpText(
      'after',
      examples('tidings export > default.jsonl', 'tidings export --workspace acme --output acme.jsonl'),
    )
    .action(async (options) => (await import('./export.ts')).exportLog(options));
}

function addImport(command: Command): void {
  command
    .description(
      'Append an exported log to a workspace, in its order. Kept are states, actors and times of occurrence; new are cursors and times of recording. Presence is not part of it. Writes to REDIS_URL or DATA_DIR itself, as export reads.',
    )
    .argument('<file>', 'what export wrote; - for standard input')
    .option('--workspace <name>', 'the workspace; default: the one that it was exported from')
    .option('--append', 'also to a workspace that is not empty')
    .addHelpText(
      'after',
      `
After an interruption run it again: what is there already is passed over, for 7 days.
${examples('tidings import default.jsonl', 'tidings import acme.jsonl --workspace acme-copy')}`,
    )
    .action(async (file, options) => (await import('./import.ts')).importLog(file, options));
}

function addDoctor(command: Command): void {
  command
    .description(
      'Look whether a server can run here, with this environment, and say what to do where it can not. Changes nothing.',
    )
    .addHelpText('after', examples('tidings doctor', 'REDIS_URL=redis://redis:6379 tidings doctor'))
    .action(async () => (await import('./doctor.ts')).doctor());
}

/** The options of commands that talk to a server. */
function server(command: Command): Command {
  return command
    .addOption(
      new Option('--url <url>', 'where the server is').env('TIDINGS_URL').default('http://localhost:4000'),
    )
    .addOption(
      new Option('--token <token>', 'who asks; better in the environment, where nobody sees it').env(
        'TIDINGS_TOKEN',
      ),
    );
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}
