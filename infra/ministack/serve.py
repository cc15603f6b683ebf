"""Starts ministack on loopback with two bugs fixed. Unlike DynamoDB, its PartiQL INSERT writes no stream record. Unlike API
Gateway, it leaves the base path of a domain out of a function's event, and puts the stage in its place.

The port is GATEWAY_PORT. It does not start with any other version of ministack than the one it was written for.
"""

import os
from contextvars import ContextVar
from importlib.metadata import version

os.environ["BIND_HOST"] = "127.0.0.1"
# The MQTT listener has a fixed port and is not needed.
os.environ["IOT_MTLS_ENABLED"] = "0"

from ministack.app import main  # noqa: E402
from ministack.services import apigateway_v1, dynamodb  # noqa: E402

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

resolve, build = apigateway_v1.resolve_base_path_mapping, apigateway_v1._build_lambda_event_v1
#: What the present request has before the path of the API: None unless a domain's mapping named the stage.
base_path = ContextVar("base_path", default=None)


def resolve_and_keep(domain_name, path):
    """The original; keeps the base path for the event of the same request."""
    found = resolve(domain_name, path)
    base_path.set(path.removesuffix(found[2]) if found and found[1] else None)
    return found


def build_with_base_path(api_id, stage_name, stage, resource, request_path, *others, **named):
    """The original, with the path that the client sent."""
    event = build(api_id, stage_name, stage, resource, request_path, *others, **named)
    base = base_path.get()
    if base is not None:
        event["path"] = event["requestContext"]["path"] = base + request_path
    return event


apigateway_v1.resolve_base_path_mapping = resolve_and_keep
apigateway_v1._build_lambda_event_v1 = build_with_base_path

if __name__ == "__main__":
    main()
