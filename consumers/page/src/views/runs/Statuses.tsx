import { count } from "../../charts/wording";
import { toneOf } from "../../parts";

/** How many runs are in which status, as a bar; the numbers in its label. */
export function Statuses({ statuses }: { statuses: Readonly<Record<string, number>> }) {
  const parts = Object.entries(statuses).sort(([, a], [, b]) => b - a);
  const told = parts.map(([status, n]) => `${count(n)} ${status}`).join(", ");
  return (
    <span class="statuses" role="img" aria-label={told} title={told}>
      {parts.map(([status, n]) => (
        <span key={status} class={toneOf(status)} style={{ flexGrow: String(n) }} />
      ))}
    </span>
  );
}
