import { expect, it } from "vitest";
import { History } from "./history";

it("keeps the latest figures of each key, gaps too", () => {
  const history = new History(3);
  for (let at = 0; at < 5; at++) history.add(at, { lag: at === 3 ? null : at });
  expect(history.of("lag")).toEqual({ x: [2, 3, 4], value: [2, null, 4] });
  expect(history.of("other").x).toEqual([]);
});
