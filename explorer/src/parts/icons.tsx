// The few pictures of the page, drawn in the colour of the text.

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="var(--accent)" />
      <path d="M7 22h7v-5h5v-5h6" fill="none" stroke="var(--on-accent)" stroke-width="3" stroke-linecap="square" />
      <path d="M8 26.5h16" stroke="var(--on-accent)" stroke-width="1.6" opacity=".75" />
    </svg>
  );
}

const PATHS: Readonly<Record<string, string>> = {
  ledger: "M4 5h16M4 10h9M4 15h13M4 20h6",
  catalogue: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h6v6h-6z",
  proof: "M12 3l8 3v6c0 5-3.5 8-8 9.5C7.5 20 4 17 4 12V6zM8.5 12l2.5 2.5 4.5-5",
  health: "M3 12h4l3-7 4 14 3-7h4",
  search: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13M15.5 15.5L21 21",
  more: "M5 12h.01M12 12h.01M19 12h.01",
};

export function Icon({ name, size = 22 }: { readonly name: keyof typeof PATHS; readonly size?: number }) {
  return (
    <svg viewBox="0 0 24 24" width={size} height={size} aria-hidden="true" fill="none" stroke="currentColor" stroke-width={name === "more" ? 2.6 : 1.7} stroke-linecap="round" stroke-linejoin="round">
      <path d={PATHS[name] ?? ""} />
    </svg>
  );
}
