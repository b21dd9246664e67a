// One request to a chat-completions endpoint, with axios.
// Install: npm install axios
// Run:     node ask.mjs
// Key:     the environment variable WCODE_API_KEY
import axios from "axios";
import process from "node:process";

const key = process.env.WCODE_API_KEY;
if (!key) fail("WCODE_API_KEY must hold your key");

const body = {
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [{"role": "user", "content": "数到三。"}],
  "temperature": 0.0,
  "top_k": 1,
  "stream": true,
};

function fail(message) {
  console.error(message || "the answer is empty");
  process.exit(1);
}

function read(text) {
  let answer = null;
  try {
    answer = JSON.parse(text);
  } catch {}
  return answer?.constructor === Object && !answer.error ? answer : null;
}

const response = await axios
  .post("https://wcode.net/api/gpt/v1/chat/completions", body, {
    headers: {
      Authorization: `Bearer ${key}`,
      "Content-Type": "application/json",
    },
    responseType: "stream",
    validateStatus: () => true,
  })
  .catch((error) => fail(error.message));

response.data.setEncoding("utf8");
if (response.status >= 400) {
  const text = (await response.data.toArray()).join("");
  fail(`${response.status} ${text}`);
}

let all = "";
let rest = "";
let shown = false;
let ended = false;

function show(data) {
  const event = read(data) ?? fail(data);
  for (const choice of event.choices ?? []) {
    const text = (choice.delta ?? choice.message)?.content;
    if (text && typeof text === "string") {
      process.stdout.write(text);
      shown = true;
    }
    ended ||= Boolean(choice.message ?? choice.finish_reason);
  }
}

try {
  for await (const chunk of response.data) {
    all += chunk;
    const lines = (rest + chunk).split(/[\r\n]/);
    rest = lines.pop();
    for (const line of lines) {
      const [, field, data] = /^\uFEFF?(data|error): *(.*)/s.exec(line) ?? [];
      if (field === "error") fail(data);
      if (data === "[DONE]") ended = true;
      else if (data) show(data);
    }
  }
} catch (error) {
  fail(error.message);
}
if (!shown && !ended) show(all);
if (!ended) fail("the answer was cut off");
console.log(shown ? "" : all);
