// Whether the window is as narrow as a phone: tables are then lists.

import { useEffect, useMemo, useState } from "preact/hooks";

export function useNarrow(): boolean {
  const media = useMemo(() => matchMedia("(max-width: 700px)"), []);
  const [isNarrow, setNarrow] = useState(media.matches);
  useEffect(() => {
    const change = (): void => setNarrow(media.matches);
    media.addEventListener("change", change);
    return () => media.removeEventListener("change", change);
  }, [media]);
  return isNarrow;
}
