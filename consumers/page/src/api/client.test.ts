import { afterEach, describe, expect, it, vi } from "vitest";
import { ahead, get, signedInAgain, signedOut } from "./client";

const told = (status: number) => new Response(JSON.stringify({ error: { code: "x", message: "x" } }), { status });
const good = () => new Response(JSON.stringify({ n: 1 }), { status: 200 });

afterEach(() => {
  vi.unstubAllGlobals();
  signedInAgain();
});

describe("a request that is refused because the session ended", () => {
  it("waits for a sign-in, and is asked again", async () => {
    const fetched = vi.fn().mockResolvedValueOnce(told(401)).mockResolvedValueOnce(good());
    vi.stubGlobal("fetch", fetched);
    const asked = get("/v1/workspaces");
    await vi.waitFor(() => expect(signedOut.value).toBe(true));
    expect(fetched).toHaveBeenCalledTimes(1);
    signedInAgain();
    expect(await asked).toEqual({ n: 1 });
  });

  it("asks nobody to sign in who did so since it was sent", async () => {
    let answer: (response: Response) => void = () => undefined;
    const late = new Promise<Response>((resolve) => {
      answer = resolve;
    });
    vi.stubGlobal("fetch", vi.fn().mockReturnValueOnce(late).mockResolvedValueOnce(good()));
    const asked = get("/v1/workspaces");
    signedInAgain();
    answer(told(401));
    expect(await asked).toEqual({ n: 1 });
    expect(signedOut.value).toBe(false);
  });

  it("is given up where nobody wants it any more", async () => {
    vi.stubGlobal("fetch", vi.fn().mockResolvedValue(told(401)));
    const aborting = new AbortController();
    const asked = get("/v1/workspaces", {}, { signal: aborting.signal });
    await vi.waitFor(() => expect(signedOut.value).toBe(true));
    aborting.abort(new Error("gone"));
    await expect(asked).rejects.toThrow("gone");
  });
});

describe("what is asked ahead of a view", () => {
  it("is taken by the first who asks, once, and is asked but once meanwhile", async () => {
    const fetched = vi.fn().mockImplementation(async () => good());
    vi.stubGlobal("fetch", fetched);
    void ahead("/v1/a", { q: "x", none: undefined });
    void ahead("/v1/a", { q: "x" });
    expect(await get("/v1/a", { q: "x" })).toEqual({ n: 1 });
    expect(fetched).toHaveBeenCalledTimes(1);
    await get("/v1/a", { q: "x" });
    expect(fetched).toHaveBeenCalledTimes(2);
  });

  it("is asked again where it was refused, and alone asks nobody to sign in", async () => {
    const fetched = vi.fn().mockResolvedValueOnce(told(401)).mockResolvedValueOnce(good());
    vi.stubGlobal("fetch", fetched);
    const begun = ahead("/v1/b");
    const asked = get("/v1/b");
    await expect(begun).rejects.toThrow();
    expect(signedOut.value).toBe(false);
    expect(await asked).toEqual({ n: 1 });
  });
});
