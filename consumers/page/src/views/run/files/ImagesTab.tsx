/** Images by name, each with a slider over what was logged under it, in order. */

import { useSignal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import { bytes, count, moment } from "../../../charts/wording";
import { Field } from "../../../parts";
import { change, parameter } from "../../../url";
import { artifacts } from "../api";
import { useAsked } from "../asking";
import { useSight } from "../charts/sight";
import { tickOf, useRun } from "../state";
import { Picture } from "./Preview";
import { type ImageSeries, imagesOf } from "./tree";

export function ImagesTab() {
  const state = useRun();
  const { of } = state;
  const asked = useAsked(JSON.stringify(of), tickOf(state, "artifacts", "facts"), (aborted) =>
    artifacts(of, { signal: aborted }),
  );
  const { data, error } = asked.value;
  const all = useMemo(() => imagesOf(data ?? []), [data]);
  const q = parameter("images_q").toLowerCase();
  const shown = all.filter((images) => images.name.toLowerCase().includes(q));
  const together = useSignal<number | null>(null);
  if (data === null) return error === null ? <p class="waiting">…</p> : <p class="error pad">{error}</p>;
  if (all.length === 0)
    return (
      <div class="empty">
        <h2>No images</h2>
        <p>
          <code>run.log_image("samples", plot=plt)</code> appears here.
        </p>
      </div>
    );
  const most = Math.max(...all.map((images) => images.versions.length));
  const step = together.value ?? stepOf(parameter("step"));
  return (
    <div>
      <div class="controls">
        <Field
          label="Search images"
          hidesLabel
          type="search"
          placeholder="Search images"
          value={parameter("images_q")}
          onInput={(text) => change({ images_q: text }, { replace: true })}
        />
        <span class="muted" role="status">
          {count(shown.length)} of {count(all.length)} names
        </span>
        {most > 1 && (
          <label class="control-range wide">
            all at
            <input
              type="range"
              min={1}
              max={most}
              value={step ?? most}
              aria-label="Which logging of all images"
              onInput={(event) => {
                together.value = Number(event.currentTarget.value);
              }}
              onChange={(event) => {
                const chosen = Number(event.currentTarget.value);
                together.value = null;
                change({ step: chosen === most ? null : String(chosen) }, { replace: true });
              }}
            />
            {step ?? most} of {most}
          </label>
        )}
      </div>
      <div class="images">
        {shown.map((images) => (
          <Slides key={images.name} images={images} step={step} />
        ))}
      </div>
    </div>
  );
}

function Slides({ images, step }: { images: ImageSeries; step: number | null }) {
  const place = useRef<HTMLElement>(null);
  const inSight = useSight(place);
  const own = useSignal<{ at: number; of: number | null } | null>(null);
  const { versions } = images;
  // One's own choice holds until all are moved together.
  const wanted = own.value !== null && own.value.of === step ? own.value.at : (step ?? versions.length);
  const at = Math.min(Math.max(wanted, 1), versions.length);
  const file = versions[at - 1];
  if (file === undefined) return null;
  return (
    <figure class="slides" ref={place} data-image={images.name}>
      <figcaption class="chart-head">
        <span class="chart-title">{images.name}</span>
        <span class="muted">
          {at} of {versions.length}, {moment(file.created_at)}, {bytes(file.size)}
        </span>
      </figcaption>
      <div class="slide">{inSight.value && <Picture key={file.path + file.attempt} file={file} />}</div>
      {versions.length > 1 && (
        <input
          type="range"
          min={1}
          max={versions.length}
          value={at}
          aria-label={`Which logging of ${images.name}`}
          aria-valuetext={`${at} of ${versions.length}, logged ${moment(file.created_at)}`}
          onInput={(event) => {
            own.value = { at: Number(event.currentTarget.value), of: step };
          }}
        />
      )}
    </figure>
  );
}

function stepOf(text: string): number | null {
  return /^\d{1,6}$/.test(text) ? Number(text) : null;
}
