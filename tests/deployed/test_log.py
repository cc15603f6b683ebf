"""The log: each commit is in it once, under checkpoints that its key signed and that only grow; the feed has its order."""

import os

import pytest
from api import new_product, problem
from contract import conforms
from schedules import RETRY_PARKED, invoked
from transparency import WIDTH, Checkpoint, Key, entries_in, entry_of, leaf_hash, path_of, proved, root_of
from waiting import until

#: The most entries that are all read and hashed; a larger log is checked by its proofs alone.
MOST = 20_000


@pytest.fixture(scope="module")
def key(stack, auditor):
    """The newest key of the log, once it has begun: with the next turn of the schedule, or with this one."""
    said, failed = invoked(stack.function("sequencer"), RETRY_PARKED)
    assert not failed, said
    answer = until(lambda: auditor.get("/log/key"), lambda answer: answer.status_code == 200, "the begin of the log")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    return Key.read(answer.text.splitlines()[-1].split(" ")[0])


@pytest.fixture(scope="module")
def recorded(key, writer, auditor):
    """Two commits of a product, recorded after the log has begun, as the history has them."""
    product = new_product()
    writer.write("PUT", f"/products/{product}", {"name": "Logged", "price": "1.00"})
    writer.write("PATCH", f"/products/{product}", {"price": "2.00"})
    return auditor.commits(product)


@pytest.fixture(scope="module")
def proofs(auditor, recorded):
    """The proof of each of them, once they are logged."""
    return [proof_of(auditor, commit) for commit in recorded]


def proof_of(auditor, commit):
    """The proof file of a commit; until it is logged, the answer says so."""
    path = f"/products/{commit['product_id']}/history/{commit['sequence']}/proof"

    def asked():
        answer = auditor.get(path)
        if answer.status_code != 200:
            problem(answer, 404, "not-logged-yet")
            assert int(answer.headers["Retry-After"]) > 0
        return answer

    answer = until(asked, lambda answer: answer.status_code == 200, f"the logging of {path}")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    return answer.text


def checkpoint(auditor, key):
    """The newest checkpoint."""
    answer = auditor.get("/log/checkpoint")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    return Checkpoint.open(answer.text, key)


def file(client, path, **headers):
    """The bytes of a file of the log."""
    answer = client.get(path, **headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/octet-stream"), answer.text
    return answer.content


def every_commit_is_proved_offline_by_the_key_and_its_place_is_in_the_order_of_its_product(key, recorded, proofs):
    places = [proved(proof, entry_of(commit), key)[0] for commit, proof in zip(recorded, proofs, strict=True)]
    assert places == sorted(places) and len(set(places)) == len(places)


def a_proof_is_of_one_commit_alone(key, recorded, proofs):
    first, second = recorded
    with pytest.raises(AssertionError):
        proved(proofs[0], entry_of(second), key)
    with pytest.raises(AssertionError):
        proved(proofs[0], entry_of(first | {"hash": second["hash"]}), key)


@pytest.mark.parametrize("accept", ["*/*", "application/octet-stream", "text/html,*/*;q=0.8", None])
def an_entry_is_the_same_bytes_whatever_the_client_accepts(auditor, key, recorded, proofs, accept):
    if accept is None and os.environ.get("AWS_ENDPOINT_URL"):
        pytest.skip("the emulator answers base64 to a client that names no type")
    place, _ = proved(proofs[1], entry_of(recorded[1]), key)
    newest = checkpoint(auditor, key)
    path = path_of("entries", place // WIDTH, min(WIDTH, newest.size - place // WIDTH * WIDTH))
    assert entries_in(file(auditor, path, Accept=accept))[place % WIDTH] == entry_of(recorded[1])


def every_entry_is_under_the_root_and_the_log_has_only_grown(auditor, key, recorded, proofs):
    _, earlier = proved(proofs[0], entry_of(recorded[0]), key)
    newest = checkpoint(auditor, key)
    assert earlier.size <= newest.size
    if newest.size > MOST:
        pytest.skip(f"the log has {newest.size} entries; verify it with `ledger log verify`")
    hashes, entries = [], []
    for first in range(0, newest.size, WIDTH):
        width = min(WIDTH, newest.size - first)
        entries += entries_in(file(auditor, path_of("entries", first // WIDTH, width)))
        hashes = [leaf_hash(entry) for entry in entries]
        assert file(auditor, path_of(0, first // WIDTH, width)) == b"".join(hashes[first:])
    assert (len(entries), root_of(hashes)) == (newest.size, newest.root)
    assert root_of(hashes[: earlier.size]) == earlier.root
    assert len(set(entries)) == len(entries)


def the_feed_has_the_commits_at_their_places_in_the_log(auditor, key, recorded, proofs):
    product = recorded[0]["product_id"]
    answer = auditor.get(f"/commits?product={product}")
    assert answer.status_code == 200, answer.text
    page = answer.json()
    places = [proved(proof, entry_of(commit), key)[0] for commit, proof in zip(recorded, proofs, strict=True)]
    assert [row["position"] for row in page["commits"]] == places
    for row, commit in zip(page["commits"], recorded, strict=True):
        conforms(row["commit"], "commit")
        assert row["commit"]["hash"] == commit["hash"]
    assert page["newest"] >= places[-1]


def a_follower_of_the_feed_is_told_of_a_new_commit(writer, auditor, proofs):
    newest = auditor.get("/commits?limit=1").json()["newest"]
    product = new_product()
    receipt = writer.write("PUT", f"/products/{product}", {"name": "Followed", "price": "1.00"})
    found = until(
        lambda: auditor.get(f"/commits?after={newest}&product={product}&wait=5").json()["commits"],
        bool,
        "the commit in the feed",
    )
    assert [row["commit"]["hash"] for row in found] == [receipt["hash"]]


def what_the_log_does_not_have_is_said(auditor, key, recorded):
    newest = checkpoint(auditor, key)
    problem(auditor.get(path_of(0, newest.size // WIDTH + 1, WIDTH)), 404, "not-found")
    problem(auditor.get(f"/products/{recorded[0]['product_id']}/history/99/proof"), 404, "version-not-found")


@pytest.mark.parametrize("path", ["/products/x/history/1/proof", "/commits"])
def a_reader_gets_neither_proofs_nor_the_feed(reader, path):
    problem(reader.get(path), 403, "forbidden")
