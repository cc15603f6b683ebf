// The dialog over a page whose requests are not accepted any more. The page stays as it is, and what it asked for is sent again.

import { useEffect, useRef } from "preact/hooks";
import { challenge, claims } from "../session";
import { SignInForm } from "./SignInForm";

export function SignInAgain() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    if (shown !== null && !shown.open) shown.showModal();
  }, []);
  const ends = claims.value?.ends;
  return (
    <dialog ref={dialog} class="again" aria-labelledby="again" onCancel={() => (challenge.value = "later")}>
      <h2 id="again">Sign in again</h2>
      <p>
        {ends !== undefined && ends < Date.now() ? "Your sign-in has ended." : "Your sign-in is not accepted."} The page stays as it is, and what it asked for
        is sent again.
      </p>
      <SignInForm then={location.hash.slice(1)} entered={() => undefined} />
      <button type="button" class="as-link" onClick={() => (challenge.value = "later")}>
        Later
      </button>
    </dialog>
  );
}
