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
    {
      "role": "user",
      "content": [
        {
          "type": "image_url",
          "image_url": {
            "url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPQCLgDAAH4AVXSujU3AAAAAElFTkSuQmCC",
          },
        },
        {"type": "text", "text": "One,"},
        {
          "type": "image_url",
          "image_url": {"url": "https://example.com/b.png?x=$1&y='{2}'"},
        },
        {"type": "text", "text": " two."},
      ],
    },
  ],
  "max_tokens": 9,
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
