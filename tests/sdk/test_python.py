"""The official Python client against a base URL: everything it can do must work, and stand recorded.

`run.py` starts the servers and says where they are by environment variables; prints TAP.
Start at `Context`: each test gets one. With SDK_DIRECT set the client speaks to the fake server itself, and what
only a gateway does (records, keys) is left out.
"""

import asyncio
import base64
import hashlib
import io
import json
import os
import signal
import sys
import time
import traceback
import urllib.error
import urllib.request
import uuid

import openai
from openai import AsyncOpenAI, AzureOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI
from pydantic import BaseModel

import fake_replies
from fake_replies import IMAGE, SPEECH, TOOL_ARGUMENTS, echo

DIRECT = "SDK_DIRECT" in os.environ
FAKE = os.environ["SDK_FAKE"]
CLIENT_KEY = os.environ["SDK_CLIENT_KEY"]
UPSTREAM_KEY = os.environ["SDK_UPSTREAM_KEY"]
ADMIN_PASSWORD = os.environ["SDK_ADMIN_PASSWORD"]
TEST_S = 30
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

        `said`: texts that the recorded reply holds. Without it the record's reply is what the upstream sent.
        """
        entry = self.seen()[-1]
        body = self.sent[-1].content.decode() if entry["body"] is not None else None
        assert entry["body"] == body, (entry["body"], body)
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
                return self.marker in (record["body"] or "")
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


@test
def a_chat_is_answered(context):
    reply = context.client().chat.completions.create(**ask(context))
    assert reply.choices[0].message.content == answer(context)
    assert reply.usage.prompt_tokens_details.cached_tokens == 7
    assert reply.model == f"{MODEL}-2025-04-14"
    context.check()


@test
def a_streamed_chat_arrives_whole_and_its_text_is_recorded(context):
    stream = context.client().chat.completions.create(**ask(context, stream=True))
    assert gathered(stream) == [answer(context)]
    context.check(said=[answer(context)])


@test
def a_streamed_chat_tells_its_usage_last(context):
    options = {"include_usage": True}
    chunks = list(context.client().chat.completions.create(**ask(context, stream=True, stream_options=options)))
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == 29
    assert gathered(chunks) == [answer(context)]
    context.check(said=[answer(context)])


@test
def a_stream_in_pieces_of_seven_bytes_is_read_the_same(context):
    stream = context.client().chat.completions.create(**ask(context, model="odd-borders", stream=True))
    assert gathered(stream) == [answer(context)]
    context.check(said=[answer(context)])


@test
def a_client_that_leaves_at_done_has_a_complete_record(context):
    stream = context.client().chat.completions.create(**ask(context, model="late-end", stream=True))
    assert gathered(stream) == [answer(context)]
    context.check(said=[answer(context)])


@test
def a_streamed_reasoning_is_recorded(context):
    stream = context.client().chat.completions.create(**ask(context, model="thinker", stream=True))
    thoughts = ""
    for chunk in stream:
        thoughts += (chunk.choices[0].delta.model_extra or {}).get("reasoning_content", "")
    assert thoughts == "Let me think 想一想."
    context.check(said=[answer(context), thoughts])


@test
def two_choices_come_back_plain_and_streamed(context):
    expected = [answer(context), answer(context) + " #1"]
    client = context.client()
    reply = client.chat.completions.create(**ask(context, n=2))
    assert [choice.message.content for choice in reply.choices] == expected
    context.check()
    assert gathered(client.chat.completions.create(**ask(context, n=2, stream=True)), 2) == expected
    context.check(said=expected)


@test
def a_tool_is_called_and_its_result_answered(context):
    client = context.client()
    asked = ask(context, tools=[WEATHER])
    call = client.chat.completions.create(**asked).choices[0].message
    assert call.tool_calls[0].function.name == "get_weather"
    assert json.loads(call.tool_calls[0].function.arguments) == json.loads(TOOL_ARGUMENTS)
    context.check()
    result = f"26 °C {context.marker}"
    messages = [
        *asked["messages"],
        call.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": result},
    ]
    final = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    assert final.choices[0].message.content == echo(result)
    context.check()


@test
def a_streamed_tool_call_is_put_together(context):
    with context.client().chat.completions.stream(**ask(context, tools=[WEATHER])) as stream:
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert (call.id, call.function.name, call.function.arguments) == ("call_1", "get_weather", TOOL_ARGUMENTS)
    context.check(said=["get_weather", TOOL_ARGUMENTS])


class Answer(BaseModel):
    """A structured output."""

    answer: str


@test
def a_structured_output_is_parsed(context):
    reply = context.client().chat.completions.parse(**ask(context, "42"), response_format=Answer)
    assert reply.choices[0].message.parsed == Answer(answer=f"42 {context.marker}")
    context.check()


@test
def the_upstreams_headers_reach_the_caller(context):
    raw = context.client().chat.completions.with_raw_response.create(**ask(context))
    assert raw.status_code == 200
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.headers["x-ratelimit-remaining-requests"] == "9999"
    assert raw.headers["openai-processing-ms"] == "12"
    assert raw.parse()._request_id == raw.headers["x-request-id"]
    assert raw.content.decode() == context.seen()[-1]["reply"]


@test
def a_completion_comes_plain_and_streamed(context):
    client = context.client()
    asked = {"model": "gpt-3.5-turbo-instruct", "prompt": f"Say {context.marker}"}
    assert client.completions.create(**asked).choices[0].text == echo(asked["prompt"])
    context.check()
    stream = client.completions.create(**asked, stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == echo(asked["prompt"])
    context.check(said=[echo(asked["prompt"])])


@test
def embeddings_come_as_floats_and_as_base64(context):
    client = context.client()
    asked = {"model": "text-embedding-3-small", "input": [context.marker, "二"]}
    for more in ({}, {"encoding_format": "float"}):
        reply = client.embeddings.create(**asked, **more)
        assert [item.embedding for item in reply.data] == [[0.5, -0.25, 32.0, 0.0], [0.5, -0.25, 1.0, 1.0]]
        context.check()


@test
def models_are_listed_and_retrieved(context):
    client = context.client()
    assert [model.id for model in client.models.list()] == ["gpt-4.1", "gpt-5"]
    name = f"ft:gpt-4.1:{context.marker}"
    assert client.models.retrieve(f"m-{context.marker}").id == f"m-{context.marker}"
    context.check()
    assert client.models.retrieve(name).owned_by == "openai"


@test
def a_response_is_created_and_retrieved(context):
    client = context.client()
    reply = client.responses.create(model="gpt-5", input=f"Hi {context.marker}", instructions="Be brief")
    assert reply.output_text == echo(f"Hi {context.marker}")
    assert reply.usage.output_tokens_details.reasoning_tokens == 2
    context.check()
    assert client.responses.retrieve(reply.id).output_text == reply.output_text


@test
def a_streamed_response_has_every_event_in_order(context):
    text = echo(f"Hi {context.marker}")
    asked = {"model": "gpt-5", "input": [{"role": "user", "content": f"Hi {context.marker}"}]}
    events = list(context.client().responses.create(**asked, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [events[0].type, events[-1].type] == ["response.created", "response.completed"]
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == text
    context.check(said=[text])


@test
def the_response_helper_puts_a_stream_together(context):
    with context.client().responses.stream(model="gpt-5", input=f"Hi {context.marker}") as stream:
        for _ in stream:
            pass
        final = stream.get_final_response()
    assert final.output_text == echo(f"Hi {context.marker}")
    assert final.usage.total_tokens == 123
    context.check(said=[final.output_text])


@test
def a_response_calls_a_tool_streamed(context):
    tool = {"type": "function", **WEATHER["function"], "strict": False}
    with context.client().responses.stream(model="gpt-5", input=f"Hi {context.marker}", tools=[tool]) as stream:
        call = stream.get_final_response().output[0]
    assert (call.type, call.name, call.arguments) == ("function_call", "get_weather", TOOL_ARGUMENTS)
    context.check(said=["get_weather", TOOL_ARGUMENTS])


@test
def a_file_goes_up_and_comes_down(context):
    client = context.client()
    content = bytes(range(256)) * 100 + b"\r\n--not-a-boundary\r\n"
    name = f"数据-{context.marker}.jsonl"
    made = client.files.create(file=(name, content), purpose="batch")
    upload = context.seen()[-1]["parts"]
    assert upload["file"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert upload["purpose"] == "batch" and made.bytes == len(content)
    context.check()
    assert client.files.retrieve(made.id).id == made.id
    assert client.files.content(made.id).content == fake_replies.FILE_CONTENT
    context.check()
    assert client.files.delete(made.id).deleted is True
    context.check()


@test
def a_list_is_read_page_by_page(context):
    client = context.client()
    made = [client.files.create(file=(f"{context.marker}-{i}", b"x"), purpose="batch").id for i in range(5)]
    listed = [file.id for file in client.files.list(limit=2)]
    assert [id for id in listed if id in made] == made
    assert any("limit=2" in entry["path"] and "after=file-" in entry["path"] for entry in context.seen())
    for id in made:
        client.files.delete(id)


@test
def an_upload_of_8_mb_arrives_unharmed(context):
    content = hashlib.sha256(b"seed").digest() * (8 * 1024 * 1024 // 32)
    made = context.client().files.create(file=(f"big-{context.marker}", io.BytesIO(content)), purpose="assistants")
    assert made.bytes == len(content)
    assert context.seen()[-1]["parts"]["file"]["sha256"] == hashlib.sha256(content).hexdigest()
    context.check()


@test
def audio_is_transcribed_as_json_text_and_stream(context):
    client = context.client()
    audio = (f"{context.marker}.wav", b"RIFF" + bytes(5000), "audio/wav")
    heard = "heard 听见 5004 bytes"
    assert client.audio.transcriptions.create(model="whisper-1", file=audio).text == heard
    context.check()
    plain = client.audio.transcriptions.create(model="whisper-1", file=audio, response_format="text")
    assert plain == f"{heard}\n"
    stream = client.audio.transcriptions.create(model="gpt-4o-transcribe", file=audio, stream=True)
    events = list(stream)
    assert "".join(e.delta for e in events if e.type == "transcript.text.delta") == heard
    assert events[-1].text == heard
    context.check(said=[heard])
    assert client.audio.translations.create(model="whisper-1", file=audio).text == heard


@test
def speech_comes_back_as_the_same_bytes(context):
    client = context.client()
    asked = {"model": "tts-1", "voice": "alloy", "input": f"Say {context.marker}"}
    assert client.audio.speech.create(**asked).content == SPEECH
    context.check()
    with client.audio.speech.with_streaming_response.create(**asked) as reply:
        assert reply.headers["content-type"] == "audio/mpeg"
        assert b"".join(reply.iter_bytes()) == SPEECH


@test
def an_image_is_generated_and_edited(context):
    client = context.client()
    made = client.images.generate(model="gpt-image-1", prompt=f"A crab {context.marker}", n=2)
    assert [image.b64_json for image in made.data] == [IMAGE, IMAGE]
    context.check()
    picture = (f"{context.marker}.png", base64.b64decode(IMAGE), "image/png")
    edited = client.images.edit(model="gpt-image-1", image=picture, prompt="More crabs")
    assert edited.data[0].b64_json == IMAGE
    context.check()


@test
def a_moderation_is_answered(context):
    reply = context.client().moderations.create(model="omni-moderation-latest", input=f"Hm {context.marker}")
    assert reply.results[0].flagged and reply.results[0].categories.violence
    context.check()


@test
def a_batch_is_created_listed_and_cancelled(context):
    client = context.client()
    metadata = {"test": context.marker}
    asked = {"input_file_id": "file-1", "endpoint": "/v1/responses", "completion_window": "24h"}
    made = client.batches.create(**asked, metadata=metadata)
    assert made.status == "validating" and made.metadata == metadata
    context.check()
    assert client.batches.retrieve(made.id).id == made.id
    assert made.id in [batch.id for batch in client.batches.list()]
    assert client.batches.cancel(made.id).status == "cancelling"


def raises(context, status, kind):
    """A chat that the upstream refuses with `status` raises `kind`, with the upstream's own body."""
    try:
        context.client().chat.completions.create(**ask(context, model=f"err-{status}"))
    except openai.APIStatusError as error:
        assert type(error) is kind, type(error)
        assert error.status_code == status
        assert error.body == fake_replies.error(status)["error"], error.body
        assert error.request_id.startswith("req_"), error.request_id
        context.check(status=status)
        return error
    raise AssertionError(f"no error of status {status}")


@test
def a_bad_request_raises_bad_request_error(context):
    error = raises(context, 400, openai.BadRequestError)
    assert (error.param, error.code, error.type) == ("messages", "invalid_value", "invalid_request_error")


@test
def an_unknown_model_raises_not_found_error(context):
    raises(context, 404, openai.NotFoundError)


@test
def a_conflict_raises_conflict_error(context):
    raises(context, 409, openai.ConflictError)


@test
def an_unprocessable_request_raises_unprocessable_entity_error(context):
    raises(context, 422, openai.UnprocessableEntityError)


@test
def a_bad_request_for_a_stream_raises_before_the_stream(context):
    try:
        context.client().chat.completions.create(**ask(context, model="err-400", stream=True))
    except openai.BadRequestError as error:
        assert error.code == "invalid_value"
        context.check(status=400)
    else:
        raise AssertionError("no error")


@test
def an_exhausted_upstream_raises_rate_limit_error(context):
    context.base = os.environ["SDK_BLAMED"]
    error = raises(context, 429, openai.RateLimitError)
    assert 0 < int(error.response.headers["retry-after"]) <= 7


@test
def a_failing_upstream_raises_internal_server_error(context):
    context.base = os.environ["SDK_BLAMED"]
    raises(context, 500, openai.InternalServerError)


@test
def an_error_as_first_event_of_a_stream_raises(context):
    context.base = os.environ["SDK_BLAMED"]
    try:
        list(context.client().chat.completions.create(**ask(context, model="err-stream", stream=True)))
    except openai.APIError as error:
        assert "The server had an error" in str(error), error
    else:
        raise AssertionError("no error")


@test
def a_refused_upstream_key_raises_authentication_error(context):
    context.base = os.environ["SDK_REFUSED"]
    raises(context, 401, openai.AuthenticationError)


@gateway_only
def a_wrong_client_key_raises_permission_denied_error(context):
    for key in ("wrong", CLIENT_KEY + "x", CLIENT_KEY[:-1], UPSTREAM_KEY):
        try:
            context.client(api_key=key).chat.completions.create(**ask(context))
        except openai.PermissionDeniedError as error:
            assert error.status_code == 403
            assert error.body["message"] == "wrong authorization header", error.body
            assert set(error.body) == {"message", "type", "param", "code"}, error.body
        else:
            raise AssertionError(f"{key!r} was let in")
    assert context.seen() == []


@gateway_only
def the_azure_clients_api_key_header_is_accepted_and_not_passed_on(context):
    headers = {"x-sdk-test": context.marker}
    address = f"{context.base}/v1"
    with DefaultHttpxClient(trust_env=False) as http:
        client = AzureOpenAI(
            base_url=address, api_key=CLIENT_KEY, api_version="2024-10-21", default_headers=headers, http_client=http
        )
        assert [model.id for model in client.models.list()] == ["gpt-4.1", "gpt-5"]
    entry = context.seen()[-1]
    assert entry["path"] == "/v1/models?api-version=2024-10-21"
    assert entry["headers"]["authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert CLIENT_KEY not in json.dumps(entry)


@gateway_only
def the_callers_organization_stays_here(context):
    client = context.client(organization="org-caller", project="proj-caller")
    client.chat.completions.create(**ask(context))
    headers = context.seen()[-1]["headers"]
    assert "openai-organization" not in headers and "openai-project" not in headers


@gateway_only
def a_client_key_does_not_open_the_records(context):
    for key in (CLIENT_KEY, "", UPSTREAM_KEY):
        try:
            get_json(f"{context.base}/admin/request_records", Accept="application/json", Authorization=f"Bearer {key}")
        except urllib.error.HTTPError as error:
            assert error.code in (401, 403), error.code
        else:
            raise AssertionError("let in")


@test
def a_stream_cut_in_the_middle_raises_and_is_never_a_clean_end(context):
    context.base = os.environ["SDK_BLAMED"]
    text = ""
    try:
        for chunk in context.client().chat.completions.create(**ask(context, model="cut", stream=True)):
            text += chunk.choices[0].delta.content or ""
    except openai.APIConnectionError:
        assert text and answer(context).startswith(text)
        context.check(said=[text])
    else:
        raise AssertionError("the stream ended as if it were complete")


@test
def a_reply_cut_in_the_middle_raises(context):
    context.base = os.environ["SDK_BLAMED"]
    try:
        context.client().chat.completions.create(**ask(context, model="cut-json"))
    except (openai.APIConnectionError, openai.InternalServerError):
        return
    raise AssertionError("the reply ended as if it were complete")


@test
def a_silent_upstream_raises_api_timeout_error_and_is_let_go(context):
    try:
        context.client(timeout=0.5).chat.completions.create(**ask(context, model="silent"))
    except openai.APITimeoutError:
        context.sees_hang_up(time.monotonic())
    else:
        raise AssertionError("no time-out")


@test
def closing_a_stream_cancels_the_upstream(context):
    stream = context.client().chat.completions.create(**ask(context, model="slow", stream=True))
    text = ""
    for chunk in stream:
        text += chunk.choices[0].delta.content or ""
        if len(text) > 10:
            break
    stream.close()
    context.sees_hang_up(time.monotonic())
    context.check(status=499, said=[text])


@test
async def cancelling_a_task_that_waits_for_the_reply_cancels_the_upstream(context):
    async with context.async_client() as client:
        task = asyncio.create_task(client.chat.completions.create(**ask(context, model="silent")))
        while not context.seen():
            await asyncio.sleep(0.02)
        task.cancel()
        since = time.monotonic()
        await asyncio.wait([task])
        assert task.cancelled()
        context.sees_hang_up(since)
    context.check(status=499, said=[""])


@test
async def cancelling_a_task_in_a_silent_stream_cancels_the_upstream(context):
    async with context.async_client() as client:
        started = asyncio.Event()

        async def read():
            stream = await client.chat.completions.create(**ask(context, model="pause", stream=True))
            started.set()
            async for _ in stream:
                pass

        task = asyncio.create_task(read())
        # A gateway may hold the head back until content comes, so the upstream is asked, not the client.
        while not any(entry["reply"] for entry in context.seen()):
            await asyncio.sleep(0.02)
        task.cancel()
        since = time.monotonic()
        await asyncio.wait([task])
        context.sees_hang_up(since)


@test
async def the_async_client_chats_streams_and_uploads(context):
    async with context.async_client() as client:
        reply = await client.chat.completions.create(**ask(context))
        assert reply.choices[0].message.content == answer(context)
        context.check()
        stream = await client.chat.completions.create(**ask(context, stream=True))
        assert gathered([chunk async for chunk in stream]) == [answer(context)]
        context.check(said=[answer(context)])
        made = await client.files.create(file=(context.marker, b"async"), purpose="batch")
        assert made.bytes == 5
        await client.files.delete(made.id)
        async with client.responses.stream(model="gpt-5", input=context.marker) as events:
            assert (await events.get_final_response()).output_text == echo(context.marker)


@test
async def forty_streams_at_once_stay_apart(context):
    async with context.async_client() as client:

        async def one(number):
            text = f"number {number}"
            stream = await client.chat.completions.create(**ask(context, text, stream=True))
            assert gathered([chunk async for chunk in stream]) == [answer(context, text)]

        await asyncio.gather(*(one(number) for number in range(40)))
    if not DIRECT:

        def mine():
            found = [record for record in context.records(100) if context.marker in (record["body"] or "")]
            return found if len(found) == 40 else None

        for record in until(mine, 5, "forty records"):
            assert json.loads(record["body"])["messages"][0]["content"] in record["response"], record


@test
def a_body_of_5_mb_goes_through_and_is_recorded_whole(context):
    picture = "data:image/png;base64," + "iVBORw0KGgo" * (5 * 1024 * 1024 // 11)
    content = [
        {"type": "text", "text": f"What is this? {context.marker}"},
        {"type": "image_url", "image_url": {"url": picture}},
    ]
    reply = context.client().chat.completions.create(model=MODEL, messages=[{"role": "user", "content": content}])
    assert reply.choices[0].message.content == echo(f"What is this? {context.marker}")
    context.check()


def out_of_time(*_):
    raise TimeoutError(f"longer than {TEST_S} s")


def main():
    signal.signal(signal.SIGALRM, out_of_time)
    failed = 0
    for number, function in enumerate(TESTS, 1):
        context = Context()
        name = function.__name__.replace("_", " ")
        signal.alarm(TEST_S)
        try:
            outcome = function(context)
            if asyncio.iscoroutine(outcome):
                asyncio.run(outcome)
            print(f"ok {number} - {name}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {number} - {name}")
            for line in traceback.format_exc().splitlines():
                print(f"    {line[:2000]}", flush=True)
        finally:
            signal.alarm(0)
            context.close()
    print(f"1..{len(TESTS)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
