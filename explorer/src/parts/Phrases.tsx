// What a commit did, in words, with prices and their changes.

import type { Change } from "../money";
import { date, money } from "../state";
import type { Commit } from "../types";
import { later } from "./Later";
import { LongText } from "./LongText";
import { visible } from "../visible";
import { type FieldChange, type Phrase, phrases, verb } from "../words";

/** By how much a price went down or up. */
export function ChangeTag({ change }: { readonly change: Change }) {
  if (change.direction === "same" || change.percent === undefined) return null;
  const isDown = change.direction === "down";
  return (
    <span class={isDown ? "tag drop" : "tag"}>
      <span aria-hidden="true">{isDown ? "▼" : "▲"}</span>
      <span class="sr">{isDown ? "down" : "up"}</span> {change.percent}
    </span>
  );
}

function One({ phrase }: { readonly phrase: Phrase }) {
  switch (phrase.kind) {
    case "created":
      return (
        <>
          Created, <b>{money(phrase.price, phrase.currency)}</b>
        </>
      );
    case "price":
      return (
        <>
          <span class="before">
            {phrase.change === undefined ? `${phrase.beforeCurrency} ${phrase.before}` : money(phrase.before, phrase.beforeCurrency)}
          </span>{" "}
          <Arrow /> <b>{phrase.change === undefined ? `${phrase.currency} ${phrase.price}` : money(phrase.price, phrase.currency)}</b>{" "}
          {phrase.change === undefined ? null : <ChangeTag change={phrase.change} />}
        </>
      );
    case "stated":
      return (
        <>
          Price from {date(phrase.from)}: <b>{money(phrase.price, phrase.currency)}</b>
        </>
      );
    case "renamed":
      return (
        <>
          Renamed: <bdi class="before">{phrase.before}</bdi> <Arrow />{" "}
          <b>
            <bdi>{phrase.after}</bdi>
          </b>
        </>
      );
    case "details":
      return (
        <>
          Details:{" "}
          {phrase.changes.map((change, index) => (
            <span key={change.field}>
              {index === 0 ? "" : ", "}
              {change.field === "description" ? change.field : <b dir="auto">{change.field}</b>} {verb(change)}
            </span>
          ))}
        </>
      );
    case "deleted":
      return <b>Removed from the catalogue</b>;
    case "restored":
      return <b>Back in the catalogue</b>;
    case "unknown":
      return (
        <>
          <code>{phrase.type}</code>: this page does not know it; see JSON
        </>
      );
  }
}

function Arrow() {
  return (
    <>
      <span aria-hidden="true">→</span>
      <span class="sr">to</span>
    </>
  );
}

/** A commit in words. */
export function Phrases({ commit }: { readonly commit: Commit }) {
  return (
    <>
      {phrases(commit).map((phrase, index) => (
        <span key={index} class="phrase">
          {index === 0 ? null : <span class="muted"> · </span>}
          <One phrase={phrase} />
        </span>
      ))}
    </>
  );
}

/** From this length on a changed text is shown by the words that differ. */
const LONG = 80;

const TextChange = later(async () => (await import("./TextChange")).TextChange);

/** The changed fields of a commit, old and new. */
export function FieldChanges({ changes }: { readonly changes: readonly FieldChange[] }) {
  return (
    <dl class="changes">
      {changes.map((change) => (
        <div key={change.field}>
          <dt dir="auto">{visible(change.field)}</dt>
          <dd dir="auto">
            <Changed change={change} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Changed({ change: { before, after } }: { readonly change: FieldChange }) {
  if (before !== undefined && after !== undefined && Math.max(before.length, after.length) > LONG) return <TextChange before={before} after={after} />;
  return (
    <>
      {before === undefined ? null : <del>{before.length > LONG ? <LongText text={before} /> : visible(before)}</del>}
      {before === undefined || after === undefined ? null : " → "}
      {after === undefined ? null : <ins>{after.length > LONG ? <LongText text={after} /> : visible(after)}</ins>}
    </>
  );
}
