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
  "messages": [{"role": "user", "content": "数到三。"}],
  "temperature": 0.0,
  "top_k": 1,
  "stream": true,
};

const response = await axios.post("https://wcode.net/api/gpt/v1/chat/completions", body, {
  headers: {
    Authorization: `Bearer ${key}`,
    "Content-Type": "application/json",
  },
  responseType: "stream",
  validateStatus: () => true,
});

response.data.setEncoding("utf8");
if (response.status >= 400) {
  const text = (await response.data.toArray()).join("");
  console.error(response.status, text);
  process.exit(1);
}

let rest = "";
for await (const chunk of response.data) {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  for (const line of lines) {
    if (!/^data: *{/.test(line)) continue;
    const event = JSON.parse(line.slice("data:".length));
    if (event.error) {
      console.error(event.error);
      process.exit(1);
    }
    for (const choice of event.choices) {
      process.stdout.write(choice.delta.content ?? "");
    }
  }
}
console.log();
