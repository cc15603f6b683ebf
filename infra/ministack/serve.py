"""Starts ministack on loopback with one bug fixed: unlike DynamoDB, its PartiQL INSERT writes no stream record.

The port is GATEWAY_PORT. It does not start with any other version of ministack than the one it was written for.
"""

import os
from importlib.metadata import version

os.environ["BIND_HOST"] = "127.0.0.1"
# The MQTT listener has a fixed port and is not needed.
os.environ["IOT_MTLS_ENABLED"] = "0"

from ministack.app import main  # noqa: E402
from ministack.services import dynamodb  # noqa: E402

WRITTEN_FOR = "1.5.33"
if version("ministack") != WRITTEN_FOR:
    raise SystemExit(f"ministack {version('ministack')} is installed, but this was written for {WRITTEN_FOR}")

insert = dynamodb._partiql_insert


def insert_and_tell(table, parsed):
    """The original, plus the missing stream record."""
    answer = insert(table, parsed)
    if answer[0] == 200:
        item = parsed["item"]
        item = item["M"] if isinstance(item, dict) and set(item) == {"M"} else item
        dynamodb._emit_stream_event(table["TableName"], "INSERT", None, item)
    return answer


dynamodb._partiql_insert = insert_and_tell

if __name__ == "__main__":
    main()
