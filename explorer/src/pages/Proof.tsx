// Proof: whether it is whole, since when, and one commit for somebody else.

import { useEffect, useRef, useState } from "preact/hooks";
import { getText, query } from "../api";
import { newest } from "../live";
import { kept } from "../kept";
import { useLoad } from "../load";
import { download } from "../download";
import { Actor } from "../parts/Actor";
import { CompareFile } from "../parts/CompareFile";
import { Copy } from "../parts/Copy";
import { Failure, Waiting } from "../parts/Notice";
import { Link } from "../parts/Link";
import { Phrases } from "../parts/Phrases";
import { ProofFiles } from "../parts/ProofFiles";
import { checkLog, hasLog, remember, seal, type Seal } from "../seal";
import { amount, config, count, date, has, moment, refine, view } from "../state";
import { unsignedFor } from "../status";
import { span } from "../time";
import type { Feed } from "../types";
import { access, verify } from "../verifier";
import type { InclusionAnswer, WholeAnswer } from "../verify/tasks";
import { productView, understood } from "../url";

type Checked = Extract<Seal, { state: "checked" }>;

export function Proof() {
  useEffect(() => {
    document.title = `Proof · ${config.value.title}`;
  }, []);
  if (!hasLog()) {
    return (
      <div class="page">
        <h1 tabIndex={-1}>Proof</h1>
        <div class="card nothing">
          {has("log") ? (
            <p>
              Your sign-in may read products, not their history. It lacks <code>products/audit</code>; whoever runs this ledger can add it.
            </p>
          ) : (
            <p>This ledger has no signed log. The page of each product checks its chain.</p>
          )}
        </div>
      </div>
    );
  }
  const now = seal.value;
  return (
    <div class="page">
      <h1 tabIndex={-1}>Proof</h1>
      {now.state === "checked" ? (
        <Shown seal={now} />
      ) : now.state === "failed" ? (
        <Failure error={new Error(`The log could not be checked: ${now.reason}.`)} retry={() => void checkLog()} />
      ) : (
        <div class="card">
          <Waiting lines={8} />
        </div>
      )}
    </div>
  );
}

function Shown({ seal: now }: { readonly seal: Checked }) {
  const [whole, setWhole] = useState<WholeState>({ state: "not-run" });
  const note = now.answer.note;
  return (
    <>
      <section class="card flush" aria-label="What was checked">
        <Verdict seal={now} whole={whole} />
        <Lines seal={now} whole={whole} setWhole={setWhole} />
      </section>
      <div class="columns even">
        <div>
          {now.answer.state === "broken" || now.answer.size === 0 ? null : <OneCommit note={note} size={now.answer.size} />}
        </div>
        <aside aria-label="What to keep">
          <Shows />
          <KeepThis note={note} />
        </aside>
      </div>
    </>
  );
}

function Verdict({ seal: now, whole }: { readonly seal: Checked; readonly whole: WholeState }) {
  const { look, title, text } = verdict(now, whole);
  const [typed, setTyped] = useState("");
  const answer = now.answer;
  return (
    <div class={`verdict-box ${look}`} role={look === "bad" ? "alert" : "status"}>
      <span class="verdict-mark" aria-hidden="true">
        {look === "good" ? "✓" : look === "bad" ? "✕" : "!"}
      </span>
      <div>
        <h2>{title}</h2>
        <p>{text}</p>
        {answer.state === "another-key" || answer.state === "another-log" ? (
          <form
            class="trust"
            onSubmit={(event) => {
              event.preventDefault();
              if (typed.trim() !== "trust") return;
              remember(answer.origin, answer.note, answer.key);
              void checkLog();
            }}
          >
            <label>
              To trust its key from now on, type <b>trust</b>{" "}
              <input type="text" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
            </label>
            <button type="submit" class="button">
              Trust it
            </button>
          </form>
        ) : null}
        {answer.state === "broken" ? (
          <button type="button" class="button" onClick={() => download(["checkpoints"], "txt", evidence(answer.note), "text/plain")}>
            Save evidence
          </button>
        ) : null}
      </div>
      <button type="button" class="button primary" onClick={() => void checkLog()}>
        Check again
      </button>
    </div>
  );
}

/** The checkpoints that this browser kept, and today's. */
function evidence(note: string): string {
  const all = Object.values(kept().logs ?? {}).flatMap((one) => [one, ...(one.before ?? [])]).map((one) => `kept ${one.at}, key ${one.key}\n\n${one.note}`);
  return [...all, `answered ${new Date().toISOString()}\n\n${note}`].join("\n----\n\n");
}

function verdict(now: Checked, whole: WholeState): { look: "good" | "bad" | "warn"; title: string; text: string } {
  const { answer } = now;
  if (whole.state === "done" && whole.answer.fault !== undefined) {
    return { look: "bad", title: "Does not fit.", text: `The log and the commits contradict each other: ${whole.answer.fault}. Save the evidence now.` };
  }
  const since = now.keptAt === undefined ? "" : date(now.keptAt);
  const late = unsignedFor();
  if (late !== undefined && (answer.state === "first" || answer.state === "continues")) {
    return { look: "warn", title: `${late}.`, text: `What is signed fits; commits have waited since. ${count(answer.size)} commits are in the signed log.` };
  }
  switch (answer.state) {
    case "broken":
      return {
        look: "bad",
        title: "Does not fit.",
        text: `${answer.reason.charAt(0).toUpperCase()}${answer.reason.slice(1)}. Somebody changed the past, or the log was exchanged. Save the evidence now, and do not clear this browser.`,
      };
    case "another-key":
      return {
        look: "warn",
        title: "Signed by another key.",
        text: `It is not the key that you trusted${now.keyAt === undefined ? "" : ` on ${date(now.keyAt)}`}. Ask those who run this ledger, by another way, whether it was changed.`,
      };
    case "another-log":
      return {
        look: "warn",
        title: "This is another log than the one you kept.",
        text: `Its name is ${answer.origin}. At this address this browser kept a log of another name; the two cannot be compared.`,
      };
    case "first":
      return {
        look: "good",
        title: "It fits together.",
        text: "This browser had kept no checkpoint, so it cannot tell what was there before today. It keeps one now.",
      };
    case "continues": {
      const text =
        answer.oldSize === answer.size
          ? `${amount(answer.size, "commit")}, as on ${since}.`
          : `${amount(answer.oldSize ?? 0, "commit")} on ${since}, ${count(answer.size)} now: the old log is the beginning of the new one.`;
      return { look: "good", title: "Nothing was removed or changed since your last visit.", text: `${text} Checked in this browser at ${moment(now.at)}.` };
    }
  }
}

type WholeState =
  | { readonly state: "not-run" }
  | { readonly state: "running"; readonly done: number; readonly of: number }
  | { readonly state: "done"; readonly answer: WholeAnswer; readonly note: string }
  | { readonly state: "failed"; readonly reason: string };

function Lines({ seal: now, whole, setWhole }: { readonly seal: Checked; readonly whole: WholeState; readonly setWhole: (next: WholeState) => void }) {
  const { answer } = now;
  const control = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => control.current?.abort(), []);
  const run = (): void => {
    control.current = new AbortController();
    setWhole({ state: "running", done: 0, of: answer.size ?? 0 });
    verify<"whole">(
      { kind: "whole", access: access(), checkpoint: answer.note },
      { signal: control.current.signal, progress: (done, of) => setWhole({ state: "running", done, of }) },
    ).then(
      (found) => setWhole({ state: "done", answer: found, note: answer.note }),
      (error: unknown) => {
        const isStopped = error instanceof DOMException && error.name === "AbortError";
        setWhole(isStopped ? { state: "not-run" } : { state: "failed", reason: error instanceof Error ? error.message : String(error) });
      },
    );
  };
  const good = whole.state === "done" && whole.answer.fault === undefined;
  const bad = whole.state === "done" && whole.answer.fault !== undefined;
  const mark = good ? "✓" : bad ? "✕" : "○";
  const isTrusted = answer.state === "continues" || answer.state === "first";
  const size = answer.size ?? 0;
  const unlogged = newest.value === undefined ? 0 : Math.max(0, newest.value + 1 - size);
  return (
    <ul class="lines">
      <Line
        mark={mark}
        title="Every commit is what was hashed, and follows the one before it"
        text={
          whole.state === "done"
            ? bad
              ? (whole.answer.fault ?? "")
              : `${amount(whole.answer.commits, "commit")} of ${amount(whole.answer.products, "product")}: SHA-256 over the canonical form.`
            : whole.state === "failed"
              ? `Not finished: ${whole.reason}.`
              : `Not run: ${amount(size, "commit")}.`
        }
        side={
          whole.state === "running" ? (
            <>
              <progress max={whole.of} value={whole.done} aria-label="Commits that are checked" /> {count(whole.done)}{" "}
              <button type="button" class="button" onClick={() => control.current?.abort()}>
                Stop
              </button>
            </>
          ) : whole.state === "done" ? (
            `in ${span(whole.answer.milliseconds)}`
          ) : (
            <button type="button" class="button" onClick={run}>
              Check all {count(size)}
            </button>
          )
        }
      />
      <Line
        mark={mark}
        title="Every commit is in the signed log, once, and nothing else is"
        text={good ? "The entries of all commits lead to the signed root." : "Checked together with the line above."}
        side={good && whole.state === "done" ? <code>{whole.answer.root.slice(0, 12)}…</code> : null}
      />
      <Line
        mark={isTrusted ? "✓" : answer.state === "broken" ? "✕" : "!"}
        title={answer.state === "continues" && now.keyAt !== undefined ? `The checkpoint is signed by the key that you trusted on ${date(now.keyAt)}` : "The checkpoint is signed"}
        text={
          answer.state === "broken" ? (
            answer.reason
          ) : (
            <>
              <code class="wrap">{answer.key}</code>
              {answer.state === "first" ? " The key came from this server: compare it with what its operator publishes elsewhere." : ""}
            </>
          )
        }
        side="Ed25519"
      />
      <Line
        mark={answer.state === "continues" ? "✓" : answer.state === "broken" ? "✕" : "–"}
        title="It continues the checkpoint that this browser kept"
        text={
          <>
            {answer.state === "continues" ? "This browser keeps the last one that it checked." : answer.state === "broken" ? answer.reason : "This browser had kept none of this log."}
            {isTrusted ? <CompareFile checkpoint={answer.note} trusted={answer.key} /> : null}
          </>
        }
        side={answer.state === "continues" ? `${count(answer.oldSize ?? 0)} → ${count(answer.size)}` : null}
      />
      <Witnesses note={answer.note} />
      {unlogged > 0 ? (
        <Line mark="!" title="Not all of it is in the log yet" text={`${count(unlogged)} commit${unlogged === 1 ? "" : "s"} came after this checkpoint.`} side={null} />
      ) : null}
    </ul>
  );
}

/** Who else signed the checkpoint. This page has no keys of witnesses: it names them, and does not verify what they signed. */
function Witnesses({ note }: { readonly note: string }) {
  const signers = [...note.matchAll(/^\u2014 (\S+) \S+$/gm)].map((found) => found[1] as string);
  const others = [...new Set(signers)].filter((name) => name !== note.slice(0, note.indexOf("\n")));
  const title = others.length === 0 ? "No witness signed it" : `${others.length} witness${others.length === 1 ? "" : "es"} signed it too`;
  const text = others.length === 0 ? "Without witnesses only kept checkpoints show that everybody sees the same log." : `${others.join(", ")}. This page has no keys of witnesses and does not verify these signatures.`;
  return <Line mark="–" title={title} text={text} side={null} />;
}

const LOOKS: Readonly<Record<string, string>> = { "✓": "good", "✕": "bad", "!": "warn" };

function Line({ mark, title, text, side }: { readonly mark: string; readonly title: string; readonly text: preact.ComponentChildren; readonly side: preact.ComponentChildren }) {
  const words: Readonly<Record<string, string>> = { "✓": "fits", "✕": "does not fit", "!": "look", "○": "not run", "–": "nothing to compare" };
  return (
    <li>
      <span class={`line-mark ${LOOKS[mark] ?? ""}`}>
        <span aria-hidden="true">{mark}</span>
        <span class="sr">{words[mark]}: </span>
      </span>
      <div>
        <b>{title}</b>
        <div class="muted small">{text}</div>
      </div>
      <div class="line-side muted small">{side}</div>
    </li>
  );
}

function OneCommit({ note, size }: { readonly note: string; readonly size: number }) {
  const asked = understood(view.value)["position"];
  const position = asked === undefined ? size - 1 : Number(asked);
  const [text, setText] = useState(String(position));
  useEffect(() => setText(String(position)), [position]);
  const page = useLoad(`proof ${position} ${note}`, async (signal) => {
    const path = query("commits", { after: position - 1, before: position + 1, limit: 1 });
    const answer = await getText(path, { signal });
    const commit = (JSON.parse(answer) as Feed).commits[0]?.commit ?? undefined;
    if (commit === undefined || position >= size) return { commit, inclusion: undefined };
    const inclusion = await verify<"inclusion">({ kind: "inclusion", access: access(), checkpoint: note, position, page: answer });
    return { commit, inclusion };
  });
  const submit = (event: Event): void => {
    event.preventDefault();
    if (/^\d{1,15}$/.test(text.trim())) refine({ position: text.trim() });
  };
  const commit = page.data?.commit;
  const inclusion = page.data?.inclusion;
  return (
    <section class="card" aria-labelledby="one-title">
      <div class="card-head">
        <h2 id="one-title">One commit, for a third party</h2>
        <span class="spring" />
        <form onSubmit={submit} class="position">
          <label>
            Position <input type="text" inputMode="numeric" value={text} onInput={(event) => setText(event.currentTarget.value)} />
          </label>
          <button type="submit" class="button">
            Show
          </button>
        </form>
      </div>
      {page.error === undefined ? null : <Failure error={page.error} retry={page.reload} />}
      {page.data === undefined && page.error === undefined ? <Waiting /> : null}
      {page.data !== undefined && commit === undefined ? <p>There is no commit at position {position}.</p> : null}
      {commit === undefined ? null : (
        <>
          <p>
            <Link to={productView(commit.product_id)}>
              <bdi>{commit.state.name}</bdi>
            </Link>
            : <Phrases commit={commit} /> by <Actor of={commit.metadata.actor} />, {moment(commit.recorded_at)}.
          </p>
          {inclusion === undefined ? (
            <p class="muted">It is in no signed checkpoint yet.</p>
          ) : (
            <>
              <p class={inclusion.isIncluded ? "good" : "bad"}>
                {inclusion.isIncluded
                  ? `✓ It is entry ${count(inclusion.index)} of the ${count(inclusion.size)} in the signed log; computed in this browser.`
                  : "✕ It does not lead to the signed root."}
              </p>
              <Path inclusion={inclusion} />
              <p class="actions">
                <ProofFiles commit={commit} isPrimary />
              </p>
            </>
          )}
        </>
      )}
    </section>
  );
}

const SHOWN_LEVELS = 5;

/** The path from the entry to the root, folded in its middle. */
function Path({ inclusion }: { readonly inclusion: InclusionAnswer }) {
  const { path } = inclusion;
  const isFolded = path.length > SHOWN_LEVELS;
  const levels = isFolded ? [...path.slice(0, 3), undefined, ...path.slice(-1)] : path;
  const [width, step] = [460, 40];
  const height = (levels.length + 1) * step + 6;
  const xOf = (level: number): number => 20 + level * 66;
  const yOf = (level: number): number => height - 36 - level * step;
  const [bw, bh] = [76, 28];
  return (
    <>
      <div class="scroll-x" tabIndex={0} role="region" aria-label="The path from the commit to the root">
        <svg class="tree" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${path.length} hashes lead from the entry to the root`}>
          {levels.map((level, index) => (
            <g key={index}>
              <path class="tree-own" d={`M${xOf(index) + bw / 2} ${yOf(index)}v-6H${xOf(index + 1) + bw / 2}v-6`} />
              {level === undefined ? null : <path class="tree-other" d={`M${xOf(index) + bw * 1.7} ${yOf(index)}v-6H${xOf(index + 1) + bw / 2}`} />}
              {level === undefined ? null : (
                <>
                  <rect class="tree-given" x={xOf(index) + bw * 1.2} y={yOf(index)} width={bw} height={bh} rx="5" />
                  <text class="tree-text" x={xOf(index) + bw * 1.7} y={yOf(index) + 18} text-anchor="middle">
                    {level.hash.slice(0, 4)}…
                  </text>
                </>
              )}
            </g>
          ))}
          {[...levels, undefined].map((_, index) => {
            const isRoot = index === levels.length;
            const before = levels[index - 1];
            const words = index === 0 ? String(inclusion.index) : isRoot ? "root" : before === undefined ? "…" : `${before.leads.slice(0, 4)}…`;
            return (
              <g key={index}>
                <rect class={index === 0 ? "tree-leaf" : isRoot ? "tree-root" : "tree-node"} x={xOf(index)} y={yOf(index)} width={bw} height={bh} rx="5" />
                <text class="tree-text" x={xOf(index) + bw / 2} y={yOf(index) + 18} text-anchor="middle">
                  {words}
                </text>
              </g>
            );
          })}
        </svg>
      </div>
      <p class="muted small">
        Solid: computed here. Dashed: from the log.{isFolded ? ` ${path.length - 4} of ${path.length} levels are folded.` : ""}
      </p>
      <details class="small">
        <summary>All {path.length} hashes</summary>
        <div class="scroll-x" tabIndex={0} role="region" aria-label="All hashes of the path">
          <table class="steps">
            <thead>
              <tr>
                <th scope="col" class="number">Level</th>
                <th scope="col">Stands</th>
                <th scope="col">Hash from the log</th>
              </tr>
            </thead>
            <tbody>
              {path.map((level, index) => (
                <tr key={index}>
                  <td class="number">{index}</td>
                  <td>{level.side}</td>
                  <td>
                    <code class="wrap">{level.hash}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}

function Shows() {
  return (
    <section class="card" aria-labelledby="shows-title">
      <h2 id="shows-title">What this shows</h2>
      <ul class="plain-list">
        <li><span class="good" aria-hidden="true">✓</span> The text of each checked commit, its order and its time are as they were recorded.</li>
        <li><span class="good" aria-hidden="true">✓</span> No commit and no product is missing since the oldest checkpoint that you kept.</li>
      </ul>
      <h3>What it does not show</h3>
      <ul class="plain-list">
        <li>– That what was recorded is true.</li>
        <li>– What happened before the first checkpoint that somebody kept.</li>
        <li>– That this page is honest: it came from the same server. Check with a program of your own: <code>ledger log verify {document.baseURI}log --key KEY</code>, with the key from where its owner published it</li>
      </ul>
    </section>
  );
}

function KeepThis({ note }: { readonly note: string }) {
  const bytes = new TextEncoder().encode(note).length;
  return (
    <section class="card" aria-labelledby="keep-title">
      <h2 id="keep-title">Keep this</h2>
      <p class="muted">
        {bytes} bytes that make every later change of the past visible. Put them where those who run this ledger cannot change them: a mail to yourself is enough.
      </p>
      <pre tabIndex={0} aria-label="The checkpoint">{note.trimEnd()}</pre>
      <p class="actions">
        <button type="button" class="button" onClick={() => download(["checkpoint", new Date().toISOString().slice(0, 10)], "txt", note, "text/plain")}>
          Save checkpoint
        </button>
        <Copy text={note} />
      </p>
    </section>
  );
}

