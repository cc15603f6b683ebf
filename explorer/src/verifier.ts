// The page's side of the worker.

import { token } from "./session";
import type { Access, Answers, Reply, Request, Task } from "./verify/tasks";

declare const WORKER: string;

interface Waiting {
  readonly resolve: (answer: Answers[keyof Answers]) => void;
  readonly reject: (error: Error) => void;
  readonly progress: ((done: number, of: number) => void) | undefined;
}

interface ScriptUrls {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): { createScriptURL(url: string): string };
}

let worker: Worker | undefined;
let last = 0;
const waiting = new Map<number, Waiting>();

function started(): Worker {
  if (worker !== undefined) return worker;
  const url = new URL(WORKER, import.meta.url).href;
  const types = (globalThis as { trustedTypes?: ScriptUrls }).trustedTypes;
  const trusted = types?.createPolicy("ledger", { createScriptURL: (given) => given }).createScriptURL(url) ?? url;
  worker = new Worker(trusted, { type: "module" });
  worker.addEventListener("message", (event: MessageEvent<Reply>) => {
    const reply = event.data;
    const one = waiting.get(reply.id);
    if (one === undefined) return;
    if ("progress" in reply) {
      one.progress?.(reply.progress.done, reply.progress.of);
      return;
    }
    waiting.delete(reply.id);
    if ("answer" in reply) one.resolve(reply.answer);
    else one.reject(new Error(reply.error));
  });
  worker.addEventListener("error", () => {
    for (const one of waiting.values()) one.reject(new Error("the checks of this page could not be loaded"));
    waiting.clear();
  });
  return worker;
}

/** Has the worker check something. */
export function verify<K extends Task["kind"]>(
  task: Extract<Task, { kind: K }>,
  options: { readonly progress?: (done: number, of: number) => void; readonly signal?: AbortSignal } = {},
): Promise<Answers[K]> {
  last += 1;
  const id = last;
  const send = (request: Request): void => started().postMessage(request);
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve: (answer) => resolve(answer as Answers[K]), reject, progress: options.progress });
    options.signal?.addEventListener("abort", () => {
      send({ id, stop: true });
      waiting.delete(id);
      reject(new DOMException("stopped", "AbortError"));
    });
    send({ id, task });
  });
}

/** How the worker reaches the ledger. */
export function access(): Access {
  return { base: document.baseURI, token: token.value };
}
