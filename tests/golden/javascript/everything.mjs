// One request to a chat-completions endpoint, with axios.
// Install: npm install axios
// Run:     node ask.mjs
// Key:     the environment variable WCODE_API_KEY
import axios from "axios";
import process from "node:process";

const key = process.env.WCODE_API_KEY || fail("WCODE_API_KEY must hold your key");

const body = {
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Answer in JSON."},
  ],
  "temperature": 0.7,
  "top_p": 0.95,
  "top_k": 40,
  "min_p": 0.05,
  "top_a": 0.1,
  "seed": 42,
  "frequency_penalty": -0.5,
  "presence_penalty": 1.0,
  "repetition_penalty": 1.1,
  "max_tokens": 256,
  "stop": ["END", "\n\n"],
  "verbosity": "low",
  "logprobs": true,
  "top_logprobs": 5,
  "logit_bias": {"0": -100.0, "1": 12.5},
  "response_format": {"type": "json_object"},
  "structured_outputs": false,
  "tools": [
    {
      "type": "function",
      "function": {
        "name": "forecast",
        "description": "The weather of the next days",
        "parameters": {
          "type": "object",
          "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
          },
          "required": ["city", "days"],
          "additionalProperties": false,
        },
      },
    },
  ],
  "tool_choice": {"type": "function", "function": {"name": "forecast"}},
  "parallel_tool_calls": false,
};

function fail(message) {
  console.error(message);
  process.exit(1);
}

function read(text) {
  try {
    const answer = JSON.parse(text);
    return answer?.constructor === Object && !answer.error ? answer : null;
  } catch {
    return null;
  }
}

const response = await axios
  .post("https://wcode.net/api/gpt/v1/chat/completions", body, {
    headers: {
      Authorization: `Bearer ${key}`,
      "Content-Type": "application/json",
    },
    responseType: "text",
    transformResponse: (text) => text,
    validateStatus: () => true,
  })
  .catch((error) => fail(error.message));

const answer = response.status < 400 ? read(response.data) : null;
if (!answer) fail(`${response.status} ${response.data}`);

const message = answer.choices?.[0]?.message ?? answer;
const text = message.content;
console.log(text && typeof text === "string" ? text : JSON.stringify(message));
