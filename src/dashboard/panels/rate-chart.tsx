import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Rates } from '../rates.ts';

const HEIGHT = 150;
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

/** Events in and out per second over the last minutes. A module of its own: only admins load it. */
export default function RateChart({ rates, length }: { readonly rates: Rates; readonly length: number }) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<UPlot | null>(null);

  useEffect(() => {
    const element = box.current!;
    const draw = (): void => {
      chart.current?.destroy();
      chart.current = new UPlot(options(element), dataOf(rates), element);
    };
    draw();
    // Its colours are drawn, not styled.
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    const resizing = new ResizeObserver(() =>
      chart.current?.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    resizing.observe(element);
    return () => {
      scheme.removeEventListener('change', draw);
      resizing.disconnect();
      chart.current?.destroy();
    };
  }, [rates]);
  useEffect(() => chart.current?.setData(dataOf(rates)), [rates, length]);

  const last = rates.list.at(-1);
  const text = last === undefined ? '' : `, now ${last.in.toFixed(1)} in and ${last.out.toFixed(1)} out`;
  return <div ref={box} class="chart" role="img" aria-label={`Events per second${text}`} />;
}

function dataOf({ list }: Rates): UPlot.AlignedData {
  return [list.map(({ at }) => at), list.map((rate) => rate.in), list.map(({ out }) => out)];
}

function options(element: HTMLElement): UPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    cursor: { show: false },
    legend: { show: false },
    scales: {
      // A minute at least: the first points tell nothing of time by themselves.
      x: { range: (_chart, min, max) => [Math.min(min, max - 60), max] },
      y: { range: (_chart, _min, max) => [0, Math.max(1, max * 1.1)] },
    },
    axes: [
      {
        ...axis,
        size: 26,
        space: 90,
        values: (_chart, times) => times.map((at) => clock.format(at * 1_000)),
      },
      { ...axis, size: 36, space: 30 },
    ],
    series: [
      {},
      { label: 'in', stroke: colour('--busy'), width: 2, points: { show: false } },
      { label: 'out', stroke: colour('--good'), width: 2, dash: [4, 4], points: { show: false } },
    ],
  };
}
