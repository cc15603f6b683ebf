// What the worker is asked to check, and what it answers.

import type { ChainFault, ChainPlace } from "./chain";

/** How the worker reaches the ledger. */
export interface Access {
  /** The address below which the routes are, with a `/` at its end. */
  readonly base: string;
  readonly token: string | undefined;
}

/** The text of a page of a product's history, checked at a place. */
export interface HistoryTask {
  readonly kind: "history";
  readonly text: string;
  /** Where it goes on; `undefined` if the commits before it are not known. */
  readonly place: ChainPlace | undefined;
}

/** The checkpoint of the log, against what this browser kept. */
export interface CheckpointTask {
  readonly kind: "checkpoint";
  readonly access: Access;
  /** The checkpoints that were kept, by origin, each with the key that was trusted. */
  readonly kept: Readonly<Record<string, KeptCheckpoint>>;
}

/** Every commit, and the root of their entries, against a checkpoint. */
export interface WholeTask {
  readonly kind: "whole";
  readonly access: Access;
  readonly checkpoint: string;
}

/** The entry of a commit in the log under a checkpoint. */
export interface InclusionTask {
  readonly kind: "inclusion";
  readonly access: Access;
  readonly checkpoint: string;
  readonly position: number;
  /** The text of the commit's page of the feed. */
  readonly page: string;
}

/** A file that somebody kept, a checkpoint, a proof or an export, against a checkpoint that was checked. */
export interface CompareTask {
  readonly kind: "compare";
  readonly access: Access;
  readonly checkpoint: string;
  /** The key that the reader trusts. */
  readonly key: string;
  readonly text: string;
}

export type Task = HistoryTask | CheckpointTask | WholeTask | InclusionTask | CompareTask;

/** A checkpoint that this browser kept. */
export interface KeptCheckpoint {
  readonly note: string;
  readonly key: string;
  /** When the key was trusted, and when the checkpoint was kept. */
  readonly keyAt: string;
  readonly at: string;
  /** Those of the same name whose keys were trusted before, the newest first. */
  readonly before?: readonly KeptCheckpoint[];
}

export interface HistoryAnswer {
  readonly checked: readonly { readonly sequence: number; readonly hash: string }[];
  /** Where the next page goes on, unless there is a fault. */
  readonly place: ChainPlace | undefined;
  readonly fault: ChainFault | undefined;
}

/** What the checkpoint of a log is to this browser. */
export type CheckpointAnswer =
  | { readonly state: "first" | "continues"; readonly note: string; readonly key: string; readonly origin: string; readonly size: number; readonly root: string; readonly oldSize: number | undefined }
  | { readonly state: "another-log"; readonly note: string; readonly key: string; readonly origin: string; readonly size: number; readonly root: string }
  | { readonly state: "another-key"; readonly note: string; readonly key: string; readonly origin: string; readonly size: number }
  | { readonly state: "broken"; readonly note: string; readonly reason: string; readonly size: number | undefined; readonly oldSize: number | undefined };

export interface WholeAnswer {
  readonly commits: number;
  readonly products: number;
  readonly root: string;
  readonly milliseconds: number;
  /** What does not fit; `undefined`: all of it does. */
  readonly fault: string | undefined;
}

export interface InclusionAnswer {
  readonly isIncluded: boolean;
  readonly index: number;
  readonly size: number;
  /** The hashes of the proof, from the entry to the root, each with the side it stands on and the hash that it leads to. */
  readonly path: readonly { readonly hash: string; readonly side: "left" | "right"; readonly leads: string }[];
  readonly entry: string;
}

/** What a file is to the ledger: a beginning of it, one that contradicts it, of another log, or none that can be compared. */
export interface CompareAnswer {
  readonly state: "continues" | "broken" | "another-log" | "refused";
  readonly text: string;
}

export interface Answers {
  readonly history: HistoryAnswer;
  readonly checkpoint: CheckpointAnswer;
  readonly whole: WholeAnswer;
  readonly inclusion: InclusionAnswer;
  readonly compare: CompareAnswer;
}

/** A message to the worker. */
export type Request = { readonly id: number; readonly task: Task } | { readonly id: number; readonly stop: true };

/** A message of the worker. */
export type Reply =
  | { readonly id: number; readonly progress: { readonly done: number; readonly of: number } }
  | { readonly id: number; readonly answer: Answers[keyof Answers] }
  | { readonly id: number; readonly error: string };
