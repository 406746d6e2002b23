"""A fake OpenAI server with a memory, good enough for the official clients; the standard library only.

Start at `Handler.answer`. Every request under /v1 must carry `Authorization: Bearer sk-test-upstream`.
`GET /_seen` tells what came, as JSON: method, path, headers, body, what was replied, and whether the peer hung up
before the reply was over. `?test=<x>` asks only for requests whose `x-sdk-test` header is <x>.

The model's name says how the server behaves:
- `err-NNN`      answers status NNN with OpenAI's error body
- `err-stream`   answers 200, and the first event of the stream is an error
- `silent`       never answers
- `slow`         streams an event every 50 ms, for long
- `pause`        streams one event, then nothing
- `cut`          streams a few events and drops the connection
- `cut-json`     drops the connection in the middle of a sized reply
- `odd-borders`  streams in pieces of seven bytes, whatever they cut through
- `late-end`     ends the transfer a while after `[DONE]`
- `thinker`      streams `reasoning_content` before the reply
Every other model behaves.
"""

import hashlib
import itertools
import json
import re
import select
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import fake_replies as replies

UPSTREAM_KEY = "sk-test-upstream"
PATIENCE_S = 30


class Gone(Exception):
    """The peer hung up."""


class Memory:
    """What the server saw and holds; one lock around all of it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.seen = []
        self.files = {}
        self.batches = {}
        self.responses = {}
        self.numbers = itertools.count(1)

    def add(self, entry):
        with self.lock:
            self.seen.append(entry)

    def tell(self, test):
        with self.lock:
            wanted = [e for e in self.seen if not test or e["headers"].get("x-sdk-test") == test]
            return json.dumps(wanted).encode()


def multipart(content_type, body):
    """The parts of a multipart body: name → text of a field, or {filename, bytes, sha256} of a file."""
    boundary = re.search(r'boundary="?([^";]+)', content_type).group(1).encode()
    parts = {}
    for raw in body.split(b"--" + boundary)[1:-1]:
        head, _, content = raw.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        content = content.removesuffix(b"\r\n")
        head = head.decode()
        name = re.search(r'\bname="([^"]*)"', head).group(1)
        filename = re.search(r'filename="([^"]*)"', head)
        if filename:
            sha256 = hashlib.sha256(content).hexdigest()
            parts[name] = {"filename": filename.group(1), "bytes": len(content), "sha256": sha256}
        else:
            parts[name] = content.decode()
    return parts


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def begin(self):
        """Reads the request whole and remembers it."""
        body = self.read_body()
        address = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.path_only, self.query = address.path, parse_qs(address.query)
        if self.path_only == "/_seen":
            test = self.query.get("test", [""])[0]
            return self.send_bytes(200, "application/json", self.memory.tell(test))
        self.entry = {
            "method": self.command,
            "path": self.path,
            "headers": headers,
            "body": None,
            "body_bytes": len(body),
            "parts": None,
            "reply": None,
            "hung_up": False,
            "over": False,
        }
        asked = {}
        if headers.get("content-type", "").startswith("multipart/form-data"):
            asked = self.entry["parts"] = multipart(headers["content-type"], body)
        elif body:
            self.entry["body"] = body.decode()
            asked = json.loads(body)
        self.memory.add(self.entry)
        try:
            if headers.get("authorization") != f"Bearer {UPSTREAM_KEY}":
                return self.send_json(401, replies.error(401))
            self.answer(asked)
        except (Gone, ConnectionError):
            self.entry["hung_up"] = True
            self.close_connection = True
        finally:
            self.entry["over"] = True

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = begin

    def read_body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b"\n", b""):
            pass
        return b"".join(chunks)

    def answer(self, asked):
        """Which route, which behaviour."""
        model = str(asked.get("model", ""))
        if failing := re.fullmatch(r"err-(\d{3})", model):
            return self.send_error_status(int(failing.group(1)))
        if model == "silent":
            return self.wait(PATIENCE_S)
        if model == "cut-json":
            return self.cut_json()
        match (self.command, self.path_only.removeprefix("/v1").strip("/").split("/")):
            case "POST", ["chat", "completions"]:
                if asked.get("stream"):
                    return self.stream(model, replies.chat_events(asked), done=True)
                return self.send_json(200, replies.chat(asked))
            case "POST", ["completions"]:
                if asked.get("stream"):
                    return self.stream(model, replies.completion_events(asked), done=True)
                return self.send_json(200, replies.completion(asked))
            case "POST", ["embeddings"]:
                return self.send_json(200, replies.embeddings(asked))
            case "GET", ["models"]:
                models = [replies.model(name) for name in ("gpt-4.1", "gpt-5")]
                return self.send_json(200, {"object": "list", "data": models})
            case "GET", ["models", name]:
                return self.send_json(200, replies.model(name))
            case "POST", ["responses"]:
                if asked.get("stream"):
                    return self.stream(model, replies.response_events(asked), named=True)
                whole = replies.response(asked)
                self.memory.responses[whole["id"]] = whole
                return self.send_json(200, whole)
            case "GET", ["responses", id] if id in self.memory.responses:
                return self.send_json(200, self.memory.responses[id])
            case "POST", ["moderations"]:
                return self.send_json(200, replies.moderation(asked))
            case "POST", ["images", "generations" | "edits"]:
                return self.send_json(200, replies.images(asked))
            case "POST", ["audio", "speech"]:
                return self.send_chunked("audio/mpeg", replies.SPEECH)
            case "POST", ["audio", "transcriptions" | "translations"]:
                return self.transcribe(asked)
            case _, ["files", *rest]:
                return self.files(asked, rest)
            case _, ["batches", *rest]:
                return self.batches(asked, rest)
        self.send_error_status(404)

    def files(self, asked, rest):
        files = self.memory.files
        match (self.command, rest):
            case "POST", []:
                upload = asked["file"]
                id = f"file-{next(self.memory.numbers)}"
                files[id] = {
                    "id": id,
                    "object": "file",
                    "bytes": upload["bytes"],
                    "created_at": replies.CREATED,
                    "filename": upload["filename"],
                    "purpose": asked["purpose"],
                    "status": "processed",
                }
                return self.send_json(200, files[id])
            case "GET", []:
                return self.send_page(files)
            case "GET", [id] if id in files:
                return self.send_json(200, files[id])
            case "GET", [id, "content"] if id in files:
                return self.send_bytes(200, "application/octet-stream", replies.FILE_CONTENT)
            case "DELETE", [id] if id in files:
                del files[id]
                return self.send_json(200, {"id": id, "object": "file", "deleted": True})
        self.send_error_status(404)

    def batches(self, asked, rest):
        batches = self.memory.batches
        match (self.command, rest):
            case "POST", []:
                batch = replies.batch(next(self.memory.numbers), asked)
                batches[batch["id"]] = batch
                return self.send_json(200, batch)
            case "GET", []:
                return self.send_page(batches)
            case "GET", [id] if id in batches:
                return self.send_json(200, batches[id])
            case "POST", [id, "cancel"] if id in batches:
                batches[id]["status"] = "cancelling"
                return self.send_json(200, batches[id])
        self.send_error_status(404)

    def send_page(self, things):
        """One page of a list, by `after` and `limit`."""
        ids = list(things)
        after = self.query.get("after", [None])[0]
        limit = int(self.query.get("limit", ["20"])[0])
        start = ids.index(after) + 1 if after else 0
        page = ids[start : start + limit]
        data = [things[id] for id in page]
        more = start + limit < len(ids)
        ends = {"first_id": page[0], "last_id": page[-1]} if page else {}
        self.send_json(200, {"object": "list", "data": data, "has_more": more, **ends})

    def transcribe(self, asked):
        text = f"heard 听见 {asked['file']['bytes']} bytes"
        if asked.get("stream") == "true":
            return self.stream(asked["model"], replies.transcript_events(text))
        if asked.get("response_format") == "text":
            return self.send_bytes(200, "text/plain; charset=utf-8", f"{text}\n".encode())
        self.send_json(200, {"text": text})

    def stream(self, model, events, done=False, named=False):
        """Server-sent events; `done` closes with `[DONE]`, `named` gives each an `event:` line."""
        self.head(200, "text/event-stream; charset=utf-8", ("Transfer-Encoding", "chunked"))
        self.entry["reply"] = ""
        if model == "err-stream":
            events = iter([replies.error(500)])
        if model == "slow":
            events = itertools.chain.from_iterable(itertools.repeat(list(events), 1000))
        tail = "data: [DONE]\n\n" if done else ""
        lines = (self.event_text(event, named) for event in events)
        if model == "odd-borders":
            whole = ("".join(lines) + tail).encode()
            for start in range(0, len(whole), 7):
                self.chunk(whole[start : start + 7])
            self.entry["reply"] = whole.decode()
            return self.chunk(b"")
        for number, line in enumerate(lines):
            self.chunk(line.encode())
            self.entry["reply"] += line
            if model == "slow":
                self.wait(0.05)
            if model == "pause":
                return self.wait(PATIENCE_S)
            if model == "cut" and number == 4:
                self.close_connection = True
                return self.connection.shutdown(socket.SHUT_RDWR)
        if tail:
            self.chunk(tail.encode())
            self.entry["reply"] += tail
        if model == "late-end":
            self.wait(0.3)
        self.chunk(b"")

    @staticmethod
    def event_text(event, named):
        name = f"event: {event['type']}\n" if named else ""
        return f"{name}data: {json.dumps(event, ensure_ascii=False, separators=(',', ':'))}\n\n"

    def wait(self, seconds):
        """Waits, unless the peer hangs up first."""
        if select.select([self.connection], [], [], seconds)[0]:
            if not self.connection.recv(1, socket.MSG_PEEK):
                raise Gone

    def cut_json(self):
        self.head(200, "application/json", ("Content-Length", "1000"))
        self.wfile.write(b'{"id":"chatcmpl-1","object":"chat.completion",')
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def send_error_status(self, status):
        extra = [("Retry-After", "7")] if status == 429 else []
        self.send_json(status, replies.error(status), *extra)

    def send_json(self, status, value, *extra):
        body = json.dumps(value, ensure_ascii=False, indent=2).encode()
        self.send_bytes(status, "application/json", body, *extra)

    def send_bytes(self, status, kind, body, *extra):
        self.remember_reply(body)
        self.head(status, kind, ("Content-Length", str(len(body))), *extra)
        self.wfile.write(body)

    def send_chunked(self, kind, body):
        self.remember_reply(body)
        self.head(200, kind, ("Transfer-Encoding", "chunked"))
        for start in range(0, len(body), 5000):
            self.chunk(body[start : start + 5000])
        self.chunk(b"")

    def remember_reply(self, body):
        if self.path_only != "/_seen":
            try:
                self.entry["reply"] = body.decode()
            except UnicodeDecodeError:
                self.entry["reply"] = None

    def head(self, status, kind, *extra):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("x-request-id", f"req_{next(self.memory.numbers)}")
        self.send_header("x-ratelimit-remaining-requests", "9999")
        self.send_header("openai-processing-ms", "12")
        for name, value in extra:
            self.send_header(name, value)
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def start():
    """Starts a server on a free port of 127.0.0.1 in a thread of its own; returns it."""
    handler = type("FakeHandler", (Handler,), {"memory": Memory()})
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


if __name__ == "__main__":
    running = start()
    print(f"listening on http://127.0.0.1:{running.server_port}", flush=True)
    sys.stdin.read()
