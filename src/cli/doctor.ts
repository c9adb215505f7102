import { ConfigError, readConfig, type Config } from '../config.ts';
import { checkNode, checkPort, checkSettings, type Finding } from './doctor-host.ts';
import { checkDirectory, checkStore } from './doctor-store.ts';
import { painter, type Colour } from './terminal.ts';

const colours: Readonly<Record<Finding['level'], Colour>> = { ok: 'green', warn: 'yellow', fail: 'red' };

/** Looks at everything that a server needs, and says what to do. Sets the exit code 1 when it could not run, or would lose events. */
export async function doctor(): Promise<void> {
  const paint = painter(process.stdout.isTTY, process.env);
  let failures = 0;
  const tell = (findings: readonly Finding[]): void => {
    for (const { level, about, says, todo } of findings) {
      if (level === 'fail') failures += 1;
      console.log(`${paint(colours[level], level.padEnd(4))}  ${about.padEnd(14)}  ${says}`);
      if (todo !== undefined) console.log(`${' '.repeat(22)}→ ${todo}`);
    }
  };
  tell(checkNode());
  let config: Config | undefined;
  try {
    config = readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    tell(error.mistakes.map((says) => ({ level: 'fail', about: 'configuration', says })));
  }
  if (config !== undefined) {
    for (const check of [checkSettings, checkPort, checkDirectory, checkStore]) tell(await check(config));
  }
  if (failures === 0) {
    console.log('\nA server can run here.');
    return;
  }
  console.log(`\n${failures === 1 ? 'One thing is' : `${failures} things are`} to be mended.`);
  process.exitCode = 1;
}
