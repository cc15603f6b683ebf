// Signing out: the page is loaded anew, so that nothing of what was shown, asked for or followed is left.

import { config } from "./state";
import { keepInTab } from "./tab";

/** Signs out here and, where the issuer has that, there. */
export function leave(): void {
  keepInTab({ out: true });
  const { end_session_url: end, client_id: client } = config.value;
  if (end === undefined) {
    history.replaceState(null, "", `${document.baseURI}#/sign-in`);
    location.reload();
    return;
  }
  const url = new URL(end);
  url.searchParams.set("client_id", client ?? "");
  // The name of OpenID Connect, and the one of Cognito.
  for (const name of ["post_logout_redirect_uri", "logout_uri"]) url.searchParams.set(name, document.baseURI);
  location.assign(url);
}
