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
    const found = (this.products.get(product) ?? []).filter(({ detail }) => detail.metadata.sequence > after);
    return { messages: found.slice(0, limit), next: found.length > limit ? after + limit : null };
  }

  async commits(after: number | undefined, limit = 100): Promise<CommitsPage> {
    this.#asked();
    const entries = this.feed.map((commit, position) => ({ position, commit }));
    const newest = entries.length === 0 ? null : entries.length - 1;
    if (after === undefined) {
      return { commits: entries.slice(-1), next: null, newest };
    }
    const page = entries.slice(after + 1, after + 1 + limit);
    return { commits: page, next: after + limit < entries.length - 1 ? after + limit : null, newest };
  }

  #asked(): void {
    this.requests += 1;
    if (this.down !== undefined) {
      throw this.down;
    }
  }
}

/** The event as a replay sends it, or without its product. */
export function sent({ detail, ...event }: LedgerEvent, how: { replay?: boolean; omitted?: boolean }): LedgerEvent {
  const replay = { id: "01M841K9DC3M5ZQYPS2Y3BRKSE", requested_at: "2026-11-30T00:00:00.000Z" };
  const metadata = how.replay ? { ...detail.metadata, replay } : detail.metadata;
  return { ...event, detail: { metadata, data: how.omitted ? { product_omitted: true } : detail.data } };
}
