// The inbox: gives each event to `apply` once and in order per product, whatever is delivered twice, late or never.
//
// An event is applied when the cursor of its product stands right before it. What came too early is kept, what did not come is fetched from
// the ledger, and what can never fit (two events with one sequence, or one that `apply` refuses) parks its product, while all others
// go on.

import { type FeedCommit, type Ledger, LedgerError, type LedgerEvent } from "./ledger.ts";
import { type Cursor, type FeedPosition, isSame, type Parking, type Store } from "./store.ts";

export type Outcome = "applied" | "seen" | "parked";
export type Apply<Tx> = (event: LedgerEvent, tx: Tx) => void | Promise<void>;

export interface InboxOptions {
  /**
   * A product that is new to the inbox begins with its first event (`beginning`, the default), or with the one received first, whose
   * message has the product's state (`now`).
   */
  readonly start?: "beginning" | "now";
  /** How long `receive` waits for what is missing before it fetches it; 5000 if left out. */
  readonly waitMs?: number;
  /** Called for a replayed event that was applied before. */
  readonly onReplay?: (event: LedgerEvent) => void | Promise<void>;
}

/** How often other receivers of a product may go first. */
const ROUNDS = 50;
/** How often a receiver looks whether another one has filled the gap before its event. */
const LOOK_EVERY_MS = 50;

/** Thrown by `apply` for an event that it can never apply: the product is parked until `retry`. */
export class CannotApply extends Error {
  override readonly name = "CannotApply";
}

/**
 * The commit at the position that was followed last is another one now. Whoever runs the ledger has to say why; then begin with an
 * empty store.
 */
export class FeedChanged extends Error {
  override readonly name = "FeedChanged";
}

/** Other receivers of the product kept going first; the delivery should be tried again. */
export class Contended extends Error {
  override readonly name = "Contended";
}

/** What was received is no event of a ledger. */
export class NotAnEvent extends Error {
  override readonly name = "NotAnEvent";
}

/** What the inbox reads of an event. */
interface Received {
  readonly product: string;
  readonly cursor: Cursor;
  readonly isReplay: boolean;
  readonly isOmitted: boolean;
  readonly event: LedgerEvent;
}

/** Gives each event to `apply` once and in order per product. */
export class Inbox<Tx> {
  readonly #store: Store<Tx>;
  readonly #ledger: Ledger;
  readonly #beginsNow: boolean;
  readonly #waitMs: number;
  readonly #onReplay: InboxOptions["onReplay"];
  readonly #fetching = new Map<string, Promise<unknown>>();
  #fetches = 0;

  constructor(store: Store<Tx>, ledger: Ledger, options: InboxOptions = {}) {
    this.#store = store;
    this.#ledger = ledger;
    this.#beginsNow = options.start === "now";
    this.#waitMs = options.waitMs ?? 5_000;
    this.#onReplay = options.onReplay;
  }

  /** How many requests were made to the ledger. */
  get fetches(): number {
    return this.#fetches;
  }

  /** Takes one delivery. Every outcome is final; after any exception it has to be delivered again. */
  async receive(event: LedgerEvent | string, apply: Apply<Tx>): Promise<Outcome> {
    const received = read(typeof event === "string" ? (JSON.parse(event) as unknown) : event);
    for (let round = 0; round < ROUNDS; round += 1) {
      const outcome = await this.#receive(received, apply);
      if (outcome !== undefined) {
        return outcome;
      }
      await pause(0);
    }
    throw new Contended(`other receivers of ${received.product} went first ${ROUNDS} times`);
  }

  /**
   * Follows the feed from where it was followed last to its end, and applies every event that is missing. Returns how many commits it
   * passed. `withinMs` ends it earlier, after a commit: the next call goes on there.
   */
  async catchUp(apply: Apply<Tx>, options: { readonly withinMs?: number } = {}): Promise<number> {
    const until = performance.now() + (options.withinMs ?? Number.POSITIVE_INFINITY);
    let kept = await this.#store.position();
    if (kept === undefined) {
      if (this.#beginsNow) {
        await this.#beginAtNewest();
        return 0;
      }
      kept = { position: -1, hash: "" };
    }
    let passed = 0;
    const checked = new Set<string>();
    for await (const [position, commit] of this.#commits(kept)) {
      await this.#pass(commit, apply, checked);
      await this.#store.move({ position, hash: commit.hash });
      passed += 1;
      if (performance.now() >= until) {
        break;
      }
    }
    return passed;
  }

  /** Ends the parking of a product and goes on with it from the ledger; `parked` if that does not fit either. */
  async retry(product: string, apply: Apply<Tx>): Promise<Outcome> {
    await this.#store.release(product);
    await this.#onlyFetch(product, () => this.#fetch(product, undefined, apply));
    return (await this.#store.parking(product)) === undefined ? "applied" : "parked";
  }

  /** Every parked product, and why. */
  parked(): Promise<Map<string, Parking>> {
    return this.#store.parked();
  }

  /** One attempt; `undefined` if another receiver of the product went first. */
  async #receive(received: Received, apply: Apply<Tx>): Promise<Outcome | undefined> {
    const { product } = received;
    if ((await this.#store.parking(product)) !== undefined) {
      return "parked";
    }
    const cursor = await this.#store.cursor(product);
    if (cursor === undefined && this.#beginsNow) {
      return received.isReplay ? "seen" : this.#apply(received, undefined, apply);
    }
    if (received.cursor.sequence <= sequence(cursor)) {
      return this.#seen(received, cursor);
    }
    if (received.cursor.sequence > sequence(cursor) + 1) {
      return this.#fill(received, apply);
    }
    const outcome = await this.#apply(received, cursor, apply);
    if (outcome === "applied") {
      await this.#applyHeld(product, apply);
    }
    return outcome;
  }

  async #seen(received: Received, cursor: Cursor | undefined): Promise<Outcome> {
    if (cursor?.sequence === received.cursor.sequence && !isSame(cursor, received.cursor)) {
      return this.#park(received, `event ${cursor.eventId} was applied with this sequence`);
    }
    if (received.isReplay) {
      await this.#onReplay?.(received.event);
    }
    return "seen";
  }

  async #park(at: Received, reason: string): Promise<"parked"> {
    await this.#store.park(at.product, { sequence: at.cursor.sequence, reason });
    return "parked";
  }

  /** Applies the event that comes next; `undefined` if somebody else moved the cursor meanwhile. */
  async #apply(received: Received, before: Cursor | undefined, apply: Apply<Tx>): Promise<Outcome | undefined> {
    let whole = received;
    if (received.isOmitted) {
      const [fetched] = await this.#page(received.product, received.cursor.sequence - 1, 1);
      if (fetched === undefined || !isSame(fetched.cursor, received.cursor)) {
        return this.#park(received, `the ledger has another event than ${received.cursor.eventId} with this sequence`);
      }
      whole = fetched;
    }
    try {
      if (await this.#store.advance(received.product, before, received.cursor, (tx) => apply(whole.event, tx))) {
        return "applied";
      }
    } catch (error) {
      if (error instanceof CannotApply) {
        return this.#park(received, error.message);
      }
      throw error;
    }
    return (await this.#store.parking(received.product)) === undefined ? undefined : "parked";
  }

  /** Applies what was kept and comes next now. */
  async #applyHeld(product: string, apply: Apply<Tx>): Promise<void> {
    for (;;) {
      const cursor = await this.#store.cursor(product);
      const held = await this.#store.held(product, sequence(cursor) + 1);
      if (held === undefined || (await this.#apply(read(held), cursor, apply)) !== "applied") {
        return;
      }
    }
  }

  /** Waits for what is missing before an event, then fetches it. */
  async #fill(received: Received, apply: Apply<Tx>): Promise<Outcome> {
    const { product } = received;
    const until = performance.now() + this.#waitMs;
    if (this.#waitMs > 0) {
      await this.#store.hold(product, received.cursor.sequence, received.event);
    }
    while (performance.now() < until && !(await this.#isPast(received))) {
      await this.#applyHeld(product, apply);
      await pause(Math.max(0, Math.min(LOOK_EVERY_MS, until - performance.now())));
    }
    await this.#onlyFetch(product, async () => {
      if (!(await this.#isPast(received))) {
        await this.#fetch(product, received, apply);
      }
    });
    if ((await this.#store.parking(product)) !== undefined) {
      return "parked";
    }
    const cursor = await this.#store.cursor(product);
    if (received.cursor.sequence > sequence(cursor)) {
      throw new LedgerError(`the ledger lacks events of ${product} before sequence ${received.cursor.sequence}`);
    }
    if (cursor?.sequence === received.cursor.sequence && !isSame(cursor, received.cursor)) {
      return this.#park(received, `event ${cursor.eventId} was applied with this sequence`);
    }
    return "applied";
  }

  async #isPast(received: Received): Promise<boolean> {
    if ((await this.#store.parking(received.product)) !== undefined) {
      return true;
    }
    return received.cursor.sequence <= sequence(await this.#store.cursor(received.product));
  }

  /**
   * Applies what the ledger has of a product above the cursor, up to an event or all of it. Each page begins with the event at the
   * cursor, so that another one there is noticed.
   */
  async #fetch(product: string, upTo: Received | undefined, apply: Apply<Tx>): Promise<void> {
    for (;;) {
      const cursor = await this.#store.cursor(product);
      const page = await this.#page(product, Math.max(0, sequence(cursor) - 1));
      if (cursor !== undefined && !(await this.#isAt(cursor, product, page))) {
        return;
      }
      const further = page.filter((event) => event.cursor.sequence > sequence(cursor));
      for (const event of further) {
        if (!(await this.#goOn(event, upTo, apply))) {
          return;
        }
      }
      if (further.length === 0) {
        return;
      }
    }
  }

  /** Applies a fetched event unless somebody did; whether to go on with the next one. */
  async #goOn(event: Received, upTo: Received | undefined, apply: Apply<Tx>): Promise<boolean> {
    if (upTo?.cursor.sequence === event.cursor.sequence && !isSame(upTo.cursor, event.cursor)) {
      await this.#park(upTo, `the ledger has event ${event.cursor.eventId} with this sequence`);
      return false;
    }
    const before = await this.#store.cursor(event.product);
    if (event.cursor.sequence > sequence(before)) {
      const begins = before === undefined && this.#beginsNow;
      if (event.cursor.sequence !== sequence(before) + 1 && !begins) {
        throw new LedgerError(`the ledger lacks events of ${event.product} before sequence ${event.cursor.sequence}`);
      }
      if ((await this.#apply(event, before, apply)) === "parked") {
        return false;
      }
    }
    return upTo === undefined || event.cursor.sequence < upTo.cursor.sequence;
  }

  /** Whether a page begins with the event at the cursor; parks the product if it does not. */
  async #isAt(cursor: Cursor, product: string, page: readonly Received[]): Promise<boolean> {
    const [first] = page;
    if (isSame(first?.cursor, cursor)) {
      return true;
    }
    const has =
      first?.cursor.sequence === cursor.sequence
        ? `has event ${first.cursor.eventId} with this sequence`
        : "no longer has this sequence";
    const reason = `event ${cursor.eventId} was applied, but the ledger ${has}`;
    await this.#store.park(product, { sequence: cursor.sequence, reason });
    return false;
  }

  /** Applies what a commit of the feed has above the cursor of its product. */
  async #pass(commit: FeedCommit, apply: Apply<Tx>, checked: Set<string>): Promise<void> {
    const product = commit.product_id;
    if ((await this.#store.parking(product)) !== undefined) {
      return;
    }
    const cursor = await this.#store.cursor(product);
    if (cursor !== undefined && commit.sequence + commit.events.length - 1 <= cursor.sequence) {
      // The feed has not passed it before: it could be a rival of what was applied.
      const place = `${cursor.sequence} ${cursor.eventId} ${product}`;
      if (!checked.has(place) && (await this.#isAt(cursor, product, await this.#page(product, cursor.sequence - 1, 1)))) {
        checked.add(place);
      }
      return;
    }
    await this.#onlyFetch(product, () => this.#fetch(product, undefined, apply));
  }

  /** The commits of the feed behind a position, whose commit must still be the one with this hash. */
  async *#commits({ position, hash }: FeedPosition): AsyncGenerator<[number, FeedCommit]> {
    let after = position >= 0 ? position - 1 : -1;
    for (;;) {
      this.#fetches += 1;
      const page = await this.#ledger.commits(after);
      for (const entry of page.commits) {
        if (entry.position > position) {
          if (entry.commit !== null) {
            yield [entry.position, entry.commit];
          }
        } else if (entry.commit?.hash !== hash) {
          throw new FeedChanged(`the commit at position ${position} is not the one with the hash ${hash}`);
        }
      }
      if (page.next === null) {
        if (position >= 0 && (page.newest === null || page.newest < position)) {
          throw new FeedChanged(`the feed ends at ${page.newest}, before position ${position}`);
        }
        return;
      }
      after = page.next;
    }
  }

  async #beginAtNewest(): Promise<void> {
    this.#fetches += 1;
    const page = await this.#ledger.commits(undefined);
    const newest = page.commits.find(({ commit }) => commit !== null);
    if (newest?.commit) {
      await this.#store.move({ position: newest.position, hash: newest.commit.hash });
    } else if (page.newest === null) {
      await this.#store.move({ position: -1, hash: "" });
    }
  }

  async #page(product: string, after: number, limit = 100): Promise<Received[]> {
    this.#fetches += 1;
    const { messages } = await this.#ledger.messages(product, after, limit);
    return messages.map(read);
  }

  /** At most one fetch of a product at a time, in this process. */
  async #onlyFetch(product: string, fetch: () => Promise<void>): Promise<void> {
    const before = this.#fetching.get(product);
    const mine = (async () => {
      await before?.catch(() => undefined);
      await fetch();
    })();
    this.#fetching.set(product, mine);
    try {
      await mine;
    } finally {
      if (this.#fetching.get(product) === mine) {
        this.#fetching.delete(product);
      }
    }
  }
}

function read(event: unknown): Received {
  const detail = (event as Partial<LedgerEvent> | null)?.detail;
  const metadata = detail?.metadata;
  const isEvent =
    typeof metadata === "object" &&
    metadata !== null &&
    typeof metadata.product_id === "string" &&
    Number.isSafeInteger(metadata.sequence) &&
    metadata.sequence >= 1 &&
    typeof metadata.event_id === "string" &&
    typeof metadata.hash === "string" &&
    typeof detail?.data === "object" &&
    detail.data !== null;
  if (!isEvent) {
    throw new NotAnEvent("this is no event of a ledger: its metadata is missing or malformed");
  }
  return {
    product: metadata.product_id,
    cursor: { sequence: metadata.sequence, eventId: metadata.event_id, hash: metadata.hash },
    isReplay: metadata.replay !== undefined && metadata.replay !== null,
    isOmitted: detail.data.product_omitted === true,
    event: event as LedgerEvent,
  };
}

function sequence(cursor: Cursor | undefined): number {
  return cursor?.sequence ?? 0;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
