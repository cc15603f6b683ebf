// The access token of the ledger's client `subscriber`, whose id and secret are in Secrets Manager, by client credentials.

import { getSecret } from "@aws-lambda-powertools/parameters/secrets";

/** How long before its end another token is asked for. */
const EARLIER_S = 300;
/** The most that the issuer may take. */
const TIMEOUT_MS = 10_000;

/** A function that gives a valid token; it asks the issuer only for the first and when a token ends. */
export function accessToken(url: string, secret: string): () => Promise<string> {
  let [token, until] = ["", 0];
  return async () => {
    if (performance.now() >= until) {
      const client = await getSecret<{ client_id: string; client_secret: string }>(secret, { transform: "json", maxAge: EARLIER_S });
      const credentials = Buffer.from(`${client?.client_id}:${client?.client_secret}`).toString("base64");
      const answer = await fetch(url, {
        method: "POST",
        headers: { authorization: `Basic ${credentials}` },
        body: new URLSearchParams({ grant_type: "client_credentials", scope: "products/subscribe" }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (!answer.ok) {
        throw new Error(`the issuer answers ${answer.status}`);
      }
      const found = (await answer.json()) as { access_token: string; expires_in: number };
      token = found.access_token;
      until = performance.now() + (found.expires_in - EARLIER_S) * 1000;
    }
    return token;
  };
}
