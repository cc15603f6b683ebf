// Applies each event of a product ledger once and in order, whatever the bus delivers twice, late or never.

export { type Apply, CannotApply, Contended, FeedChanged, Inbox, type InboxOptions, NotAnEvent, type Outcome } from "./inbox.ts";
export { type CommitsPage, type FeedCommit, HttpLedger, type Ledger, LedgerError, type LedgerEvent, type MessagesPage } from "./ledger.ts";
export * from "./messages.ts";
export { type Cursor, type FeedPosition, MemoryStore, type Parking, type Store } from "./store.ts";
