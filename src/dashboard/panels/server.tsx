import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { age, count } from '../describe.ts';
import type { Live } from '../live.ts';
import { Loading, Panel } from '../parts.tsx';
import { Rates, type Stats } from '../rates.ts';

const POLL_MS = 2_000;

type Chart = ComponentType<{ readonly rates: Rates; readonly length: number }>;

/** One number of the server. Another field of `stats` is another line here. */
const figures: readonly (readonly [name: string, hint: string, of: (stats: Stats) => string])[] = [
  ['Live', 'Subscriptions that have caught up', ({ live }) => number(live)],
  ['Parked', 'Subscriptions that wait for their slow client', ({ parked }) => number(parked)],
  [
    'Operations',
    'Distinct operations that the subscriptions share',
    ({ sharedOperations }) => number(sharedOperations),
  ],
  [
    'Deliveries each',
    'Results handed out for each execution: what sharing saves',
    ({ deliveries, executions }) => (executions === 0 ? '–' : (deliveries / executions).toFixed(1)),
  ],
  [
    'Delay p50',
    'From publishing to the sockets, the median of the last five minutes',
    ({ delayP50 }) => milliseconds(delayP50),
  ],
  [
    'Delay p99',
    'From publishing to the sockets, for 99 of 100 events of the last five minutes',
    ({ delayP99 }) => milliseconds(delayP99),
  ],
  ['Spooled', 'Webhooks that wait for the store', ({ spooled }) => number(spooled)],
  ['Log', 'Events that the log holds', ({ logEvents }) => number(logEvents)],
  ['Log size', 'What the log takes', ({ logBytes }) => bytes(logBytes)],
  ['Log reads', 'Reads of the log for subscriptions that catch up', ({ logReads }) => number(logReads)],
  ['Up', 'Since the start of this server', ({ uptimeSeconds }) => uptime(uptimeSeconds)],
];

/** What the server does, for admins. It is asked every two seconds while somebody looks. */
export function Server({ live }: { readonly live: Live }) {
  const [stats, setStats] = useState<Stats | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [rates] = useState(() => new Rates());
  const [RateChart, setRateChart] = useState<Chart | null>(null);

  useEffect(() => {
    void import('./rate-chart.tsx').then((module) => setRateChart(() => module.default));
  }, []);
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout>;
    const poll = async (): Promise<void> => {
      if (document.visibilityState === 'visible' && live.link.state === 'live') {
        try {
          const now = await live.stats();
          rates.add(now, Date.now() / 1_000);
          setStats(now);
          setProblem(null);
        } catch (error) {
          setProblem(error instanceof Error ? error.message : String(error));
        }
      }
      if (!isOver) timer = setTimeout(() => void poll(), POLL_MS);
    };
    void poll();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [live, rates]);

  const last = rates.list.at(-1);
  return (
    <Panel id="server" title="This server" count={problem ?? undefined}>
      {stats === null ? (
        <Loading />
      ) : (
        <>
          <dl class="figures">
            {figures.map(([name, hint, of]) => (
              <div key={name} title={hint}>
                <dt>{name}</dt>
                <dd>{of(stats)}</dd>
              </div>
            ))}
            <div class="wide" title="Where the log ends">
              <dt>Log head</dt>
              <dd>
                <code>{stats.headCursor}</code>
              </dd>
            </div>
          </dl>
          <div class="rates">
            <h3>
              Events per second
              <span class="in">in {last === undefined ? '–' : last.in.toFixed(1)}</span>
              <span class="out">out {last === undefined ? '–' : last.out.toFixed(1)}</span>
            </h3>
            {RateChart !== null && <RateChart rates={rates} length={stats.eventsSeen + rates.list.length} />}
          </div>
          <Counts title="Connections" counts={stats.connections} />
          <Counts title="Subscriptions" counts={stats.subscriptions} />
          <Counts title="By transport" counts={stats.transports} />
          <Counts title="Busiest topics" counts={stats.topics.slice(0, 10)} />
        </>
      )}
    </Panel>
  );
}

function Counts({ title, counts }: { readonly title: string; readonly counts: Stats['connections'] }) {
  const some = counts.filter((each) => each.count > 0);
  return (
    <div class="counts">
      <h3>{title}</h3>
      {some.length === 0 ? (
        <p class="empty">none</p>
      ) : (
        <dl>
          {some.map((each) => (
            <div key={each.name}>
              <dt>{each.name}</dt>
              <dd>{number(each.count)}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}

function number(value: number): string {
  return value.toLocaleString('en');
}

function milliseconds(value: number | null): string {
  if (value === null) return '–';
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
}

function bytes(value: number): string {
  if (value < 1_024) return count(value, 'byte');
  const kib = value / 1_024;
  return kib < 1_024 ? `${kib.toFixed(0)} KiB` : `${(kib / 1_024).toFixed(1)} MiB`;
}

function uptime(seconds: number): string {
  return age(new Date(0).toISOString(), seconds * 1_000);
}
