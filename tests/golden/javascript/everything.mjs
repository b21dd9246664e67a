// One request to a chat-completions endpoint, with axios.
// Install: npm install axios
// Run:     node ask.mjs
// Key:     the environment variable WCODE_API_KEY
import axios from "axios";
import process from "node:process";

const key = process.env.WCODE_API_KEY;
if (!key) {
  console.error("WCODE_API_KEY must hold your key");
  process.exit(1);
}

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

const response = await axios.post("https://wcode.net/api/gpt/v1/chat/completions", body, {
  headers: {
    Authorization: `Bearer ${key}`,
    "Content-Type": "application/json",
  },
  validateStatus: () => true,
});

if (response.status >= 400) {
  console.error(response.status, JSON.stringify(response.data));
  process.exit(1);
}

const { message } = response.data.choices[0];
console.log(message.content ?? JSON.stringify(response.data));
