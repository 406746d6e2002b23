"""What goes wrong: each failure raises the client's own exception for it, and a client that leaves is noticed."""

import asyncio
import json
import os
import time
import urllib.error

import openai
from openai import AzureOpenAI, DefaultHttpxClient

import fake_replies
from python_context import CLIENT_KEY, UPSTREAM_KEY, answer, ask, gateway_only, get_json, test


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
