/** The four chart documents as figures: confusion matrix, ROC and precision-recall, residuals, predictions. */

import { useSignal } from "@preact/signals";
import { count, short } from "../../../charts/wording";
import { Choice } from "../../../parts";
import { PALETTE } from "../../../runs/colours";
import {
  accuracyTable,
  type Bins,
  binSpans,
  type Curve,
  confusionMatrix,
  type Matrix,
  microAverage,
  type Predictions,
  precisionRecallCurves,
  predictions,
  residuals,
  rocCurves,
} from "./documents";
import { Axes, Figure } from "./Figure";
import { scale } from "./figure";

const WIDTH = 400;
const HEIGHT = 320;
const BOX = { left: 52, top: 10, right: WIDTH - 12, bottom: HEIGHT - 38 };
const CURVES_MAX = 30;

/** Draws a document by its type. Throws Unreadable where nothing of it holds. */
export function DocumentFigures({ type, name, document }: { type: string; name: string; document: unknown }) {
  if (type === "confusion_matrix") return <Confusion name={name} matrix={confusionMatrix(document)} />;
  if (type === "residuals") return <Residuals name={name} bins={residuals(document)} />;
  if (type === "predictions") return <PredictionsFigure name={name} of={predictions(document)} />;
  return <Accuracy name={name} document={document} />;
}

function Accuracy({ name, document }: { name: string; document: unknown }) {
  const which = useSignal<"probability" | "percentile">("probability");
  const table = accuracyTable(document, which.value);
  const averaged = table.tables.length > 1;
  const roc = [...rocCurves(table), ...(averaged ? rocCurves(microAverage(table)) : [])];
  const pr = [...precisionRecallCurves(table), ...(averaged ? precisionRecallCurves(microAverage(table)) : [])];
  const told = `${count(table.samples ?? 0)} samples, ${count(table.tables[0]?.length ?? 0)} thresholds`;
  return (
    <>
      <div class="figure-choice">
        <Choice
          label="Thresholds"
          value={which.value}
          options={[
            ["probability", "even in probability"],
            ["percentile", "by percentile"],
          ]}
          onChange={(chosen) => {
            which.value = chosen as "probability" | "percentile";
          }}
        />
      </div>
      <Curves
        title="ROC"
        name={`${name}_roc`}
        curves={roc}
        xLabel="false positive rate"
        yLabel="true positive rate"
        diagonal
        told={told}
      />
      <Curves
        title="Precision-recall"
        name={`${name}_precision_recall`}
        curves={pr}
        xLabel="recall"
        yLabel="precision"
        told={told}
      />
    </>
  );
}

interface CurvesProps {
  title: string;
  name: string;
  curves: readonly Curve[];
  xLabel: string;
  yLabel: string;
  diagonal?: boolean;
  told: string;
}

function Curves({ title, name, curves, xLabel, yLabel, diagonal, told }: CurvesProps) {
  const lit = useSignal<number | null>(null);
  const x = scale(0, 1, BOX.left, BOX.right);
  const y = scale(0, 1, BOX.bottom, BOX.top);
  const shown = curves.slice(0, CURVES_MAX);
  const colour = (i: number): string => PALETTE[i % PALETTE.length] as string;
  return (
    <Figure
      title={title}
      name={name}
      width={WIDTH}
      height={HEIGHT}
      label={`${title}: ${shown.map((c) => `${c.label} area ${short(c.area, 4)}`).join(", ")}`}
      csv={{
        head: ["class", xLabel, yLabel, "threshold"],
        rows: curves.flatMap((c) => c.points.map(([px, py, threshold]) => [c.label, px, py, threshold])),
      }}
      foot={
        <span>
          {told}
          {curves.length > CURVES_MAX && `; the first ${CURVES_MAX} of ${curves.length} classes`}
        </span>
      }
      legend={
        <div class="chart-legend">
          <ul>
            {shown.map((c, i) => (
              <li
                key={c.label}
                data-lit={lit.value === i ? "true" : undefined}
                onMouseEnter={() => {
                  lit.value = i;
                }}
                onMouseLeave={() => {
                  lit.value = null;
                }}
              >
                <svg width="12" height="8" aria-hidden="true">
                  <rect y="2.5" width="12" height="3" rx="1.5" fill={colour(i)} />
                </svg>
                <span class="chart-legend-label">{c.label}</span>
                <span class="chart-legend-value">area {short(c.area, 4)}</span>
              </li>
            ))}
          </ul>
        </div>
      }
    >
      <Axes x={x} y={y} box={BOX} xLabel={xLabel} yLabel={yLabel} />
      {diagonal && <line class="diagonal" x1={x.at(0)} y1={y.at(0)} x2={x.at(1)} y2={y.at(1)} />}
      {shown.map((c, i) => (
        <g key={c.label} opacity={lit.value === null || lit.value === i ? 1 : 0.2}>
          <path
            fill="none"
            stroke={colour(i)}
            stroke-width="1.8"
            stroke-dasharray={c.label === "micro average" ? "5 4" : undefined}
            d={c.points
              .map(([px, py], at) => `${at === 0 ? "M" : "L"}${x.at(px).toFixed(1)} ${y.at(py).toFixed(1)}`)
              .join("")}
          />
          {c.points.length <= 60 &&
            c.points.map(([px, py, threshold], at) => (
              <circle key={at} cx={x.at(px)} cy={y.at(py)} r="2" fill={colour(i)}>
                <title>{`${c.label}: ${xLabel} ${short(px)}, ${yLabel} ${short(py)}${threshold === null ? "" : `, threshold ${short(threshold)}`}`}</title>
              </circle>
            ))}
        </g>
      ))}
    </Figure>
  );
}

function Confusion({ name, matrix }: { name: string; matrix: Matrix }) {
  const normalised = useSignal(false);
  const n = matrix.rows.length;
  const size = Math.max(18, Math.min(64, 360 / Math.max(1, n)));
  const left = 30 + Math.min(140, 7 * Math.max(4, ...matrix.labels.map((label) => label.length)));
  const width = left + size * n + 12;
  const height = 24 + size * n + 44;
  const totals = matrix.rows.map((row) => row.reduce((sum, value) => sum + value, 0));
  const all = totals.reduce((sum, value) => sum + value, 0);
  const right = matrix.rows.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
  const shareOf = (i: number, value: number): number => ((totals[i] ?? 0) === 0 ? 0 : value / (totals[i] as number));
  return (
    <>
      <div class="figure-choice">
        <label class="control-check">
          <input
            type="checkbox"
            checked={normalised.value}
            onChange={(event) => {
              normalised.value = event.currentTarget.checked;
            }}
          />
          share of the true class
        </label>
      </div>
      <Figure
        title="Confusion matrix"
        name={name}
        width={width}
        height={height}
        label={`Confusion matrix of ${n} classes, ${short(right)} of ${short(all)} right`}
        csv={{
          head: ["true \\ predicted", ...matrix.labels],
          rows: matrix.rows.map((row, i) => [matrix.labels[i], ...row]),
        }}
        foot={
          <span>
            {short(right)} of {short(all)} right{all > 0 && ` (${((100 * right) / all).toFixed(1)} %)`}; rows are the
            true class
          </span>
        }
      >
        {matrix.rows.map((row, i) =>
          row.map((value, j) => {
            const share = shareOf(i, value);
            return (
              <g key={`${i}/${j}`}>
                <rect
                  class={i === j ? "right" : "wrong"}
                  x={left + j * size}
                  y={24 + i * size}
                  width={size - 1.5}
                  height={size - 1.5}
                  rx="2"
                  fill-opacity={0.04 + 0.72 * share}
                >
                  <title>{`true ${matrix.labels[i]}, predicted ${matrix.labels[j]}: ${value} (${(100 * share).toFixed(1)} %)`}</title>
                </rect>
                {size >= 26 && (
                  <text
                    x={left + j * size + size / 2}
                    y={24 + i * size + size / 2 + 4}
                    text-anchor="middle"
                    class="cell-text"
                  >
                    {normalised.value ? `${Math.round(100 * share)}%` : short(value, 4)}
                  </text>
                )}
              </g>
            );
          }),
        )}
        {matrix.labels.map((label, i) => (
          <g key={label}>
            <text x={left - 6} y={24 + i * size + size / 2 + 4} text-anchor="end">
              {cut(label, 18)}
            </text>
            <text x={left + i * size + size / 2} y={24 + n * size + 16} text-anchor="middle">
              {cut(label, Math.max(2, Math.floor(size / 7)))}
            </text>
          </g>
        ))}
        <text x={left + (n * size) / 2} y={height - 8} text-anchor="middle">
          predicted
        </text>
        <text x={12} y={24 + (n * size) / 2} text-anchor="middle" transform={`rotate(-90 12 ${24 + (n * size) / 2})`}>
          true
        </text>
      </Figure>
    </>
  );
}

function Residuals({ name, bins }: { name: string; bins: Bins }) {
  const spans = binSpans(bins.edges, bins.counts.length);
  const x = scale(Math.min(...spans.map(([a]) => a)), Math.max(...spans.map(([, b]) => b)), BOX.left, BOX.right);
  const y = scale(0, Math.max(1e-12, ...bins.counts) * 1.05, BOX.bottom, BOX.top);
  const odd = bins.edges.length !== bins.counts.length + 1;
  return (
    <Figure
      title="Residuals"
      name={name}
      width={WIDTH}
      height={HEIGHT}
      label={`Residuals in ${bins.counts.length} bins`}
      csv={{ head: ["from", "to", "count"], rows: spans.map(([a, b], i) => [a, b, bins.counts[i]]) }}
      foot={
        <span>
          predicted − actual, {count(bins.counts.length)} bins
          {odd && `; ${bins.edges.length} edges were logged for ${bins.counts.length} bins, one more is due`}
        </span>
      }
    >
      <Axes x={x} y={y} box={BOX} xLabel="residual" yLabel="count" />
      {bins.counts.map((value, i) => {
        const [a, b] = spans[i] as readonly [number, number];
        return (
          <rect
            key={i}
            class="bar"
            x={x.at(a) + 0.5}
            y={y.at(value)}
            width={Math.max(0.5, x.at(b) - x.at(a) - 1)}
            height={y.at(0) - y.at(value)}
          >
            <title>{`${short(a)} to ${short(b)}: ${short(value)}`}</title>
          </rect>
        );
      })}
      <line class="zero" x1={x.at(0)} x2={x.at(0)} y1={BOX.top} y2={BOX.bottom} />
    </Figure>
  );
}

function PredictionsFigure({ name, of }: { name: string; of: Predictions }) {
  const spans = binSpans(of.edges, of.averages.length);
  const centres = spans.map(([a, b]) => (a + b) / 2);
  const low = of.averages.map((v, i) => v - (of.errors[i] ?? 0));
  const high = of.averages.map((v, i) => v + (of.errors[i] ?? 0));
  const xs = spans.flat();
  const ends = [Math.min(...xs), Math.max(...xs)] as const;
  const x = scale(ends[0], ends[1], BOX.left, BOX.right);
  const yMin = Math.min(ends[0], ...low);
  const yMax = Math.max(ends[1], ...high);
  const y = scale(yMin, yMax, BOX.bottom, BOX.top);
  const tallest = Math.max(1e-12, ...of.counts);
  return (
    <Figure
      title="Predicted against actual"
      name={name}
      width={WIDTH}
      height={HEIGHT}
      label={`Predictions in ${of.averages.length} bins, average predicted value with standard deviation`}
      csv={{
        head: ["from", "to", "average", "error", "count"],
        rows: spans.map(([a, b], i) => [a, b, of.averages[i], of.errors[i], of.counts[i]]),
      }}
      foot={<span>average per bin of the actual value, ± standard deviation; grey: count; dashed: perfect</span>}
    >
      <Axes x={x} y={y} box={BOX} xLabel="actual" yLabel="predicted" />
      {of.counts.map((value, i) => {
        const [a, b] = spans[i] ?? [0, 0];
        const tall = (value / tallest) * (BOX.bottom - BOX.top) * 0.25;
        return (
          <rect
            key={i}
            class="bar faint"
            x={x.at(a) + 0.5}
            y={BOX.bottom - tall}
            width={Math.max(0.5, x.at(b) - x.at(a) - 1)}
            height={tall}
          >
            <title>{`${short(a)} to ${short(b)}: ${short(value)} samples`}</title>
          </rect>
        );
      })}
      <line class="diagonal" x1={x.at(ends[0])} y1={y.at(ends[0])} x2={x.at(ends[1])} y2={y.at(ends[1])} />
      {of.averages.map((value, i) => (
        <g key={i} class="whisker">
          <line x1={x.at(centres[i] ?? 0)} x2={x.at(centres[i] ?? 0)} y1={y.at(low[i] ?? 0)} y2={y.at(high[i] ?? 0)} />
          <circle cx={x.at(centres[i] ?? 0)} cy={y.at(value)} r="3">
            <title>{`around ${short(centres[i])}: ${short(value)} ± ${short(of.errors[i] ?? 0)}`}</title>
          </circle>
        </g>
      ))}
    </Figure>
  );
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, Math.max(1, length - 1))}…` : text;
}
