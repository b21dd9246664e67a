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
  "messages": [{"role": "user", "content": "Weather in Kraków?"}],
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
    {
      "type": "function",
      "function": {
        "name": "ping",
        "parameters": {"type": "object", "properties": {}},
      },
    },
  ],
  "tool_choice": "auto",
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
