"""What goes well: everything the official Python client can do over HTTP, streamed and not."""

import asyncio
import base64
import hashlib
import io
import json

from pydantic import BaseModel

import fake_replies
from fake_replies import IMAGE, SPEECH, TOOL_ARGUMENTS, echo
from python_context import DIRECT, MODEL, WEATHER, answer, ask, gathered, test, until


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
    if DIRECT:
        until(lambda: context.seen()[-1]["hung_up"], 1, "the client leaves at [DONE], before the transfer's end")
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
