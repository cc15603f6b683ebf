// The bar that says at which moment the page shows the ledger, with a field to choose another.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Problem } from "../api";
import { onKey } from "../keys";
import type { Moment } from "../moment";
import { date, go, refine, view, zone } from "../state";
import * as time from "../time";
import { changed } from "../url";

function words(moment: Moment): string {
  switch (moment.kind) {
    case "now":
      return "";
    case "version":
      return `at version ${moment.version}`;
    case "recorded":
      return `as recorded by ${time.asked(moment.at, zone.value)}`;
    case "force":
      return `as in force at ${time.asked(moment.at, zone.value).replace(/^end/, "the end")}`;
  }
}

/** Goes to a moment that somebody typed. */
export function MomentField({ done }: { readonly done: () => void }) {
  const [text, setText] = useState("");
  const [fault, setFault] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = (event: Event): void => {
    event.preventDefault();
    const at = time.typed(text, Date.now(), zone.value);
    if (at === undefined) {
      setFault("A moment is 2024-06-01, 1 Jun 2024, yesterday, last monday, -30d, or 2024-06-01T09:00:00Z.");
      return;
    }
    go(changed(view.value, { at: time.instant(at), v: undefined }));
    done();
  };
  return (
    <form class="moment-field" onSubmit={submit}>
      <label>
        Moment{" "}
        <input
          ref={field}
          type="text"
          value={text}
          placeholder="1 Jun 2024"
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Escape" && done()}
        />
      </label>
      <button type="submit" class="button">
        Show
      </button>
      <small class="muted">A date is the end of that day.</small>
      {fault === "" ? null : <span class="fault" role="alert">{fault}</span>}
    </form>
  );
}

export function MomentBar({ moment, problem, change }: {
  readonly moment: Moment;
  readonly problem: Problem | undefined;
  /** Where the page has its own fields for the moment: puts the focus there. */
  readonly change?: () => void;
}) {
  const [isChanging, setChanging] = useState(false);
  const newestVersion = problem?.kind === "version-not-found" ? problem.members["current_version"] : undefined;
  const firstRecorded = /first recorded at (\S+?)\.?$/.exec(problem?.detail ?? "")?.[1];
  return (
    <div class="moment" role="status">
      {moment.kind === "version" && typeof newestVersion === "number" ? (
        <span>
          This product never had version {moment.version}; the newest is {newestVersion}.
        </span>
      ) : (
        <span>
          You see {moment.kind === "version" ? "this product" : "the ledger"} <b>{words(moment)}</b>.
        </span>
      )}
      {problem === undefined || typeof newestVersion === "number" ? null : (
        <span>
          {firstRecorded === undefined ? problem.detail : `The ledger has this product since ${date(firstRecorded)}.`}{" "}
          {firstRecorded === undefined ? null : (
            <button type="button" class="as-link" onClick={() => refine({ at: firstRecorded })}>
              Go there
            </button>
          )}
        </span>
      )}
      {moment.kind === "version" || change !== undefined ? null : (
        <span class="switch">
          <button type="button" aria-pressed={moment.kind === "force"} onClick={() => refine({ clock: undefined })}>
            In force
          </button>
          <button type="button" aria-pressed={moment.kind === "recorded"} onClick={() => refine({ clock: "recorded" })}>
            As recorded
          </button>
        </span>
      )}
      {isChanging ? (
        <MomentField done={() => setChanging(false)} />
      ) : (
        <button type="button" class="button" onClick={() => (change === undefined ? setChanging(true) : change())}>
          Change
        </button>
      )}
      <button type="button" class="button" onClick={() => go(changed(view.value, { at: undefined, v: undefined, clock: undefined }))}>
        Back to now
      </button>
    </div>
  );
}

/** A button that opens the field; the key `t` does the same. */
export function ChooseMoment() {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => onKey("t", () => setOpen(true)), []);
  return isOpen ? (
    <MomentField done={() => setOpen(false)} />
  ) : (
    <button type="button" class="as-link" onClick={() => setOpen(true)}>
      At another moment
    </button>
  );
}
