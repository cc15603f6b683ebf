"""The access token of the ledger's client `subscriber`, whose id and secret are in Secrets Manager, by client credentials."""

from __future__ import annotations

import base64
import json
import time
import urllib.parse
import urllib.request

from aws_lambda_powertools.utilities import parameters

#: How long before its end another token is asked for.
_EARLIER_S = 300
#: The most that the issuer may take.
_TIMEOUT_S = 10


class AccessToken:
    """Called for each request to the ledger; asks the issuer only for the first and when a token ends."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret
        self._token = ""
        self._until = 0.0

    def __call__(self) -> str:
        if time.monotonic() >= self._until:
            client = parameters.get_secret(self._secret, transform="json", max_age=_EARLIER_S)
            credentials = base64.b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
            form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "products/subscribe"}).encode()
            request = urllib.request.Request(self._url, form, {"Authorization": f"Basic {credentials}"})
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                found = json.load(answer)
            self._token = found["access_token"]
            self._until = time.monotonic() + found["expires_in"] - _EARLIER_S
        return self._token
