import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { developmentSecret } from '../src/auth/development-key.ts';
import { signToken } from '../src/auth/tokens.ts';
import { readConfig } from '../src/config.ts';
import { createGateway, type Gateway } from '../src/gateway/gateway.ts';
import { githubStory } from './github.ts';
import { closing, opening, sprintWork } from './sprint.ts';
import { interleave, PROJECT, type Delivery, type Mutation, type Step } from './step.ts';

export interface DemoOptions {
  /** Where the server keeps its log. */
  readonly directory: string;
  /** A number as text; 0 takes a free one. */
  readonly port: string;
  readonly logLevel?: string;
  /** Called before each step; waiting in it sets the pace. What it throws ends the round. */
  readonly pace: (step: Step) => Promise<void>;
}

/** A server in development mode, and a story that is published to it as any service would: over HTTP, with tokens. */
export class Demo {
  readonly gateway: Gateway;
  readonly #options: DemoOptions;
  readonly #secret: string;
  #now = 0;

  private constructor(gateway: Gateway, options: DemoOptions) {
    this.gateway = gateway;
    this.#options = options;
    this.#secret = developmentSecret(options.directory);
  }

  static async start(options: DemoOptions): Promise<Demo> {
    const { directory, port, logLevel = 'warn' } = options;
    // Nothing else of the environment: with a key of its owner's it would not be development mode.
    const config = readConfig({ PORT: port, DATA_DIR: directory, LOG_LEVEL: logLevel, DRAIN_SECONDS: '1' });
    const gateway = await createGateway(config, { logger: pino({ level: config.LOG_LEVEL }) });
    try {
      await gateway.start();
    } catch (error) {
      await gateway.stop();
      throw error;
    }
    return new Demo(gateway, options);
  }

  /** Plays one sprint from its beginning to its end. */
  async playRound(): Promise<void> {
    const sprint = (await this.#lastSprint()) + 1;
    const { pullRequest, deliveries } = githubStory(sprint);
    const work = interleave<Step>(sprintWork(sprint, pullRequest), deliveries);
    for (const step of [...opening(sprint), ...work, ...closing(sprint)]) {
      await this.#options.pace(step);
      await ('event' in step ? this.#deliver(step) : this.#mutate(step));
    }
  }

  async #lastSprint(): Promise<number> {
    const { project } = await this.#graphql(PROJECT, `{ project(id: "${PROJECT}") { metadata } }`);
    const { metadata } = (project ?? {}) as { metadata?: { sprint?: unknown } | null };
    return typeof metadata?.sprint === 'number' ? metadata.sprint : 0;
  }

  async #mutate({ by, mutation, input }: Mutation): Promise<void> {
    const type = `${mutation[0]?.toUpperCase()}${mutation.slice(1)}Input`;
    await this.#graphql(by, `mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename } }`, {
      input,
    });
  }

  async #graphql(by: string, query: string, variables: object = {}): Promise<Record<string, unknown>> {
    const token = signToken(this.#secret, { sub: by, projects: '*', scope: 'read publish' }, 600);
    const response = await fetch(`${this.gateway.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as { data?: Record<string, unknown>; errors?: unknown };
    if (data === undefined || errors !== undefined) throw new Error(`${query}\n${JSON.stringify(errors)}`);
    return data;
  }

  async #deliver({ event, payload, says }: Delivery): Promise<void> {
    // However fast it is played, no delivery is of the same moment as another.
    this.#now = Math.max(Date.now(), this.#now + 20);
    const response = await fetch(`${this.gateway.url}/webhooks/github`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': event,
        'x-github-delivery': randomUUID(),
      },
      body: JSON.stringify(payload(this.#now)),
    });
    const answer = (await response.json()) as { events?: number };
    if (response.status !== 200 || answer.events === undefined) {
      throw new Error(`${event} (${says}) gave ${response.status} ${JSON.stringify(answer)}`);
    }
  }
}
