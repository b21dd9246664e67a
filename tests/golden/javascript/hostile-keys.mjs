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

const body = "{\"model\": \"qwen/qwen-2.5-7b-instruct\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}], \"metadata\": {\"__proto__\": 1, \"constructor\": {\"prototype\": 2}, \"0\": \"zero\", \"\": null, \"\\\" => ' $x #{x} \\u0000 \\u2028\": [true, false, null, [], {}, \"\", 0], \"numbers\": [0, -1, 9007199254740993, 18446744073709551616, -1180591620717411303424, 1e-07, 1.5e300, 0.1, -2.5]}}";

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
