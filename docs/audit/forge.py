#!/usr/bin/env python3
"""Forges the newest commit of a product in a data directory, as somebody who can write to the file could.

    forge.py DIR PRODUCT ACTOR      the commit says that ACTOR sent it, under a new hash that fits

It shows what docs/audit.md says: the chain is whole afterwards, and the log finds the change. Use it on a copy.
Needs Python's standard library alone.
"""
import hashlib, json, pathlib, sqlite3, sys


def canonical(commit):
    """RFC 8785, for texts whose names are ASCII."""
    return json.dumps(commit, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def main(directory, product, actor):
    ledger = sqlite3.connect(pathlib.Path(directory) / "ledger.sqlite3", isolation_level=None)
    newest = "SELECT position, line FROM commits WHERE product_id = ? ORDER BY sequence DESC LIMIT 1"
    position, line = ledger.execute(newest, [product]).fetchone()
    commit = json.loads(line)
    commit["metadata"]["actor"] = actor
    del commit["hash"]
    commit["hash"] = hashlib.sha256(canonical(commit).encode()).hexdigest()
    triggers = ledger.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    ledger.execute("BEGIN IMMEDIATE")
    for name, _ in triggers:
        ledger.execute(f"DROP TRIGGER {name}")
    change = "UPDATE commits SET line = ?, hash = ? WHERE position = ?"
    ledger.execute(change, [canonical(commit), commit["hash"], position])
    for _, sql in triggers:
        ledger.execute(sql)
    ledger.execute("COMMIT")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
