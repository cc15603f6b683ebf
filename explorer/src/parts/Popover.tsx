// A button with a panel below it; Escape and a press elsewhere close it. The press elsewhere comes first: what it is on must not move away
// while the button of the mouse is down.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

export function Popover({ label, value, children, isSet = false, align = "start", kind = "pill" }: {
  readonly label: string;
  readonly value: ComponentChildren;
  readonly children: (close: () => void) => ComponentChildren;
  readonly isSet?: boolean;
  readonly align?: "start" | "end";
  readonly kind?: "pill" | "button";
}) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!isOpen) return undefined;
    const outside = (event: Event): void => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("click", outside, true);
    root.current?.querySelector<HTMLElement>(".panel input, .panel button, .panel a")?.focus();
    return () => document.removeEventListener("click", outside, true);
  }, [isOpen]);
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div
      class={`popover ${align}`}
      ref={root}
      onKeyDown={(event) => {
        if (event.key === "Escape" && isOpen) {
          event.stopPropagation();
          close();
        }
      }}
    >
      <button
        type="button"
        ref={button}
        class={`${kind}${isSet ? " set" : ""}`}
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setOpen(!isOpen)}
      >
        {label === "" ? null : <span class="pill-label">{label}</span>} <b>{value}</b>
        <span class="down" aria-hidden="true" />
      </button>
      {isOpen ? (
        <div class="panel" id={id}>
          {children(close)}
        </div>
      ) : null}
    </div>
  );
}
