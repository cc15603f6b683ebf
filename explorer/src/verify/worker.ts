// The worker: checks what it is asked to, away from the page, so that the page never stops answering.

import { checkCheckpoint, checkCompare, checkHistory, checkInclusion, checkWhole } from "./check";
import type { Answers, Reply, Request, Task } from "./tasks";

const stopped = new Set<number>();

const reply = (message: Reply): void => {
  postMessage(message);
};

function done(id: number, task: Task): Promise<Answers[keyof Answers]> {
  switch (task.kind) {
    case "history":
      return checkHistory(task);
    case "checkpoint":
      return checkCheckpoint(task);
    case "inclusion":
      return checkInclusion(task);
    case "compare":
      return checkCompare(task);
    case "whole": {
      const report = (count: number, of: number): void => reply({ id, progress: { done: count, of } });
      return checkWhole(task, report, () => stopped.has(id));
    }
  }
}

addEventListener("message", (event: MessageEvent<Request>) => {
  const request = event.data;
  if ("stop" in request) {
    stopped.add(request.id);
    return;
  }
  const { id, task } = request;
  done(id, task)
    .then((answer) => reply({ id, answer }))
    .catch((error: unknown) => reply({ id, error: error instanceof Error ? error.message : String(error) }))
    .finally(() => stopped.delete(id));
});
