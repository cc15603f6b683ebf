// What stands in the place of every page for a token that may read nothing here.

import { useEffect } from "preact/hooks";
import { leave } from "../leave";
import { config } from "../state";

export function Lacking() {
  useEffect(() => {
    document.title = config.value.title;
  }, []);
  return (
    <div class="page sign-in">
      <h1 tabIndex={-1}>Your sign-in may not read this ledger.</h1>
      <p>
        It lacks <code>products/read</code>; whoever runs this ledger can add it.
      </p>
      <button type="button" class="button" onClick={leave}>
        Sign in as somebody else
      </button>
    </div>
  );
}
