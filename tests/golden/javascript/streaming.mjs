// One request to a chat-completions endpoint, with axios.
// Install: npm install axios
// Run:     node ask.mjs
// Key:     the environment variable WCODE_API_KEY
import axios from "axios";
import process from "node:process";

const key = process.env.WCODE_API_KEY || fail("WCODE_API_KEY must hold your key");

const body = {
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [{"role": "user", "content": "数到三。"}],
  "temperature": 0.0,
  "top_k": 1,
  "stream": true,
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
    responseType: "stream",
    validateStatus: () => true,
  })
  .catch((error) => fail(error.message));

let [all, rest, last, shown, ended] = ["", "", "", false, false];

function take(line) {
  const found = /^\uFEFF?(data|error):[ \uFEFF]*(.*\S)/s.exec(line);
  if (!found) return;
  last = found[2];
  if (last === "[DONE]") {
    ended = true;
    return;
  }
  const event = found[1] === "data" ? read(last) : null;
  const choice = (event ?? fail(last)).choices?.[0];
  const text = (choice?.delta ?? choice?.message)?.content;
  if (text && typeof text === "string") {
    process.stdout.write(text);
    shown = true;
  }
  ended ||= Boolean(choice?.message ?? choice?.finish_reason);
}

try {
  for await (const chunk of response.data.setEncoding("utf8")) {
    all += chunk;
    const lines = (rest + chunk).split(/[\r\n]/);
    rest = lines.pop();
    if (response.status < 400) lines.forEach(take);
  }
} catch (error) {
  fail(error.message);
}
if (response.status >= 400) fail(`${response.status} ${all}`);
take(rest);
if (!shown && !ended) take(`data:${all}`); // the server does not stream
if (!ended) fail(`the answer was cut off: ${last}`);
console.log(shown ? "" : all);
