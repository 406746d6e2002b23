"""What each test of the Python client gets: clients, what the upstream saw, what the gateway recorded.

Start at `Context`; `test` puts a function on the list of tests. With SDK_DIRECT set the client speaks to the fake
server itself, and what only a gateway does (records, keys) is left out.
"""

import json
import os
import time
import urllib.request
import uuid

from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI

from fake_replies import echo

DIRECT = "SDK_DIRECT" in os.environ
FAKE = os.environ["SDK_FAKE"]
CLIENT_KEY = os.environ["SDK_CLIENT_KEY"]
UPSTREAM_KEY = os.environ["SDK_UPSTREAM_KEY"]
ADMIN_PASSWORD = os.environ["SDK_ADMIN_PASSWORD"]
MODEL = "gpt-4.1"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string"}},
            "required": ["city"],
        },
    },
}
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def gateway_only(function):
    if not DIRECT:
        TESTS.append(function)
    return function


def get_json(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as reply:
        return json.loads(reply.read())


def until(condition, seconds, what):
    """Asks again and again until `condition()` gives something, and returns it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return found


def asks_for_usage(path, body):
    """A request's body as the upstream gets it: a stream that says nothing of its usage is asked for it."""
    if DIRECT or not path.split("?")[0].endswith("/completions"):
        return body
    asked = json.loads(body)
    if asked.get("stream") is not True or "stream_options" in asked:
        return body
    return '{"stream_options":{"include_usage":true},' + body[1:]


class Context:
    """One test's clients, what the upstream saw of it, and what the gateway recorded of it."""

    def __init__(self):
        self.marker = uuid.uuid4().hex
        self.base = os.environ["SDK_GOOD"]
        self.sent = []
        self.opened = []

    def options(self, **more):
        """What both clients are made of; they never try twice, and every request names the test."""
        headers = {"x-sdk-test": self.marker, "x-custom": "kept as it came"}
        return {
            "base_url": f"{self.base}/v1",
            "api_key": CLIENT_KEY,
            "max_retries": 0,
            "timeout": 10,
            "default_headers": headers,
            **more,
        }

    def client(self, **more):
        def remember(request):
            self.sent.append(request)

        http = DefaultHttpxClient(event_hooks={"request": [remember]}, trust_env=False)
        self.opened.append(http)
        return OpenAI(http_client=http, **self.options(**more))

    def async_client(self, **more):
        async def remember(request):
            self.sent.append(request)

        http = DefaultAsyncHttpxClient(event_hooks={"request": [remember]}, trust_env=False)
        return AsyncOpenAI(http_client=http, **self.options(**more))

    def close(self):
        for http in self.opened:
            http.close()

    def seen(self):
        return get_json(f"{FAKE}/_seen?test={self.marker}")

    def sees_hang_up(self, since):
        """The upstream lost its peer within a second of `since`."""
        left = since + 1 - time.monotonic()
        until(lambda: any(entry["hung_up"] for entry in self.seen()), left, "the upstream sees the hang-up")

    def records(self, limit=20):
        url = f"{self.base}/admin/request_records?limit={limit}"
        return get_json(url, Accept="application/json", Authorization=f"Bearer {ADMIN_PASSWORD}")

    def check(self, status=200, said=(), response=None):
        """The last request: reached the upstream byte for byte, and stands in the records, with its reply.

        The one exception: the gateway asks for a stream's usage where the client did not.

        `said`: texts that the recorded reply holds. Without it the record's reply is what the upstream sent.
        """
        entry = self.seen()[-1]
        body = self.sent[-1].content.decode() if entry["body"] is not None else None
        asked = asks_for_usage(entry["path"], body)
        assert entry["body"] == asked, (entry["body"], asked)
        assert entry["headers"]["authorization"] == f"Bearer {UPSTREAM_KEY}"
        assert entry["headers"]["x-custom"] == "kept as it came"
        if DIRECT:
            return None
        assert CLIENT_KEY not in json.dumps(entry)
        path = entry["path"].split("?")[0]

        def is_this(record):
            if record["method"] != entry["method"] or record["path"].split("?")[0] != path:
                return False
            if entry["parts"] is not None:
                named = entry["parts"].get("file", {}).get("filename", self.marker)
                return named in (record["body"] or "")
            return (record["body"] or None) == body

        def find():
            return [record for record in self.records() if is_this(record)]

        record = until(find, 5, f"a record of {entry['method']} {path} with the body exact")[0]
        assert record["status"] == status, record
        assert record["upstream_id"], record
        assert record["ip"].startswith("127.0.0.1"), record
        assert record["created_at"] and record["id"], record
        if body and "model" in json.loads(body):
            assert record["model"] == json.loads(body)["model"], record
        if said:
            told = record["response"] or ""
            for text in said:
                escaped = json.dumps(text, ensure_ascii=False)[1:-1]
                assert text in told or escaped in told, (text, told)
        elif entry["reply"] is not None:
            assert record["response"] == entry["reply"], (record["response"], entry["reply"])
        return record


def ask(context, text="你好, “world” \\ \t 🦀", **more):
    """Arguments of a chat that names the test."""
    content = f"{text} {context.marker}"
    return {"model": MODEL, "messages": [{"role": "user", "content": content}], **more}


def answer(context, text="你好, “world” \\ \t 🦀"):
    return echo(f"{text} {context.marker}")


def gathered(chunks, choices=1):
    """The text of each choice of a streamed chat."""
    texts = [""] * choices
    for chunk in chunks:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    return texts
