/** Which elements are in sight, or nearly: one observer for all panels. */

import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

const NEAR = "360px 0px";
let observer: IntersectionObserver | null = null;
const listeners = new WeakMap<Element, (inSight: boolean) => void>();

/** True while the element is in sight or nearly. */
export function useSight(element: RefObject<Element | null>): Signal<boolean> {
  const inSight = useSignal(false);
  useEffect(() => {
    const watched = element.current;
    if (watched === null) return undefined;
    observer ??= new IntersectionObserver(
      (entries) => {
        for (const entry of entries) listeners.get(entry.target)?.(entry.isIntersecting);
      },
      { rootMargin: NEAR },
    );
    listeners.set(watched, (now) => {
      inSight.value = now;
    });
    observer.observe(watched);
    return () => {
      observer?.unobserve(watched);
      listeners.delete(watched);
    };
  }, [element, inSight]);
  return inSight;
}
