/** Scales and ticks of the small SVG figures, and a picture of one. */

import { save } from "../../../charts/exporting";

export interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** From a range of values to pixels, with round ticks. */
export function scale(min: number, max: number, from: number, to: number, wanted = 5): Scale {
  const span = max - min || 1;
  const rough = span / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((n) => n * power >= rough) ?? 10) * power;
  const ticks: number[] = [];
  for (let tick = Math.ceil(min / step - 1e-9) * step; tick <= max + step * 1e-6; tick += step)
    ticks.push(Number(tick.toPrecision(12)));
  return { at: (value) => from + ((value - min) / span) * (to - from), ticks };
}

/** Saves an SVG as PNG, twice as sharp, with the colours that it has on the page. */
export async function saveSvg(svg: SVGSVGElement, name: string): Promise<void> {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const live = [svg, ...svg.querySelectorAll<SVGElement>("*")];
  [copy, ...copy.querySelectorAll<SVGElement>("*")].forEach((element, i) => {
    const style = getComputedStyle(live[i] as Element);
    for (const property of [
      "fill",
      "stroke",
      "stroke-width",
      "stroke-dasharray",
      "fill-opacity",
      "opacity",
      "font-size",
      "font-family",
      "font-weight",
      "text-anchor",
    ])
      element.setAttribute(property, style.getPropertyValue(property));
  });
  const { width, height } = svg.getBoundingClientRect();
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  const address = URL.createObjectURL(
    new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }),
  );
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = width * 2;
    canvas.height = height * 2;
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("This browser gives no 2D canvas.");
    context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--paper") || "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
    if (blob !== null) save(name, blob);
  } finally {
    URL.revokeObjectURL(address);
  }
}
