"""What an outsider needs to check a log: checkpoints and keys as signed notes, the tree of RFC 6962, and proofs.

Written from the specifications (C2SP signed-note, tlog-checkpoint, tlog-tiles, tlog-proof), and shares no code with the ledger.
"""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

#: Entries of a full bundle, hashes of a full tile.
WIDTH = 256
#: Bytes of an entry that is a commit, of its halves, and of a hash.
ENTRY, HASH = 64, 32
#: The first line of a proof.
PROOF = "c2sp.org/tlog-proof@v1"
#: The type of an Ed25519 key.
ED25519 = b"\x01"


@dataclass(frozen=True)
class Key:
    """A verifier key: `NAME+ID+BASE64`."""

    name: str
    id: bytes
    public: bytes

    @classmethod
    def read(cls, line):
        """Raises `AssertionError` if the id is not that of name and key."""
        name, key_id, encoded = line.split("+", 2)
        decoded = base64.b64decode(encoded, validate=True)
        assert decoded[:1] == ED25519 and len(decoded) == 1 + HASH, line
        expected = hashlib.sha256(name.encode() + b"\n" + decoded).digest()[:4]
        assert bytes.fromhex(key_id) == expected, line
        return cls(name, expected, decoded[1:])


@dataclass(frozen=True)
class Checkpoint:
    """The size and the root of a log."""

    size: int
    root: bytes

    @classmethod
    def open(cls, note, key):
        """The checkpoint in a note, which the key must have signed."""
        text, signatures = note.rsplit("\n\n", 1)
        text += "\n"
        lines = [line.split(" ") for line in signatures.splitlines()]
        assert all(dash == "\u2014" for dash, _, _ in lines), signatures
        decoded = [(name, base64.b64decode(encoded, validate=True)) for _, name, encoded in lines]
        [signature] = [each[4:] for name, each in decoded if (name, each[:4]) == (key.name, key.id)]
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
        origin, size, root = text.splitlines()
        assert origin == key.name
        return cls(int(size), base64.b64decode(root, validate=True))


def entry_of(commit):
    """The entry of a commit."""
    first = hashlib.sha256(b"product-ledger/product\n" + commit["product_id"].encode()).hexdigest()
    parent = first if commit["previous_hash"] == "0" * 2 * HASH else commit["previous_hash"]
    return bytes.fromhex(parent) + bytes.fromhex(commit["hash"])


def leaf_hash(entry):
    """The hash of an entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def root_of(hashes):
    """The root over hashes of entries."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return _node(root_of(hashes[:split]), root_of(hashes[split:]))


def proved(proof, entry, key):
    """Where a proof file has an entry, and the checkpoint that it is under; raises `AssertionError` if it does not prove it."""
    head, checkpoint = proof.split("\n\n", 1)
    first, *lines = head.splitlines()
    assert first == PROOF
    lines = lines[1:] if lines[0].startswith("extra ") else lines
    word, index = lines[0].split(" ")
    assert word == "index"
    place, opened = int(index), Checkpoint.open(checkpoint, key)
    found, last = leaf_hash(entry), opened.size - 1
    assert place <= last
    at = place
    for line in lines[1:]:
        sibling = base64.b64decode(line, validate=True)
        assert last > 0, "the proof is too long"
        if at % 2 == 1 or at == last:
            found = _node(sibling, found)
            while at % 2 == 0 and at > 0:
                at, last = at >> 1, last >> 1
        else:
            found = _node(found, sibling)
        at, last = at >> 1, last >> 1
    assert (last, found) == (0, opened.root)
    return place, opened


def entries_in(bundle):
    """The entries of a bundle, each behind its length in two bytes."""
    entries = []
    while bundle:
        length = int.from_bytes(bundle[:2])
        entries.append(bundle[2 : 2 + length])
        assert len(entries[-1]) == length
        bundle = bundle[2 + length :]
    return entries


def path_of(kind, index, width):
    """The path of a tile of a level, or of a bundle (`entries`), with so many hashes or entries."""
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03}")
    return f"/log/tile/{kind}/{'/'.join(groups)}" + ("" if width == WIDTH else f".p/{width}")


def _node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()
