// A ledger in memory, as the vectors describe it.

import type { CommitsPage, FeedCommit, Ledger, LedgerEvent, MessagesPage } from "../src/index.ts";

export class FakeLedger implements Ledger {
  readonly products = new Map<string, LedgerEvent[]>();
  readonly feed: FeedCommit[] = [];
  /** Every event that was ever recorded, by its id. */
  readonly known = new Map<string, LedgerEvent>();
  requests = 0;
  down: Error | undefined;

  record(product: string, events = 1, salt = ""): LedgerEvent[] {
    const history = this.products.get(product) ?? [];
    this.products.set(product, history);
    const first = history.length + 1;
    const hash = `${product}/${first}${salt}`;
    const made = Array.from({ length: events }, (_, place) => {
      const sequence = first + place;
      const metadata = { product_id: product, sequence, event_id: `${product}-${sequence}${salt}`, hash };
      return { detail: { metadata, data: { product: { id: product, price: String(sequence) } } } };
    });
    for (const event of made) {
      this.known.set(event.detail.metadata.event_id, event);
    }
    history.push(...made);
    this.feed.push({ product_id: product, sequence: first, hash, events: made });
    return made;
  }

  cut(product: string, to: number): void {
    this.products.get(product)?.splice(to);
  }

  async messages(product: string, after: number, limit = 100): Promise<MessagesPage> {
    this.#asked();
    const known = this.products.get(product) ?? [];
    // The sequences of a product are 1, 2, 3 and so on.
    return { messages: known.slice(after, after + limit), next: known.length > after + limit ? after + limit : null };
  }

  async commits(after: number | undefined, limit = 100): Promise<CommitsPage> {
    this.#asked();
    const newest = this.feed.length === 0 ? null : this.feed.length - 1;
    const [first, most] = after === undefined ? [Math.max(0, this.feed.length - 1), 1] : [after + 1, limit];
    const page = this.feed.slice(first, first + most).map((commit, place) => ({ position: first + place, commit }));
    const isMore = after !== undefined && after + limit < this.feed.length - 1;
    return { commits: page, next: isMore ? after + limit : null, newest };
  }

  #asked(): void {
    this.requests += 1;
    if (this.down !== undefined) {
      throw this.down;
    }
  }
}

/** Numbers from 0 to 1, the same ones for a seed. */
export function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A ledger of random commits. */
export function recorded(products: number, commits: number, seed: number): FakeLedger {
  const [chance, ledger] = [chances(seed), new FakeLedger()];
  for (let n = 0; n < commits; n += 1) {
    ledger.record(`p${Math.floor(chance() * products)}`, [1, 1, 1, 2, 3][Math.floor(chance() * 5)]);
  }
  return ledger;
}

/** Of every event: 5 % never, 20 % twice, a tenth moved within and across products, and replays in between. */
export function deliveries(ledger: FakeLedger, seed: number): LedgerEvent[] {
  const chance = chances(seed);
  const found: { at: number; event: LedgerEvent }[] = [];
  let place = 0;
  for (const event of ledger.feed.flatMap(({ events }) => events as LedgerEvent[])) {
    place += 1;
    if (chance() < 0.05) {
      continue;
    }
    for (let times = chance() < 0.2 ? 2 : 1; times > 0; times -= 1) {
      // What is behind the point decides among those with the same place.
      found.push({ at: place + (chance() < 0.1 ? 1 + Math.floor(chance() * 39) : 0) + chance(), event });
    }
    if (chance() < 0.02) {
      found.push({ at: place + chance() * 60, event: sent(event, { replay: true }) });
    }
  }
  return found.sort((one, other) => one.at - other.at).map(({ event }) => event);
}

/** The event as a replay sends it, or without its product. */
export function sent({ detail, ...event }: LedgerEvent, how: { replay?: boolean; omitted?: boolean }): LedgerEvent {
  const replay = { id: "01M841K9DC3M5ZQYPS2Y3BRKSE", requested_at: "2026-11-30T00:00:00.000Z" };
  const metadata = how.replay ? { ...detail.metadata, replay } : detail.metadata;
  return { ...event, detail: { metadata, data: how.omitted ? { product_omitted: true } : detail.data } };
}
