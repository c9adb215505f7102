import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { PrometheusMetrics } from '../../src/ops/metrics.ts';
import { AnnounceDocument } from '../generated/operations.ts';
import { TestServer } from '../support/server.ts';
import { TestSocket } from '../support/socket.ts';
import { scrape, type Sample } from './exposition.ts';

const alertsFile = new URL('../../ops/alerts.yml', import.meta.url).pathname;

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly action: string };
}
const { groups } = parse(readFileSync(alertsFile, 'utf8')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

const dashboard = JSON.parse(
  readFileSync(new URL('../../ops/grafana-dashboard.json', import.meta.url), 'utf8'),
) as { panels: { title: string; targets?: { expr: string; legendFormat: string }[] }[] };
const targets = dashboard.panels.flatMap(({ title, targets: all = [] }) =>
  all.map((target) => ({ title, ...target })),
);

/** Metrics of an expression, each with the labels that it is selected by, and all labels that it is grouped by. */
function usedIn(expr: string): { readonly metrics: Map<string, string[]>; readonly grouped: string[] } {
  const metrics = new Map<string, string[]>();
  for (const [, name = '', selector = ''] of expr.matchAll(
    /\b((?:tidings|nodejs|process)_\w+|up\b)(?:\{([^}]*)\})?/g,
  )) {
    metrics.set(
      name,
      [...selector.matchAll(/(\w+)\s*=~?/g)].map(([, label = '']) => label),
    );
  }
  const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/));
  return { metrics, grouped };
}

/** Which Prometheus adds when it scrapes. */
const ofScraping = ['instance', 'job'];

describe('the dashboard and the alert rules', () => {
  let samples: readonly Sample[];

  beforeAll(async () => {
    await using server = await TestServer.start();
    using socket = await TestSocket.connect(server.webSocketUrl, {
      authorization: `Bearer ${server.token()}`,
    });
    socket.subscribe('1', 'subscription { announcement { message } }');
    await server.run(AnnounceDocument, { input: { message: 'hello' } });
    await server.query('{ viewer { userId } }', {}, { token: null });
    await server.deliver('ping', {});
    expect((await server.query(`{ viewer { userId } } #${'x'.repeat(300_000)}`)).status).toBe(413);
    samples = await scrape(server.url);
  });

  const labelsOf = (metric: string): Set<string> =>
    new Set(
      samples
        .filter(({ name }) => name === metric)
        .flatMap(({ labels }) => [...Object.keys(labels), ...ofScraping]),
    );

  it.each([
    ...rules.map(({ alert, expr }) => [`the alert ${alert}`, expr, [] as string[]] as const),
    ...targets.map(
      ({ title, expr, legendFormat }) =>
        [
          `the panel ${title}: ${expr}`,
          expr,
          [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label),
        ] as const,
    ),
  ])('asks for what the server tells: %s', (_, expr, shown) => {
    const { metrics, grouped } = usedIn(expr);
    expect(metrics.size).toBeGreaterThan(0);
    for (const [metric, selected] of metrics) {
      if (metric === 'up') continue;
      const known = labelsOf(metric);
      expect(known, `${metric} is told`).not.toEqual(new Set());
      expect([...selected, ...grouped].filter((label) => !known.has(label))).toEqual([]);
      expect(shown.filter((label) => !known.has(label))).toEqual([]);
      // What is shown of an aggregate has to be among what it is grouped by.
      if (/\b(?:sum|max|min)\b/.test(expr))
        expect(shown.filter((label) => !grouped.includes(label))).toEqual([]);
    }
  });

  it('say in each alert what is wrong and what to do', () => {
    expect(rules.length).toBeGreaterThan(5);
    for (const { annotations } of rules) {
      expect(annotations.summary).toMatch(/\.$/);
      expect(annotations.action).toMatch(/\.$/);
    }
  });
});

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

describe.runIf(hasPromtool)('promtool', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-promtool-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const promtool = (
    args: readonly string[],
    input = '',
  ): { readonly status: number | null; readonly said: string } => {
    const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
    return { status, said: `${stdout}${stderr}` };
  };

  it('takes the alert rules, and every expression of the dashboard', () => {
    expect(promtool(['check', 'rules', alertsFile])).toMatchObject({ status: 0 });
    const asRules = targets.map(({ expr }, index) => ({
      record: `panel:${index}`,
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'),
    }));
    const file = join(directory, 'panels.yml');
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'panels', rules: asRules }] }));
    expect(promtool(['check', 'rules', file])).toMatchObject({ status: 0 });
  });

  it('takes what the server tells', async () => {
    const metrics = new PrometheusMetrics({
      version: '1.2.3',
      now: Date.now,
      hub: () => ({
        subscriptions: {},
        sharedOperations: 1,
        eventsSeen: 2,
        executions: 3,
        deliveries: 4,
        live: 5,
        parked: 6,
        catchUps: 7,
        parkings: 8,
        resets: 9,
        logReads: 10,
      }),
      connections: () => ({ websocket: 1 }),
      subscriptions: () => [{ transport: 'websocket', field: 'events', count: 1 }],
      spool: () => ({ items: 0, bytes: 0 }),
    });
    metrics.limitHit('connections');
    const text = (await metrics.text()).split('\n');
    // Names of the library that promtool finds fault with are not ours to choose.
    const ours = text.filter((line) => /^(?:# \w+ )?tidings_/.test(line)).join('\n');
    expect(promtool(['check', 'metrics'], `${ours}\n`)).toEqual({ status: 0, said: '' });
  });
});
