"""What the generator of requests cannot know from the OpenAPI document."""

import re
import uuid

import schemathesis

VALID_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def spelled(value):
    """The same JSON with integers beyond 64 bits written as 6e23: JSON Schema cannot tell the two, the manager takes only the latter."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        # Twice as much: the nearest float of one that is just too large would be small enough.
        return 2.0 * value if abs(value) < 10**307 else 1e308
    if isinstance(value, list):
        return [spelled(item) for item in value]
    if isinstance(value, dict):
        return {name: spelled(item) for name, item in value.items()}
    return value


@schemathesis.hook
def before_call(context, case, kwargs):
    """An Idempotency-Key names one request. The generator would use its short ones again for others, which is refused."""
    headers = case.headers or {}
    for name in [name for name in headers if name.lower() == "idempotency-key"]:
        if isinstance(headers[name], str) and VALID_KEY.fullmatch(headers[name]):
            headers[name] = str(uuid.uuid4())
    if isinstance(case.body, (dict, list)):
        case.body = spelled(case.body)
