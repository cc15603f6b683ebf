#!/usr/bin/env python3
"""Verifies a ledger with Python's standard library alone; docs/audit.md explains the checks.

    verify.py EXPORT | verify.py http://HOST:PORT      (LEDGER_TOKEN: bearer token)

Prints every fault or, if there is none, one hash over all heads. Exit code 0: whole, 1: faults, 2: could not check.
An export by position has to give the root of its checkpoint; who signed that is not checked here.
"""
import base64, functools, hashlib, http.client, json, os, re, sys, urllib.error, urllib.parse, urllib.request

def names(pairs):  # RFC 8785: sorted by UTF-16 code units; readers disagree on a name that appears twice
    pairs.sort(key=lambda pair: pair[0].encode("utf-16-be"))
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name appears twice")
    return dict(pairs)

def number(digits):  # RFC 8785 rounds numbers to doubles, which keep integers below 2^53 exactly
    if abs(int(digits)) >= 2**53:
        raise ValueError(digits + " is too large")
    return int(digits)

def check_depth(text):  # 127 levels, as most readers allow
    level = 0
    for mark in re.findall(r'"(?:[^"\\]|\\.)*"|[][{}]', text):
        level += {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark, 0)
        if level > 127:
            raise ValueError("nested too deeply")

def read(line):  # UTF-8 without a byte order mark
    text = line.decode()
    if text.count("[") + text.count("{") > 127:
        check_depth(text)
    return json.loads(text, object_pairs_hook=names, parse_int=number, parse_float=number, parse_constant=number)

def faults(commit, before):  # `before`: what is kept of the product's previous commit, empty before the first
    rest = {name: value for name, value in commit.items() if name != "hash"}
    text = json.dumps(rest, ensure_ascii=False, separators=(",", ":"))
    first, last = commit["sequence"], commit["sequence"] + len(commit["events"]) - 1
    state, recorded_at = commit["state"], commit["recorded_at"]
    if hashlib.sha256(text.encode()).hexdigest() != commit["hash"]: yield "changed"
    if first != before.get("last", 0) + 1 or last < first: yield "follows sequence %d" % before.get("last", 0)
    if commit["previous_hash"] != before.get("hash", "0" * 64): yield "broken link"
    if recorded_at < before.get("recorded_at", ""): yield "time runs backwards"
    if state["id"] != commit["product_id"]: yield "state of another product"
    if state["version"] != last or state["updated_at"] != recorded_at: yield "wrong state"
    before.update(last=last, hash=commit["hash"], recorded_at=recorded_at)

class Positions:  # the log of an export by position: the tree of RFC 6962 over its entries
    def __init__(self, note):
        self.origin, size, self.signed = note.split("\n")[:3]
        self.size, self.count, self.subtrees, self.found = int(size), 0, [], None

    def add(self, entry):
        self.reached()
        node = (1, hashlib.sha256(b"\0" + entry).digest())
        while self.subtrees and self.subtrees[-1][0] == node[0]:
            node = (2 * node[0], hashlib.sha256(b"\1" + self.subtrees.pop()[1] + node[1]).digest())
        self.subtrees, self.count = self.subtrees + [node], self.count + 1

    def reached(self):
        if self.count == self.size:
            join = lambda right, left: hashlib.sha256(b"\1" + left + right).digest()
            hashes = [digest for _, digest in reversed(self.subtrees)] or [hashlib.sha256().digest()]
            self.found = base64.b64encode(functools.reduce(join, hashes)).decode()

def leaf(commit):
    first = hashlib.sha256(("product-ledger/product\n" + commit["product_id"]).encode()).hexdigest()
    return bytes.fromhex(first if commit["previous_hash"] == "0" * 64 else commit["previous_hash"]) + bytes.fromhex(commit["hash"])

def get(url):
    token = os.environ.get("LEDGER_TOKEN")
    request = urllib.request.Request(url, headers={"Authorization": "Bearer " + token} if token else {})
    try:
        return read(urllib.request.urlopen(request).read())
    except urllib.error.HTTPError as refusal:  # with what the server says about it
        raise OSError("%s: %s" % (refusal, refusal.read(2000).decode(errors="replace")))

def histories(url):  # all products, including deleted ones, in order of id, as the lines of an export
    ids, cursor = set(), {}
    while cursor != {"cursor": None}:
        query = {"include": "deleted", "sort": "updated_at", "limit": 100, **cursor}
        page = get(url + "/products?" + urllib.parse.urlencode(query))
        ids.update(product["id"] for product in page["products"])
        cursor = {"cursor": page["next"]}
    for product in sorted(ids):
        after = 0
        while after is not None:
            page = get("%s/products/%s/history?after=%d&limit=100" % (url, product, after))
            for commit in page["commits"]:
                commit.pop("receipts", None)  # they are not part of the commit
                yield json.dumps(commit).encode()
            after = page["next"]

def counted(count, one):
    return "%d %s%s" % (count, one, "" if count == 1 else "s")

def main(source):
    heads, commits, bad, log, moved, place, before = {}, 0, 0, None, [], 0, ("", "")
    back = [0, 0]  # how often lines step back, by product and by time: without a checkpoint nothing else tells their order
    for line, text in enumerate(histories(source) if "://" in source else open(source, "rb"), 1):
        try:
            commit = read(text)
            if line == 1 and set(commit) == {"checkpoint"}:
                log, back = Positions(commit["checkpoint"]), [1, 0]
                continue
            if set(commit) == {"position", "entry"}:
                entry, back = base64.b64decode(commit["entry"], validate=True), [1, 0]
                found = ["another position"] if commit["position"] != place else []
            else:
                product, entry = commit["product_id"], None
                if product < next(reversed(heads), ""): moved.append((line, product, commit["sequence"], "product out of order"))
                back = [back[0] + (product < before[0]), back[1] + (commit["recorded_at"] < before[1])] if not log else back
                before, commits = (product, commit["recorded_at"]), commits + 1
                found = list(faults(commit, heads.setdefault(product, {})))
            if log: log.add(leaf(commit) if entry is None else entry)
        except (LookupError, TypeError, ValueError) as error:
            commit, found, commits = {}, ["unreadable: %r" % error], commits + 1
        place += 1
        told = [(line, commit.get("product_id"), commit.get("sequence"), fault) for fault in found]
        bad += report(told)
    if back[0] <= back[1]: bad += report(moved)
    if log:
        log.reached()
        if log.found != log.signed: bad += report([(1, None, None, "the checkpoint names another root")])
    listed = ("%s %d %s\n" % (product, head["last"], head["hash"]) for product, head in sorted(heads.items()) if head)
    counts = counted(len(heads), "product") + ", " + counted(commits, "commit")
    if bad:
        print(counted(bad, "fault") + ": " + counts)
        return 1
    if log: print("the first %s give the root that the checkpoint of %s names" % (counted(log.size, "position"), log.origin))
    print("whole: %s, heads %s" % (counts, hashlib.sha256("".join(listed).encode()).hexdigest()))
    return 0

def report(found):
    for fault in found:
        print("line %d: product %r sequence %r: %s" % fault)
    return len(found)

if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1] not in ("-h", "--help"):
        try:
            sys.exit(main(sys.argv[1]))
        except (OSError, http.client.HTTPException, LookupError, TypeError, ValueError) as error:
            text = "could not check %s: %s: %s" % (sys.argv[1], type(error).__name__, error)
            print("".join(letter if letter.isprintable() else " " for letter in text), file=sys.stderr)
            sys.exit(2)
    print(__doc__.strip())
    sys.exit(0 if len(sys.argv) == 2 else 2)
