// The seal in the header: what this browser has checked of the log, in a few words.

import { newest } from "../live";
import { hasLog, seal } from "../seal";
import { amount } from "../state";
import { unsignedFor } from "../status";
import { Link } from "./Link";

function words(): { mark: string; look: string; text: string; more?: string } {
  if (newest.value === -1) return { mark: "–", look: "", text: "No commits yet" };
  const now = seal.value;
  if (now.state === "checking") return { mark: "○", look: "", text: "Checking…" };
  if (now.state !== "checked") return { mark: "○", look: "", text: "Not checked yet" };
  const { answer } = now;
  switch (answer.state) {
    case "broken":
      return { mark: "✕", look: "bad", text: "Does not fit" };
    case "another-key":
      return { mark: "!", look: "warn", text: "Another key" };
    case "another-log":
      return { mark: "!", look: "warn", text: "Another log" };
    case "first":
    case "continues": {
      const late = unsignedFor();
      if (late !== undefined) return { mark: "!", look: "warn", text: late };
      return { mark: "✓", look: "good", text: "Signed", more: ` · ${amount(answer.size, "commit")}` };
    }
  }
}

export function SealMark() {
  if (!hasLog()) return null;
  const { mark, look, text, more = "" } = words();
  return (
    <Link to={{ page: "proof", parameters: {} }} class={`seal ${look}`} aria-label={`Proof: ${text}${more}`}>
      <span aria-hidden="true">{mark}</span>
      <span class="seal-words">
        {text}
        {more === "" ? null : <span class="wide">{more}</span>}
      </span>
    </Link>
  );
}
