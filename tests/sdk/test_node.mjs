// The official Node client against a base URL: what it can do must work, and stand recorded.
//
// `run.py` starts the servers and says where they are by environment variables. With SDK_DIRECT set the client speaks
// to the fake server itself, and what only a gateway does (records, keys) is left out.
// Start at `Context`: each test gets one.

import assert from 'node:assert/strict';
import buffer from 'node:buffer';
import { createHash, randomUUID } from 'node:crypto';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

// Debian 12 has Node 18, which keeps `File` in a module.
globalThis.File ??= buffer.File;

const env = process.env;
const { default: OpenAI, toFile } = await import(pathToFileURL(path.join(env.SDK_NODE_MODULES, 'openai/index.mjs')));

const DIRECT = 'SDK_DIRECT' in env;
const MODEL = 'gpt-4.1';
const TOOL_ARGUMENTS = '{"city":"上海","unit":"celsius"}';
const WEATHER = {
  name: 'get_weather',
  description: 'Weather of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
const echo = (asked) => `echo 回声 🦀 “${asked}”\n\tdone`;

async function getJson(url, headers) {
  const reply = await fetch(url, { headers: { accept: 'application/json', ...headers } });
  assert.equal(reply.status, 200, url);
  return reply.json();
}

/** Asks again and again until `condition()` gives something, and returns it. */
async function until(condition, limitMs, what) {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const found = await condition();
    if (found) return found;
    assert.ok(Date.now() < deadline, `not within ${limitMs} ms: ${what}`);
    await pause(20);
  }
}

/** A request's body as the upstream gets it: a stream that says nothing of its usage is asked for it. */
function asksForUsage(asked, body) {
  if (DIRECT || !asked.split('?')[0].endsWith('/completions')) return body;
  const { stream, stream_options: options } = JSON.parse(body);
  if (stream !== true || options !== undefined) return body;
  return `{"stream_options":{"include_usage":true},${body.slice(1)}`;
}

/** One test's client, what the upstream saw of it, and what the gateway recorded of it. */
class Context {
  marker = randomUUID().replaceAll('-', '');
  sent = [];

  constructor(base = env.SDK_GOOD) {
    this.base = base;
  }

  client(more = {}) {
    return new OpenAI({
      baseURL: `${this.base}/v1`,
      apiKey: env.SDK_CLIENT_KEY,
      maxRetries: 0,
      timeout: 10_000,
      defaultHeaders: { 'x-sdk-test': this.marker, 'x-custom': 'kept as it came' },
      fetch: (url, init) => {
        this.sent.push(init?.body);
        return fetch(url, init);
      },
      ...more,
    });
  }

  ask(more = {}) {
    return { model: MODEL, messages: [{ role: 'user', content: `你好 \\ \t 🦀 ${this.marker}` }], ...more };
  }

  get answer() {
    return echo(`你好 \\ \t 🦀 ${this.marker}`);
  }

  seen() {
    return getJson(`${env.SDK_FAKE}/_seen?test=${this.marker}`);
  }

  /** The upstream lost its peer within a second from now. */
  async seesHangUp() {
    await until(async () => (await this.seen()).some((entry) => entry.hung_up), 1000, 'the upstream sees the hang-up');
  }

  /**
   * The last request: reached the upstream byte for byte, and stands in the records, with its reply.
   * The one exception: the gateway asks for a stream's usage where the client did not.
   * `said`: texts that the recorded reply holds. Without it the record's reply is what the upstream sent.
   */
  async check({ status = 200, said } = {}) {
    const entry = (await this.seen()).at(-1);
    const body = entry.body === null ? null : this.sent.at(-1);
    assert.equal(entry.body, asksForUsage(entry.path, body));
    assert.equal(entry.headers.authorization, `Bearer ${env.SDK_UPSTREAM_KEY}`);
    assert.equal(entry.headers['x-custom'], 'kept as it came');
    if (DIRECT) return;
    assert.ok(!JSON.stringify(entry).includes(env.SDK_CLIENT_KEY), 'the client key stays here');
    const asked = entry.path.split('?')[0];
    const isThis = (record) =>
      record.method === entry.method &&
      record.path.split('?')[0] === asked &&
      (entry.parts
        ? (record.body ?? '').includes(entry.parts.file?.filename ?? this.marker)
        : (record.body || null) === body);
    const authorization = `Bearer ${env.SDK_ADMIN_PASSWORD}`;
    const record = await until(
      async () => (await getJson(`${this.base}/admin/request_records?limit=20`, { authorization })).find(isThis),
      5000,
      `a record of ${entry.method} ${asked} with the body exact`,
    );
    assert.equal(record.status, status);
    assert.ok(record.upstream_id);
    if (said) {
      for (const text of said) {
        const told = record.response ?? '';
        assert.ok(told.includes(text) || told.includes(JSON.stringify(text).slice(1, -1)), `${text} in ${told}`);
      }
    } else if (entry.reply !== null) {
      assert.equal(record.response, entry.reply);
    }
  }
}

/** A test with a context of its own; names are sentences. */
function it(name, run, { base, gatewayOnly = false } = {}) {
  if (gatewayOnly && DIRECT) return;
  test(name, { timeout: 30_000 }, () => run(new Context(base)));
}

it('a chat is answered', async (context) => {
  const reply = await context.client().chat.completions.create(context.ask());
  assert.equal(reply.choices[0].message.content, context.answer);
  assert.equal(reply.usage.completion_tokens_details.reasoning_tokens, 3);
  await context.check();
});

it('a streamed chat arrives whole and its text is recorded', async (context) => {
  for (const model of [MODEL, 'odd-borders', 'late-end']) {
    let text = '';
    const stream = await context.client().chat.completions.create(context.ask({ model, stream: true }));
    for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? '';
    assert.equal(text, context.answer);
    await context.check({ said: [text] });
  }
});

it('the chat helper puts a stream together with its usage', async (context) => {
  const options = { include_usage: true };
  const stream = context.client().chat.completions.stream(context.ask({ stream_options: options }));
  assert.equal(await stream.finalContent(), context.answer);
  assert.equal((await stream.totalUsage()).total_tokens, 29);
  await context.check({ said: [context.answer] });
});

it('a tool is run by the helper and its result answered', async (context) => {
  const called = [];
  const run = (given) => {
    called.push(given);
    return `26 °C ${context.marker}`;
  };
  const tools = [{ type: 'function', function: { ...WEATHER, function: run, parse: JSON.parse } }];
  const runner = context.client().chat.completions.runTools(context.ask({ tools }));
  assert.equal(await runner.finalContent(), echo(`26 °C ${context.marker}`));
  assert.deepEqual(called, [JSON.parse(TOOL_ARGUMENTS)]);
  assert.equal((await context.seen()).length, 2);
  await context.check();
});

it('a streamed tool call is put together', async (context) => {
  const tools = [{ type: 'function', function: WEATHER }];
  const stream = context.client().chat.completions.stream(context.ask({ tools }));
  const [call] = (await stream.finalMessage()).tool_calls;
  assert.equal(call.id, 'call_1');
  assert.equal(call.function.arguments, TOOL_ARGUMENTS);
  await context.check({ said: ['get_weather', TOOL_ARGUMENTS] });
});

it("the upstream's headers reach the caller", async (context) => {
  const asked = context.client().chat.completions.create(context.ask());
  const { data, response, request_id } = await asked.withResponse();
  assert.equal(data.choices[0].message.content, context.answer);
  assert.match(request_id, /^req_\d+$/);
  assert.equal(response.headers.get('x-ratelimit-remaining-requests'), '9999');
  assert.equal(response.headers.get('openai-processing-ms'), '12');
});

it('embeddings come as floats and as base64', async (context) => {
  const asked = { model: 'text-embedding-3-small', input: [context.marker, '二'] };
  for (const more of [{}, { encoding_format: 'float' }]) {
    const reply = await context.client().embeddings.create({ ...asked, ...more });
    assert.deepEqual(
      reply.data.map((item) => [...item.embedding]),
      [
        [0.5, -0.25, 32, 0],
        [0.5, -0.25, 1, 1],
      ],
    );
    await context.check();
  }
});

it('models are listed', async (context) => {
  const names = [];
  for await (const model of context.client().models.list()) names.push(model.id);
  assert.deepEqual(names, ['gpt-4.1', 'gpt-5']);
});

it('a response comes plain and streamed', async (context) => {
  const client = context.client();
  const asked = { model: 'gpt-5', input: `Hi ${context.marker}` };
  const text = echo(asked.input);
  assert.equal((await client.responses.create(asked)).output_text, text);
  await context.check();
  const types = [];
  const stream = client.responses.stream(asked);
  for await (const event of stream) types.push(event.type);
  assert.equal((await stream.finalResponse()).output_text, text);
  assert.deepEqual([types.at(0), types.at(-1)], ['response.created', 'response.completed']);
  await context.check({ said: [text] });
});

it('a file goes up, is listed page by page and comes down', async (context) => {
  const client = context.client();
  const content = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256));
  const made = [];
  for (let i = 0; i < 3; i += 1) {
    const file = await toFile(content, `${context.marker}-${i}.bin`);
    made.push((await client.files.create({ file, purpose: 'user_data' })).id);
    const { parts } = (await context.seen()).at(-1);
    assert.equal(parts.file.sha256, createHash('sha256').update(content).digest('hex'));
    await context.check();
  }
  const listed = [];
  for await (const file of client.files.list({ limit: 2 })) listed.push(file.id);
  assert.deepEqual(
    listed.filter((id) => made.includes(id)),
    made,
  );
  const down = Buffer.from(await (await client.files.content(made[0])).arrayBuffer());
  assert.equal(down.subarray(0, 18).toString(), '{"custom_id":"a"}\n');
  assert.equal(down.length, 18 + 256);
  for (const id of made) assert.equal((await client.files.delete(id)).deleted, true);
});

it('audio is transcribed and speech comes back as the same bytes', async (context) => {
  const client = context.client();
  const file = await toFile(Buffer.alloc(5000), `${context.marker}.wav`, { type: 'audio/wav' });
  const heard = await client.audio.transcriptions.create({ model: 'whisper-1', file });
  assert.equal(heard.text, 'heard 听见 5000 bytes');
  await context.check();
  const said = await client.audio.speech.create({ model: 'tts-1', voice: 'alloy', input: `Say ${context.marker}` });
  const bytes = Buffer.from(await said.arrayBuffer());
  assert.equal(bytes.length, 256 * 1024);
  assert.ok(bytes.every((byte, i) => byte === i % 256));
  await context.check();
});

it('images and moderations are answered', async (context) => {
  const client = context.client();
  const image = await client.images.generate({ model: 'gpt-image-1', prompt: `A crab ${context.marker}` });
  assert.equal(Buffer.from(image.data[0].b64_json, 'base64').length, 8 + 256);
  await context.check();
  const judged = await client.moderations.create({ input: `Hm ${context.marker}` });
  assert.equal(judged.results[0].categories.violence, true);
  await context.check();
});

for (const [status, kind, code, base] of [
  [400, OpenAI.BadRequestError, 'invalid_value', env.SDK_GOOD],
  [404, OpenAI.NotFoundError, 'model_not_found', env.SDK_GOOD],
  [409, OpenAI.ConflictError, 'conflict', env.SDK_GOOD],
  [422, OpenAI.UnprocessableEntityError, 'unprocessable', env.SDK_GOOD],
  [429, OpenAI.RateLimitError, 'rate_limit_exceeded', env.SDK_BLAMED],
  [500, OpenAI.InternalServerError, null, env.SDK_BLAMED],
  [401, OpenAI.AuthenticationError, 'invalid_api_key', env.SDK_REFUSED],
]) {
  const name = `status ${status} raises ${kind.name} with the upstream's own body`;
  const run = async (context) => {
    const asked = context.client().chat.completions.create(context.ask({ model: `err-${status}` }));
    const error = await asked.then(assert.fail, (caught) => caught);
    assert.ok(error instanceof kind, error);
    assert.deepEqual([error.status, error.code], [status, code]);
    assert.match(error.requestID, /^req_\d+$/);
    await context.check({ status });
  };
  it(name, run, { base });
}

it(
  'a wrong client key raises PermissionDeniedError and never reaches the upstream',
  async (context) => {
    const asked = context.client({ apiKey: 'wrong' }).chat.completions.create(context.ask());
    const error = await asked.then(assert.fail, (caught) => caught);
    assert.ok(error instanceof OpenAI.PermissionDeniedError, error);
    assert.match(error.message, /wrong authorization header/);
    assert.deepEqual(await context.seen(), []);
  },
  { gatewayOnly: true },
);

it(
  'an error as first event of a stream raises APIError',
  async (context) => {
    const run = async () => {
      const stream = await context.client().chat.completions.create(context.ask({ model: 'err-stream', stream: true }));
      for await (const _ of stream);
    };
    const error = await run().then(assert.fail, (caught) => caught);
    assert.ok(error instanceof OpenAI.APIError, error);
  },
  { base: env.SDK_BLAMED },
);

it(
  'a stream cut in the middle raises and is never a clean end',
  async (context) => {
    let text = '';
    const run = async () => {
      const stream = await context.client().chat.completions.create(context.ask({ model: 'cut', stream: true }));
      for await (const chunk of stream) text += chunk.choices[0].delta.content ?? '';
    };
    await assert.rejects(run, /terminated|aborted|Premature|socket/);
    assert.ok(text && context.answer.startsWith(text), text);
    await context.check({ said: [text] });
  },
  { base: env.SDK_BLAMED },
);

it('a silent upstream raises APIConnectionTimeoutError and is let go', async (context) => {
  const asked = context.client({ timeout: 500 }).chat.completions.create(context.ask({ model: 'silent' }));
  await assert.rejects(asked, OpenAI.APIConnectionTimeoutError);
  await context.seesHangUp();
});

it('aborting a stream cancels the upstream', async (context) => {
  const stream = await context.client().chat.completions.create(context.ask({ model: 'slow', stream: true }));
  let text = '';
  for await (const chunk of stream) {
    text += chunk.choices[0].delta.content ?? '';
    if (text.length > 10) stream.controller.abort();
  }
  await context.seesHangUp();
  await context.check({ status: 499, said: [text] });
});

it('an abort signal cancels a request that waits for its reply', async (context) => {
  const controller = new AbortController();
  const { signal } = controller;
  const asked = context.client().chat.completions.create(context.ask({ model: 'silent' }), { signal });
  const rejected = assert.rejects(asked, OpenAI.APIUserAbortError);
  await until(async () => (await context.seen()).length, 5000, 'the upstream is asked');
  controller.abort();
  await rejected;
  await context.seesHangUp();
});

it('breaking out of a loop cancels the upstream', async (context) => {
  const stream = await context.client().chat.completions.create(context.ask({ model: 'slow', stream: true }));
  for await (const chunk of stream) if (chunk.choices[0].delta.content) break;
  await context.seesHangUp();
});
