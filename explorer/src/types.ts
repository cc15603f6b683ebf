// The answers of the ledger, as far as the pages read them. What they are in full: `/openapi.json`.

export interface Product {
  readonly id: string;
  readonly name: string;
  readonly price: string;
  readonly currency: string;
  readonly sku?: string;
  readonly category?: string;
  readonly description?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly status: "active" | "deleted";
  readonly price_occurred_at?: string;
  readonly version: number;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface StoredEvent {
  readonly event_id: string;
  readonly type: string;
  readonly schema_version: number;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Commit {
  readonly product_id: string;
  readonly sequence: number;
  readonly commit_id: string;
  readonly recorded_at: string;
  readonly events: readonly StoredEvent[];
  readonly state: Omit<Product, "id"> & { readonly id: string; readonly schema_version: number };
  readonly metadata: {
    readonly actor: string;
    readonly correlation_id: string;
    readonly causation_id: string;
    readonly occurred_at: string;
  };
  readonly previous_hash: string;
  readonly hash: string;
}

/** What became of the publication of an event: a receipt, a failure, a restored one, or nothing yet. */
export interface Publication {
  readonly event_id?: string;
  readonly receipt_id?: string;
  readonly bus?: string;
  readonly published_at?: string;
  readonly attempts?: number;
  readonly restored?: boolean;
  readonly error?: string;
  readonly details?: { readonly error_code?: string };
  readonly failed_at?: string;
}

export type Receipts = readonly (Publication | null)[];

export interface History {
  readonly commits: readonly (Commit & { readonly receipts: Receipts })[];
  readonly next: number | null;
}

export interface FeedEntry {
  readonly position: number;
  readonly retroactive?: boolean;
  readonly receipts?: Receipts;
  readonly commit: Commit | null;
  /** Set by the page where a part of the list did not load: its first and last position. */
  readonly notLoaded?: { readonly first: number; readonly last: number };
}

export interface Feed {
  readonly commits: readonly FeedEntry[];
  readonly next: number | null;
  readonly newest: number | null;
}

export interface Period {
  readonly price: string;
  readonly currency: string;
  readonly from: string;
  readonly to: string | null;
  readonly sequence: number;
}

export interface Prices {
  readonly currency: string;
  readonly current: string | null;
  readonly version: number;
  readonly reduction: { readonly is_reduction: boolean; readonly since: string; readonly series_since: string } | null;
  readonly reference: {
    readonly price: string;
    readonly since: string;
    readonly from: string;
    readonly to: string;
    readonly days: number;
  } | null;
  readonly timeline: readonly Period[];
  readonly next: string | null;
}

export interface ProductPage {
  readonly products: readonly Product[];
  readonly next: string | null;
}

export interface CategoryPage {
  readonly categories: readonly { readonly category: string; readonly products: number }[];
  readonly next: string | null;
}

/** `/ui/config.json`: what this server is and has. */
export interface Config {
  readonly title: string;
  readonly build: string;
  readonly base: string;
  readonly mode: "open" | "token";
  readonly features: readonly string[];
  readonly default_currency: string;
}
