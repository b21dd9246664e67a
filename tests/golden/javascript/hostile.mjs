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
      "role": "system",
      "content": "quotes ' \" ` ''' \"\"\" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \"# \"## r#\" \"### \"\"\"# \\#(x) R\"( )\" @\"\" $@\"\" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u{0} \u{1} \u{7} \u{8} \u{b} \u{c} \u{1b} \u{7f} \u{85} \r \t end\ninvisible \u{2028} \u{2029} \u{200b} \u{200d} \u{202e} \u{2066} \u{feff} \u{a0} \u{fffe}\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u{200d}👩\u{200d}👧 𝔘 \u{e0041} \u{10ffff}\n\\",
    },
    {
      "role": "user",
      "content": "quotes ' \" ` ''' \"\"\" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \"# \"## r#\" \"### \"\"\"# \\#(x) R\"( )\" @\"\" $@\"\" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u{0} \u{1} \u{7} \u{8} \u{b} \u{c} \u{1b} \u{7f} \u{85} \r \t end\ninvisible \u{2028} \u{2029} \u{200b} \u{200d} \u{202e} \u{2066} \u{feff} \u{a0} \u{fffe}\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u{200d}👩\u{200d}👧 𝔘 \u{e0041} \u{10ffff}\n\\",
    },
  ],
  "stop": ["\\", "'", "\""],
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
