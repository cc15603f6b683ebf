// The ledger's answers that an inbox needs: messages of a product, and the commits of all products in order.

/** An event as the bus delivers it, and the ledger's messages have it. */
export interface LedgerEvent {
  readonly detail: {
    readonly metadata: {
      readonly product_id: string;
      readonly sequence: number;
      readonly event_id: string;
      readonly hash: string;
      readonly replay?: unknown;
      readonly [name: string]: unknown;
    };
    readonly data: { readonly product_omitted?: boolean; readonly [name: string]: unknown };
  };
  readonly [name: string]: unknown;
}

/** A page of the messages of a product. */
export interface MessagesPage {
  readonly messages: readonly LedgerEvent[];
  readonly next: number | null;
}

/** A commit of the feed, as far as an inbox reads it. */
export interface FeedCommit {
  readonly product_id: string;
  readonly sequence: number;
  readonly hash: string;
  readonly events: readonly unknown[];
}

/** A page of the feed. */
export interface CommitsPage {
  readonly commits: readonly { readonly position: number; readonly commit: FeedCommit | null }[];
  readonly next: number | null;
  readonly newest: number | null;
}

/** The ledger did not answer, or not with what was asked for; the delivery should be tried again. */
export class LedgerError extends Error {
  override readonly name = "LedgerError";
}

/** Where an inbox fetches what it did not receive. */
export interface Ledger {
  /** A page of the messages above a sequence; empty if there are none, also where the ledger has no such product or sequence. */
  messages(product: string, after: number, limit?: number): Promise<MessagesPage>;
  /** A page of the commits above a position; without one the newest commit alone. */
  commits(after: number | undefined, limit?: number): Promise<CommitsPage>;
}

/** A ledger by its address. The token's scope is `products/subscribe`. */
export class HttpLedger implements Ledger {
  readonly #url: string;
  readonly #token: (() => string | Promise<string>) | undefined;
  readonly #timeoutMs: number;

  constructor(url: string, options: { token?: string | (() => string | Promise<string>); timeoutMs?: number } = {}) {
    this.#url = url.replace(/\/+$/, "");
    const { token } = options;
    this.#token = typeof token === "string" ? () => token : token;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
  }

  async messages(product: string, after: number, limit = 100): Promise<MessagesPage> {
    const path = `/products/${encodeURIComponent(product)}/messages?after=${after}&limit=${limit}`;
    const found = await this.#get(path, ["product-not-found", "version-not-found"]);
    return (found as MessagesPage | undefined) ?? { messages: [], next: null };
  }

  async commits(after: number | undefined, limit = 100): Promise<CommitsPage> {
    const where = after === undefined ? "order=desc&limit=1" : `after=${after}&limit=${limit}`;
    return (await this.#get(`/commits?${where}`, [])) as CommitsPage;
  }

  /** The answer, or `undefined` for one of the missing kinds. */
  async #get(path: string, missing: readonly string[]): Promise<unknown> {
    try {
      const headers: Record<string, string> = { accept: "application/json" };
      if (this.#token !== undefined) {
        headers["authorization"] = `Bearer ${await this.#token()}`;
      }
      const answer = await fetch(this.#url + path, { headers, signal: AbortSignal.timeout(this.#timeoutMs) });
      const body = (await answer.json()) as unknown;
      if (answer.ok) {
        return body;
      }
      const kind = String((body as { type?: unknown } | null)?.type ?? "").replace("urn:product-ledger:problem:", "");
      if (missing.includes(kind)) {
        return undefined;
      }
      throw new LedgerError(`GET ${path}: ${answer.status} ${kind}`);
    } catch (error) {
      throw error instanceof LedgerError ? error : new LedgerError(`GET ${path}: ${String(error)}`, { cause: error });
    }
  }
}
