/** Results as pictures. */
import { BarChart, type BarSeriesOption } from 'echarts/charts';
import { GridComponent, LegendComponent, MarkLineComponent, TitleComponent } from 'echarts/components';
import { init, use, type ComposeOption } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { StoredRuns } from '../stored-runs.ts';
import type { Throughput } from '../throughput.ts';
import { operations } from './operations.ts';
import type { Results } from './results.ts';

use([BarChart, GridComponent, LegendComponent, MarkLineComponent, TitleComponent, SVGRenderer]);

const size = { width: 760, height: 380 };

const servers = [
  { contestant: 'madsci', name: 'MADSci 0.6.1', color: '#9aa5b1' },
  { contestant: 'madsciQuiet', name: 'MADSci, quiet logs', color: '#cbd2d9' },
  { contestant: 'ours', name: 'ours', color: '#2563a8' },
  { contestant: 'ceiling', name: 'ceiling', color: '#e3a008' },
];

/** SVG text by file name. */
export function plots({ throughput, storedRuns }: Results): Record<string, string> {
  return {
    ...(throughput === undefined ? {} : throughputPlots(throughput)),
    ...(storedRuns === undefined ? {} : { 'stored-runs.svg': storedRunsPlot(storedRuns) }),
  };
}

function throughputPlots(throughput: Throughput): Record<string, string> {
  return {
    'requests.svg': comparison(throughput, 'Requests a second, 32 connections', 'perSecond'),
    'latency.svg': comparison(throughput, 'p99 in ms, 32 connections: less is better', 'p99Ms'),
  };
}

function comparison({ summaries }: Throughput, title: string, field: 'perSecond' | 'p99Ms'): string {
  const value = (contestant: string, operation: string) =>
    summaries.find(
      (one) => one.contestant === contestant && one.operation === operation && one.connections === 32,
    )?.[field] ?? Number.NaN;
  const series = servers.map(({ contestant, name, color }) =>
    bars(
      name,
      color,
      operations.map((operation) => value(contestant, operation)),
    ),
  );
  return draw(title, operations, { type: 'log' }, series);
}

function storedRunsPlot({ ratios }: StoredRuns): string {
  const names = ratios.map(({ operation }) => operation);
  const limit = {
    silent: true,
    symbol: 'none',
    label: { position: 'insideEndTop' } as const,
    data: [{ yAxis: 1.2, name: 'limit' }],
  };
  const series = [
    bars(
      '100k stored runs',
      '#9aa5b1',
      ratios.map((ratio) => ratio['100k'].median),
    ),
    {
      ...bars(
        '1M stored runs',
        '#2563a8',
        ratios.map((ratio) => ratio['1M'].median),
      ),
      markLine: limit,
    },
  ];
  return draw('Time per request, divided by the time with 1k stored runs', names, { type: 'value' }, series);
}

function bars(name: string, color: string, values: readonly number[]): BarSeriesOption {
  const data = values.map((value) => Number(value.toPrecision(3)));
  return {
    type: 'bar',
    name,
    data,
    itemStyle: { color },
    label: { show: true, position: 'top', fontSize: 9 },
  };
}

function draw(
  title: string,
  names: readonly string[],
  yAxis: { type: 'log' | 'value' },
  series: BarSeriesOption[],
): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  const option: ComposeOption<BarSeriesOption> & object = {
    animation: false,
    backgroundColor: '#fff',
    textStyle: { fontFamily: 'sans-serif' },
    title: { text: title, left: 'center', textStyle: { fontSize: 15 } },
    legend: { bottom: 0, itemGap: 30 },
    grid: { left: 60, right: 20, top: 50, bottom: 60 },
    xAxis: { type: 'category', data: [...names] },
    yAxis,
    series,
  };
  chart.setOption(option);
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
