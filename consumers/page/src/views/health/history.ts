/** The last minutes of a figure, for its line: kept while the view is open. Pure but for the list it holds. */

export class History {
  private readonly kept = new Map<string, { x: number[]; value: (number | null)[] }>();

  constructor(private readonly points_max: number) {}

  /** Takes in figures by key, at a time in seconds. */
  add(at_s: number, figures: Readonly<Record<string, number | null>>): void {
    for (const [key, figure] of Object.entries(figures)) {
      const line = this.kept.get(key) ?? { x: [], value: [] };
      line.x.push(at_s);
      line.value.push(figure);
      if (line.x.length > this.points_max) {
        line.x.shift();
        line.value.shift();
      }
      this.kept.set(key, line);
    }
  }

  of(key: string): { readonly x: readonly number[]; readonly value: readonly (number | null)[] } {
    return this.kept.get(key) ?? { x: [], value: [] };
  }
}
