import { defineConfig } from "vitest/config";

// Apart from vite.config.ts: a wheel is built without what tests the page.
export default defineConfig({
  test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"] },
});
