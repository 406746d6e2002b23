"""What the fake OpenAI server answers: payloads in the shapes of OpenAI's published API description.

Start at `chat`. Nothing here knows of sockets or threads.
"""

import base64
import json
import struct

CREATED = 1_741_290_958
SPEECH = bytes(range(256)) * 1024
IMAGE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256))).decode()
FILE_CONTENT = b'{"custom_id":"a"}\n' + bytes(range(256))
TOOL_ARGUMENTS = '{"city":"上海","unit":"celsius"}'

ERRORS = {
    400: (
        "invalid_request_error",
        "messages",
        "invalid_value",
        "Invalid value: 'wizard'. Supported values are: 'system' and 'user'.",
    ),
    401: ("invalid_request_error", None, "invalid_api_key", "Incorrect API key provided."),
    403: (
        "invalid_request_error",
        None,
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: (
        "invalid_request_error",
        None,
        "model_not_found",
        "The model `err-404` does not exist or you do not have access to it.",
    ),
    409: ("invalid_request_error", None, "conflict", "The resource was updated by another request."),
    422: ("invalid_request_error", "input", "unprocessable", "The request was well-formed but could not be followed."),
    429: ("tokens", None, "rate_limit_exceeded", "Rate limit reached for requests"),
    500: ("server_error", None, None, "The server had an error while processing your request"),
}


def error(status):
    kind, param, code, message = ERRORS[status]
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def text_of(content):
    """The text of a message's content, be it a string or a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or [])


def pieces(text):
    """`text` in pieces of three characters, as a model would stream it."""
    return [text[i : i + 3] for i in range(0, len(text), 3)]


def echo(asked):
    return f"echo 回声 🦀 “{asked}”\n\tdone"


def chat_usage():
    return {
        "prompt_tokens": 19,
        "completion_tokens": 10,
        "total_tokens": 29,
        "prompt_tokens_details": {"cached_tokens": 7, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 0},
    }


def tool_calls():
    function = {"name": "get_weather", "arguments": TOOL_ARGUMENTS}
    return [{"id": "call_1", "type": "function", "function": function}]


def chat_texts(asked):
    """The reply text of each choice."""
    last = text_of(asked["messages"][-1].get("content"))
    if asked.get("response_format", {}).get("type") == "json_schema":
        return [json.dumps({"answer": last}, ensure_ascii=False)]
    return [echo(last) + (f" #{i}" if i else "") for i in range(asked.get("n") or 1)]


def wants_tool(asked):
    return bool(asked.get("tools")) and asked["messages"][-1]["role"] != "tool"


def chat(asked):
    if wants_tool(asked):
        message = {"role": "assistant", "content": None, "tool_calls": tool_calls(), "refusal": None}
        choices = [{"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls"}]
    else:
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
            for index, text in enumerate(chat_texts(asked))
        ]
    return {
        "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "object": "chat.completion",
        "created": CREATED,
        "model": asked["model"] + "-2025-04-14",
        "choices": choices,
        "usage": chat_usage(),
        "service_tier": "default",
    }


def chat_chunk(asked, choices, usage=None):
    chunk = {
        "id": "chatcmpl-123",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": asked["model"] + "-2025-04-14",
        "system_fingerprint": "fp_44709d6fcb",
        "choices": choices,
    }
    if (asked.get("stream_options") or {}).get("include_usage"):
        chunk["usage"] = usage
    return chunk


def delta(index, change, finish=None):
    return {"index": index, "delta": change, "logprobs": None, "finish_reason": finish}


def chat_events(asked):
    """The `data:` payloads of a streamed chat, `[DONE]` not among them."""
    if wants_tool(asked):
        head = {"index": 0, **tool_calls()[0], "function": {"name": "get_weather", "arguments": ""}}
        yield chat_chunk(asked, [delta(0, {"role": "assistant", "content": None, "tool_calls": [head]})])
        for piece in pieces(TOOL_ARGUMENTS):
            part = {"index": 0, "function": {"arguments": piece}}
            yield chat_chunk(asked, [delta(0, {"tool_calls": [part]})])
        yield chat_chunk(asked, [delta(0, {}, "tool_calls")])
    else:
        texts = chat_texts(asked)
        for index in range(len(texts)):
            yield chat_chunk(asked, [delta(index, {"role": "assistant", "content": "", "refusal": None})])
        if asked["model"].startswith("thinker"):
            for piece in pieces("Let me think 想一想."):
                yield chat_chunk(asked, [delta(0, {"reasoning_content": piece})])
        columns = [pieces(text) for text in texts]
        for row in range(max(map(len, columns))):
            for index, column in enumerate(columns):
                if row < len(column):
                    yield chat_chunk(asked, [delta(index, {"content": column[row]})])
        for index in range(len(texts)):
            yield chat_chunk(asked, [delta(index, {}, "stop")])
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield chat_chunk(asked, [], chat_usage())


def completion(asked, text=None, finish="stop"):
    return {
        "id": "cmpl-uqkvlQyYK7bGYrRHQ0eXlWi7",
        "object": "text_completion",
        "created": CREATED,
        "model": asked["model"],
        "choices": [
            {
                "text": echo(asked["prompt"]) if text is None else text,
                "index": 0,
                "logprobs": None,
                "finish_reason": finish,
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
    }


def completion_events(asked):
    for piece in pieces(echo(asked["prompt"])):
        yield completion(asked, piece, None)
    yield completion(asked, "")


def embeddings(asked):
    inputs = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
    data = []
    for index, text in enumerate(inputs):
        vector = [0.5, -0.25, float(len(text)), float(index)]
        if asked.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack("<4f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": vector})
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    return {"object": "list", "data": data, "model": asked["model"], "usage": usage}


def model(name):
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "openai"}


def response_asked(asked):
    """The text that was asked of the responses API."""
    if isinstance(asked.get("input"), str):
        return asked["input"]
    return text_of((asked.get("input") or [{}])[-1].get("content"))


def response_item(asked, item_status="completed"):
    if asked.get("tools"):
        done = item_status == "completed"
        return {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": "get_weather",
            "arguments": TOOL_ARGUMENTS if done else "",
            "status": item_status,
        }
    content = []
    if item_status == "completed":
        content = [{"type": "output_text", "text": echo(response_asked(asked)), "annotations": []}]
    return {"type": "message", "id": "msg_1", "status": item_status, "role": "assistant", "content": content}


def response(asked, status="completed"):
    done = status == "completed"
    return {
        "id": "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": asked.get("instructions"),
        "max_output_tokens": None,
        "model": asked["model"],
        "output": [response_item(asked)] if done else [],
        "parallel_tool_calls": True,
        "previous_response_id": asked.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": asked.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": 36,
            "input_tokens_details": {"cached_tokens": 4},
            "output_tokens": 87,
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": 123,
        }
        if done
        else None,
        "user": None,
        "metadata": {},
    }


def response_events(asked):
    """The events of a streamed response, numbered, in the order OpenAI sends them."""
    item = response_item(asked)
    place = {"item_id": item["id"], "output_index": 0}
    events = [
        {"type": "response.created", "response": response(asked, "in_progress")},
        {"type": "response.in_progress", "response": response(asked, "in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": response_item(asked, "in_progress")},
    ]
    if item["type"] == "function_call":
        kind = "response.function_call_arguments"
        events += [{"type": f"{kind}.delta", **place, "delta": piece} for piece in pieces(TOOL_ARGUMENTS)]
        events.append({"type": f"{kind}.done", **place, "name": "get_weather", "arguments": TOOL_ARGUMENTS})
    else:
        place["content_index"] = 0
        part = item["content"][0]
        events.append({"type": "response.content_part.added", **place, "part": {**part, "text": ""}})
        for piece in pieces(part["text"]):
            events.append({"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []})
        events.append({"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []})
        events.append({"type": "response.content_part.done", **place, "part": part})
    events.append({"type": "response.output_item.done", "output_index": 0, "item": item})
    events.append({"type": "response.completed", "response": response(asked)})
    for number, event in enumerate(events):
        yield {**event, "sequence_number": number}


def transcript_events(text):
    for piece in pieces(text):
        yield {"type": "transcript.text.delta", "delta": piece}
    yield {"type": "transcript.text.done", "text": text}


def moderation(asked):
    names = ["harassment", "hate", "illicit", "self-harm", "sexual", "violence", "violence/graphic"]
    result = {
        "flagged": True,
        "categories": {name: name == "violence" for name in names},
        "category_scores": {name: 0.9 if name == "violence" else 0.001 for name in names},
        "category_applied_input_types": {name: ["text"] for name in names},
    }
    return {"id": "modr-0d9740456c391e43", "model": asked.get("model", "omni-moderation-latest"), "results": [result]}


def batch(number, asked):
    return {
        "id": f"batch_{number}",
        "object": "batch",
        "endpoint": asked["endpoint"],
        "errors": None,
        "input_file_id": asked["input_file_id"],
        "completion_window": asked["completion_window"],
        "status": "validating",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": CREATED,
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": asked.get("metadata"),
    }


def images(asked):
    return {"created": CREATED, "data": [{"b64_json": IMAGE} for _ in range(int(asked.get("n") or 1))]}
