"""Starts ministack on loopback with one fault repaired: its PartiQL INSERT writes no stream record, DynamoDB's does.

The port is GATEWAY_PORT's. It refuses to start with a version of ministack it was not written for.
"""

import os
from importlib.metadata import version

os.environ["BIND_HOST"] = "127.0.0.1"
# Its listener for MQTT has a port that it does not choose, and nothing here speaks it.
os.environ["IOT_MTLS_ENABLED"] = "0"

from ministack.app import main  # noqa: E402
from ministack.services import dynamodb  # noqa: E402

WRITTEN_FOR = "1.5.33"
if version("ministack") != WRITTEN_FOR:
    raise SystemExit(f"ministack {version('ministack')} is installed, this was written for {WRITTEN_FOR}")

insert = dynamodb._partiql_insert


def insert_and_tell(table, parsed):
    """The original, followed by the stream record that it leaves out."""
    answer = insert(table, parsed)
    if answer[0] == 200:
        item = parsed["item"]
        item = item["M"] if isinstance(item, dict) and set(item) == {"M"} else item
        dynamodb._emit_stream_event(table["TableName"], "INSERT", None, item)
    return answer


dynamodb._partiql_insert = insert_and_tell

if __name__ == "__main__":
    main()
