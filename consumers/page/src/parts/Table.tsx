/**
 * A virtual table: only what is seen is in the document, however many rows there are. A grid to screen readers, one tab
 * stop to the keyboard: arrows, page up and down, home and end move; space marks, enter opens.
 */

import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";

export interface TableColumn<Row> {
  readonly id: string;
  /** The name of the column to people and screen readers. */
  readonly label: string;
  /** What stands in the head where it is more than the label. */
  readonly head?: ComponentChildren;
  readonly width_px: number;
  readonly align?: "end" | undefined;
  readonly pinned?: boolean | undefined;
  readonly sorted?: "ascending" | "descending" | undefined;
  readonly cell: (row: Row, at: number) => ComponentChildren;
}

interface Props<Row> {
  readonly label: string;
  readonly columns: readonly TableColumn<Row>[];
  readonly count: number;
  /** The row at a place, or undefined while it is not loaded yet: it is drawn as an empty one. */
  readonly rowAt: (at: number) => Row | undefined;
  readonly keyOf: (row: Row) => string;
  readonly rowHeight_px?: number;
  readonly isMarked?: (row: Row) => boolean;
  readonly classOf?: (row: Row) => string;
  readonly onOpen?: (row: Row, event: Event) => void;
  readonly onMark?: (row: Row, at: number) => void;
  readonly onHover?: (row: Row | undefined) => void;
  readonly onKey?: (event: KeyboardEvent, row: Row | undefined) => void;
  /** Places from first to last (both included) came into sight. */
  readonly onSeen?: (first: number, last: number) => void;
  readonly onSort?: (column: string, adds: boolean) => void;
  readonly onResize?: (column: string, width_px: number) => void;
}

const WIDTH_MIN_PX = 40;

export function Table<Row>(props: Props<Row>) {
  const { columns, count, rowAt, rowHeight_px = 30, onSeen } = props;
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const [current, setCurrent] = useState(-1);
  const virtual = useVirtual(scroller, count, rowHeight_px);
  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items[items.length - 1]?.index ?? -1;
  useEffect(() => {
    if (last >= first) onSeen?.(first, last);
  }, [first, last, count, onSeen]);

  const lefts = useMemo(() => pinnedLefts(columns), [columns]);
  const width = columns.reduce((sum, column) => sum + column.width_px, 0);
  const rowOf = (at: number) => (at >= 0 && at < count ? rowAt(at) : undefined);
  const move = (to: number) => {
    const at = Math.max(0, Math.min(count - 1, to));
    setCurrent(at);
    virtual.scrollToIndex(at, { align: "auto" });
  };
  const keys = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    const page = Math.max(1, last - first - 2);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    const step = steps[event.key];
    const row = rowOf(current);
    if (step !== undefined) move(current + step);
    else if (event.key === "Home") move(0);
    else if (event.key === "End") move(count - 1);
    else if (event.key === " " && row !== undefined) props.onMark?.(row, current);
    else if (event.key === "Enter" && row !== undefined) props.onOpen?.(row, event);
    else return props.onKey?.(event, row);
    event.preventDefault();
  };

  return (
    <div
      ref={scroller}
      class="table"
      role="grid"
      aria-label={props.label}
      aria-rowcount={count + 1}
      aria-colcount={columns.length}
      aria-multiselectable={props.isMarked === undefined ? undefined : true}
      aria-activedescendant={current >= first && current <= last ? `${id}-${current}` : undefined}
      tabIndex={0}
      onKeyDown={keys}
      onFocus={(event) => {
        if (current < 0 && count > 0 && event.target === event.currentTarget) setCurrent(first);
      }}
      onMouseLeave={() => props.onHover?.(undefined)}
    >
      <div role="rowgroup" class="heads" style={{ width: `${width}px` }}>
        <div role="row" class="row" aria-rowindex={1}>
          {columns.map((column, at) => (
            <Head
              key={column.id}
              column={column}
              at={at}
              left={lefts[at]}
              onSort={props.onSort}
              onResize={props.onResize}
            />
          ))}
        </div>
      </div>
      <div role="rowgroup" class="rows" style={{ height: `${virtual.getTotalSize()}px`, width: `${width}px` }}>
        {items.map((item) => {
          const row = rowAt(item.index);
          const marked = row !== undefined && props.isMarked?.(row) === true;
          const classes = ["row", row === undefined ? "absent" : (props.classOf?.(row) ?? "")];
          if (item.index === current) classes.push("current");
          if (marked) classes.push("marked");
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the grid's
            <div
              key={row === undefined ? `at ${item.index}` : props.keyOf(row)}
              id={`${id}-${item.index}`}
              role="row"
              class={classes.join(" ")}
              aria-rowindex={item.index + 2}
              aria-selected={props.isMarked === undefined ? undefined : marked}
              style={{ transform: `translateY(${item.start}px)`, height: `${rowHeight_px}px` }}
              onClick={() => setCurrent(item.index)}
              onDblClick={(event) => row !== undefined && props.onOpen?.(row, event)}
              onMouseEnter={() => props.onHover?.(row)}
            >
              {columns.map((column, at) => (
                <div
                  key={column.id}
                  role="gridcell"
                  aria-colindex={at + 1}
                  class={`cell${column.align === "end" ? " end" : ""}${column.pinned ? " pinned" : ""}`}
                  style={placed(column, lefts[at])}
                >
                  {row === undefined ? null : column.cell(row, item.index)}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Head<Row>({
  column,
  at,
  left,
  onSort,
  onResize,
}: {
  column: TableColumn<Row>;
  at: number;
  left: number | undefined;
  onSort: Props<Row>["onSort"];
  onResize: Props<Row>["onResize"];
}) {
  const drag = (event: PointerEvent) => {
    event.preventDefault();
    event.stopPropagation();
    const handle = event.currentTarget as HTMLElement;
    const from = event.clientX;
    handle.setPointerCapture(event.pointerId);
    handle.onpointermove = (moved) =>
      onResize?.(column.id, Math.max(WIDTH_MIN_PX, column.width_px + moved.clientX - from));
    handle.onpointerup = () => {
      handle.onpointermove = null;
      handle.onpointerup = null;
    };
  };
  const arrow = column.sorted === "ascending" ? "↑" : column.sorted === "descending" ? "↓" : "";
  const named = column.head ?? column.label;
  return (
    <div
      role="columnheader"
      aria-colindex={at + 1}
      aria-sort={column.sorted}
      class={`cell head${column.align === "end" ? " end" : ""}${column.pinned ? " pinned" : ""}`}
      style={placed(column, left)}
    >
      {onSort === undefined || column.head !== undefined ? (
        <span class="name" title={column.label}>
          {named}
        </span>
      ) : (
        <button
          type="button"
          class="name"
          title={`${column.label}: sort (shift: also)`}
          onClick={(e) => onSort(column.id, e.shiftKey)}
        >
          <span>{named}</span>
          {arrow === "" ? null : <span aria-hidden="true">{arrow}</span>}
        </button>
      )}
      {onResize === undefined ? null : <span class="grip" aria-hidden="true" onPointerDown={drag} />}
    </div>
  );
}

function placed<Row>(column: TableColumn<Row>, left: number | undefined): Record<string, string> {
  const style: Record<string, string> = { width: `${column.width_px}px` };
  if (left !== undefined) style["left"] = `${left}px`;
  return style;
}

function pinnedLefts<Row>(columns: readonly TableColumn<Row>[]): (number | undefined)[] {
  let left = 0;
  return columns.map((column) => {
    if (!column.pinned) return undefined;
    const here = left;
    left += column.width_px;
    return here;
  });
}

function useVirtual(scroller: { current: HTMLDivElement | null }, count: number, height_px: number) {
  const [, redraw] = useReducer((n: number, _: undefined) => n + 1, 0);
  const [virtual] = useState(
    () =>
      new Virtualizer<HTMLDivElement, HTMLDivElement>({
        count,
        getScrollElement: () => scroller.current,
        estimateSize: () => height_px,
        overscan: 12,
        observeElementRect,
        observeElementOffset,
        scrollToFn: elementScroll,
        onChange: () => redraw(undefined),
      }),
  );
  virtual.setOptions({
    ...virtual.options,
    count,
    estimateSize: () => height_px,
    scrollPaddingStart: height_px, // the head covers one row
    onChange: () => redraw(undefined),
  });
  useLayoutEffect(() => virtual._didMount(), [virtual]);
  useLayoutEffect(() => virtual._willUpdate());
  return virtual;
}
