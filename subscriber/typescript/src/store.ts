// What an inbox remembers, as a port, and its adapter in memory.

import type { LedgerEvent } from "./ledger.ts";

/** The newest event of a product that was applied. */
export interface Cursor {
  readonly sequence: number;
  readonly eventId: string;
  readonly hash: string;
}

/** Why a product is not gone on with, and the sequence that it waits for. */
export interface Parking {
  readonly sequence: number;
  readonly reason: string;
}

/** How far the feed was followed: the position, and the hash of its commit. */
export interface FeedPosition {
  readonly position: number;
  readonly hash: string;
}

/** What an inbox remembers. `Tx` is what `apply` writes with. Several receivers may use it at a time. */
export interface Store<Tx> {
  /** The newest event that was applied; `undefined` of a product that is new. */
  cursor(product: string): Promise<Cursor | undefined>;
  /** Why the product is parked; `undefined` if it is not. */
  parking(product: string): Promise<Parking | undefined>;
  /**
   * Runs `effect` and moves the cursor from `before` to `after`, both or neither; `false` and neither if the cursor is another one, or
   * the product is parked.
   */
  advance(
    product: string,
    before: Cursor | undefined,
    after: Cursor,
    effect: (tx: Tx) => void | Promise<void>,
  ): Promise<boolean>;
  /** Keeps an event that came early, for 14 days at least. */
  hold(product: string, sequence: number, event: LedgerEvent): Promise<void>;
  /** The event that was kept for this sequence. */
  held(product: string, sequence: number): Promise<LedgerEvent | undefined>;
  /** Parks a product, unless it is parked. */
  park(product: string, parking: Parking): Promise<void>;
  /** Ends the parking of a product. */
  release(product: string): Promise<void>;
  /** Every parked product. */
  parked(): Promise<Map<string, Parking>>;
  /** How far the feed was followed. */
  position(): Promise<FeedPosition | undefined>;
  /** Remembers how far the feed was followed. */
  move(position: FeedPosition): Promise<void>;
}

/** Whether two cursors stand at the same event. */
export function isSame(one: Cursor | undefined, other: Cursor | undefined): boolean {
  return one?.sequence === other?.sequence && one?.eventId === other?.eventId && one?.hash === other?.hash;
}

/** Remembers until the process ends: for tests. */
export class MemoryStore implements Store<undefined> {
  readonly #cursors = new Map<string, Cursor>();
  readonly #parked = new Map<string, Parking>();
  readonly #held = new Map<string, LedgerEvent>();
  readonly #moving = new Set<string>();
  #position: FeedPosition | undefined;

  async cursor(product: string): Promise<Cursor | undefined> {
    return this.#cursors.get(product);
  }

  async parking(product: string): Promise<Parking | undefined> {
    return this.#parked.get(product);
  }

  async advance(
    product: string,
    before: Cursor | undefined,
    after: Cursor,
    effect: (tx: undefined) => void | Promise<void>,
  ): Promise<boolean> {
    // An effect that waits must not be overtaken by another one of the product.
    if (this.#moving.has(product) || this.#parked.has(product) || !isSame(this.#cursors.get(product), before)) {
      return false;
    }
    this.#moving.add(product);
    try {
      await effect(undefined);
      this.#cursors.set(product, after);
      this.#held.delete(`${after.sequence} ${product}`);
      return true;
    } finally {
      this.#moving.delete(product);
    }
  }

  async hold(product: string, sequence: number, event: LedgerEvent): Promise<void> {
    this.#held.set(`${sequence} ${product}`, event);
  }

  async held(product: string, sequence: number): Promise<LedgerEvent | undefined> {
    return this.#held.get(`${sequence} ${product}`);
  }

  async park(product: string, parking: Parking): Promise<void> {
    if (!this.#parked.has(product)) {
      this.#parked.set(product, parking);
    }
  }

  async release(product: string): Promise<void> {
    this.#parked.delete(product);
  }

  async parked(): Promise<Map<string, Parking>> {
    return new Map(this.#parked);
  }

  async position(): Promise<FeedPosition | undefined> {
    return this.#position;
  }

  async move(position: FeedPosition): Promise<void> {
    this.#position = position;
  }
}
