"""Makes a key, writes its public half to the file given as a JSON Web Key Set, and prints a token with every scope."""

import base64
import json
import sys
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


key = Ed25519PrivateKey.generate()
with open(sys.argv[1], "w") as file:
    x = text(key.public_key().public_bytes_raw())
    json.dump({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "attack", "use": "sig", "x": x}]}, file)
header = {"alg": "EdDSA", "typ": "JWT", "kid": "attack"}
claims = {
    "iss": "https://issuer.example", "aud": "ledger", "sub": "schemathesis", "exp": int(time.time()) + 3600,
    "scope": "products/read products/write products/audit",
}
signed = text(json.dumps(header).encode()) + "." + text(json.dumps(claims).encode())
print(signed + "." + text(key.sign(signed.encode())))
