// What this tab keeps until it is closed, over a load of the page: a sign-in that is under way, and that somebody has signed in. A
// token is among it only if its owner asked for that.

/** A sign-in that was begun at the issuer. */
export interface Begun {
  /** Comes back from the issuer: an answer with another one was not asked for here. */
  readonly state: string;
  /** Shows the issuer that whoever brings the code is who asked for it (RFC 7636). */
  readonly verifier: string;
  /** The fragment to go on with, and how far it was scrolled. */
  readonly then: string;
  readonly scroll: number;
  readonly keep: boolean;
}

/** Everything that is kept. */
export interface InTab {
  readonly begun?: Begun;
  /** Whether a load of the page signs in again at the issuer, which asks for nothing while it knows the browser. */
  readonly again?: true;
  readonly token?: string;
  /** Whether somebody has signed out just now. */
  readonly out?: true;
}

const name = (): string => `ledger${new URL(document.baseURI).pathname}`;

/** What is kept; nothing where the browser refuses. */
export function inTab(): InTab {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(name()) ?? "{}");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Keeps this instead; false where the browser refuses. */
export function keepInTab(all: InTab): boolean {
  try {
    if (Object.keys(all).length === 0) sessionStorage.removeItem(name());
    else sessionStorage.setItem(name(), JSON.stringify(all));
    return true;
  } catch {
    return false;
  }
}
