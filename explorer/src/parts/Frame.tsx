// What stands around every page: header, pages, seal, notices, footer.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { address, away, busy } from "../api";
import { useNow } from "../load";
import { stays } from "../moment";
import { leave } from "../leave";
import { named } from "../people";
import { allowed, claims, isNeeded, token } from "../session";
import { hasLog } from "../seal";
import { newest } from "../live";
import { hasStatus, standing } from "../status";
import { choose, config, hasFeed, isOld, moment, page, said, switchZone, theme, view, zone } from "../state";
import { clock, span } from "../time";
import { misunderstood, type Page } from "../url";
import { initials } from "../words";
import { Icon, Mark } from "./icons";
import { Link } from "./Link";
import { Popover } from "./Popover";
import { Search } from "./Search";
import { SealMark } from "./Seal";

interface Entry {
  readonly page: Page;
  readonly name: string;
  readonly icon: "ledger" | "catalogue" | "proof" | "health";
  /** How much waits there for somebody. */
  readonly waiting?: number;
}

function entries(): Entry[] {
  const all: (Entry | false)[] = [
    hasFeed() && { page: "ledger", name: "Ledger", icon: "ledger" },
    { page: "catalogue", name: "Catalogue", icon: "catalogue" },
    hasLog() && { page: "proof", name: "Proof", icon: "proof" },
    hasStatus() && { page: "health", name: "Health", icon: "health", waiting: standing.value.count },
  ];
  return all.filter((one) => one !== false);
}

function Entries({ withIcons = false }: { readonly withIcons?: boolean }) {
  const current = page.value === "p" || page.value === "evidence" ? "catalogue" : page.value;
  return (
    <>
      {entries().map((one) => (
        <Link
          key={one.page}
          to={{ page: one.page, parameters: one.page === "catalogue" && page.value === "p" ? stays(view.value) : {} }}
          {...(one.page === current ? { "aria-current": "page" as const } : {})}
          {...(one.waiting ? { "aria-label": `${one.name}, ${one.waiting} ${one.waiting === 1 ? "thing" : "things"} to look at` } : {})}
        >
          {withIcons ? <Icon name={one.icon} /> : null}
          {one.waiting ? (
            <span>
              {one.name} <span class="badge">{one.waiting}</span>
            </span>
          ) : (
            one.name
          )}
        </Link>
      ))}
    </>
  );
}

function Person() {
  const own = claims.value;
  const subject = own?.subject ?? "";
  const name = named(subject);
  return (
    <Popover label="" value={
        <>
          <span class={name === "" ? "dots" : "avatar"} aria-hidden="true">
            {name === "" ? <Icon name="more" size={20} /> : initials(name)}
          </span>
          <span class="sr">Settings and sign-in</span>
        </>
      } kind="button" align="end">
      {(close) => (
        <div class="menu">
          {own === undefined ? (
            <p>{config.value.mode === "open" ? "This server asks for no sign-in." : "Nobody has signed in."}</p>
          ) : (
            <p>
              Signed in as{" "}
              <b dir="auto" title={subject}>
                {name === "" ? "somebody without a name" : name}
              </b>
              <small class="muted">
                <br />
                May {allowed(own.scopes)}
                {own.ends === undefined ? "." : `. Ends at ${moment(own.ends)}, in ${span(Math.max(0, own.ends - Date.now()))}.`}
              </small>
            </p>
          )}
          <fieldset>
            <legend>Colours</legend>
            <div class="switch">
              {(["system", "light", "dark"] as const).map((one) => (
                <button key={one} type="button" aria-pressed={theme.value === one} onClick={() => choose(one)}>
                  {one === "system" ? "System" : one === "light" ? "Light" : "Dark"}
                </button>
              ))}
            </div>
          </fieldset>
          <ul onClick={close}>
            <li class="narrow">
              <button type="button" class="as-link" onClick={switchZone}>
                Times in {zone.value === "utc" ? "local time" : "UTC"}
              </button>
            </li>
            <li>
              <a href={address("docs")}>Try it: every route, with a form</a>
            </li>
            <li>
              <Link to={{ page: "keys", parameters: {} }}>Keyboard</Link>
            </li>
            <li>
              <Link to={{ page: "about", parameters: {} }}>About this page</Link>
            </li>
            {own === undefined ? null : (
              <li>
                <button type="button" class="as-link" onClick={leave}>
                  Sign out
                </button>
              </li>
            )}
          </ul>
        </div>
      )}
    </Popover>
  );
}

/** Before somebody has signed in there is nothing to go to. */
function isOutside(): boolean {
  return isNeeded.value && token.value === undefined;
}

function OldBar() {
  if (!isOld.value) return null;
  return (
    <div class="bar" role="alert">
      <span>This ledger runs a newer version now.</span>
      <button type="button" class="button" onClick={() => location.reload()}>
        Load it
      </button>
    </div>
  );
}

/** Says that the server is away or busy, and when it is asked again. */
export function AwayBar() {
  const now = useNow(1000);
  const gone = away.value;
  const waits = busy.value;
  if (gone !== undefined) {
    return (
      <div class="bar bad" role="alert">
        <span>
          The server does not answer since {clock(gone.since, zone.value)}. Trying again in {Math.max(0, Math.ceil((gone.next - now) / 1000))} s.
        </span>
        <button type="button" class="button" onClick={gone.now}>
          Now
        </button>
      </div>
    );
  }
  if (waits !== undefined && waits > now) {
    return (
      <div class="bar" role="status">
        The server is busy; again in {Math.ceil((waits - now) / 1000)} s.
      </div>
    );
  }
  return null;
}

function LinkNotes() {
  const wrong = misunderstood(view.value);
  if (wrong.length === 0) return null;
  return (
    <div class="bar" role="status">
      {wrong.map(({ name, value }) => (
        <span key={name}>
          This link asks for <code>{`${name}=${value}`}</code>, which this page does not know; it is shown without.
        </span>
      ))}
    </div>
  );
}

/** Gives the focus to the heading of another page; the page may still be on its way, and the reader may have gone on meanwhile. */
function useHeading(): void {
  const where = `${page.value} ${view.value.id ?? ""}`;
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return undefined;
    }
    let tries = 0;
    const before = document.activeElement;
    const timer = setInterval(() => {
      const heading = document.querySelector<HTMLElement>("main h1");
      tries += 1;
      if (heading === null && tries < 30) return;
      clearInterval(timer);
      const now = document.activeElement;
      const isElsewhere = now !== before && now !== document.body && now !== null;
      if (!isElsewhere && !now?.matches("input")) heading?.focus({ preventScroll: true });
    }, 60);
    return () => clearInterval(timer);
  }, [where]);
}

export function Frame({ children }: { readonly children: ComponentChildren }) {
  useHeading();
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => {
        event.preventDefault();
        document.getElementById("main")?.focus();
      }}>
        Skip to the content
      </a>
      <header class="top">
        <Link to={{ page: "home", parameters: {} }} class="brand">
          <Mark />
          <span>{config.value.title}</span>
        </Link>
        {isOutside() ? (
          <span class="spring" />
        ) : (
          <>
            <nav class="pages" aria-label="Pages">
              <Entries />
              <a href={address("docs")}>Try it</a>
            </nav>
            <Search />
            <SealMark />
          </>
        )}
        <button type="button" class="button zone" onClick={switchZone} title="Show times in UTC or in the zone of this computer">
          {zone.value === "utc" ? "UTC" : "Local"}
          <span class="sr"> times; press to change</span>
        </button>
        <Person />
      </header>
      <main id="main" tabIndex={-1}>
        <OldBar />
        <AwayBar />
        <LinkNotes />
        {children}
      </main>
      <footer class="foot">
        <span>{config.value.build === "" ? "" : `Version ${config.value.build.split("+")[0]}`}</span>
        <span>{newest.value === -1 && config.value.mode === "open" ? "This page only reads, but for the sample, if you load it." : "This page only reads."}</span>
        <span>Everything here comes from this server.</span>
        <Link to={{ page: "about", parameters: {} }}>About</Link>
      </footer>
      {isOutside() ? null : (
        <nav class="bottom" aria-label="Pages, at the bottom">
          <Entries withIcons />
        </nav>
      )}
      <div class="sr" role="status" aria-live="polite">
        {said.value}
      </div>
      {said.value === "" ? null : <Toast text={said.value} />}
    </>
  );
}

function Toast({ text }: { readonly text: string }) {
  useEffect(() => {
    const timer = setTimeout(() => (said.value = ""), 4000);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div class="toast" aria-hidden="true">
      {text}
    </div>
  );
}
